//! Decay of first order: the same share in every hour.

use super::start::Points;
use super::{Model, Parameter, put, two};

/// C = C0 exp(-k t).
#[derive(Debug, Clone, Copy)]
pub struct DecayFirst;

impl Model for DecayFirst {
    fn id(&self) -> &'static str {
        "decay_first"
    }

    fn label(&self) -> &'static str {
        "First-order decay"
    }

    fn formula(&self) -> &'static str {
        "C = C0 exp(-k t)"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[
            Parameter { name: "C0", label: "Initial concentration", unit: "y", lower: 0.0, upper: f64::INFINITY },
            Parameter { name: "k", label: "Rate constant", unit: "1/x", lower: 0.0, upper: f64::INFINITY },
        ]
    }

    #[inline]
    fn value(&self, x: f64, parameters: &[f64]) -> f64 {
        let [initial, rate] = two(parameters);
        initial * (-rate * x).exp()
    }

    #[inline]
    fn gradient(&self, x: f64, parameters: &[f64], derivatives: &mut [f64]) -> f64 {
        let [initial, rate] = two(parameters);
        let left = (-rate * x).exp();
        let value = initial * left;
        put(derivatives, [left, -x * value]);
        value
    }

    fn start(&self, points: &Points) -> Option<Vec<f64>> {
        // Counted from the first point: times far from zero leave nothing of the exponential.
        let (first, last) = points.range()?;
        let step = (last - first) / points.x.len() as f64;
        let left = |x: f64, rate: f64| (-rate * (x - first)).exp();
        let (there, rate) = points.factor_and_rate(1e-4 / (last - first), 30.0 / step, left)?;
        Some(vec![there * (rate * first).exp(), rate])
    }
}
