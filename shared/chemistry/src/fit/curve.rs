//! The fitted curve, with its confidence band.

use super::Fit;
use super::statistics::student_t;
use crate::model::Model;
use serde::Serialize;

/// A point of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CurvePoint {
    /// x.
    pub x: f64,
    /// The curve there; NaN, and null in JSON, where the model is not defined.
    pub y: f64,
    /// The lower end of the 95 % confidence band of the curve: of the mean of many points there, not of a single one.
    /// None if the parameters have no errors.
    pub lower_95: Option<f64>,
    /// The upper end.
    pub upper_95: Option<f64>,
}

impl Fit {
    /// The curve at these x, with its band. `model` is the one that was fitted; with another the answer has no meaning.
    pub fn curve(&self, model: &dyn Model, x: &[f64]) -> Vec<CurvePoint> {
        let values = self.values();
        let t = student_t(0.95, self.degrees_of_freedom);
        let mut derivatives = vec![0.0; values.len().max(model.parameters().len())];
        let mut point = |x: f64| {
            let y = model.gradient(x, &values, &mut derivatives);
            let half =
                self.error_along(&derivatives).zip(t).map(|(error, t)| t * error).filter(|half| half.is_finite());
            CurvePoint { x, y, lower_95: half.map(|half| y - half), upper_95: half.map(|half| y + half) }
        };
        x.iter().map(|&x| point(x)).collect()
    }

    /// The standard error of what has these derivatives by the parameters.
    fn error_along(&self, derivatives: &[f64]) -> Option<f64> {
        let covariance = self.covariance.as_ref()?;
        let row = |row: &Vec<f64>| row.iter().zip(derivatives).map(|(cell, d)| cell * d).sum::<f64>();
        let variance: f64 = covariance.iter().map(row).zip(derivatives).map(|(sum, d)| sum * d).sum();
        variance.is_finite().then(|| variance.max(0.0).sqrt())
    }
}
