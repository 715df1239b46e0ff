//! Fits by least squares: Levenberg-Marquardt with weights, bounds and fixed parameters.
//!
//! # Why not a crate
//!
//! `levenberg-marquardt` 0.15 (MIT, a port of MINPACK on nalgebra) is the only candidate. It has no bounds, no fixed
//! parameters, and no progress report. Unmodified, it ends NIST's BoxBOD from the first starting point at a rate
//! constant of 111 instead of 0.547 and calls it orthogonal; it reaches 7.2 digits on MGH09, where this one reaches
//! 8.8; and it takes 0.25 s for a million points of first-order decay where this one takes 0.07 s, because it keeps the
//! whole matrix of derivatives and factors it by columns. It would bring seven crates that nothing else here needs, one
//! of them (`paste`) no longer maintained.
//!
//! # How
//!
//! The step is that of Moré (1978): a trust region scaled by the columns, so that parameters of any size go together.
//! Derivatives pass in blocks of rows, each folded into a small triangle by Householder reflections. So a million
//! points need no more memory than their residuals, and no digits are lost to the squares of normal equations. A fit
//! ends when residuals and tangents are at right angles to within 1e-9, not when the sum of squares stops changing:
//! that happens long before the last digits of the parameters are final.

mod curve;
mod data;
mod error;
mod options;
mod problem;
mod report;
mod result;
mod solver;
mod statistics;
mod step;
mod triangle;
mod warning;

pub use curve::CurvePoint;
pub use data::{LeftOut, Reason};
pub use error::FitError;
pub use options::{Bound, Control, MAX_PARAMETERS, Options, Progress, Setting, Weights};
pub use result::{Ended, Estimate, Fit, Form, Line};
pub use warning::{Warning, WarningShown};

pub(crate) use data::Data;
use report::report;
pub(crate) use report::{Ends, assemble};

use crate::model::Model;
use crate::model::start::Points;
use options::Plan;
use problem::Problem;
use std::ops::ControlFlow;

/// Fits a model to points.
///
/// `x` and `y` are of one length, in whatever units: those of the parameters follow, see
/// [`Parameter::unit`](crate::model::Parameter::unit). Points that are not finite, or that the model cannot use, are
/// left out and counted.
///
/// # Errors
///
/// If there is nothing to fit, or the options contradict each other. A fit that ends badly is no error: it has
/// [`Warning`]s.
pub fn fit(model: &dyn Model, x: &[f64], y: &[f64], options: &Options) -> Result<Fit, FitError> {
    fit_with(model, x, y, options, &mut |_| ControlFlow::Continue(()))
}

/// Checks the options for a model, without points.
///
/// # Errors
///
/// If they contradict each other.
pub fn check(model: &dyn Model, options: &Options) -> Result<(), FitError> {
    Plan::new(model.parameters(), options).map(drop)
}

/// Like [`fit`], but reports its progress before every step and can be stopped.
///
/// # Errors
///
/// As [`fit`]; and [`FitError::Cancelled`] if `control` breaks.
pub fn fit_with(
    model: &dyn Model,
    x: &[f64],
    y: &[f64],
    options: &Options,
    control: &mut Control,
) -> Result<Fit, FitError> {
    let plan = Plan::new(model.parameters(), options)?;
    let data = Data::new(x, y, &options.weights, |x, y| model.is_usable(x, y))?;
    let start = start(model, &data, &plan, options)?;
    let mut problem = Problem::new(model, &data, &plan, start);
    let solved = solver::solve(&mut problem, options.max_iterations, control)?;
    Ok(report(model, &data, problem.into_outcome(solved)))
}

/// The starting values: those given, and for the rest those that the model finds, within the bounds.
fn start(model: &dyn Model, data: &Data, plan: &Plan, options: &Options) -> Result<Vec<f64>, FitError> {
    let parameters = model.parameters();
    let given = |index: usize| {
        let setting = options.parameters.get(parameters[index].name);
        plan.fixed[index].or(setting.and_then(|setting| setting.start))
    };
    let found = if (0..parameters.len()).all(|index| given(index).is_some()) {
        Vec::new()
    } else {
        let (x, y, weights) = data.sample();
        let found = model.start(&Points { x: &x, y: &y, weights: &weights }).unwrap_or_default();
        if found.len() != parameters.len() || found.iter().any(|value| !value.is_finite()) {
            return Err(FitError::NoStart { needs: model.needs() });
        }
        found
    };
    let at = |index: usize| match given(index) {
        Some(value) => value,
        None => found[index].clamp(plan.bounds[index].0, plan.bounds[index].1),
    };
    Ok((0..parameters.len()).map(at).collect())
}

#[cfg(test)]
mod tests;
