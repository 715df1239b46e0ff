//! Decay of zero order: as much in every hour, however much there is.

use super::start::Points;
use super::{Model, Parameter, put, two};

/// C = C0 - k t. A straight line: points after all is gone do not belong to it.
#[derive(Debug, Clone, Copy)]
pub struct DecayZero;

impl Model for DecayZero {
    fn id(&self) -> &'static str {
        "decay_zero"
    }

    fn label(&self) -> &'static str {
        "Zero-order decay"
    }

    fn formula(&self) -> &'static str {
        "C = C0 - k t"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[
            Parameter { name: "C0", label: "Initial concentration", unit: "y", lower: 0.0, upper: f64::INFINITY },
            Parameter { name: "k", label: "Rate constant", unit: "y/x", lower: 0.0, upper: f64::INFINITY },
        ]
    }

    #[inline]
    fn value(&self, x: f64, parameters: &[f64]) -> f64 {
        let [initial, rate] = two(parameters);
        initial - rate * x
    }

    #[inline]
    fn gradient(&self, x: f64, parameters: &[f64], derivatives: &mut [f64]) -> f64 {
        put(derivatives, [1.0, -x]);
        self.value(x, parameters)
    }

    fn start(&self, points: &Points) -> Option<Vec<f64>> {
        let (intercept, slope) = points.straight(|x, y| (x, y))?;
        Some(vec![intercept, -slope])
    }
}
