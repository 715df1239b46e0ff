//! The models, as the API shows them.

use chemistry::{linearised, model};
use serde::Serialize;
use utoipa::ToSchema;

/// The models.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FitModels)]
pub(crate) struct Models {
    models: Vec<ModelShown>,
}

/// A model.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FitModel)]
struct ModelShown {
    /// Its name in requests.
    id: &'static str,
    /// Its name for people.
    label: &'static str,
    formula: &'static str,
    parameters: Vec<ShownParameter>,
    /// Whether textbooks draw it as a straight line, which can be fitted instead of the curve.
    has_line: bool,
}

/// A parameter of a model.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FitParameter)]
struct ShownParameter {
    /// Its name, as in the formula.
    name: &'static str,
    /// Its name for people.
    label: &'static str,
    /// How its unit follows from those of x and y, such as `1/x`; `1` for a bare number.
    unit: &'static str,
}

impl Models {
    pub(crate) fn all() -> Self {
        let parameter = |parameter: &model::Parameter| ShownParameter {
            name: parameter.name,
            label: parameter.label,
            unit: parameter.unit,
        };
        let shown = |model: &&dyn model::Model| ModelShown {
            id: model.id(),
            label: model.label(),
            formula: model.formula(),
            parameters: model.parameters().iter().map(parameter).collect(),
            has_line: linearised::ALL.iter().any(|form| form.model().id() == model.id()),
        };
        Self { models: model::ALL.iter().map(shown).collect() }
    }
}
