//! The isotherm of a surface whose places are unlike.

use super::start::Points;
use super::{Model, Parameter, put, two};

/// q = K c^(1/n).
#[derive(Debug, Clone, Copy)]
pub struct Freundlich;

impl Model for Freundlich {
    fn id(&self) -> &'static str {
        "freundlich"
    }

    fn label(&self) -> &'static str {
        "Freundlich isotherm"
    }

    fn formula(&self) -> &'static str {
        "q = K c^(1/n)"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[
            Parameter { name: "K", label: "Freundlich constant", unit: "y/x^(1/n)", lower: 0.0, upper: f64::INFINITY },
            Parameter { name: "n", label: "Freundlich exponent", unit: "1", lower: 0.0, upper: f64::INFINITY },
        ]
    }

    #[inline]
    fn value(&self, x: f64, parameters: &[f64]) -> f64 {
        let [constant, exponent] = two(parameters);
        constant * (x.ln() / exponent).exp()
    }

    #[inline]
    fn gradient(&self, x: f64, parameters: &[f64], derivatives: &mut [f64]) -> f64 {
        let [constant, exponent] = two(parameters);
        let log = x.ln();
        let power = (log / exponent).exp();
        let value = constant * power;
        put(derivatives, [power, -value * log / (exponent * exponent)]);
        value
    }

    fn start(&self, points: &Points) -> Option<Vec<f64>> {
        let power = |x: f64, exponent: f64| (x.ln() / exponent).exp();
        let (constant, exponent) = points.factor_and_rate(0.02, 1000.0, power)?;
        Some(vec![constant, exponent])
    }

    /// At c = 0 the curve has no derivative by n.
    fn is_usable(&self, x: f64, _: f64) -> bool {
        x > 0.0
    }

    fn needs(&self) -> &'static str {
        "x above 0"
    }
}
