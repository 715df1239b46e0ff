//! A reading and the series it belongs to.

use super::{name, time::TimeKind};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The sign of a reported value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Qualifier {
    /// The value as measured.
    #[default]
    #[serde(rename = "=")]
    Equal,
    /// A non-detect: below the value, which is the detection limit.
    #[serde(rename = "<")]
    Less,
    /// Beyond the range of the method: above the value.
    #[serde(rename = ">")]
    Greater,
}

impl Qualifier {
    /// Parses a qualifier. `E` (estimated) is a measured value and `T` (too numerous to count) a `>`, as in ICIS-NPDES.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "" | "=" | "E" | "e" => Some(Self::Equal),
            "<" | "<=" => Some(Self::Less),
            ">" | ">=" | "T" | "t" => Some(Self::Greater),
            _ => None,
        }
    }

    /// The sign shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Less => "<",
            Self::Greater => ">",
        }
    }
}

/// A number within this relative distance of a limit counts as equal to it.
const NEAR: f64 = 1e-12;

/// The side of a limit on which values exceed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Values above the limit are exceedances.
    Max,
    /// Values below it are.
    Min,
}

impl Direction {
    /// Whether a number exceeds a limit, strictly.
    ///
    /// A number within a relative 1e-12 of the limit counts as equal to it: the mean of 0.1, 0.2 and 0.3 is
    /// 0.20000000000000004 in binary and must not exceed 0.2.
    #[inline]
    pub fn is_beyond(self, value: f64, limit: f64) -> bool {
        let beyond = match self {
            Self::Max => value - limit,
            Self::Min => limit - value,
        };
        beyond > 0.0 && beyond > limit.abs() * NEAR
    }

    /// Whether a number exceeds a limit or equals it: a fast check that misses no exceedance.
    #[inline]
    pub fn is_beyond_or_near(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Max => value >= limit,
            Self::Min => value <= limit,
        }
    }

    /// The sign of numbers that may exceed the limit without bound.
    #[inline]
    pub fn opens(self) -> Qualifier {
        match self {
            Self::Max => Qualifier::Greater,
            Self::Min => Qualifier::Less,
        }
    }

    /// Whether a value between two numbers is within the limit; `None` if that is uncertain. A value whose sign says
    /// that it is above a number is strictly above it, and likewise below.
    #[inline]
    pub fn is_within(self, (low, high): (f64, f64), sign: Qualifier, limit: f64) -> Option<bool> {
        let (good, bad) = match self {
            Self::Max => (high, low),
            Self::Min => (low, high),
        };
        // A value above the limit itself exceeds it, although the number does not.
        let is_past = || sign == self.opens() && (bad - limit).abs() <= limit.abs() * NEAR;
        if !self.is_beyond(good, limit) {
            Some(true)
        } else if self.is_beyond(bad, limit) || is_past() {
            Some(false)
        } else {
            None
        }
    }
}

/// Everything about a result except time, value, sample and the unit's text, in 32 bits. `with_...` sets parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(pub u32);

/// The most units one dictionary can hold.
pub const MAX_UNITS: usize = 1 << 11;

const LIMIT: u32 = 4;
const LABORATORY: u32 = 11;
const UNIT: u32 = 21;

/// A yes-or-no property of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Mark {
    /// Its local time is in the second of the two hours that a clock shows twice.
    Fold = 1 << 6,
    /// Blanks, spikes, duplicates: kept, never judged.
    QualityControl = 1 << 7,
    /// A published result that replaces everything at its time.
    Replaces = 1 << 8,
    /// The limit that came with it is a benchmark: exceeding it is no violation.
    Benchmark = 1 << 9,
    /// It came with a limit that is not judged: stayed, or with the sign `=`.
    Unjudged = 1 << 10,
    /// For a value of a statistic: its readings end in a gap.
    Gap = 1 << 20,
}

impl Flags {
    /// Packs what every result has; `unit` is an index below [`MAX_UNITS`].
    #[inline]
    pub fn new(qualifier: Qualifier, kind: TimeKind, limit: Option<Direction>, unit: usize) -> Self {
        let limit = match limit {
            None => 0,
            Some(Direction::Max) => 1,
            Some(Direction::Min) => 2,
        };
        Self(qualifier as u32 | (kind as u32) << 2 | limit << LIMIT | (unit as u32) << UNIT)
    }

    /// The flags of versions that had 16 bits: qualifier, hours or not, direction of the limit, unit.
    pub fn of_16_bits(old: u16) -> Self {
        let old = u32::from(old);
        Self(old & 3 | (old >> 2 & 1) << 2 | (old >> 3 & 3) << LIMIT | (old >> 5) << UNIT)
    }

    /// The qualifier.
    #[inline]
    pub fn qualifier(self) -> Qualifier {
        match self.0 & 3 {
            1 => Qualifier::Less,
            2 => Qualifier::Greater,
            _ => Qualifier::Equal,
        }
    }

    /// How the time was written.
    #[inline]
    pub fn kind(self) -> TimeKind {
        match self.0 >> 2 & 3 {
            0 => TimeKind::Clock,
            1 => TimeKind::Hours,
            2 => TimeKind::Date,
            _ => TimeKind::Local,
        }
    }

    /// The same flags with another form of the time.
    #[inline]
    #[must_use]
    pub fn with_kind(self, kind: TimeKind) -> Self {
        Self(self.0 & !(3 << 2) | (kind as u32) << 2)
    }

    /// The direction of the limit that the result carries.
    #[inline]
    pub fn limit(self) -> Option<Direction> {
        match self.0 >> LIMIT & 3 {
            1 => Some(Direction::Max),
            2 => Some(Direction::Min),
            _ => None,
        }
    }

    /// Whether it has a mark.
    #[inline]
    pub fn has(self, mark: Mark) -> bool {
        self.0 & mark as u32 != 0
    }

    /// The same flags with a mark.
    #[inline]
    #[must_use]
    pub fn with(self, mark: Mark) -> Self {
        Self(self.0 | mark as u32)
    }

    /// The laboratory's flags beside a measured value.
    pub fn laboratory(self) -> LabFlags {
        LabFlags((self.0 >> LABORATORY) as u16 & LabFlags::ALL)
    }

    /// The same flags with those of a laboratory.
    #[must_use]
    pub fn with_laboratory(self, flags: LabFlags) -> Self {
        Self(self.0 & !(u32::from(LabFlags::ALL) << LABORATORY) | u32::from(flags.0) << LABORATORY)
    }

    /// The index of the unit.
    #[inline]
    pub fn unit(self) -> usize {
        (self.0 >> UNIT) as usize
    }

    /// The same flags with another unit index.
    #[inline]
    #[must_use]
    pub fn with_unit(self, unit: usize) -> Self {
        Self(self.0 & ((1 << UNIT) - 1) | (unit as u32) << UNIT)
    }
}

/// Flags that a laboratory writes beside a measured value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LabFlags(u16);

impl LabFlags {
    /// Their texts, as laboratories write them.
    pub const TEXTS: [&'static str; 9] = ["J", "B", "D", "E", "M", "DNQ", "T", "Q", "H"];
    const ALL: u16 = (1 << Self::TEXTS.len()) - 1;

    /// One flag by its text, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        let place = Self::TEXTS.iter().position(|known| known.eq_ignore_ascii_case(text))?;
        Some(Self(1 << place))
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The texts of those that are there.
    pub fn texts(self) -> Vec<&'static str> {
        let is_there = |place: &usize| self.0 >> place & 1 == 1;
        (0..Self::TEXTS.len()).filter(is_there).map(|place| Self::TEXTS[place]).collect()
    }
}

/// The identity of a series: a reading's identity without its time. Compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Series {
    /// The permit holder's site.
    pub site: String,
    /// The outfall of the site.
    pub outfall: String,
    /// What was measured.
    pub parameter: String,
    /// The statistic of a period that was reported (`DAILY MX`), empty for raw readings.
    pub base: String,
    /// What else distinguishes reported values: parameter code, form field, monitoring location, limit set. Joined by
    /// slashes, they are codes that identify the series alone: see [`Self::is_coded`].
    pub variant: String,
}

impl Series {
    /// A series of raw readings.
    pub fn raw(site: &str, outfall: &str, parameter: &str) -> Self {
        Self {
            site: site.into(),
            outfall: outfall.into(),
            parameter: parameter.into(),
            base: String::new(),
            variant: String::new(),
        }
    }

    /// Whether the values are raw readings, not statistics.
    pub fn is_raw(&self) -> bool {
        self.base.is_empty()
    }

    /// Whether codes, parameter and statistic among them, identify the series of an outfall, so that it is the same in
    /// EPA's files with and without descriptions of codes.
    pub fn is_coded(&self) -> bool {
        self.variant.contains('/')
    }

    /// Its id in the table: 24 hex digits of a digest, the same for every spelling.
    pub fn id(&self) -> String {
        let parts = [&self.site, &self.outfall, &self.parameter, &self.base, &self.variant];
        let counts = |part: &usize| !self.is_coded() || ![2, 3].contains(part);
        short_digest((0..parts.len()).filter(counts).map(|part| name::key(parts[part])))
    }
}

/// The number of a sample: 64 bits of a digest of its id, the same for every spelling; never 0.
pub fn sample_id(id: &str) -> u64 {
    let digest = Sha256::digest(name::key(id));
    let first: [u8; 8] = std::array::from_fn(|place| digest[place]);
    u64::from_le_bytes(first).max(1)
}

/// 24 hex digits (96 bits) of SHA-256 over the parts.
pub fn short_digest<I>(parts: I) -> String
where
    I: IntoIterator,
    I::Item: AsRef<[u8]>,
{
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.as_ref().len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..12])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_keep_their_parts() {
        let laboratory = LabFlags::parse("dnq").unwrap().and(LabFlags::parse("J").unwrap());
        for qualifier in [Qualifier::Equal, Qualifier::Less, Qualifier::Greater] {
            for kind in [TimeKind::Clock, TimeKind::Hours, TimeKind::Date, TimeKind::Local] {
                for limit in [None, Some(Direction::Max), Some(Direction::Min)] {
                    for unit in [0, 1, MAX_UNITS - 1] {
                        let plain = Flags::new(qualifier, kind, limit, unit);
                        assert_eq!(plain.with_kind(TimeKind::Hours).with_kind(kind), plain);
                        let flags = plain.with(Mark::QualityControl).with_laboratory(laboratory).with_unit(unit);
                        assert_eq!(
                            (flags.qualifier(), flags.kind(), flags.limit(), flags.unit()),
                            (qualifier, kind, limit, unit)
                        );
                        assert_eq!((flags.laboratory(), plain.laboratory()), (laboratory, LabFlags::default()));
                        assert!(
                            flags.has(Mark::QualityControl) && !flags.has(Mark::Fold) && !flags.has(Mark::Unjudged)
                        );
                    }
                }
            }
        }
        assert_eq!(laboratory.texts(), ["J", "DNQ"]);
        assert_eq!(LabFlags::parse("X"), None);
    }

    #[test]
    fn flags_of_earlier_versions_are_understood() {
        // Less, hours, a minimum, unit 5.
        let flags = Flags::of_16_bits(1 | 1 << 2 | 2 << 3 | 5 << 5);
        assert_eq!(flags, Flags::new(Qualifier::Less, TimeKind::Hours, Some(Direction::Min), 5));
        assert_eq!(Flags::of_16_bits(0), Flags::new(Qualifier::Equal, TimeKind::Clock, None, 0));
    }

    #[test]
    fn spelling_does_not_make_another_series() {
        let a = Series::raw("Plant", "001", "SO4");
        assert_eq!(a.id(), Series::raw(" plant", "001 ", "so4").id());
        assert_ne!(a.id(), Series::raw("Plant", "002", "SO4").id());
        assert_ne!(Series::raw("ab", "c", "d").id(), Series::raw("a", "bc", "d").id());
    }
}
