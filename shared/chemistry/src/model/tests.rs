use super::start::Points;
use super::*;

#[test]
fn ids_are_found_and_are_unlike() {
    for (index, model) in ALL.iter().enumerate() {
        assert!(ALL[..index].iter().all(|other| other.id() != model.id()));
        assert_eq!(find(model.id()).map(|found| found.label()), Some(model.label()));
    }
    assert!(find("cubic").is_none());
}

#[test]
fn gradients_are_those_of_the_values() {
    for model in ALL {
        let parameters = [1.7, 0.9];
        let parameters = &parameters[..model.parameters().len()];
        for x in [0.3, 1.1, 4.0] {
            let mut derivatives = vec![0.0; parameters.len()];
            assert_eq!(model.gradient(x, parameters, &mut derivatives), model.value(x, parameters));
            for (index, &derivative) in derivatives.iter().enumerate() {
                let at = |step: f64| {
                    let mut moved = parameters.to_vec();
                    moved[index] += step;
                    model.value(x, &moved)
                };
                let numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!((numeric - derivative).abs() < 1e-8, "{} {x} {index}: {derivative} {numeric}", model.id());
            }
        }
    }
}

#[test]
fn starts_are_near_what_made_the_points() {
    let x: Vec<f64> = (1..=12).map(|i| 0.4 * f64::from(i)).collect();
    let weights = vec![1.0; x.len()];
    for model in ALL {
        let parameters = &[3.0, 0.7][..model.parameters().len()];
        let y: Vec<f64> = x.iter().map(|&x| model.value(x, parameters)).collect();
        let start = model.start(&Points { x: &x, y: &y, weights: &weights }).unwrap();
        for (found, right) in start.iter().zip(parameters) {
            assert!((found / right - 1.0).abs() < 0.02, "{}: {start:?}", model.id());
        }
    }
}

#[test]
fn units_follow_from_those_of_x_and_y() {
    let unit = |model: &dyn Model, index: usize| model.parameters()[index].unit_for("h", "mg/L");
    assert_eq!(unit(&DecayFirst, 0), "mg/L");
    assert_eq!(unit(&DecayFirst, 1), "1/h");
    assert_eq!(unit(&DecayZero, 1), "(mg/L)/h");
    assert_eq!(unit(&DecaySecond, 1), "1/((mg/L)*h)");
    assert_eq!(unit(&Freundlich, 0), "(mg/L)/h^(1/n)");
    assert_eq!(unit(&Freundlich, 1), "");
}
