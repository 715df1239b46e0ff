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
    /// Its inputs.
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

/// The inputs of a criterion.
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

/// The known properties of the water.
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

/// The value of a criterion.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Answer {
    /// The value, not rounded. EPA rounds concentrations to two digits.
    pub value: f64,
    /// What was done if the water is outside the formula's range.
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
    /// Temperature or pH outside the measured range (0 to 50 degrees, pH 5 to 12): calculated anyway.
    OutsideMeasured,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum CriterionError {
    /// An input is missing.
    #[error("this criterion needs the {0}")]
    Missing(&'static str),
    /// An impossible hardness.
    #[error("a hardness of {0} mg/L is impossible: it must be a finite number above 0")]
    Hardness(f64),
    /// An impossible pH.
    #[error("a pH of {0} is impossible: it must be between 0 and 14")]
    Ph(f64),
    /// An impossible temperature of water.
    #[error("a temperature of {0} degrees Celsius is impossible: it must be between -5 and 100")]
    Temperature(f64),
}

#[derive(Debug, Clone, Copy)]
enum How {
    Metal { metal: &'static Metal, is_dissolved: bool },
    Ammonia { zero: f64 },
}

impl Criterion {
    /// The value of the criterion in this water.
    ///
    /// # Errors
    ///
    /// If an input is missing or impossible.
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
