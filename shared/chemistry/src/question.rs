//! What people ask of points: a model by its name, and how it is to be fitted.

use crate::fit::{Control, Fit, FitError, Options, Setting, Weights, fit_with};
use crate::model::Model;
use crate::{linearised, model};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A model, and how it is to be fitted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The model's id.
    pub model: String,
    /// Whether the straight line of textbooks is fitted in place of the curve.
    #[serde(default)]
    pub linear: bool,
    /// How points are weighted that bring no standard deviations.
    #[serde(default)]
    pub weights: Weighting,
    /// What is asked for single parameters, by name.
    #[serde(default)]
    pub parameters: BTreeMap<String, Setting>,
}

/// How points are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = FitWeighting)]
#[serde(rename_all = "snake_case")]
pub enum Weighting {
    /// All alike.
    #[default]
    None,
    /// Errors grow with the root of y.
    InverseY,
    /// Errors are a share of y.
    InverseYSquared,
}

/// Points, in lists of one length and in whatever units.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Points {
    /// The times, or the concentrations in the water; NaN where one is missing.
    pub x: Vec<f64>,
    /// What was measured there; NaN where it is missing.
    pub y: Vec<f64>,
    /// The standard deviation of each point.
    pub sigma: Option<Vec<f64>>,
}

/// Why a question cannot be answered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QuestionError {
    /// No model has this id.
    #[error("there is no model {name:?}; there are {known}")]
    UnknownModel {
        /// What was asked for.
        name: String,
        /// The ids that there are.
        known: String,
    },
    /// The model is not drawn as a straight line.
    #[error("{label} is not drawn as a straight line")]
    NoLine {
        /// The model, for people.
        label: &'static str,
    },
    /// A straight line goes through the points as they are.
    #[error("a straight line takes no weights, starting values or bounds")]
    PlainLine,
    /// The fit.
    #[error(transparent)]
    Fit(#[from] FitError),
}

impl Question {
    /// Says what is wrong with the question, whatever the points.
    ///
    /// # Errors
    ///
    /// Where there is no such model, or what is asked does not go together.
    pub fn check(&self) -> Result<(), QuestionError> {
        self.model().map(drop)
    }

    /// The model, if the question can be asked of it.
    fn model(&self) -> Result<&'static dyn Model, QuestionError> {
        let known = || model::ALL.iter().map(|model| model.id()).collect::<Vec<_>>().join(", ");
        let unknown = || QuestionError::UnknownModel { name: self.model.clone(), known: known() };
        let model = model::find(&self.model).ok_or_else(unknown)?;
        if self.linear {
            self.line(model)?;
            if self.weights != Weighting::None || !self.parameters.is_empty() {
                return Err(QuestionError::PlainLine);
            }
        }
        crate::fit::check(model, &self.options(None))?;
        Ok(model)
    }

    fn line(&self, model: &dyn Model) -> Result<&'static dyn linearised::LinearForm, QuestionError> {
        let form = linearised::ALL.iter().find(|form| form.model().id() == model.id());
        form.copied().ok_or(QuestionError::NoLine { label: model.label() })
    }

    fn options(&self, sigma: Option<&Vec<f64>>) -> Options {
        let weights = match (sigma, self.weights) {
            (Some(sigma), _) => Weights::Sigma(sigma.clone()),
            (None, Weighting::None) => Weights::None,
            (None, Weighting::InverseY) => Weights::InverseY,
            (None, Weighting::InverseYSquared) => Weights::InverseYSquared,
        };
        Options { parameters: self.parameters.clone(), ..Options::default().weights(weights) }
    }

    /// Fits. `control` is asked before every step whether to go on.
    ///
    /// # Errors
    ///
    /// As [`Self::check`], and where the points give no fit.
    pub fn answer(&self, points: &Points, control: &mut Control) -> Result<Fit, QuestionError> {
        let model = self.model()?;
        if !self.linear {
            return Ok(fit_with(model, &points.x, &points.y, &self.options(points.sigma.as_ref()), control)?);
        }
        if points.sigma.is_some() {
            return Err(QuestionError::PlainLine);
        }
        Ok(linearised::fit_linearised(self.line(model)?, &points.x, &points.y)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::ControlFlow;

    fn question(text: &str) -> Result<(), String> {
        let question: Question = serde_json::from_str(text).map_err(|error| error.to_string())?;
        question.check().map_err(|error| error.to_string())
    }

    #[test]
    fn what_does_not_go_together_is_said_before_there_are_points() {
        assert_eq!(question(r#"{"model": "decay_first", "parameters": {"k": {"start": 0.1}}}"#), Ok(()));
        for (text, said) in [
            (r#"{"model": "decay"}"#, "there is no model \"decay\"; there are decay_zero"),
            (r#"{"model": "temkin", "linear": true}"#, "not drawn as a straight line"),
            (r#"{"model": "langmuir", "linear": true, "weights": "inverse_y"}"#, "a straight line takes no weights"),
            (r#"{"model": "langmuir", "parameters": {"k": {}}}"#, "no parameter \"k\""),
            (r#"{"model": "linear", "parameters": {"Kd": {"fixed": 1}}}"#, "nothing to fit"),
            (r#"{"model": "linear", "parameters": {"Kd": {"lower": 2, "upper": 1}}}"#, "leave no room"),
            (r#"{"model": "linear", "weight": "inverse_y"}"#, "unknown field"),
        ] {
            assert!(question(text).unwrap_err().contains(said), "{text}");
        }
    }

    #[test]
    fn who_is_asked_before_a_step_can_stop_it() {
        let question = Question { model: "freundlich".into(), ..Question::default() };
        let points = Points { x: vec![1.0, 4.0, 9.0], y: vec![2.0, 4.1, 6.0], sigma: None };
        assert!(question.answer(&points, &mut |_| ControlFlow::Continue(())).is_ok());
        let stopped = question.answer(&points, &mut |_| ControlFlow::Break(()));
        assert_eq!(stopped.unwrap_err(), FitError::Cancelled.into());
    }
}
