//! Signs, letters and words that laboratories write beside a value, or in its place.

use domain::reading::{Flags, LabFlags, Qualifier};
use domain::time::TimeKind;

/// The meaning of a flag for its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// As measured.
    Equal,
    /// Not detected: below the number beside it, or below the detection limit.
    NonDetect,
    /// The same, below the reporting limit.
    NotQuantified,
    /// At least the number beside it.
    AtLeast,
    /// Measured; one of [`LabFlags::TEXTS`].
    Measured,
    /// There is no result.
    NoResult,
}

/// The flags known.
const FLAGS: &[(&str, Meaning)] = &[
    ("=", Meaning::Equal),
    ("<", Meaning::NonDetect),
    (">", Meaning::AtLeast),
    ("U", Meaning::NonDetect),
    ("ND", Meaning::NonDetect),
    ("BDL", Meaning::NonDetect),
    ("BQL", Meaning::NotQuantified),
    ("G", Meaning::AtLeast),
    ("TNTC", Meaning::AtLeast),
    ("J", Meaning::Measured),
    ("B", Meaning::Measured),
    ("D", Meaning::Measured),
    ("E", Meaning::Measured),
    ("M", Meaning::Measured),
    ("DNQ", Meaning::Measured),
    ("T", Meaning::Measured),
    ("Q", Meaning::Measured),
    ("H", Meaning::Measured),
    ("R", Meaning::NoResult),
    ("NS", Meaning::NoResult),
    ("NR", Meaning::NoResult),
];

/// The signs, which most flags are.
const EQUAL: u32 = 1;
const LESS: u32 = 2;
const GREATER: u32 = 4;

/// Other spellings, in lower case and with single spaces, and their flags.
const WRITINGS: &[(&str, &str)] = &[
    ("<=", "<"),
    ("=<", "<"),
    ("≤", "<"),
    (">=", ">"),
    ("=>", ">"),
    ("≥", ">"),
    ("less than", "<"),
    ("lt", "<"),
    ("greater than", ">"),
    ("gt", ">"),
    ("n.d.", "ND"),
    ("n.d", "ND"),
    ("nd.", "ND"),
    ("not detected", "ND"),
    ("non detect", "ND"),
    ("non-detect", "ND"),
    ("nondetect", "ND"),
    ("non detected", "ND"),
    ("non-detected", "ND"),
    ("none detected", "ND"),
    ("not detectable", "ND"),
    ("not detected at reporting limit", "BQL"),
    ("not detected at detection limit", "BDL"),
    ("undetected", "ND"),
    ("below detection", "BDL"),
    ("below detection limit", "BDL"),
    ("below detection limits", "BDL"),
    ("below method detection limit", "BDL"),
    ("below the detection limit", "BDL"),
    ("less than detection limit", "BDL"),
    ("<mdl", "BDL"),
    ("<dl", "BDL"),
    ("<lod", "BDL"),
    ("< mdl", "BDL"),
    ("< dl", "BDL"),
    ("< lod", "BDL"),
    ("bloq", "BQL"),
    ("brl", "BQL"),
    ("below quantification limit", "BQL"),
    ("below quantitation limit", "BQL"),
    ("below quantification", "BQL"),
    ("below reporting limit", "BQL"),
    ("below the reporting limit", "BQL"),
    ("<rl", "BQL"),
    ("<loq", "BQL"),
    ("<pql", "BQL"),
    ("< rl", "BQL"),
    ("< loq", "BQL"),
    ("< pql", "BQL"),
    ("j+", "J"),
    ("j-", "J"),
    ("est", "E"),
    ("estimated", "E"),
    ("trace", "T"),
    ("detected not quantified", "DNQ"),
    ("detected, not quantified", "DNQ"),
    ("too numerous to count", "TNTC"),
    ("rejected", "R"),
    ("not sampled", "NS"),
    ("no sample", "NS"),
    ("not reported", "NR"),
    ("not required", "NR"),
];

/// Letters that are written together: `JB`, and after `U` as in `UJ`. A value with any of them is measured.
const JOINED: &[u8] = b"JBDEMQH";

/// A set of flags, by their places in [`FLAGS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct FlagSet(u32);

/// The result of a number and its flags.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Said {
    /// A result.
    Value {
        value: f64,
        /// Its sign and the laboratory's flags.
        flags: Flags,
    },
    /// No result, and why.
    Without(&'static str),
}

impl Said {
    /// A value as measured.
    pub(super) fn plain(value: f64) -> Self {
        Self::Value { value, flags: Flags::default() }
    }
}

impl FlagSet {
    pub(super) const LESS: Self = Self(LESS);
    pub(super) const GREATER: Self = Self(GREATER);

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn flag(text: &str) -> Option<Self> {
        FLAGS.iter().position(|(known, _)| known.eq_ignore_ascii_case(text)).map(|place| Self(1 << place))
    }

    /// All flags of a text, or the first unknown one.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::default());
        }
        if let Some(known) = Self::written(text) {
            return Ok(known);
        }
        let mut all = Self::default();
        let parts = text.split([' ', ',', ';', '/', '|', '\u{a0}', '(', ')', '[', ']', ':', '&']);
        for part in parts.filter(|part| !part.is_empty()) {
            all = all.and(Self::written(part).or_else(|| Self::joined(part)).ok_or_else(|| part.to_owned())?);
        }
        Ok(all)
    }

    /// A flag in one of its spellings.
    fn written(text: &str) -> Option<Self> {
        Self::flag(text).or_else(|| {
            let small = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
            WRITINGS.iter().find(|(known, _)| *known == small).and_then(|(_, flag)| Self::flag(flag))
        })
    }

    /// `UJ`, `JB`, `<J`: flags without anything between them.
    fn joined(text: &str) -> Option<Self> {
        let is_sign = |character| matches!(character, '<' | '>' | '=' | '≤' | '≥');
        let signs = text.find(|character| !is_sign(character)).unwrap_or(text.len());
        if signs > 0 && signs < text.len() {
            let rest = Self::written(&text[signs..]).or_else(|| Self::joined(&text[signs..]))?;
            return Self::written(&text[..signs]).map(|sign| sign.and(rest));
        }
        let word = text.trim_end_matches(is_sign);
        if !word.is_empty() && word.len() < text.len() {
            let first = Self::written(word).or_else(|| Self::joined(word))?;
            return Self::written(&text[word.len()..]).map(|sign| sign.and(first));
        }
        let upper = text.to_ascii_uppercase();
        let (first, letters) = match upper.as_bytes() {
            [b'U', rest @ ..] if !rest.is_empty() => (Self::flag("U")?, rest),
            all => (Self::default(), all),
        };
        let are_known = letters.len() <= 4 && letters.iter().all(|letter| JOINED.contains(letter));
        let flag = |letter: &u8| Self::flag(char::from(*letter).encode_utf8(&mut [0; 4]));
        are_known.then(|| letters.iter().filter_map(flag).fold(first, Self::and))
    }

    fn has(self, meaning: Meaning) -> bool {
        self.entries().any(|(_, found)| found == meaning)
    }

    fn entries(self) -> impl Iterator<Item = (&'static str, Meaning)> {
        FLAGS.iter().enumerate().filter(move |(place, _)| self.0 >> place & 1 == 1).map(|(_, entry)| *entry)
    }

    /// The letters among them, for counting.
    pub(super) fn letters(self) -> impl Iterator<Item = &'static str> {
        self.entries().map(|(text, _)| text).filter(|text| text.as_bytes()[0].is_ascii_alphabetic())
    }

    /// Whether a number is needed from the columns of limits.
    pub(super) fn wants_limit(self) -> bool {
        self.has(Meaning::NonDetect) || self.has(Meaning::NotQuantified)
    }

    fn laboratory(self) -> LabFlags {
        let measured = self.entries().filter(|(_, meaning)| *meaning == Meaning::Measured);
        measured.filter_map(|(text, _)| LabFlags::parse(text)).fold(LabFlags::default(), LabFlags::and)
    }

    /// The result of a number, or none, and these flags. `limits` are the row's limits of detection and reporting;
    /// `text` is the original, for a refusal.
    pub(super) fn result(self, number: Option<f64>, limits: Limits, text: impl Fn() -> String) -> Result<Said, String> {
        let plain = |value, qualifier| Said::Value { value, flags: signed(qualifier) };
        match (self.0, number) {
            (0 | EQUAL, None) => return Ok(Said::Without("empty value")),
            (0 | EQUAL, Some(value)) => return Ok(plain(value, Qualifier::Equal)),
            (LESS, Some(value)) if value != 0.0 => return Ok(plain(value, Qualifier::Less)),
            (GREATER, Some(value)) => return Ok(plain(value, Qualifier::Greater)),
            _ => {}
        }
        if let Some((code, _)) = self.entries().find(|(_, meaning)| *meaning == Meaning::NoResult) {
            return Ok(Said::Without(code));
        }
        let is_below = self.wants_limit();
        let signs = [is_below, self.has(Meaning::AtLeast), self.has(Meaning::Equal)];
        if signs.iter().filter(|sign| **sign).count() > 1 {
            return Err("contradicts the sign or flag beside it".into());
        }
        let (value, qualifier) = match (is_below, self.has(Meaning::AtLeast)) {
            (true, _) => {
                // No detection limit is 0.
                let beside = number.filter(|number| *number != 0.0);
                let value = beside.or_else(|| limits.nearest(self.has(Meaning::NotQuantified))).or(number);
                let missing =
                    || format!("`{}` without a number, and its row has no detection or reporting limit", text());
                (value.ok_or_else(missing)?, Qualifier::Less)
            }
            (_, true) => (number.ok_or_else(|| format!("`{}` without a number", text()))?, Qualifier::Greater),
            _ => match number {
                Some(value) => (value, Qualifier::Equal),
                None => return Ok(Said::Without("empty value")),
            },
        };
        Ok(Said::Value { value, flags: signed(qualifier).with_laboratory(self.laboratory()) })
    }
}

fn signed(qualifier: Qualifier) -> Flags {
    Flags::new(qualifier, TimeKind::Clock, None, 0)
}

/// The limits of a row: of detection and of reporting.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    pub(super) detection: Option<f64>,
    pub(super) reporting: Option<f64>,
}

impl Limits {
    fn nearest(self, is_reporting: bool) -> Option<f64> {
        if is_reporting { self.reporting.or(self.detection) } else { self.detection.or(self.reporting) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Limits = Limits { detection: None, reporting: None };
    const BOTH: Limits = Limits { detection: Some(0.1), reporting: Some(0.5) };

    fn read(text: &str, number: Option<f64>, limits: Limits) -> String {
        let flags = match FlagSet::parse(text) {
            Ok(flags) => flags,
            Err(unknown) => return format!("unknown {unknown}"),
        };
        match flags.result(number, limits, || text.to_owned()) {
            Ok(Said::Value { value, flags }) => {
                let letters = flags.laboratory().texts().join(" ");
                format!("{}{value} {letters}", flags.qualifier().as_str()).trim().to_owned()
            }
            Ok(Said::Without(why)) => format!("without {why}"),
            Err(reason) => reason,
        }
    }

    #[test]
    fn flags_beside_a_number() {
        for (text, said) in [
            ("", "=2"),
            ("=", "=2"),
            ("J", "=2 J"),
            ("dnq", "=2 DNQ"),
            ("J B", "=2 J B"),
            ("H,j", "=2 J H"),
            ("JB", "=2 J B"),
            ("J-", "=2 J"),
            ("U", "<2"),
            ("UJ", "<2 J"),
            ("U; J", "<2 J"),
            ("ND", "<2"),
            ("<=", "<2"),
            ("<J", "<2 J"),
            ("ND<", "<2"),
            ("BDL", "<2"),
            ("BQL", "<2"),
            ("Not  Detected", "<2"),
            (">", ">2"),
            ("≥", ">2"),
            ("G", ">2"),
            ("TNTC", ">2"),
            ("R", "without R"),
            ("J,R", "without R"),
            ("ns", "without NS"),
            ("NR", "without NR"),
            ("X", "unknown X"),
            ("J XY", "unknown XY"),
            ("JU", "unknown JU"),
            ("< >", "contradicts the sign or flag beside it"),
            ("TNTC U", "contradicts the sign or flag beside it"),
            ("= ND", "contradicts the sign or flag beside it"),
        ] {
            assert_eq!(read(text, Some(2.0), NONE), said, "{text}");
        }
    }

    #[test]
    fn non_detects_without_a_number_are_at_a_limit_of_the_row() {
        assert_eq!(read("ND", None, BOTH), "<0.1");
        assert_eq!(read("BQL", None, BOTH), "<0.5");
        assert_eq!(read("below reporting limit", None, BOTH), "<0.5");
        assert_eq!(read("U", None, Limits { detection: None, ..BOTH }), "<0.5");
        assert_eq!(read("U", Some(0.0), BOTH), "<0.1");
        assert_eq!(read("U", Some(0.0), NONE), "<0");
        assert_eq!(read("U", Some(2.0), BOTH), "<2");
        assert_eq!(
            read("Not Detected", None, NONE),
            "`Not Detected` without a number, and its row has no detection or reporting limit"
        );
        assert_eq!(read("TNTC", None, BOTH), "`TNTC` without a number");
        assert_eq!(read("J", None, BOTH), "without empty value");
    }

    #[test]
    fn every_flag_and_writing_is_one_that_is_known() {
        for (writing, flag) in WRITINGS {
            assert_eq!(FlagSet::parse(writing), FlagSet::parse(flag), "{writing}");
            assert!(FlagSet::flag(flag).is_some(), "{flag}");
        }
        for text in LabFlags::TEXTS {
            assert!(FlagSet::flag(text).is_some_and(|flag| flag.laboratory().texts() == [text]), "{text}");
        }
    }
}
