//! The outcome of a fit, as it is stored and shown.

use chemistry::Fit;
use chemistry::fit::CurvePoint;
use chemistry::question::Points;
use serde::{Deserialize, Serialize};
use table::fits::FitState;
use utoipa::ToSchema;

/// The most points that are shown with a fit; if there are more, every nth.
const MOST_SHOWN: usize = 2000;

/// The outcome of a fit.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The fit.
    Result(Box<Answer>),
    /// Why there is none.
    Error(Failure),
}

/// A fit, with what is needed to draw it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FitResult)]
pub struct Answer {
    fit: Fit,
    curve: Vec<CurvePoint>,
    points: Vec<FittedPoint>,
    /// The unit of a series' readings; none for points that were given.
    y_unit: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct FittedPoint {
    /// Null in JSON, as y, where it was missing.
    #[schema(value_type = Option<f64>)]
    x: f64,
    #[schema(value_type = Option<f64>)]
    y: f64,
    /// Its residual; null in JSON if the point was left out.
    #[schema(value_type = Option<f64>)]
    residual: f64,
}

/// Why there is no fit.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = FitFailure)]
pub struct Failure {
    /// For machines: `no_points`, `no_fit`, `too_long`, `broke_off`, `not_taken`, `internal`.
    pub code: String,
    /// For people.
    pub message: String,
}

impl Outcome {
    pub(crate) fn failed(code: &str, message: &str) -> Self {
        Self::Error(Failure { code: code.to_owned(), message: message.to_owned() })
    }

    pub(crate) fn of(fit: Fit, points: &Points, y_unit: Option<String>) -> Self {
        let every = points.x.len().div_ceil(MOST_SHOWN).max(1);
        let shown = (0..points.x.len()).step_by(every);
        let shown = shown.map(|at| FittedPoint { x: points.x[at], y: points.y[at], residual: fit.residuals[at] });
        let (curve, points) = (fit.curve_over(&points.x), shown.collect());
        Self::Result(Box::new(Answer { curve, points, fit, y_unit }))
    }

    /// The state of a fit with this outcome.
    pub(crate) fn state(&self) -> FitState {
        match self {
            Self::Result(_) => FitState::Done,
            Self::Error(_) => FitState::Failed,
        }
    }

    /// As JSON, with `result` or `error`.
    pub(crate) fn text(&self) -> String {
        // Numbers, strings and lists always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}
