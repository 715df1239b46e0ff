//! Straight lines in place of curves, as textbooks and spreadsheets draw them.
//!
//! A linearised fit answers another question than [`fit`](crate::fit()): its least squares are those of the transformed
//! points, which count small values of y for more, or large ones. So both have their own answers, and a [`Fit`] says by
//! [`Form::Linearised`] that it is of this kind.
//!
//! Standard errors of the parameters follow from those of slope and intercept to first order. `rss`, R^2 and residuals
//! of the [`Fit`] are those of the curve, in y's own unit, so that both forms can be compared; what belongs to the line
//! stands in [`Line`].

mod forms;

pub use forms::{DecayFirstLinear, DecaySecondLinear, FreundlichLinear, LangmuirLinear};

use crate::fit::{Data, Ended, Ends, Fit, FitError, Form, Line, Weights, assemble};
use crate::model::Model;
use crate::model::start::Points;

/// All forms. To add one, write a type that implements [`LinearForm`] and add it here.
pub const ALL: &[&dyn LinearForm] = &[&LangmuirLinear, &FreundlichLinear, &DecayFirstLinear, &DecaySecondLinear];

/// The form with this id.
pub fn find(id: &str) -> Option<&'static dyn LinearForm> {
    ALL.iter().copied().find(|form| form.id() == id)
}

/// A way to draw a model of two parameters as a straight line v = intercept + slope u.
pub trait LinearForm: Send + Sync {
    /// The id, in snake case.
    fn id(&self) -> &'static str;

    /// The name for people.
    fn label(&self) -> &'static str;

    /// The line as text.
    fn formula(&self) -> &'static str;

    /// The model whose parameters come out.
    fn model(&self) -> &'static dyn Model;

    /// What a point must be, beyond what the model asks of it.
    fn is_usable(&self, x: f64, y: f64) -> bool;

    /// Where a point is drawn: u and v.
    fn place(&self, x: f64, y: f64) -> (f64, f64);

    /// The model's two parameters, and the derivatives of each by intercept and slope.
    fn parameters(&self, intercept: f64, slope: f64) -> ([f64; 2], [[f64; 2]; 2]);
}

/// Fits a straight line to transformed points, all of the same weight.
///
/// # Errors
///
/// Where there is no point to fit, or no line: all points stand at one x, or the line's parameters are not finite.
pub fn fit_linearised(form: &dyn LinearForm, x: &[f64], y: &[f64]) -> Result<Fit, FitError> {
    let model = form.model();
    let is_usable = |x: f64, y: f64| {
        let (u, v) = form.place(x, y);
        model.is_usable(x, y) && form.is_usable(x, y) && u.is_finite() && v.is_finite()
    };
    let data = Data::new(x, y, &Weights::None, is_usable)?;
    let line = Drawn::new(form, &data).ok_or(FitError::NoLine)?;
    let (parameters, derivatives) = form.parameters(line.intercept, line.slope);
    if parameters.iter().any(|value| !value.is_finite()) {
        return Err(FitError::NoLine);
    }
    let rss = data.x.iter().zip(&*data.y).map(|(&x, &y)| (y - model.value(x, &parameters)).powi(2)).sum();
    let ends = Ends {
        parameters: parameters.to_vec(),
        at_bound: Vec::new(),
        free: vec![0, 1],
        covariance: line.carried(derivatives),
        rss,
        iterations: 0,
        ended: Ended::Direct,
        form: Form::Linearised(line.told(form)),
        is_identifiable: true,
    };
    Ok(assemble(model, &data, ends))
}

/// A line through points.
struct Drawn {
    intercept: f64,
    slope: f64,
    /// The covariances of intercept and slope.
    covariance: Option<[[f64; 2]; 2]>,
    r_squared: Option<f64>,
}

impl Drawn {
    fn new(form: &dyn LinearForm, data: &Data) -> Option<Self> {
        let weights = vec![1.0; data.len()];
        let points = Points { x: &data.x, y: &data.y, weights: &weights };
        let (intercept, slope) = points.straight(|x, y| form.place(x, y))?;
        let placed = || data.x.iter().zip(&*data.y).map(|(&x, &y)| form.place(x, y));
        let count = data.len() as f64;
        let (mean_u, mean_v) = placed().fold((0.0, 0.0), |(a, b), (u, v)| (a + u / count, b + v / count));
        let spread: f64 = placed().map(|(u, _)| (u - mean_u).powi(2)).sum();
        let scatter: f64 = placed().map(|(_, v)| (v - mean_v).powi(2)).sum();
        let rest: f64 = placed().map(|(u, v)| (v - intercept - slope * u).powi(2)).sum();
        let covariance = (data.len() > 2).then(|| {
            let of_slope = rest / (count - 2.0) / spread;
            let both = -mean_u * of_slope;
            [[of_slope * (spread / count + mean_u * mean_u), both], [both, of_slope]]
        });
        let r_squared = Some(1.0 - rest / scatter).filter(|r| r.is_finite());
        Some(Self { intercept, slope, covariance, r_squared })
    }

    /// The covariances of the parameters, to first order.
    fn carried(&self, derivatives: [[f64; 2]; 2]) -> Option<Vec<Vec<f64>>> {
        let covariance = self.covariance?;
        let cell = |a: [f64; 2], b: [f64; 2]| {
            (0..2).map(|i| (0..2).map(|j| a[i] * covariance[i][j] * b[j]).sum::<f64>()).sum::<f64>()
        };
        let matrix: Vec<Vec<f64>> =
            derivatives.iter().map(|&a| derivatives.iter().map(|&b| cell(a, b)).collect()).collect();
        matrix.iter().flatten().all(|cell| cell.is_finite()).then_some(matrix)
    }

    fn told(&self, form: &dyn LinearForm) -> Line {
        let error = |index: usize| self.covariance.map(|matrix| matrix[index][index].sqrt()).filter(|e| e.is_finite());
        Line {
            id: form.id(),
            formula: form.formula(),
            slope: self.slope,
            slope_error: error(1),
            intercept: self.intercept,
            intercept_error: error(0),
            r_squared: self.r_squared,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_on_a_curve_give_its_parameters() {
        let x: Vec<f64> = (1..=9).map(f64::from).collect();
        for form in ALL {
            let y: Vec<f64> = x.iter().map(|&x| form.model().value(x, &[2.5, 0.4])).collect();
            let fit = fit_linearised(*form, &x, &y).unwrap();
            let values = fit.values();
            assert!((values[0] / 2.5 - 1.0).abs() < 1e-9 && (values[1] / 0.4 - 1.0).abs() < 1e-9, "{}", form.id());
            assert!(matches!(fit.form, Form::Linearised(line) if line.id == form.id()));
        }
    }

    #[test]
    fn derivatives_are_those_of_the_parameters() {
        for form in ALL {
            let (intercept, slope) = (1.3, -0.6);
            let (_, derivatives) = form.parameters(intercept, slope);
            let step = 1e-6;
            let at = |by: [f64; 2]| form.parameters(intercept + by[0], slope + by[1]).0;
            for (parameter, right) in derivatives.into_iter().enumerate() {
                for (by, right) in [[step, 0.0], [0.0, step]].into_iter().zip(right) {
                    let numeric = (at(by)[parameter] - at(by.map(|b| -b))[parameter]) / (2.0 * step);
                    assert!((numeric - right).abs() < 1e-7, "{}", form.id());
                }
            }
        }
    }
}
