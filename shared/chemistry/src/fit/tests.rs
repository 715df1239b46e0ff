use super::*;
use crate::model::{BodFirst, DecayFirst, DecayZero, Freundlich, Langmuir, Linear};

const DAYS: [f64; 6] = [1.0, 2.0, 3.0, 5.0, 7.0, 10.0];
const BOD: [f64; 6] = [109.0, 149.0, 149.0, 191.0, 213.0, 224.0];

fn bod(options: &Options) -> Fit {
    fit(&BodFirst, &DAYS, &BOD, options).unwrap()
}

fn kinds(fit: &Fit) -> Vec<&'static str> {
    fit.warnings.iter().map(Warning::kind).collect()
}

/// AIC, BIC and the interval are those of R's `nls` for BoxBOD: its formulas, worked out from NIST's certified values.
#[test]
fn the_numbers_beside_the_parameters() {
    let fit = bod(&Options::default());
    let likelihood = 6.0 * ((2.0 * std::f64::consts::PI).ln() + 1.0 + (1168.0088766_f64 / 6.0).ln());
    assert!((fit.aic.unwrap() - likelihood - 6.0).abs() < 1e-6);
    assert!((fit.bic.unwrap() - likelihood - 3.0 * 6f64.ln()).abs() < 1e-6);
    assert!((fit.aicc.unwrap() - likelihood - 6.0 - 12.0).abs() < 1e-6);
    let mean = BOD.iter().sum::<f64>() / 6.0;
    let scatter: f64 = BOD.iter().map(|y| (y - mean).powi(2)).sum();
    assert!((fit.r_squared.unwrap() - (1.0 - 1168.0088766 / scatter)).abs() < 1e-9);
    let rate = fit.parameter("k").unwrap();
    assert!((rate.upper_95.unwrap() - (0.54723748542 + 2.7764451052 * 0.10455993237)).abs() < 1e-8);
    assert_eq!((fit.points, fit.degrees_of_freedom, fit.ended), (6, 4, Ended::Converged));
    let again: f64 = fit.residuals.iter().map(|residual| residual * residual).sum();
    assert!((again / fit.rss - 1.0).abs() < 1e-12);
}

#[test]
fn a_fixed_parameter_stays_and_has_no_error() {
    let fit = bod(&Options::default().fix("k", 0.5));
    let [ultimate, rate] = fit.parameters[..] else { panic!() };
    assert_eq!((rate.value, rate.fixed, rate.standard_error), (0.5, true, None));
    let shape = |x: f64| 1.0 - (-0.5 * x).exp();
    let (ss, sy) =
        DAYS.iter().zip(BOD).fold((0.0, 0.0), |(ss, sy), (&x, y)| (ss + shape(x).powi(2), sy + shape(x) * y));
    assert!((ultimate.value / (sy / ss) - 1.0).abs() < 1e-12);
    assert_eq!(fit.degrees_of_freedom, 5);
}

#[test]
fn a_bound_holds_and_is_told() {
    let fit = bod(&Options::default().bounds("L0", 0.0, 200.0));
    let ultimate = fit.parameter("L0").unwrap();
    assert_eq!((ultimate.value, ultimate.at_bound, ultimate.standard_error), (200.0, Some(Bound::Upper), None));
    assert!(fit.parameter("k").unwrap().standard_error.is_some());
    assert_eq!(fit.ended, Ended::Converged);
    assert_eq!(kinds(&fit), ["at_bound"]);
    // What grows does not decay.
    let fit = super::fit(&DecayZero, &DAYS, &BOD, &Options::default()).unwrap();
    assert_eq!(fit.parameter("k").unwrap().at_bound, Some(Bound::Lower));
    let mean = BOD.iter().sum::<f64>() / 6.0;
    assert!((fit.parameter("C0").unwrap().value - mean).abs() < 1e-9);
}

#[test]
fn weights_of_each_kind() {
    let explicit = |weight: fn(f64) -> f64| bod(&Options::default().weights(Weights::Points(BOD.map(weight).to_vec())));
    let of = |weights: Weights| bod(&Options::default().weights(weights)).values();
    for (a, b) in [
        (of(Weights::InverseY), explicit(|y| 1.0 / y).values()),
        (of(Weights::InverseYSquared), explicit(|y| 1.0 / (y * y)).values()),
        (of(Weights::Sigma(BOD.to_vec())), explicit(|y| 1.0 / (y * y)).values()),
        // A point of weight two counts as two points.
        (
            of(Weights::Points(vec![2.0, 1.0, 1.0, 1.0, 1.0, 1.0])),
            super::fit(&BodFirst, &[&[1.0][..], &DAYS].concat(), &[&[109.0][..], &BOD].concat(), &Options::default())
                .unwrap()
                .values(),
        ),
    ] {
        assert!(a.iter().zip(&b).all(|(a, b)| (a / b - 1.0).abs() < 1e-9), "{a:?} {b:?}");
    }
    let fit = bod(&Options::default().weights(Weights::Points(vec![0.0, 1.0, 1.0, 1.0, 1.0, f64::NAN])));
    assert_eq!(fit.left_out, [LeftOut { reason: Reason::Weight, count: 2 }]);
    assert!(fit.residuals[0].is_nan() && fit.residuals[1].is_finite());
}

#[test]
fn points_that_the_model_cannot_use_are_counted() {
    let x = [0.0, -1.0, 1.0, 2.0, 4.0, f64::NAN, 8.0];
    let y = [0.1, 0.2, 1.0, 1.5, 2.0, 3.0, 2.9];
    let fit = fit(&Freundlich, &x, &y, &Options::default()).unwrap();
    assert_eq!((fit.points, fit.points_left_out), (4, 3));
    let text: Vec<String> = fit.warnings.iter().map(Warning::to_string).collect();
    assert!(text.contains(&"2 points left out: the model needs x above 0".to_owned()), "{text:?}");
}

#[test]
fn what_the_points_do_not_tell_is_said() {
    // All at one x: only the height of the curve there is known.
    let fit = super::fit(&Langmuir, &[2.0; 5], &[1.0, 1.1, 0.9, 1.0, 1.05], &Options::default()).unwrap();
    assert!(kinds(&fit).contains(&"not_identifiable"), "{fit:?}");
    assert!(fit.parameters.iter().all(|parameter| parameter.standard_error.is_none()));
    // Two points, two parameters.
    let fit = super::fit(&DecayFirst, &[1.0, 2.0], &[4.0, 2.0], &Options::default()).unwrap();
    assert_eq!(kinds(&fit), ["too_few_points", "perfect_fit"]);
    assert!((fit.parameter("C0").unwrap().value - 8.0).abs() < 1e-9);
    // Hardly bent: only the slope Q K is known.
    let x: Vec<f64> = (1..=8).map(f64::from).collect();
    let y: Vec<f64> =
        x.iter().zip([1.0, -1.0, -1.0, 1.0].iter().cycle()).map(|(x, e)| 3.0 * x - 0.01 * x * x + 0.01 * e).collect();
    let fit = super::fit(&Langmuir, &x, &y, &Options::default()).unwrap();
    assert_eq!(kinds(&fit), ["correlated"]);
    let fit = bod(&Options { max_iterations: 1, ..Options::default() }.start("k", 3.0));
    assert_eq!((fit.ended, kinds(&fit)), (Ended::MaxIterations, vec!["did_not_converge"]));
}

#[test]
fn errors_are_said_plainly() {
    let error = |options: Options| fit(&BodFirst, &DAYS, &BOD, &options).unwrap_err().to_string();
    assert_eq!(error(Options::default().fix("K", 1.0)), "the model has no parameter \"K\"; it has L0, k");
    assert_eq!(error(Options::default().fix("k", 1.0).fix("L0", 1.0)), FitError::NothingToFit.to_string());
    assert!(error(Options::default().bounds("k", 2.0, 1.0)).starts_with("parameter k: its bounds"));
    assert!(error(Options::default().start("k", -1.0)).contains("outside its bounds"));
    assert!(error(Options::default().weights(Weights::Points(vec![1.0]))).contains("1 weights for 6 points"));
    assert!(matches!(fit(&Linear, &[1.0], &[], &Options::default()), Err(FitError::UnlikeLengths { .. })));
    assert!(matches!(fit(&Linear, &[], &[], &Options::default()), Err(FitError::NoPoints { .. })));
    assert!(matches!(
        fit(&Linear, &[1.0, 1.0], &[1e308, -1e308], &Options::default()),
        Err(FitError::NotFiniteAtStart)
    ));
}

#[test]
fn a_fit_tells_how_far_it_is_and_can_be_stopped() {
    let options = Options::default().start("k", 5.0).start("L0", 10.0);
    let mut seen = Vec::new();
    let mut control = |progress: &Progress| {
        seen.push((progress.iteration, progress.rss));
        if seen.len() == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    assert_eq!(fit_with(&BodFirst, &DAYS, &BOD, &options, &mut control), Err(FitError::Cancelled));
    assert_eq!(seen.iter().map(|(iteration, _)| *iteration).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(seen.windows(2).all(|pair| pair[1].1 <= pair[0].1));
}

/// For a straight line through the origin the band is x times that of the slope.
#[test]
fn the_band_of_a_line_is_known() {
    let (x, y) = ([1.0, 2.0, 3.0, 4.0], [2.1, 3.8, 6.3, 7.9]);
    let fit = fit(&Linear, &x, &y, &Options::default()).unwrap();
    let slope = fit.parameters[0];
    for point in fit.curve(&Linear, &[0.0, 2.0, 7.0]) {
        assert!((point.y - slope.value * point.x).abs() < 1e-12);
        assert!((point.upper_95.unwrap() - slope.upper_95.unwrap() * point.x).abs() < 1e-9);
        assert!((point.lower_95.unwrap() - slope.lower_95.unwrap() * point.x).abs() < 1e-9);
    }
}

#[test]
fn json_has_what_people_and_programs_need() {
    let fit = bod(&Options::default().bounds("L0", 0.0, 200.0));
    let json = serde_json::to_value(&fit).unwrap();
    assert_eq!(json["form"], serde_json::json!({"kind": "nonlinear"}));
    assert_eq!(json["warnings"][0]["kind"], "at_bound");
    assert_eq!(json["warnings"][0]["parameter"], "L0");
    assert!(json["warnings"][0]["text"].as_str().unwrap().starts_with("L0 is at the highest value"));
    assert_eq!(json["parameters"][0]["standard_error"], serde_json::Value::Null);
    assert_eq!(json["residuals"].as_array().unwrap().len(), 6);
    let long: Vec<f64> = (0..2000).map(f64::from).collect();
    let json = serde_json::to_value(super::fit(&Linear, &long, &long, &Options::default()).unwrap()).unwrap();
    assert!(json.get("residuals").is_none());
    let options: Options =
        serde_json::from_str(r#"{"weights": "inverse_y", "parameters": {"k": {"fixed": 1}}}"#).unwrap();
    assert_eq!(options, Options::default().weights(Weights::InverseY).fix("k", 1.0));
}

/// Times need not begin at zero, nor near it.
#[test]
fn decay_is_found_from_times_far_from_zero() {
    let x: Vec<f64> = (0..=20).map(|step| 100.0 + 0.5 * f64::from(step)).collect();
    let noise = [0.02, -0.01, -0.02, 0.01, 0.0];
    let y: Vec<f64> = x.iter().zip(noise.iter().cycle()).map(|(x, e)| 50.0 * (-0.3 * (x - 100.0)).exp() + e).collect();
    let far = fit(&DecayFirst, &x, &y, &Options::default()).unwrap();
    let near = fit(&DecayFirst, &x.iter().map(|x| x - 100.0).collect::<Vec<_>>(), &y, &Options::default()).unwrap();
    let (far_rate, near_rate) = (far.parameter("k").unwrap(), near.parameter("k").unwrap());
    assert_eq!((far.ended, kinds(&far)), (Ended::Converged, vec!["correlated"]));
    assert!((far_rate.value / near_rate.value - 1.0).abs() < 1e-8);
    assert!((far_rate.standard_error.unwrap() / near_rate.standard_error.unwrap() - 1.0).abs() < 1e-6);
}
