//! Reasons to distrust a fit.

use super::{Bound, Ended, Reason};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::fmt;

/// A reason to distrust a fit. In JSON it has `kind`, `text`, and what the text names.
#[derive(Debug, Clone, PartialEq)]
pub enum Warning {
    /// The points do not determine all parameters: the derivatives are practically dependent.
    NotIdentifiable,
    /// A parameter ended at a bound.
    AtBound {
        /// Which one.
        parameter: &'static str,
        /// At which bound.
        bound: Bound,
    },
    /// No more points than parameters.
    TooFewPoints {
        /// Points used.
        points: usize,
        /// Parameters fitted.
        parameters: usize,
    },
    /// The curve goes through all points.
    PerfectFit,
    /// The fit did not end at a minimum.
    DidNotConverge {
        /// How it ended.
        ended: Ended,
        /// After how many steps.
        iterations: usize,
    },
    /// Two parameters that can hardly be separated.
    Correlated {
        /// One of them.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// Their correlation, beyond 0.99 on either side.
        correlation: f64,
    },
    /// Points were left out.
    LeftOut {
        /// How many.
        count: usize,
        /// Why.
        reason: Reason,
        /// What the model needs of a point.
        needs: &'static str,
    },
}

/// A warning, as JSON has it.
#[derive(Debug, utoipa::ToSchema)]
#[schema(as = FitWarning)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are those of the warning itself")]
pub enum WarningShown {
    NotIdentifiable {
        /// For people.
        text: String,
    },
    AtBound {
        text: String,
        parameter: String,
        bound: Bound,
    },
    TooFewPoints {
        text: String,
        points: usize,
        parameters: usize,
    },
    PerfectFit {
        text: String,
    },
    DidNotConverge {
        text: String,
        ended: Ended,
        iterations: usize,
    },
    Correlated {
        text: String,
        first: String,
        second: String,
        correlation: f64,
    },
    LeftOut {
        text: String,
        count: usize,
        reason: Reason,
    },
}

impl Warning {
    /// The name of the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotIdentifiable => "not_identifiable",
            Self::AtBound { .. } => "at_bound",
            Self::TooFewPoints { .. } => "too_few_points",
            Self::PerfectFit => "perfect_fit",
            Self::DidNotConverge { .. } => "did_not_converge",
            Self::Correlated { .. } => "correlated",
            Self::LeftOut { .. } => "left_out",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotIdentifiable => {
                write!(f, "these points do not determine all parameters: many sets of values fit as well")
            }
            Self::AtBound { parameter, bound } => {
                let side = if *bound == Bound::Lower { "lowest" } else { "highest" };
                write!(
                    f,
                    "{parameter} is at the {side} value allowed, so that it has no standard error; \
                     the model may be the wrong one"
                )
            }
            Self::TooFewPoints { points, parameters } => {
                write!(f, "{points} points for {parameters} parameters: how sure they are cannot be said")
            }
            Self::PerfectFit => write!(f, "the curve goes through every point: standard errors mean nothing"),
            Self::DidNotConverge { ended: Ended::MaxIterations, iterations } => {
                write!(f, "the fit had not converged after {iterations} steps; its numbers are provisional")
            }
            Self::DidNotConverge { iterations, .. } => {
                write!(
                    f,
                    "no minimum was found in {iterations} steps: either a parameter runs away, since the points do not \
                     hold it, or other starting values are needed"
                )
            }
            Self::Correlated { first, second, correlation } => {
                write!(
                    f,
                    "{first} and {second} are correlated ({correlation:.4}): the points hardly tell one from the other"
                )
            }
            Self::LeftOut { count, reason, needs } => {
                write!(f, "{count} points left out: ")?;
                match reason {
                    Reason::NotFinite => write!(f, "x or y is missing or infinite"),
                    Reason::OutsideModel => write!(f, "the model needs {needs}"),
                    Reason::Weight => write!(f, "the weight is not a finite number above 0"),
                }
            }
        }
    }
}

impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.kind())?;
        map.serialize_entry("text", &self.to_string())?;
        match self {
            Self::NotIdentifiable | Self::PerfectFit => {}
            Self::AtBound { parameter, bound } => {
                map.serialize_entry("parameter", parameter)?;
                map.serialize_entry("bound", bound)?;
            }
            Self::TooFewPoints { points, parameters } => {
                map.serialize_entry("points", points)?;
                map.serialize_entry("parameters", parameters)?;
            }
            Self::DidNotConverge { ended, iterations } => {
                map.serialize_entry("ended", ended)?;
                map.serialize_entry("iterations", iterations)?;
            }
            Self::Correlated { first, second, correlation } => {
                map.serialize_entry("first", first)?;
                map.serialize_entry("second", second)?;
                map.serialize_entry("correlation", correlation)?;
            }
            Self::LeftOut { count, reason, .. } => {
                map.serialize_entry("count", count)?;
                map.serialize_entry("reason", reason)?;
            }
        }
        map.end()
    }
}
