//! The known units, with all their spellings: the only list of them.

use super::conversion::Size;
use super::spelling::key;
use Dimension::{
    Bacteria, Conductivity, Duration, Flow, Load, Mass, MassConcentration, MassFraction, Other, Ph, Ratio, Temperature,
    Turbidity, Volume,
};
use std::collections::HashMap;
use std::sync::LazyLock;

/// The dimension of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Mass in a volume of water, `mg/L`. 1 ppm is taken as 1 mg/L, which holds for dilute aqueous samples.
    MassConcentration,
    /// Mass in a mass of solids, `mg/kg`.
    MassFraction,
    /// Mass in a time, `lb/d`.
    Load,
    /// A mass, `lb`.
    Mass,
    /// Volume in a time, `MGD`.
    Flow,
    /// A volume, `Mgal`.
    Volume,
    /// `deg C`.
    Temperature,
    /// `min`.
    Duration,
    /// `SU`.
    Ph,
    /// Organisms, colonies or their most probable number in a volume.
    Bacteria,
    /// `uS/cm`.
    Conductivity,
    /// `NTU`.
    Turbidity,
    /// `%`.
    Ratio,
    /// Anything else, unknown units included.
    Other,
}

/// A unit of the table.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Known {
    /// The spelling shown.
    pub(super) shown: &'static str,
    pub(super) dimension: Dimension,
    /// How large it is in the base unit of its dimension; without that, it compares with itself alone.
    pub(super) size: Option<Size>,
    /// Further spellings beside the one shown, in the form of [`key`].
    spellings: &'static str,
}

const fn unit(shown: &'static str, dimension: Dimension, size: Option<Size>, spellings: &'static str) -> Known {
    Known { shown, dimension, size, spellings }
}

/// One of the unit is `factor / divisor` base units.
const fn of(factor: i128, divisor: i128) -> Option<Size> {
    Some(Size { factor, offset: 0, divisor })
}

/// A temperature that is (value × factor + offset) / divisor in °C.
const fn celsius(factor: i128, offset: i128, divisor: i128) -> Option<Size> {
    Some(Size { factor, offset, divisor })
}

const ALONE: Option<Size> = None;
const MILLION: i128 = 1_000_000;
const BILLION: i128 = 1_000_000_000;
const TRILLION: i128 = 1_000_000_000_000;
/// A US gallon in billionths of a litre.
const GALLON: i128 = 3_785_411_784;
/// A cubic foot in billionths of a litre.
const CUBIC_FOOT: i128 = 28_316_846_592;
/// A pound in hundredths of a milligram.
const POUND: i128 = 45_359_237;
const POUNDS: i128 = 100 * MILLION;

/// Every unit: how it is shown, what it measures, its size, further spellings in small letters without spaces and
/// points, with a slash for `per` and the words of [`WORDS`] in their one form. Adding a unit is one line here.
///
/// `mg` and `mg/d` are not among them: with capitals they are millions of gallons.
const UNITS: &[Known] = &[
    // In g/L.
    unit("g/L", MassConcentration, of(1, 1), "gl"),
    unit("mg/L", MassConcentration, of(1, 1000), "mgl"),
    unit("ug/L", MassConcentration, of(1, MILLION), "ugl"),
    unit("ng/L", MassConcentration, of(1, BILLION), "ngl"),
    unit("pg/L", MassConcentration, of(1, TRILLION), "pgl"),
    unit("ppm", MassConcentration, of(1, 1000), "part/million"),
    unit("ppb", MassConcentration, of(1, MILLION), "part/billion"),
    unit("kg/m3", MassConcentration, of(1, 1), ""),
    unit("g/m3", MassConcentration, of(1, 1000), ""),
    unit("mg/m3", MassConcentration, of(1, MILLION), ""),
    unit("mg/mL", MassConcentration, of(1, 1), ""),
    unit("ug/mL", MassConcentration, of(1, 1000), ""),
    unit("ng/mL", MassConcentration, of(1, MILLION), ""),
    // In g/kg.
    unit("g/kg", MassFraction, of(1, 1), ""),
    unit("mg/kg", MassFraction, of(1, 1000), "mgkg ug/g"),
    unit("ug/kg", MassFraction, of(1, MILLION), "ugkg"),
    // In kg/d. Those of a year depend on how many days it has.
    unit("kg/d", Load, of(1, 1), "kgd"),
    unit("g/d", Load, of(1, 1000), ""),
    unit("lb/d", Load, of(POUND, POUNDS), "lbd ppd"),
    unit("ton/d", Load, of(2000 * POUND, POUNDS), "shortton/d"),
    unit("kg/h", Load, of(24, 1), ""),
    unit("lb/h", Load, of(24 * POUND, POUNDS), ""),
    unit("kg/mo", Load, ALONE, ""),
    unit("lb/mo", Load, ALONE, ""),
    unit("kg/yr", Load, ALONE, ""),
    unit("lb/yr", Load, ALONE, ""),
    unit("ton/yr", Load, ALONE, "shortton/yr"),
    // In kg.
    unit("kg", Mass, of(1, 1), ""),
    unit("g", Mass, of(1, 1000), ""),
    unit("lb", Mass, of(POUND, POUNDS), ""),
    unit("ton", Mass, of(2000 * POUND, POUNDS), "shortton"),
    // In m3/d.
    unit("MGD", Flow, of(GALLON, MILLION), "mgal/d milliongal/d"),
    unit("gal/min", Flow, of(1440 * GALLON, TRILLION), "gpm usgpm usgal/min"),
    unit("gal/h", Flow, of(24 * GALLON, TRILLION), "gph"),
    unit("gal/d", Flow, of(GALLON, TRILLION), "gpd usgal/d"),
    unit("kgal/d", Flow, of(GALLON, BILLION), "1000gal/d thousandgal/d"),
    unit("m3/d", Flow, of(1, 1), "cum/d cubicm/d cmd"),
    unit("m3/h", Flow, of(24, 1), "cum/h cubicm/h cmh"),
    unit("m3/s", Flow, of(86_400, 1), "cum/s cubicm/s cms"),
    unit("L/s", Flow, of(864, 10), "lps"),
    unit("L/min", Flow, of(1440, 1000), "lpm"),
    unit("L/h", Flow, of(24, 1000), "lph"),
    unit("L/d", Flow, of(1, 1000), "lpd"),
    unit("MLD", Flow, of(1000, 1), "megal/d"),
    unit("cfs", Flow, of(86_400 * CUBIC_FOOT, TRILLION), "ft3/s cuft/s cubicft/s"),
    unit("cfm", Flow, of(1440 * CUBIC_FOOT, TRILLION), "ft3/min cuft/min cubicft/min"),
    unit("ft3/d", Flow, of(CUBIC_FOOT, TRILLION), "cuft/d cubicft/d"),
    unit("bbl/d", Flow, of(42 * GALLON, TRILLION), "bpd"),
    // In m3.
    unit("Mgal", Volume, of(GALLON, MILLION), "milliongal"),
    unit("kgal", Volume, of(GALLON, BILLION), "1000gal thousandgal"),
    unit("gal", Volume, of(GALLON, TRILLION), "usgal"),
    unit("bbl", Volume, of(42 * GALLON, TRILLION), ""),
    unit("m3", Volume, of(1, 1), "cum cubicm"),
    unit("L", Volume, of(1, 1000), ""),
    unit("mL", Volume, of(1, MILLION), ""),
    unit("ft3", Volume, of(CUBIC_FOOT, TRILLION), "cuft cubicft"),
    // In deg C.
    unit("deg C", Temperature, celsius(1, 0, 1), "c"),
    unit("deg F", Temperature, celsius(5, -160, 9), "f"),
    unit("K", Temperature, celsius(100, -27_315, 100), "degk kelvin"),
    // In days.
    unit("d", Duration, of(1, 1), ""),
    unit("h", Duration, of(1, 24), ""),
    unit("min", Duration, of(1, 1440), ""),
    unit("s", Duration, of(1, 86_400), ""),
    unit("SU", Ph, of(1, 1), "standardunit ph phunit phunits phsu suph phstandardunit"),
    // In units per 100 mL, whatever is counted.
    unit("CFU/100mL", Bacteria, of(1, 1), ""),
    unit("MPN/100mL", Bacteria, of(1, 1), ""),
    unit("#/100mL", Bacteria, of(1, 1), "count/100ml"),
    unit("colonies/100mL", Bacteria, of(1, 1), "col/100ml"),
    unit("organisms/100mL", Bacteria, of(1, 1), "org/100ml"),
    unit("CFU/mL", Bacteria, of(100, 1), ""),
    unit("MPN/mL", Bacteria, of(100, 1), ""),
    unit("CFU/L", Bacteria, of(1, 10), ""),
    unit("MPN/L", Bacteria, of(1, 10), ""),
    // In uS/cm.
    unit("uS/cm", Conductivity, of(1, 1), "us/cm@25c us/cm@25degc us/cmat25c us/cmat25degc us/cm25c us/cm25degc"),
    unit("umho/cm", Conductivity, of(1, 1), "umho/cm@25c umho/cm@25degc umho/cmat25c umho/cmat25degc"),
    unit("mS/cm", Conductivity, of(1000, 1), ""),
    unit("mmho/cm", Conductivity, of(1000, 1), ""),
    unit("mS/m", Conductivity, of(10, 1), ""),
    unit("dS/m", Conductivity, of(1000, 1), ""),
    unit("S/m", Conductivity, of(10_000, 1), ""),
    // Methods that do not give the same number.
    unit("NTU", Turbidity, of(1, 1), "nephelometricturbidityunit"),
    unit("FNU", Turbidity, ALONE, ""),
    unit("FTU", Turbidity, ALONE, ""),
    unit("JTU", Turbidity, ALONE, ""),
    // In percent.
    unit("%", Ratio, of(1, 1), ""),
    unit("% removal", Ratio, of(1, 1), "%removed"),
    unit("% survival", Ratio, of(1, 1), ""),
    unit("% sample comp", Ratio, of(1, 1), ""),
    unit("% saturation", Ratio, of(1, 1), "%sat"),
    unit("count", Other, ALONE, "#"),
    unit("Ratio", Other, ALONE, ""),
    unit("ppt", Other, ALONE, ""),
    unit("PSU", Other, ALONE, ""),
    unit("mL/L", Other, ALONE, "mll"),
    unit("meq/L", Other, ALONE, ""),
    unit("mmol/L", Other, ALONE, ""),
    unit("umol/L", Other, ALONE, ""),
    unit("#/d", Other, ALONE, "count/d"),
    unit("#/mo", Other, ALONE, "count/mo"),
    unit("#/yr", Other, ALONE, "count/yr"),
    unit("d/mo", Other, ALONE, ""),
    unit("occurrences", Other, ALONE, ""),
    unit("TU", Other, ALONE, "toxicunit toxicityunit"),
    unit("TUa", Other, ALONE, "acutetoxicunit acutetoxicityunit"),
    unit("TUc", Other, ALONE, "chronictoxicunit chronictoxicityunit"),
    unit("pass/fail", Other, ALONE, "pass0/fail1"),
    unit("yes/no", Other, ALONE, ""),
    unit("PCU", Other, ALONE, "ptco ptcounit platinumcobaltunit colorunit colourunit"),
    unit("ADMI", Other, ALONE, "admiunit"),
    unit("pCi/L", Other, ALONE, "picocurie/l"),
    unit("Bq/L", Other, ALONE, "becquerel/l"),
    unit("mrem/yr", Other, ALONE, "millirem/yr"),
    unit("fibers/L", Other, ALONE, ""),
    unit("MFL", Other, ALONE, "millionfiber/l"),
    unit("mW-s/cm2", Other, ALONE, ""),
    unit("uW-s/cm2", Other, ALONE, ""),
    unit("mJ/cm2", Other, ALONE, ""),
    unit("mV", Other, ALONE, "millivolt"),
    unit("m", Other, ALONE, ""),
    unit("cm", Other, ALONE, ""),
    unit("mm", Other, ALONE, ""),
    unit("ft", Other, ALONE, ""),
    unit("in", Other, ALONE, ""),
    unit("ft/s", Other, ALONE, "fps"),
    unit("m/s", Other, ALONE, ""),
    unit("psi", Other, ALONE, ""),
    unit("mmHg", Other, ALONE, ""),
    unit("BTU/h", Other, ALONE, ""),
    unit("MBTU/h", Other, ALONE, ""),
];

/// Words within units: their one form, and what else is written for it.
const WORDS: &[(&str, &str)] = &[
    ("l", "liter liters litre litres ltr ltrs"),
    ("ml", "milliliter milliliters millilitre millilitres"),
    ("megal", "megaliter megaliters megalitre megalitres"),
    ("kg", "kgs kilogram kilograms"),
    ("g", "gm gms gram grams"),
    ("mg", "milligram milligrams"),
    ("ug", "mcg microgram micrograms"),
    ("ng", "nanogram nanograms"),
    ("lb", "lbs pound pounds"),
    ("ton", "tons"),
    ("gal", "gals gallon gallons"),
    ("mgal", "mgals"),
    ("bbl", "bbls barrel barrels"),
    ("ft", "foot feet"),
    ("m", "meter meters metre metres"),
    ("cm", "centimeter centimeters centimetre centimetres"),
    ("in", "inch inches"),
    ("yr", "yrs year years"),
    ("mo", "month months"),
    ("d", "day days"),
    ("h", "hr hrs hour hours"),
    ("min", "mins minute minutes"),
    ("s", "sec secs second seconds"),
    ("deg", "degree degrees"),
    ("c", "celsius centigrade"),
    ("f", "fahrenheit"),
    ("%", "percent pct"),
    ("#", "no nos num number"),
    ("count", "counts"),
    ("organism", "organisms"),
    ("colony", "colonies"),
    ("occurrence", "occurrences"),
    ("fiber", "fibers fibres fibre"),
    ("standard", "std"),
    ("unit", "units"),
    ("part", "parts"),
    ("us", "microsiemens"),
    ("ms", "millisiemens"),
    ("umho", "umhos micromho micromhos"),
    ("mmho", "mmhos millimho millimhos"),
];

/// What a concentration or a load can be given as.
pub(super) const SPECIES: &[&str] = &[
    "N", "P", "C", "S", "Si", "CaCO3", "NO3", "NO2", "NH3", "NH4", "PO4", "P2O5", "SO4", "SO3", "SO2", "H2S", "SiO2",
    "Cl", "Cl2", "CN", "F", "HCO3", "CO3", "CO2", "O2", "Na", "K", "Ca", "Mg", "Fe", "Mn", "Al", "As", "B", "Ba", "Be",
    "Cd", "Co", "Cr", "Cu", "Hg", "Li", "Mo", "Ni", "Pb", "Sb", "Se", "Ag", "Tl", "Sn", "Sr", "Ti", "U", "V", "Zn",
];

impl Known {
    /// All spellings, in the form of [`key`].
    fn spellings(&self) -> impl Iterator<Item = String> {
        self.spellings.split_whitespace().map(str::to_owned).chain([key(self.shown)])
    }

    /// Whether a column name may end in it. Times, amounts and counts may not, since `TSS_min` is a minimum.
    fn is_suffix(&self) -> bool {
        !matches!(self.dimension, Duration | Mass | Volume | Other)
    }
}

static BY_SPELLING: LazyLock<HashMap<String, &'static Known>> = LazyLock::new(|| {
    // As it is shown too, so that what is shown is found without finding its form.
    let of = |unit: &'static Known| unit.spellings().chain([unit.shown.to_owned()]).map(move |text| (text, unit));
    UNITS.iter().flat_map(of).collect()
});

/// Spellings with and without their lines, `mg/l` and `mgl`. `effluent_pH` is a parameter, and `Tank_C` a place.
static BY_SUFFIX: LazyLock<HashMap<String, &'static Known>> = LazyLock::new(|| {
    let of = |unit: &'static Known| {
        let named = unit.spellings().filter(|text| !matches!(text.as_str(), "ph" | "c" | "f" | "k"));
        named.flat_map(|text| [text.replace('/', ""), text]).map(move |text| (text, unit))
    };
    UNITS.iter().filter(|unit| unit.is_suffix()).flat_map(of).collect()
});

static SHORT: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    WORDS.iter().flat_map(|(short, spellings)| spellings.split(' ').map(move |spelling| (spelling, *short))).collect()
});

/// The one form of a word.
pub(super) fn short(word: &str) -> &str {
    SHORT.get(word).copied().unwrap_or(word)
}

/// The unit of a spelling in the form of [`key`], or as it is shown.
pub(super) fn find(spelling: &str) -> Option<&'static Known> {
    BY_SPELLING.get(spelling).copied()
}

/// The unit that a column name ends in.
pub(super) fn find_suffix(spelling: &str) -> Option<&'static Known> {
    BY_SUFFIX.get(spelling).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::{Conversion, Unit};

    #[test]
    fn every_spelling_is_in_its_one_form_and_of_one_unit() {
        let mut seen = std::collections::BTreeMap::new();
        for unit in UNITS {
            for spelling in unit.spellings() {
                assert_eq!(key(&spelling), spelling, "{}", unit.shown);
                assert_eq!(seen.insert(spelling.clone(), unit.shown), None, "{spelling} of {}", unit.shown);
            }
        }
    }

    #[test]
    fn every_unit_is_read_as_it_is_shown() {
        for unit in UNITS {
            let parsed = Unit::parse(unit.shown);
            assert_eq!((parsed.as_str(), parsed.dimension()), (unit.shown, unit.dimension));
        }
    }

    #[test]
    fn all_units_with_a_size_convert_within_their_dimension() {
        for from in UNITS {
            for to in UNITS {
                let compares = from.shown == to.shown
                    || from.dimension == to.dimension && from.size.is_some() && to.size.is_some();
                let conversion = Unit::parse(from.shown).conversion_to(&Unit::parse(to.shown));
                assert_eq!(conversion.is_some(), compares, "{} {}", from.shown, to.shown);
                assert!(from.shown != to.shown || conversion == Some(Conversion::Same));
            }
        }
    }

    #[test]
    fn suffixes_are_of_one_unit() {
        for (suffix, unit) in BY_SUFFIX.iter() {
            let is_named = |text: String| text.replace('/', "") == suffix.replace('/', "");
            let of = UNITS.iter().filter(|known| known.is_suffix() && known.spellings().any(is_named));
            let named: Vec<_> = of.map(|known| known.shown).collect();
            assert_eq!(named, [unit.shown], "{suffix}");
        }
    }

    #[test]
    fn words_and_species_do_not_hide_each_other() {
        for (short, spellings) in WORDS {
            for spelling in spellings.split(' ') {
                assert!(!SPECIES.iter().any(|species| species.eq_ignore_ascii_case(spelling)), "{spelling}");
                assert_ne!(spelling, *short);
            }
        }
    }
}
