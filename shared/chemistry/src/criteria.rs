//! Criteria that depend on the water: on its hardness, its pH, its temperature.
//!
//! They are recommendations and formulas, not limits: what binds a site is in its permit, which may have other
//! coefficients, a water-effect ratio or a site-specific value.
//!
//! To add one, add a line to the list of its file, or a file with a list of its own to [`all`].

mod ammonia;
mod metals;

pub use ammonia::{UNIONISED_AMMONIA, UNIONISED_AMMONIA_EPA, unionised_ammonia_fraction};
pub use metals::{Exposure, Factor, HARDNESS_RANGE, METALS, Metal};

use serde::Serialize;

/// A criterion.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Criterion {
    /// The id, such as `cu_acute_hardness`, or `cu_acute_hardness_total` for total recoverable metal.
    pub id: &'static str,
    /// The name for people.
    pub label: &'static str,
    /// What it needs to know of the water.
    pub inputs: Inputs,
    /// What it gives.
    pub gives: Gives,
    /// The formula with its coefficients, as text.
    pub formula: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Where that can be read.
    pub link: &'static str,
    #[serde(skip)]
    how: How,
}

/// What a criterion needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Inputs {
    /// Hardness.
    Hardness,
    /// pH and temperature.
    PhAndTemperature,
}

/// What a criterion gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gives {
    /// A concentration of dissolved metal in ug/L.
    DissolvedMicrogramsPerLitre,
    /// A concentration of total recoverable metal in ug/L.
    TotalMicrogramsPerLitre,
    /// A share between 0 and 1.
    Fraction,
}

/// What is known of the water.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Water {
    /// Hardness in mg/L as CaCO3.
    pub hardness: Option<f64>,
    /// pH.
    pub ph: Option<f64>,
    /// Temperature in degrees Celsius.
    pub temperature: Option<f64>,
}

/// What a criterion comes to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Answer {
    /// The value, not rounded. EPA rounds concentrations to two digits.
    pub value: f64,
    /// What was done because the water is outside the range of the formula.
    pub note: Option<Note>,
}

/// What was done outside the range of a formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// Hardness above 400 mg/L: calculated at 400, the lower and safer value.
    HardnessCapped,
    /// Hardness below 25 mg/L: calculated at the hardness as it is, beyond the data that the formula comes from.
    HardnessBelowRange,
    /// Temperature or pH outside what was measured (0 to 50 degrees, pH 5 to 12): calculated all the same.
    OutsideMeasured,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum CriterionError {
    /// Something is not known.
    #[error("this criterion needs the {0}")]
    Missing(&'static str),
    /// A hardness that there is not.
    #[error("a hardness of {0} mg/L cannot be: it must be a finite number above 0")]
    Hardness(f64),
    /// A pH that there is not.
    #[error("a pH of {0} cannot be: it must be between 0 and 14")]
    Ph(f64),
    /// A temperature that water does not have.
    #[error("a temperature of {0} degrees Celsius cannot be: it must be between -5 and 100")]
    Temperature(f64),
}

#[derive(Debug, Clone, Copy)]
enum How {
    Metal { metal: &'static Metal, is_dissolved: bool },
    Ammonia { zero: f64 },
}

impl Criterion {
    /// What the criterion comes to in this water.
    ///
    /// # Errors
    ///
    /// If an input is missing, or is no number that water can have.
    pub fn value(&self, water: &Water) -> Result<Answer, CriterionError> {
        match self.how {
            How::Metal { metal, is_dissolved } => {
                let hardness = water.hardness.ok_or(CriterionError::Missing("hardness"))?;
                metal.criterion(hardness, is_dissolved)
            }
            How::Ammonia { zero } => {
                let ph = water.ph.ok_or(CriterionError::Missing("pH"))?;
                let temperature = water.temperature.ok_or(CriterionError::Missing("temperature"))?;
                ammonia::fraction(ph, temperature, zero)
            }
        }
    }
}

/// All criteria.
pub fn all() -> impl Iterator<Item = Criterion> {
    METALS.iter().flat_map(Metal::criteria).chain([UNIONISED_AMMONIA, UNIONISED_AMMONIA_EPA])
}

/// The criterion with this id.
pub fn find(id: &str) -> Option<Criterion> {
    all().find(|criterion| criterion.id == id)
}

#[cfg(test)]
mod tests;
