//! The fitted curve, with its confidence band.

use super::Fit;
use super::statistics::student_t;
use crate::model::Model;
use serde::Serialize;

/// Steps of a curve that is drawn.
const PLACES: usize = 200;

/// A point of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = FitCurvePoint)]
pub struct CurvePoint {
    /// x.
    pub x: f64,
    /// The curve there; NaN, and null in JSON, if the model is not defined.
    #[schema(value_type = Option<f64>)]
    pub y: f64,
    /// The lower end of the 95 % confidence band of the curve: of the mean of many points there, not of a single one.
    /// None if the parameters have no errors.
    pub lower_95: Option<f64>,
    /// The upper end.
    pub upper_95: Option<f64>,
}

impl Fit {
    /// The curve at these x, with its band. `model` must be the fitted one.
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

    /// The curve and its band at 201 places between the least and the greatest x that were used: elsewhere the model
    /// may have no values. `x` are those of all points that were given.
    pub fn curve_over(&self, x: &[f64]) -> Vec<CurvePoint> {
        let used = std::iter::zip(x, &self.residuals).filter(|(_, residual)| residual.is_finite()).map(|(x, _)| *x);
        let (first, last) =
            used.fold((f64::INFINITY, f64::NEG_INFINITY), |(first, last), x| (first.min(x), last.max(x)));
        let place = |place: usize| first + (last - first) * place as f64 / PLACES as f64;
        let places: Vec<f64> = (0..=PLACES).map(place).collect();
        crate::model::find(self.model).map_or_else(Vec::new, |model| self.curve(model, &places))
    }

    /// The standard error of a quantity with these derivatives by the parameters.
    fn error_along(&self, derivatives: &[f64]) -> Option<f64> {
        let covariance = self.covariance.as_ref()?;
        let row = |row: &Vec<f64>| row.iter().zip(derivatives).map(|(cell, d)| cell * d).sum::<f64>();
        let variance: f64 = covariance.iter().map(row).zip(derivatives).map(|(sum, d)| sum * d).sum();
        variance.is_finite().then(|| variance.max(0.0).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, fit, model};

    #[test]
    fn a_curve_is_drawn_over_the_points_that_count() {
        let model = model::find("freundlich").unwrap();
        let x = [0.0, 1.0, 4.0, 9.0];
        let curve = fit(model, &x, &[0.0, 2.0, 4.0, 6.0], &Options::default()).unwrap().curve_over(&x);
        assert_eq!((curve[0].x, curve[PLACES].x, curve.len()), (1.0, 9.0, PLACES + 1));
        assert!((curve[PLACES].y - 6.0).abs() < 1e-9);
    }
}
