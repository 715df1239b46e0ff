//! The result of a fit.

use super::{Bound, LeftOut, Warning};
use serde::Serialize;

/// The most residuals to write out.
const MOST_WRITTEN: usize = 1000;

/// A fit: its parameters, their uncertainty, and how it ended.
///
/// Undefined numbers, such as a standard error without degrees of freedom, are `None`, and null in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = FitReport)]
pub struct Fit {
    /// The model's id.
    pub model: &'static str,
    /// Its formula.
    pub formula: &'static str,
    /// Whether the curve was fitted as it is, or as a straight line.
    pub form: Form,
    /// The parameters, in the model's order.
    pub parameters: Vec<Estimate>,
    /// The covariances of the parameters, rows and columns in their order. Zeros for those that are fixed or at a
    /// bound.
    pub covariance: Option<Vec<Vec<f64>>>,
    /// Their correlations; as the covariances.
    pub correlation: Option<Vec<Vec<f64>>>,
    /// y less the curve, in y's unit, for every point given; NaN, and null in JSON, for one that was left out. Not in
    /// JSON if there are more than 1000.
    #[serde(skip_serializing_if = "are_many")]
    #[schema(value_type = Vec<Option<f64>>)]
    pub residuals: Vec<f64>,
    /// The share of the weighted scatter of y about its mean that the curve explains.
    pub r_squared: Option<f64>,
    /// The same, adjusted for the number of parameters.
    pub adjusted_r_squared: Option<f64>,
    /// The weighted residual sum of squares.
    pub rss: f64,
    /// The residual standard deviation: the root of `rss` over the degrees of freedom.
    pub residual_sd: Option<f64>,
    /// Akaike's criterion, of the full normal likelihood and with the variance as a parameter, like R's `AIC`.
    pub aic: Option<f64>,
    /// The same, corrected for few points.
    pub aicc: Option<f64>,
    /// Schwarz's criterion.
    pub bic: Option<f64>,
    /// Points less parameters that were fitted; those at a bound count.
    pub degrees_of_freedom: usize,
    /// Steps taken or tried.
    pub iterations: usize,
    /// Points used.
    pub points: usize,
    /// Points left out.
    pub points_left_out: usize,
    /// Why they were left out.
    pub left_out: Vec<LeftOut>,
    /// How it ended.
    pub ended: Ended,
    /// Reasons to distrust the numbers.
    #[schema(value_type = Vec<crate::fit::WarningShown>)]
    pub warnings: Vec<Warning>,
}

/// A parameter with its error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = FitEstimate)]
pub struct Estimate {
    /// The name.
    pub name: &'static str,
    /// The name for people.
    pub label: &'static str,
    /// How its unit follows, see [`Parameter::unit`](crate::model::Parameter::unit).
    pub unit: &'static str,
    /// The value.
    pub value: f64,
    /// The standard error. `None` if fixed, at a bound, or not determined by the points.
    pub standard_error: Option<f64>,
    /// The lower end of the 95 % confidence interval, by Student's t.
    pub lower_95: Option<f64>,
    /// The upper end.
    pub upper_95: Option<f64>,
    /// The bound that it has run into.
    pub at_bound: Option<Bound>,
    /// Whether it was held.
    pub fixed: bool,
}

/// The form in which a model was fitted. Both are in use, and their answers differ: a straight line weighs the points
/// differently.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = FitForm)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Form {
    /// The curve itself, by least squares on y.
    Nonlinear,
    /// A straight line through transformed points.
    Linearised(Line),
}

/// The straight line of a linearised fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = FitLine)]
pub struct Line {
    /// The form's id.
    pub id: &'static str,
    /// What is drawn against what.
    pub formula: &'static str,
    /// The slope.
    pub slope: f64,
    /// Its standard error.
    pub slope_error: Option<f64>,
    /// The intercept.
    pub intercept: f64,
    /// Its standard error.
    pub intercept_error: Option<f64>,
    /// The line's own R^2, as a spreadsheet shows it.
    pub r_squared: Option<f64>,
}

/// How a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = FitEnded)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// At a minimum.
    Converged,
    /// After as many steps as were allowed.
    MaxIterations,
    /// Where no step improves it, although it does not look like a minimum.
    NoProgress,
    /// By a formula, without steps.
    Direct,
}

impl Fit {
    /// The parameter with this name.
    pub fn parameter(&self, name: &str) -> Option<&Estimate> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// The values of the parameters, in the model's order.
    pub fn values(&self) -> Vec<f64> {
        self.parameters.iter().map(|parameter| parameter.value).collect()
    }
}

fn are_many(residuals: &[f64]) -> bool {
    residuals.len() > MOST_WRITTEN
}
