//! The request for a fit.

use chemistry::fit::Setting;
use chemistry::question::{Points, Question, QuestionError, Weighting};
use domain::permit_json::FieldError;
use fits::task::{PointsFrom, SeriesRange, Task};
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use web::{ApiError, ApiResult};

/// The requested fit.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = FitWanted, example = json!({
    "model": "decay_first", "points": {"x": [0, 1, 2, 4, 8], "y": [10.1, 7.9, 6.5, 4.1, 1.8]}
}))]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// The id of a model from `GET /api/chemistry/models`.
    #[schema(schema_with = chemistry::model::id_schema)]
    model: String,
    /// Whether to fit the straight line of textbooks instead of the curve.
    #[serde(default)]
    linear: bool,
    /// `none`, `inverse_y` (errors grow with the root of y) or `inverse_y_squared` (errors are a share of y).
    #[serde(default)]
    weights: Weighting,
    /// Settings of single parameters, by name: `start`, `fixed`, `lower`, `upper`.
    #[serde(default)]
    parameters: BTreeMap<String, Setting>,
    /// The points themselves.
    points: Option<WantedPoints>,
    /// Instead of points, readings of a series: x is hours since the first of them.
    series: Option<SeriesRange>,
}

/// Points; all lists have the same length. `null` is a missing value.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = FitPoints)]
#[serde(deny_unknown_fields)]
struct WantedPoints {
    x: Vec<Option<f64>>,
    y: Vec<Option<f64>>,
    /// The standard deviation of each point, used as its weight.
    sigma: Option<Vec<Option<f64>>>,
}

impl Wanted {
    /// The task and its points, if the request has them.
    pub(crate) fn task(self) -> ApiResult<(Task, Option<Points>)> {
        let Self { model, linear, weights, parameters, points, series } = self;
        let question = Question { model, linear, weights, parameters };
        question.check().map_err(|error| invalid(field_of(&error), &error.to_string()))?;
        let (from, points) = match (points, series) {
            (Some(points), None) => {
                let points = points.read(&question)?;
                (PointsFrom::Points { with_sigma: points.sigma.is_some() }, Some(points))
            }
            (None, Some(series)) => (PointsFrom::Series(series), None),
            _ => return Err(invalid("points", "either points or a series is expected")),
        };
        Ok((Task { question, from }, points))
    }
}

impl WantedPoints {
    fn read(self, question: &Question) -> ApiResult<Points> {
        let (x, y, sigma) = (self.x.len(), self.y.len(), self.sigma.as_ref().map(Vec::len));
        if x != y || sigma.is_some_and(|sigma| sigma != x) {
            let sigma = sigma.map(|sigma| format!(" and {sigma} of sigma")).unwrap_or_default();
            return Err(invalid(
                "points",
                &format!("there are {x} values of x, {y} of y{sigma}; each point needs all"),
            ));
        }
        if sigma.is_some() && (question.linear || question.weights != Weighting::None) {
            return Err(invalid("points.sigma", "points have either deviations or weights, and a straight line none"));
        }
        let numbers = |list: Vec<Option<f64>>| list.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        Ok(Points { x: numbers(self.x), y: numbers(self.y), sigma: self.sigma.map(numbers) })
    }
}

fn field_of(error: &QuestionError) -> &'static str {
    match error {
        QuestionError::UnknownModel { .. } => "model",
        QuestionError::NoLine { .. } | QuestionError::PlainLine => "linear",
        QuestionError::Fit(_) => "parameters",
    }
}

fn invalid(field: &str, reason: &str) -> ApiError {
    ApiError::invalid(&[FieldError { field: field.to_owned(), reason: reason.to_owned() }])
}
