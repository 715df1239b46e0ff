//! What is asked of a fit.

use super::FitError;
use crate::model::Parameter;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// The most parameters that a model may have.
pub const MAX_PARAMETERS: usize = 32;

/// What is asked of a fit. The default: no weights, the model's own bounds and starting values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How points are weighted.
    pub weights: Weights,
    /// What is asked for single parameters, by name.
    pub parameters: BTreeMap<String, Setting>,
    /// After so many steps the fit ends as it is.
    pub max_iterations: usize,
}

/// Options for one parameter.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = FitSetting)]
#[serde(default, deny_unknown_fields)]
pub struct Setting {
    /// It is held at this value and not fitted. Bounds do not count then.
    pub fixed: Option<f64>,
    /// It starts here.
    pub start: Option<f64>,
    /// It may not be below this. Where the model has a bound of its own, the tighter one counts.
    pub lower: Option<f64>,
    /// It may not be above this.
    pub upper: Option<f64>,
}

/// How squared residuals are weighted. The standard errors are scaled by how the points scatter, so that only the
/// weights' ratios count.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weights {
    /// All alike: errors of one size.
    #[default]
    None,
    /// 1/sigma^2, by the standard deviation of each point: each residual is divided by its sigma.
    Sigma(Vec<f64>),
    /// 1/|y|: errors that grow with the root of y, as counts do.
    InverseY,
    /// 1/y^2: errors that are a share of y.
    InverseYSquared,
    /// One for each point.
    Points(Vec<f64>),
}

/// Which bound a parameter has run into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = FitBound)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The least value it may have.
    Lower,
    /// The greatest.
    Upper,
}

/// The progress of a fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Progress<'a> {
    /// Steps taken or tried.
    pub iteration: usize,
    /// Steps after which it gives up.
    pub max_iterations: usize,
    /// The weighted residual sum of squares.
    pub rss: f64,
    /// The parameters, in the model's order.
    pub parameters: &'a [f64],
}

/// Called before every step: whether to go on or to break.
pub type Control<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + 'a;

impl Default for Options {
    fn default() -> Self {
        Self { weights: Weights::None, parameters: BTreeMap::new(), max_iterations: 1000 }
    }
}

impl Options {
    /// Weights points.
    pub fn weights(mut self, weights: Weights) -> Self {
        self.weights = weights;
        self
    }

    /// Holds a parameter at a value.
    pub fn fix(mut self, name: &str, value: f64) -> Self {
        self.setting(name).fixed = Some(value);
        self
    }

    /// Starts a parameter at a value.
    pub fn start(mut self, name: &str, value: f64) -> Self {
        self.setting(name).start = Some(value);
        self
    }

    /// Keeps a parameter between two values.
    pub fn bounds(mut self, name: &str, lower: f64, upper: f64) -> Self {
        let setting = self.setting(name);
        (setting.lower, setting.upper) = (Some(lower), Some(upper));
        self
    }

    fn setting(&mut self, name: &str) -> &mut Setting {
        self.parameters.entry(name.to_owned()).or_default()
    }
}

/// The options, checked and in the order of the model's parameters.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) fixed: Vec<Option<f64>>,
    pub(super) bounds: Vec<(f64, f64)>,
}

impl Plan {
    pub(super) fn new(parameters: &[Parameter], options: &Options) -> Result<Self, FitError> {
        if parameters.len() > MAX_PARAMETERS {
            return Err(FitError::TooManyParameters { parameters: parameters.len() });
        }
        if let Some(unknown) = options.parameters.keys().find(|name| parameters.iter().all(|p| p.name != **name)) {
            let known = parameters.iter().map(|p| p.name).collect::<Vec<_>>().join(", ");
            return Err(FitError::UnknownParameter { name: unknown.clone(), known });
        }
        let mut plan = Self { fixed: Vec::new(), bounds: Vec::new() };
        for parameter in parameters {
            let setting = options.parameters.get(parameter.name).copied().unwrap_or_default();
            plan.fixed.push(setting.fixed);
            plan.bounds.push(checked(parameter, &setting)?);
        }
        if plan.fixed.iter().all(Option::is_some) {
            return Err(FitError::NothingToFit);
        }
        Ok(plan)
    }
}

/// The bounds of a parameter, if its options do not contradict each other.
fn checked(parameter: &Parameter, setting: &Setting) -> Result<(f64, f64), FitError> {
    let fault = |why| Err(FitError::BadSetting { name: parameter.name, why });
    if [setting.fixed, setting.start].into_iter().flatten().any(|value| !value.is_finite()) {
        return fault("its value is not a finite number");
    }
    let bounds = [setting.lower, setting.upper];
    if bounds.into_iter().flatten().any(f64::is_nan) {
        return fault("a bound of it is not a number");
    }
    let lower = parameter.lower.max(setting.lower.unwrap_or(f64::NEG_INFINITY));
    let upper = parameter.upper.min(setting.upper.unwrap_or(f64::INFINITY));
    if lower >= upper || lower == f64::INFINITY || upper == f64::NEG_INFINITY {
        return fault("its bounds leave no room between them; to hold it at one value, fix it");
    }
    match setting.start {
        Some(start) if setting.fixed.is_none() && !(lower..=upper).contains(&start) => {
            fault("its starting value is outside its bounds")
        }
        _ => Ok((lower, upper)),
    }
}
