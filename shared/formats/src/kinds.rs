//! Kinds of samples: what is judged, and what is quality control.

/// What a sample is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Judged.
    Routine,
    /// Kept, never judged.
    QualityControl,
}

/// Words, one of which is enough, as in `Quality Control Sample-Field Blank` (WQX).
const CONTROL_WORDS: &[&str] = &[
    "quality",
    "qc",
    "qa",
    "qaqc",
    "control",
    "controls",
    "blank",
    "blanks",
    "spike",
    "spikes",
    "spiked",
    "duplicate",
    "duplicates",
    "dup",
    "dupl",
    "replicate",
    "replicates",
    "rep",
    "split",
    "splits",
    "surrogate",
    "reference",
    "calibration",
    "standard",
    "blind",
];
/// Codes of laboratories' exports (EQuIS and the like), the whole cell.
const CONTROL_CODES: &[&str] = &[
    "ab", "bd", "bs", "ccb", "ccv", "crm", "eb", "fb", "fd", "fr", "fs", "icb", "icv", "lb", "lcs", "lcsd", "ld", "lr",
    "mb", "ms", "msd", "pb", "pe", "rb", "rm", "sd", "srm", "tb",
];
/// Words, one of which is enough if there is no word of quality control.
const ROUTINE_WORDS: &[&str] = &[
    "routine",
    "regular",
    "normal",
    "grab",
    "grabs",
    "composite",
    "composites",
    "comp",
    "sample",
    "samples",
    "discrete",
    "continuous",
    "field",
    "environmental",
    "compliance",
    "primary",
    "original",
];
/// Codes, the whole cell: EQuIS, and the sample types of EPA's monitoring reports.
const ROUTINE_CODES: &[&str] = &[
    "n", "reg", "rg", "env", "sa", "samp", "s", "g", "gr", "gb", "c", "cp", "ca", "cn", "fm", "24", "24h", "24hc",
    "24hr", "12", "12h", "12hc", "08", "8h", "8hc", "06", "6h", "6hc", "rt", "rp",
];

impl Kind {
    /// Parses a kind; blank is routine. `None` if it is unknown.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let is_one = |list: &[&str]| list.contains(&text.as_str());
        let has_one = |list: &[&str]| text.split(|c: char| !c.is_alphanumeric()).any(|word| list.contains(&word));
        if is_one(CONTROL_CODES) || has_one(CONTROL_WORDS) {
            Some(Self::QualityControl)
        } else if text.is_empty() || is_one(ROUTINE_CODES) || has_one(ROUTINE_WORDS) {
            Some(Self::Routine)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_the_water_quality_portal_and_of_laboratories() {
        for text in [
            "",
            "Sample-Routine",
            "Sample-Composite Without Parents",
            "Sample-Integrated Vertical Profile",
            "Field Msr/Obs",
            "Grab",
            "24-hr composite",
            "GR",
            "N",
            "Regular Sample",
        ] {
            assert_eq!(Kind::parse(text), Some(Kind::Routine), "{text}");
        }
        for text in [
            "Quality Control Sample-Field Replicate",
            "Quality Control Sample-Field Blank",
            "Quality Control Field Calibration Check",
            "Quality Control Sample-Inter-lab Split",
            "Sample-Negative Control",
            "Field Duplicate",
            "trip blank",
            "Matrix Spike",
            "MS",
            "LCS",
            "fd",
            "DUP",
        ] {
            assert_eq!(Kind::parse(text), Some(Kind::QualityControl), "{text}");
        }
        for text in ["X", "Wastewater", "?", "Effluent"] {
            assert_eq!(Kind::parse(text), None, "{text}");
        }
    }
}
