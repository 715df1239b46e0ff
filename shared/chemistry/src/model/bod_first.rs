//! Biochemical oxygen demand of first order: it rises to the ultimate demand.

use super::start::Points;
use super::{Model, Parameter, put, two};

/// y = L0 (1 - exp(-k t)): what NIST calls b1 (1 - exp(-b2 x)).
#[derive(Debug, Clone, Copy)]
pub struct BodFirst;

impl Model for BodFirst {
    fn id(&self) -> &'static str {
        "bod_first"
    }

    fn label(&self) -> &'static str {
        "First-order BOD"
    }

    fn formula(&self) -> &'static str {
        "y = L0 (1 - exp(-k t))"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[
            Parameter { name: "L0", label: "Ultimate demand", unit: "y", lower: 0.0, upper: f64::INFINITY },
            Parameter { name: "k", label: "Rate constant", unit: "1/x", lower: 0.0, upper: f64::INFINITY },
        ]
    }

    #[inline]
    fn value(&self, x: f64, parameters: &[f64]) -> f64 {
        let [ultimate, rate] = two(parameters);
        -ultimate * (-rate * x).exp_m1()
    }

    #[inline]
    fn gradient(&self, x: f64, parameters: &[f64], derivatives: &mut [f64]) -> f64 {
        let [ultimate, rate] = two(parameters);
        // Not 1 - exp: that loses digits where little has happened yet.
        let missing = (-rate * x).exp_m1();
        put(derivatives, [-missing, ultimate * x * (missing + 1.0)]);
        -ultimate * missing
    }

    fn start(&self, points: &Points) -> Option<Vec<f64>> {
        let (least, most) = points.extent()?;
        let (ultimate, rate) = points.factor_and_rate(1e-4 / most, 30.0 / least, |x, rate| -(-rate * x).exp_m1())?;
        Some(vec![ultimate, rate])
    }
}
