//! A fit, as the API shows it.

use fits::outcome::Failure;
use fits::task::Task;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use table::fits::{FitJob, FitState};
use utoipa::ToSchema;

/// A fit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Fit)]
pub(crate) struct Document {
    /// Its id.
    id: String,
    /// Its state.
    state: FitState,
    /// The model.
    model: String,
    /// Steps taken so far, while the fit is running.
    progress: Option<Steps>,
    /// Once it is done: the `fit` with parameters, errors, residuals and warnings, as `owsc fit --json` prints it; its
    /// `curve` with the 95 % band; at most 2000 `points`, each with its residual; and `y_unit`, that of a series' readings.
    #[schema(value_type = Option<fits::outcome::Answer>)]
    result: Option<Box<RawValue>>,
    /// Why the fit failed.
    error: Option<Failure>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FitSteps)]
pub(crate) struct Steps {
    /// Steps taken.
    step: u64,
    /// The fit gives up after so many steps; most need a few.
    of: u64,
}

/// An outcome, as it is stored.
#[derive(Debug, Default, Deserialize)]
struct Kept {
    result: Option<Box<RawValue>>,
    error: Option<Failure>,
}

impl Document {
    pub(crate) fn new(job: FitJob) -> Result<Self, serde_json::Error> {
        let task: Task = serde_json::from_str(&job.asked)?;
        let Kept { result, error } = job.outcome.as_deref().map_or(Ok(Kept::default()), serde_json::from_str)?;
        let (step, of) = job.steps;
        let progress = (job.state == FitState::Running).then_some(Steps { step, of });
        Ok(Self { id: job.id, state: job.state, model: task.question.model, progress, result, error })
    }
}
