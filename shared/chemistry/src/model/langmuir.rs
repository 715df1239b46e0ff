//! The isotherm of a surface with so many places and no more.

use super::start::Points;
use super::{Model, Parameter, put, two};

/// q = Q K c / (1 + K c).
#[derive(Debug, Clone, Copy)]
pub struct Langmuir;

impl Model for Langmuir {
    fn id(&self) -> &'static str {
        "langmuir"
    }

    fn label(&self) -> &'static str {
        "Langmuir isotherm"
    }

    fn formula(&self) -> &'static str {
        "q = Q K c / (1 + K c)"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[
            Parameter { name: "Q", label: "Capacity", unit: "y", lower: 0.0, upper: f64::INFINITY },
            Parameter { name: "K", label: "Affinity", unit: "1/x", lower: 0.0, upper: f64::INFINITY },
        ]
    }

    #[inline]
    fn value(&self, x: f64, parameters: &[f64]) -> f64 {
        let [capacity, affinity] = two(parameters);
        capacity * (affinity * x / (1.0 + affinity * x))
    }

    #[inline]
    fn gradient(&self, x: f64, parameters: &[f64], derivatives: &mut [f64]) -> f64 {
        let [capacity, affinity] = two(parameters);
        let spread = 1.0 + affinity * x;
        let covered = affinity * x / spread;
        put(derivatives, [covered, capacity * x / (spread * spread)]);
        capacity * covered
    }

    fn start(&self, points: &Points) -> Option<Vec<f64>> {
        let (least, most) = points.extent()?;
        let covered = |x: f64, affinity: f64| affinity * x / (1.0 + affinity * x);
        let (capacity, affinity) = points.factor_and_rate(1e-4 / most, 1e4 / least, covered)?;
        Some(vec![capacity, affinity])
    }

    fn is_usable(&self, x: f64, _: f64) -> bool {
        x >= 0.0
    }

    fn needs(&self) -> &'static str {
        "x of 0 or more"
    }
}
