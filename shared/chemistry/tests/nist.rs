//! NIST's certified nonlinear regressions: from both of its starting points and from our own, every parameter and every
//! standard error to six digits.

#![expect(clippy::unwrap_used, reason = "in a test's helpers, too, what is not as expected ends the test")]

mod nist {
    pub(crate) mod data;
    pub(crate) mod models;
}

use chemistry::fit::{Ended, Form, Weights};
use chemistry::model::{BodFirst, Model};
use chemistry::{Fit, Options, fit};
use nist::data::{Certified, read};
use nist::models::{Chwirut, Mgh09, Mgh10, Rat43, Thurber};

/// Digits that are asked for.
const DIGITS: f64 = 6.0;

const SETS: [(&str, &str, &dyn Model); 8] = [
    ("misra1a", include_str!("data/misra1a.dat"), &BodFirst),
    ("boxbod", include_str!("data/boxbod.dat"), &BodFirst),
    ("chwirut1", include_str!("data/chwirut1.dat"), &Chwirut),
    ("chwirut2", include_str!("data/chwirut2.dat"), &Chwirut),
    ("thurber", include_str!("data/thurber.dat"), &Thurber),
    ("mgh09", include_str!("data/mgh09.dat"), &Mgh09),
    ("mgh10", include_str!("data/mgh10.dat"), &Mgh10),
    ("rat43", include_str!("data/rat43.dat"), &Rat43),
];

/// Common digits, as NIST counts them; 11 is all that it certifies.
fn digits(found: f64, right: f64) -> f64 {
    let apart = (found - right).abs() / right.abs();
    // `max` would take what is no number for the best.
    if apart.is_nan() { 0.0 } else { -apart.max(1e-11).log10() }
}

fn compare(name: &str, from: &str, certified: &Certified, fit: &Fit) -> Vec<String> {
    let mut worst = (f64::INFINITY, f64::INFINITY);
    for (estimate, right) in fit.parameters.iter().zip(&certified.parameters) {
        worst.0 = worst.0.min(digits(estimate.value, right.value));
        worst.1 = worst.1.min(digits(estimate.standard_error.unwrap_or(f64::NAN), right.standard_error));
    }
    let rss = digits(fit.rss, certified.rss);
    let line = format!(
        "{name:9} {from:8} parameters {:.1} errors {:.1} rss {rss:.1} iterations {}",
        worst.0, worst.1, fit.iterations
    );
    eprintln!("{line}");
    let is_good = worst.0 >= DIGITS && worst.1 >= DIGITS && rss >= DIGITS && fit.ended == Ended::Converged;
    assert_eq!(fit.form, Form::Nonlinear);
    // Not compared with the file's own number: that of Rat43 says 9, and its residual deviation follows from 11.
    assert_eq!(fit.degrees_of_freedom, certified.x.len() - certified.parameters.len());
    assert!(digits(fit.residual_sd.unwrap(), certified.residual_sd) >= DIGITS);
    if is_good { Vec::new() } else { vec![format!("{line} {:?}", fit.ended)] }
}

#[test]
fn certified_values_are_reached_from_everywhere() {
    let mut bad = Vec::new();
    for (name, text, model) in SETS {
        let certified = read(text);
        let mut options = vec![("own", Options::default())];
        for (index, label) in ["start 1", "start 2"].into_iter().enumerate() {
            let named = model.parameters().iter().zip(&certified.parameters);
            let start = named.fold(Options::default(), |o, (p, right)| o.start(p.name, right.starts[index]));
            options.push((label, start));
        }
        for (from, options) in options {
            match fit(model, &certified.x, &certified.y, &options) {
                Ok(fit) => bad.extend(compare(name, from, &certified, &fit)),
                Err(error) => bad.push(format!("{name} {from}: {error}")),
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// Weights of one size change nothing, of whatever size.
#[test]
fn even_weights_give_the_certified_values() {
    for (name, text, model) in SETS {
        let certified = read(text);
        let options = Options::default().weights(Weights::Sigma(vec![0.037; certified.x.len()]));
        let mut fit = fit(model, &certified.x, &certified.y, &options).unwrap();
        fit.rss *= 0.037 * 0.037;
        fit.residual_sd = fit.residual_sd.map(|sd| sd * 0.037);
        assert_eq!(compare(name, "weighted", &certified, &fit), Vec::<String>::new());
    }
}
