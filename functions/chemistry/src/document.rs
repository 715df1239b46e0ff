//! A fit as it is shown.

use crate::task::Task;
use chemistry::Fit;
use chemistry::fit::CurvePoint;
use chemistry::question::Points;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use table::fits::{Doing, FitJob};
use utoipa::ToSchema;

/// The most points that are shown with a fit; of more, every so many.
const MOST_SHOWN: usize = 2000;

/// What came of a fit, as it is kept.
#[derive(Debug, Serialize)]
pub(crate) struct Came {
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
}

#[derive(Debug, Serialize)]
struct Outcome {
    fit: Fit,
    curve: Vec<CurvePoint>,
    points: Vec<Shown>,
}

/// A point, and what the curve leaves of it.
#[derive(Debug, Serialize)]
struct Shown {
    x: f64,
    y: f64,
    residual: f64,
}

/// Why there is no fit.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct Failure {
    /// For machines: `no_points`, `no_fit`, `broke_off`, `internal`.
    code: String,
    /// For people.
    message: String,
}

impl Came {
    pub(crate) fn failed(code: &str, message: &str) -> Self {
        Self { result: None, error: Some(Failure { code: code.to_owned(), message: message.to_owned() }) }
    }

    pub(crate) fn fit(fit: Fit, points: &Points) -> Self {
        let every = points.x.len().div_ceil(MOST_SHOWN).max(1);
        let shown = (0..points.x.len()).step_by(every);
        let shown = shown.map(|at| Shown { x: points.x[at], y: points.y[at], residual: fit.residuals[at] }).collect();
        Self { result: Some(Outcome { curve: fit.drawn(&points.x), points: shown, fit }), error: None }
    }

    pub(crate) fn is_fit(&self) -> bool {
        self.result.is_some()
    }
}

/// A fit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Document {
    /// Its id.
    id: String,
    /// How far it is.
    state: Doing,
    /// The model.
    model: String,
    /// How many steps were taken, while it is worked out.
    progress: Option<Steps>,
    /// Once it is done: the `fit` with parameters, errors, residuals and warnings, as `owsc fit --json` prints it; its
    /// `curve` with the 95 % band; and at most 2000 `points`, each with its residual.
    #[schema(value_type = Option<Object>)]
    result: Option<Box<RawValue>>,
    /// Why there is no fit.
    error: Option<Failure>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Steps {
    /// Steps taken.
    step: u64,
    /// Steps after which it gives up; most fits need a few.
    of: u64,
}

#[derive(Debug, Default, Deserialize)]
struct Kept {
    result: Option<Box<RawValue>>,
    error: Option<Failure>,
}

impl Document {
    pub(crate) fn new(job: FitJob) -> Result<Self, serde_json::Error> {
        let task: Task = serde_json::from_str(&job.asked)?;
        let Kept { result, error } = job.came.as_deref().map_or(Ok(Kept::default()), serde_json::from_str)?;
        let (step, of) = job.steps;
        let progress = (job.doing == Doing::Running).then_some(Steps { step, of });
        Ok(Self { id: job.id, state: job.doing, model: task.question.model, progress, result, error })
    }
}
