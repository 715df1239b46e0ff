//! A reading and the series it belongs to.

use super::{name, time::TimeKind};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How a reported value is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Qualifier {
    /// The value as measured.
    #[default]
    #[serde(rename = "=")]
    Equal,
    /// A non-detect: below the detection limit that the value names.
    #[serde(rename = "<")]
    Less,
    /// Beyond the range of the method: above the value named.
    #[serde(rename = ">")]
    Greater,
}

impl Qualifier {
    /// Reads a qualifier. `E` (estimated) is a measured value and `T` (too numerous to count) a `>`, as in ICIS-NPDES.
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

/// On which side of a limit the forbidden values lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Values above the limit are exceedances.
    Max,
    /// Values below it are.
    Min,
}

/// Everything about a reading but its time, value and unit, in 16 bits: the qualifier, how the time was written,
/// the direction of the limit that came with it, and the place of its unit in the dictionary beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u16);

/// The most units one dictionary can hold.
pub const MAX_UNITS: usize = 1 << 11;

impl Flags {
    /// Packs the parts; `unit` is an index below [`MAX_UNITS`].
    #[inline]
    pub fn new(qualifier: Qualifier, kind: TimeKind, limit: Option<Direction>, unit: usize) -> Self {
        let hours = u16::from(kind == TimeKind::Hours);
        let limit = match limit {
            None => 0,
            Some(Direction::Max) => 1,
            Some(Direction::Min) => 2,
        };
        Self(qualifier as u16 | hours << 2 | limit << 3 | (unit as u16) << 5)
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
    pub fn kind(self) -> TimeKind {
        if self.0 & 4 == 0 { TimeKind::Clock } else { TimeKind::Hours }
    }

    /// The direction of the limit that the reading carries.
    #[inline]
    pub fn limit(self) -> Option<Direction> {
        match self.0 >> 3 & 3 {
            1 => Some(Direction::Max),
            2 => Some(Direction::Min),
            _ => None,
        }
    }

    /// The index of the unit.
    #[inline]
    pub fn unit(self) -> usize {
        usize::from(self.0 >> 5)
    }

    /// The same flags with another unit index.
    #[inline]
    pub fn with_unit(self, unit: usize) -> Self {
        Self(self.0 & 0x1f | (unit as u16) << 5)
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
    /// What else keeps reported values apart: parameter code, form field, monitoring location, limit set.
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

    /// Whether the values are raw readings, from which statistics are yet to be taken.
    pub fn is_raw(&self) -> bool {
        self.base.is_empty()
    }

    /// The name under which it is stored: 24 hex digits of a digest, the same for every spelling.
    pub fn id(&self) -> String {
        let parts = [&self.site, &self.outfall, &self.parameter, &self.base, &self.variant];
        short_digest(parts.into_iter().map(|part| name::key(part)))
    }
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
        for qualifier in [Qualifier::Equal, Qualifier::Less, Qualifier::Greater] {
            for kind in [TimeKind::Clock, TimeKind::Hours] {
                for limit in [None, Some(Direction::Max), Some(Direction::Min)] {
                    for unit in [0, 1, MAX_UNITS - 1] {
                        let flags = Flags::new(qualifier, kind, limit, unit);
                        assert_eq!(
                            (flags.qualifier(), flags.kind(), flags.limit(), flags.unit()),
                            (qualifier, kind, limit, unit)
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn spelling_does_not_make_another_series() {
        let a = Series::raw("Plant", "001", "SO4");
        assert_eq!(a.id(), Series::raw(" plant", "001 ", "so4").id());
        assert_ne!(a.id(), Series::raw("Plant", "002", "SO4").id());
        assert_ne!(Series::raw("ab", "c", "d").id(), Series::raw("a", "bc", "d").id());
    }
}
