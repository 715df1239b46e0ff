//! The isotherm of a surface on which what is there keeps more away.

use super::start::Points;
use super::{Model, Parameter, put, two};

/// q = B ln(A c).
#[derive(Debug, Clone, Copy)]
pub struct Temkin;

impl Model for Temkin {
    fn id(&self) -> &'static str {
        "temkin"
    }

    fn label(&self) -> &'static str {
        "Temkin isotherm"
    }

    fn formula(&self) -> &'static str {
        "q = B ln(A c)"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[
            Parameter { name: "B", label: "Heat constant", unit: "y", lower: 0.0, upper: f64::INFINITY },
            Parameter { name: "A", label: "Binding constant", unit: "1/x", lower: 0.0, upper: f64::INFINITY },
        ]
    }

    #[inline]
    fn value(&self, x: f64, parameters: &[f64]) -> f64 {
        let [heat, binding] = two(parameters);
        heat * (binding * x).ln()
    }

    #[inline]
    fn gradient(&self, x: f64, parameters: &[f64], derivatives: &mut [f64]) -> f64 {
        let [heat, binding] = two(parameters);
        let log = (binding * x).ln();
        put(derivatives, [log, heat / binding]);
        heat * log
    }

    /// On the logarithm of c it is a straight line: B, and B ln A at c = 1.
    fn start(&self, points: &Points) -> Option<Vec<f64>> {
        let (intercept, slope) = points.straight(|x, y| (x.ln(), y))?;
        let binding = (intercept / slope).exp();
        (slope != 0.0 && binding.is_finite() && binding > 0.0).then(|| vec![slope, binding])
    }

    fn is_usable(&self, x: f64, _: f64) -> bool {
        x > 0.0
    }

    fn needs(&self) -> &'static str {
        "x above 0"
    }
}
