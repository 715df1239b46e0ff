//! Decay of second order: the rate goes with the square of what is left.

use super::start::Points;
use super::{Model, Parameter, put, two};

/// C = C0 / (1 + k C0 t).
#[derive(Debug, Clone, Copy)]
pub struct DecaySecond;

impl Model for DecaySecond {
    fn id(&self) -> &'static str {
        "decay_second"
    }

    fn label(&self) -> &'static str {
        "Second-order decay"
    }

    fn formula(&self) -> &'static str {
        "C = C0 / (1 + k C0 t)"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[
            Parameter { name: "C0", label: "Initial concentration", unit: "y", lower: 0.0, upper: f64::INFINITY },
            Parameter { name: "k", label: "Rate constant", unit: "1/(y*x)", lower: 0.0, upper: f64::INFINITY },
        ]
    }

    #[inline]
    fn value(&self, x: f64, parameters: &[f64]) -> f64 {
        let [initial, rate] = two(parameters);
        initial / (1.0 + rate * initial * x)
    }

    #[inline]
    fn gradient(&self, x: f64, parameters: &[f64], derivatives: &mut [f64]) -> f64 {
        let [initial, rate] = two(parameters);
        let spread = 1.0 + rate * initial * x;
        let value = initial / spread;
        put(derivatives, [1.0 / (spread * spread), -x * value * value]);
        value
    }

    fn start(&self, points: &Points) -> Option<Vec<f64>> {
        let (least, most) = points.extent()?;
        // The rate times the initial concentration is what bends the curve.
        let (initial, bend) = points.factor_and_rate(1e-4 / most, 1e4 / least, |x, bend| 1.0 / (1.0 + bend * x))?;
        Some(vec![initial, if initial > 0.0 { bend / initial } else { 0.0 }])
    }

    fn is_usable(&self, x: f64, _: f64) -> bool {
        x >= 0.0
    }

    fn needs(&self) -> &'static str {
        "x of 0 or more"
    }
}
