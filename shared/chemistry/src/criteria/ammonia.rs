//! The un-ionised part of ammonia, which harms fish.
//!
//! The formula takes absolute temperature. Zero Celsius is 273.15 K, but 273.2 in EPA's documents. The share differs by
//! 0.4 % of itself, so both are here: a permit's numbers must be compared with the variant behind its own table.

use super::{Answer, Criterion, CriterionError, Gives, How, Inputs, Note};

/// The share of un-ionised ammonia.
pub const UNIONISED_AMMONIA: Criterion = Criterion {
    id: "unionised_ammonia_fraction",
    label: "Un-ionised ammonia, share of the total",
    inputs: Inputs::PhAndTemperature,
    gives: Gives::Fraction,
    formula: "1/(10^(pKa - pH) + 1), pKa = 0.09018 + 2729.92/(273.15 + T)",
    source: "Emerson, Russo, Lund and Thurston (1975), J. Fish. Res. Board Can. 32:2379-2383",
    link: "https://doi.org/10.1139/f75-274",
    how: How::Ammonia { zero: 273.15 },
};

/// The same, with zero Celsius rounded as EPA writes it.
pub const UNIONISED_AMMONIA_EPA: Criterion = Criterion {
    id: "unionised_ammonia_fraction_epa",
    label: "Un-ionised ammonia, share of the total, as EPA writes the formula",
    formula: "1/(10^(pKa - pH) + 1), pKa = 0.09018 + 2729.92/(273.2 + T)",
    source: "EPA, 1999 Update of Ambient Water Quality Criteria for Ammonia (EPA-822-R-99-014)",
    link: "https://www.epa.gov/wqc/aquatic-life-criteria-ammonia",
    how: How::Ammonia { zero: 273.2 },
    ..UNIONISED_AMMONIA
};

/// The share of total ammonia that is un-ionised (NH3), in fresh water. Times total ammonia nitrogen it is un-ionised
/// ammonia nitrogen. The temperature is in degrees Celsius, and zero Celsius is 273.15 K.
///
/// # Errors
///
/// If pH or temperature are impossible.
pub fn unionised_ammonia_fraction(ph: f64, temperature: f64) -> Result<Answer, CriterionError> {
    fraction(ph, temperature, 273.15)
}

/// The share, with `zero` as the absolute temperature of zero Celsius.
pub(super) fn fraction(ph: f64, temperature: f64, zero: f64) -> Result<Answer, CriterionError> {
    if !(0.0..=14.0).contains(&ph) {
        return Err(CriterionError::Ph(ph));
    }
    if !(-5.0..=100.0).contains(&temperature) {
        return Err(CriterionError::Temperature(temperature));
    }
    let pka = 0.09018 + 2729.92 / (zero + temperature);
    let is_measured = (5.0..=12.0).contains(&ph) && (0.0..=50.0).contains(&temperature);
    let note = (!is_measured).then_some(Note::OutsideMeasured);
    Ok(Answer { value: 1.0 / (10f64.powf(pka - ph) + 1.0), note })
}
