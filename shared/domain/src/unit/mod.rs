//! Units of measurement.
//!
//! All spellings of a unit are one unit (`table.rs` has the list), and units of one dimension convert exactly. A
//! species after a unit, as in `mg/L as N`, belongs to the parameter: units of different species do not compare.

mod conversion;
mod spelling;
mod table;

pub use conversion::{Conversion, Linear};
pub use table::Dimension;

use std::fmt;
use table::Known;

/// The unit of readings that name none: the replaced system knew only mg/L.
pub const DEFAULT_UNIT: &str = "mg/L";

/// The longest unit accepted, in bytes.
pub const MAX_UNIT_BYTES: usize = 64;

/// The most units of one series: real ones have two or three.
pub const MAX_SERIES_UNITS: usize = 64;

/// The longest species, in bytes: a unit with one stays below [`MAX_UNIT_BYTES`] however it is shown.
const MAX_SPECIES_BYTES: usize = 32;

/// A unit of measurement as it is shown, with its place in the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unit {
    text: String,
    known: Option<&'static Known>,
    species: Option<String>,
}

impl Unit {
    /// Parses a unit. Every spelling of a known one is shown in one way (`mg.l-1` is `mg/L`, `mg/l asNO3` is
    /// `mg/L as NO3`); an unknown one is kept as written.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        if let Some(known) = table::find(text).or_else(|| table::find(&spelling::key(text))) {
            return Self { text: known.shown.into(), known: Some(known), species: None };
        }
        match said_as(text).or_else(|| spoken_within(text)) {
            Some((known, species)) => {
                Self { text: format!("{} as {species}", known.shown), known: Some(known), species: Some(species) }
            }
            None => Self { text: text.into(), known: None, species: None },
        }
    }

    /// The unit of a wide file's column suffix (`mgL`, `SU`), if it is one.
    pub fn from_suffix(suffix: &str) -> Option<Self> {
        let known = table::find_suffix(&spelling::key(suffix))?;
        Some(Self { text: known.shown.into(), known: Some(known), species: None })
    }

    /// The conversion from `self` to `to`; `None` if the two do not compare: other dimensions, other species, or
    /// unknown units that differ in more than case and spaces.
    pub fn conversion_to(&self, to: &Self) -> Option<Conversion> {
        if let (Some(one), Some(other)) = (&self.species, &to.species)
            && !one.eq_ignore_ascii_case(other)
        {
            return None;
        }
        match (self.known, to.known) {
            (Some(from), Some(to)) if from.shown == to.shown => Some(Conversion::Same),
            (Some(from), Some(to)) if from.dimension == to.dimension => Conversion::between(from.size?, to.size?),
            (None, None) if folded(&self.text).eq(folded(&to.text)) => Some(Conversion::Same),
            _ => None,
        }
    }

    /// The unit as it is shown.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is in the table of units.
    pub fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// Its dimension; [`Dimension::Other`] if unknown.
    pub fn dimension(&self) -> Dimension {
        self.known.map_or(Dimension::Other, |known| known.dimension)
    }

    /// The species: the `N` of `mg/L as N`.
    pub fn species(&self) -> Option<&str> {
        self.species.as_deref()
    }

    /// Whether an exceedance has a percentage: not for pH and turbidity, as at EPA.
    pub fn has_percent(&self) -> bool {
        !matches!(self.dimension(), Dimension::Ph | Dimension::Turbidity)
    }

    /// Whether it is a count in 100 mL; in geometric means nothing found then counts as one.
    pub fn is_per_100ml(&self) -> bool {
        self.known.map_or_else(|| spelling::key(&self.text), |known| spelling::key(known.shown)).ends_with("/100ml")
    }

    /// Whether the scale is logarithmic, so that ratios of values mean nothing.
    pub fn is_logarithmic(&self) -> bool {
        self.dimension() == Dimension::Ph
    }

    /// Whether it is a percentage, of whatever.
    pub fn is_percent(&self) -> bool {
        self.dimension() == Dimension::Ratio
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `mg/L as N`: a known unit, and any text after the word `as`.
fn said_as(text: &str) -> Option<(&'static Known, String)> {
    const BRACKETS: [char; 4] = ['(', ')', '[', ']'];
    let mut words = text.split_whitespace();
    let mut unit = String::new();
    loop {
        let word = words.next()?;
        if word.trim_matches(BRACKETS).eq_ignore_ascii_case("as") {
            break;
        }
        unit.extend([word, " "]);
    }
    let said = words.collect::<Vec<_>>().join(" ");
    let said = said.trim_matches(BRACKETS).trim();
    if said.is_empty() || said.len() > MAX_SPECIES_BYTES {
        return None;
    }
    let known = table::find(&spelling::key(&unit))?;
    Some((known, spelling::species(said).unwrap_or(said).into()))
}

/// `mg N/L`, `mg/L CaCO3`: one of the known species among the words of a concentration or a load.
fn spoken_within(text: &str) -> Option<(&'static Known, String)> {
    let (unit, species) = spelling::without_species(text)?;
    let known = table::find(&unit)?;
    let has_species =
        matches!(known.dimension, Dimension::MassConcentration | Dimension::MassFraction | Dimension::Load);
    has_species.then(|| (known, species.to_owned()))
}

/// The text without case and spaces.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests;
