//! Isotherms with known answers, nonlinear and as straight lines.

#![expect(clippy::unwrap_used, reason = "in a test's helpers, too, what is not as expected ends the test")]

use chemistry::fit::Form;
use chemistry::linearised::{LangmuirLinear, fit_linearised};
use chemistry::model::{Freundlich, Langmuir};
use chemistry::{Fit, Options, fit};

const PUPAIM: &str = include_str!("data/isotherm-pupaim.csv");
const ADSORPR: &str = include_str!("data/isotherm-adsorpr.csv");

fn points(text: &str) -> (Vec<f64>, Vec<f64>) {
    let number = |cell: &str| cell.trim().parse::<f64>().ok();
    text.lines().filter_map(|line| line.split_once(',')).filter_map(|(x, y)| number(x).zip(number(y))).unzip()
}

/// Compares with the root of the normal equations, found with 40 digits, and with the published value, which was found
/// by an iteration that stops at five digits or so.
fn assert_close(fit: &Fit, name: &str, exact: f64, published: f64) {
    let value = fit.parameter(name).unwrap().value;
    assert!((value / exact - 1.0).abs() < 1e-9, "{name}: {value}");
    assert!((value / published - 1.0).abs() < 3e-6, "{name}: {value}");
}

#[test]
fn langmuir_and_freundlich_of_pupaim() {
    let (c, q) = points(PUPAIM);
    let langmuir = fit(&Langmuir, &c, &q, &Options::default()).unwrap();
    assert_close(&langmuir, "Q", 0.17278359741, 0.1727836);
    assert_close(&langmuir, "K", 12.5057426385, 12.505738);
    assert!((langmuir.rss / 2.0946684e-4 - 1.0).abs() < 5e-8, "{}", langmuir.rss);
    let freundlich = fit(&Freundlich, &c, &q, &Options::default()).unwrap();
    assert_close(&freundlich, "K", 0.162736825837, 0.1627368);
    assert_close(&freundlich, "n", 3.9469882605, 3.9469956);
}

#[test]
fn langmuir_of_adsorpr_in_both_forms() {
    let (c, q) = points(ADSORPR);
    let line = fit_linearised(&LangmuirLinear, &c, &q).unwrap();
    assert!(matches!(line.form, Form::Linearised(line) if line.id == "langmuir_linear"));
    assert!((line.values()[0] / 8.6699885 - 1.0).abs() < 1e-8);
    assert!((line.values()[1] / 0.1040153 - 1.0).abs() < 4e-7);
    let curve = fit(&Langmuir, &c, &q, &Options::default()).unwrap();
    assert_eq!(curve.form, Form::Nonlinear);
    assert_close(&curve, "Q", 7.94398461823, 7.9439837);
    assert_close(&curve, "K", 0.11787638027, 0.1178764);
    assert!(curve.rss < line.rss);
}
