//! EPA's equations for metals whose harm depends on the hardness of the water.
//!
//! Total recoverable metal: exp(m ln(hardness) + b). Dissolved metal: that times a conversion factor, which for cadmium
//! and lead depends on the hardness too.
//!
//! The equations come from waters of 25 to 400 mg/L. Above 400 they are calculated at 400, as EPA does without a
//! water-effect ratio of the site. Below 25 they are calculated at the actual hardness: EPA advises against raising it
//! to 25, which would allow more metal than the soft water bears. A conversion factor is 1 at most; that of lead would
//! be more in very soft water. The answer says so in either case, see [`Note`].
//!
//! For copper EPA has recommended the biotic ligand model in place of its equation since 2007; the equation is that of
//! the recommendations of 2002 and 2006, and still stands in the standards of many states and in 40 CFR 131.36 and
//! 131.38. The one for cadmium is the update of 2016.

use super::{Answer, Criterion, CriterionError, Gives, How, Inputs, Note};
use serde::Serialize;

/// The range of hardness of the equations, in mg/L as CaCO3.
pub const HARDNESS_RANGE: (f64, f64) = (25.0, 400.0);

const SOURCE: &str = "EPA, National Recommended Water Quality Criteria - Aquatic Life Criteria, Appendix B";
const COPPER_SOURCE: &str = "EPA, National Recommended Water Quality Criteria 2002 (EPA-822-R-02-047), Appendix B; \
    since 2007 EPA recommends the biotic ligand model instead";
const LINK: &str = "https://www.epa.gov/wqc/national-recommended-water-quality-criteria-aquatic-life-criteria-table";

/// How long a concentration may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exposure {
    /// Acute: EPA's criterion maximum concentration, an average over one hour.
    Acute,
    /// Chronic: EPA's criterion continuous concentration, an average over four days.
    Chronic,
}

/// From total recoverable to dissolved metal.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// The same at any hardness.
    Constant(f64),
    /// `at_zero` less `per_ln` times the logarithm of the hardness.
    Hardness {
        /// The factor where that logarithm is zero.
        at_zero: f64,
        /// What it loses with the logarithm.
        per_ln: f64,
    },
}

/// The equation for one metal and exposure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Metal {
    /// The chemical symbol; `Cr(III)` for chromium.
    pub symbol: &'static str,
    /// How long.
    pub exposure: Exposure,
    /// What the logarithm of the hardness is multiplied by.
    pub m: f64,
    /// What is added to it.
    pub b: f64,
    /// From total to dissolved.
    pub factor: Factor,
    /// Ids, labels and formulas: of dissolved and of total metal.
    #[serde(skip)]
    texts: [[&'static str; 3]; 2],
    #[serde(skip)]
    source: &'static str,
}

const CADMIUM_ACUTE: Factor = Factor::Hardness { at_zero: 1.136672, per_ln: 0.041838 };
const CADMIUM_CHRONIC: Factor = Factor::Hardness { at_zero: 1.101672, per_ln: 0.041838 };
const LEAD: Factor = Factor::Hardness { at_zero: 1.46203, per_ln: 0.145712 };

/// The equations, for dissolved and total metal both.
pub const METALS: &[Metal] = &[
    Metal {
        symbol: "Cd",
        exposure: Exposure::Acute,
        m: 0.9789,
        b: -3.866,
        factor: CADMIUM_ACUTE,
        texts: [
            [
                "cd_acute_hardness",
                "Cadmium, acute, dissolved",
                "(1.136672 - 0.041838 ln(hardness)) * exp(0.9789 ln(hardness) - 3.866)",
            ],
            ["cd_acute_hardness_total", "Cadmium, acute, total recoverable", "exp(0.9789 ln(hardness) - 3.866)"],
        ],
        source: SOURCE,
    },
    Metal {
        symbol: "Cd",
        exposure: Exposure::Chronic,
        m: 0.7977,
        b: -3.909,
        factor: CADMIUM_CHRONIC,
        texts: [
            [
                "cd_chronic_hardness",
                "Cadmium, chronic, dissolved",
                "(1.101672 - 0.041838 ln(hardness)) * exp(0.7977 ln(hardness) - 3.909)",
            ],
            ["cd_chronic_hardness_total", "Cadmium, chronic, total recoverable", "exp(0.7977 ln(hardness) - 3.909)"],
        ],
        source: SOURCE,
    },
    Metal {
        symbol: "Cr(III)",
        exposure: Exposure::Acute,
        m: 0.819,
        b: 3.7256,
        factor: Factor::Constant(0.316),
        texts: [
            ["cr3_acute_hardness", "Chromium(III), acute, dissolved", "0.316 * exp(0.819 ln(hardness) + 3.7256)"],
            ["cr3_acute_hardness_total", "Chromium(III), acute, total recoverable", "exp(0.819 ln(hardness) + 3.7256)"],
        ],
        source: SOURCE,
    },
    Metal {
        symbol: "Cr(III)",
        exposure: Exposure::Chronic,
        m: 0.819,
        b: 0.6848,
        factor: Factor::Constant(0.860),
        texts: [
            ["cr3_chronic_hardness", "Chromium(III), chronic, dissolved", "0.860 * exp(0.819 ln(hardness) + 0.6848)"],
            [
                "cr3_chronic_hardness_total",
                "Chromium(III), chronic, total recoverable",
                "exp(0.819 ln(hardness) + 0.6848)",
            ],
        ],
        source: SOURCE,
    },
    Metal {
        symbol: "Cu",
        exposure: Exposure::Acute,
        m: 0.9422,
        b: -1.700,
        factor: Factor::Constant(0.960),
        texts: [
            ["cu_acute_hardness", "Copper, acute, dissolved", "0.960 * exp(0.9422 ln(hardness) - 1.700)"],
            ["cu_acute_hardness_total", "Copper, acute, total recoverable", "exp(0.9422 ln(hardness) - 1.700)"],
        ],
        source: COPPER_SOURCE,
    },
    Metal {
        symbol: "Cu",
        exposure: Exposure::Chronic,
        m: 0.8545,
        b: -1.702,
        factor: Factor::Constant(0.960),
        texts: [
            ["cu_chronic_hardness", "Copper, chronic, dissolved", "0.960 * exp(0.8545 ln(hardness) - 1.702)"],
            ["cu_chronic_hardness_total", "Copper, chronic, total recoverable", "exp(0.8545 ln(hardness) - 1.702)"],
        ],
        source: COPPER_SOURCE,
    },
    Metal {
        symbol: "Pb",
        exposure: Exposure::Acute,
        m: 1.273,
        b: -1.460,
        factor: LEAD,
        texts: [
            [
                "pb_acute_hardness",
                "Lead, acute, dissolved",
                "(1.46203 - 0.145712 ln(hardness)) * exp(1.273 ln(hardness) - 1.460)",
            ],
            ["pb_acute_hardness_total", "Lead, acute, total recoverable", "exp(1.273 ln(hardness) - 1.460)"],
        ],
        source: SOURCE,
    },
    Metal {
        symbol: "Pb",
        exposure: Exposure::Chronic,
        m: 1.273,
        b: -4.705,
        factor: LEAD,
        texts: [
            [
                "pb_chronic_hardness",
                "Lead, chronic, dissolved",
                "(1.46203 - 0.145712 ln(hardness)) * exp(1.273 ln(hardness) - 4.705)",
            ],
            ["pb_chronic_hardness_total", "Lead, chronic, total recoverable", "exp(1.273 ln(hardness) - 4.705)"],
        ],
        source: SOURCE,
    },
    Metal {
        symbol: "Ni",
        exposure: Exposure::Acute,
        m: 0.846,
        b: 2.255,
        factor: Factor::Constant(0.998),
        texts: [
            ["ni_acute_hardness", "Nickel, acute, dissolved", "0.998 * exp(0.846 ln(hardness) + 2.255)"],
            ["ni_acute_hardness_total", "Nickel, acute, total recoverable", "exp(0.846 ln(hardness) + 2.255)"],
        ],
        source: SOURCE,
    },
    Metal {
        symbol: "Ni",
        exposure: Exposure::Chronic,
        m: 0.846,
        b: 0.0584,
        factor: Factor::Constant(0.997),
        texts: [
            ["ni_chronic_hardness", "Nickel, chronic, dissolved", "0.997 * exp(0.846 ln(hardness) + 0.0584)"],
            ["ni_chronic_hardness_total", "Nickel, chronic, total recoverable", "exp(0.846 ln(hardness) + 0.0584)"],
        ],
        source: SOURCE,
    },
    Metal {
        symbol: "Ag",
        exposure: Exposure::Acute,
        m: 1.72,
        b: -6.59,
        factor: Factor::Constant(0.85),
        texts: [
            ["ag_acute_hardness", "Silver, acute, dissolved", "0.85 * exp(1.72 ln(hardness) - 6.59)"],
            ["ag_acute_hardness_total", "Silver, acute, total recoverable", "exp(1.72 ln(hardness) - 6.59)"],
        ],
        source: SOURCE,
    },
    Metal {
        symbol: "Zn",
        exposure: Exposure::Acute,
        m: 0.8473,
        b: 0.884,
        factor: Factor::Constant(0.978),
        texts: [
            ["zn_acute_hardness", "Zinc, acute, dissolved", "0.978 * exp(0.8473 ln(hardness) + 0.884)"],
            ["zn_acute_hardness_total", "Zinc, acute, total recoverable", "exp(0.8473 ln(hardness) + 0.884)"],
        ],
        source: SOURCE,
    },
    Metal {
        symbol: "Zn",
        exposure: Exposure::Chronic,
        m: 0.8473,
        b: 0.884,
        factor: Factor::Constant(0.986),
        texts: [
            ["zn_chronic_hardness", "Zinc, chronic, dissolved", "0.986 * exp(0.8473 ln(hardness) + 0.884)"],
            ["zn_chronic_hardness_total", "Zinc, chronic, total recoverable", "exp(0.8473 ln(hardness) + 0.884)"],
        ],
        source: SOURCE,
    },
];

impl Metal {
    /// Its two criteria: of dissolved and of total recoverable metal.
    pub(super) fn criteria(metal: &'static Metal) -> [Criterion; 2] {
        [true, false].map(|is_dissolved| {
            let [id, label, formula] = metal.texts[usize::from(!is_dissolved)];
            let gives = if is_dissolved { Gives::DissolvedMicrogramsPerLitre } else { Gives::TotalMicrogramsPerLitre };
            let how = How::Metal { metal, is_dissolved };
            Criterion { id, label, inputs: Inputs::Hardness, gives, formula, source: metal.source, link: LINK, how }
        })
    }

    /// The criterion in ug/L at a hardness in mg/L as CaCO3.
    ///
    /// # Errors
    ///
    /// If the hardness is not a finite number above zero.
    pub fn criterion(&self, hardness: f64, is_dissolved: bool) -> Result<Answer, CriterionError> {
        if !(hardness.is_finite() && hardness > 0.0) {
            return Err(CriterionError::Hardness(hardness));
        }
        let note = match hardness {
            hardness if hardness > HARDNESS_RANGE.1 => Some(Note::HardnessCapped),
            hardness if hardness < HARDNESS_RANGE.0 => Some(Note::HardnessBelowRange),
            _ => None,
        };
        let log = hardness.min(HARDNESS_RANGE.1).ln();
        let total = (self.m * log + self.b).exp();
        let share = match self.factor {
            _ if !is_dissolved => 1.0,
            Factor::Constant(share) => share,
            Factor::Hardness { at_zero, per_ln } => (at_zero - per_ln * log).min(1.0),
        };
        Ok(Answer { value: total * share, note })
    }
}
