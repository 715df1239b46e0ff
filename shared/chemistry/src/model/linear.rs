//! The isotherm of little on much surface.

use super::start::Points;
use super::{Model, Parameter, put};

/// q = Kd c: a straight line through the origin.
#[derive(Debug, Clone, Copy)]
pub struct Linear;

impl Model for Linear {
    fn id(&self) -> &'static str {
        "linear"
    }

    fn label(&self) -> &'static str {
        "Linear isotherm"
    }

    fn formula(&self) -> &'static str {
        "q = Kd c"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[Parameter { name: "Kd", label: "Partition coefficient", unit: "y/x", lower: 0.0, upper: f64::INFINITY }]
    }

    #[inline]
    fn value(&self, x: f64, parameters: &[f64]) -> f64 {
        parameters.first().copied().unwrap_or(0.0) * x
    }

    #[inline]
    fn gradient(&self, x: f64, parameters: &[f64], derivatives: &mut [f64]) -> f64 {
        put(derivatives, [x]);
        self.value(x, parameters)
    }

    fn start(&self, points: &Points) -> Option<Vec<f64>> {
        let (xx, xy) =
            points.iter().fold((0.0, 0.0), |(xx, xy), (x, y, weight)| (xx + weight * x * x, xy + weight * x * y));
        let slope = xy / xx;
        slope.is_finite().then(|| vec![slope])
    }
}
