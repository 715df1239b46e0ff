//! No numbers make a fit panic, and no fit says what is not so.

use chemistry::fit::{Ended, Weights};
use chemistry::linearised::fit_linearised;
use chemistry::{Options, criteria, fit, linearised, model};
use proptest::prelude::*;

fn number() -> impl Strategy<Value = f64> {
    let special = prop::sample::select(vec![
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.0,
        -0.0,
        1.0,
        1e308,
        -1e308,
        1e154,
        f64::MIN_POSITIVE,
        5e-324,
        1e-300,
    ]);
    prop_oneof![3 => -10.0..10.0, 2 => 0.0..100.0, 1 => special, 1 => any::<f64>()]
}

fn points() -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop_oneof![
        4 => prop::collection::vec((number(), number()), 0..12),
        1 => (number(), number(), 0usize..6).prop_map(|(x, y, count)| vec![(x, y); count]),
        1 => prop::collection::vec(number(), 0..8).prop_map(|ys| ys.into_iter().map(|y| (2.0, y)).collect()),
    ]
}

fn weights() -> impl Strategy<Value = Weights> {
    let given = || prop::collection::vec(number(), 0..12);
    prop_oneof![
        Just(Weights::None),
        Just(Weights::InverseY),
        Just(Weights::InverseYSquared),
        given().prop_map(Weights::Sigma),
        given().prop_map(Weights::Points),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_numbers(points in points(), weights in weights(), set in number(), bounds in (number(), number())) {
        let (x, y): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
        for model in model::ALL {
            let name = model.parameters()[0].name;
            let plain = Options { max_iterations: 60, ..Options::default() }.weights(weights.clone());
            let fixed = plain.clone().fix(name, set);
            let started = plain.clone().start(name, set);
            let bounded = plain.clone().bounds(name, bounds.0, bounds.1);
            let all = [plain, fixed, started, bounded];
            for options in all {
                let Ok(fit) = fit(*model, &x, &y, &options) else { continue };
                prop_assert!(fit.values().iter().all(|value| value.is_finite()));
                prop_assert!(fit.rss.is_finite());
                prop_assert_eq!(fit.points + fit.points_left_out, x.len());
                prop_assert_eq!(fit.residuals.len(), x.len());
                prop_assert!(fit.ended != Ended::Direct);
                prop_assert!(fit.parameters.iter().all(|p| p.standard_error.is_none_or(|e| e.is_finite() && e >= 0.0)));
                fit.curve(*model, &x);
                prop_assert!(serde_json::to_string(&fit).is_ok());
            }
        }
        for form in linearised::ALL {
            if let Ok(fit) = fit_linearised(*form, &x, &y) {
                prop_assert!(serde_json::to_string(&fit).is_ok());
            }
        }
    }

    #[test]
    fn any_water(hardness in number(), ph in number(), temperature in number()) {
        let water = criteria::Water { hardness: Some(hardness), ph: Some(ph), temperature: Some(temperature) };
        for criterion in criteria::all() {
            if let Ok(answer) = criterion.value(&water) {
                prop_assert!(answer.value.is_finite() && answer.value >= 0.0);
            }
        }
    }
}
