//! A site's permit over time: versions, each in force from a day on.

use crate::calendar::Calendar;
use crate::permit::Permit;
use jiff::civil::Date;

/// One version of a permit.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Its number: versions are numbered as they are written.
    pub number: u64,
    /// The first local day on which it is in force; from the beginning if absent.
    pub effective_from: Option<Date>,
    /// Its limits.
    pub permit: Permit,
}

/// All versions of a site's permit.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The site's calendar, that of all versions.
    pub calendar: Calendar,
    /// Sorted by their first day in force; at least one.
    versions: Vec<Version>,
}

impl Default for History {
    /// The built-in permit, of number 0.
    fn default() -> Self {
        Self::of(Permit::default(), 0)
    }
}

impl History {
    /// A permit that has been in force all along.
    pub fn of(permit: Permit, number: u64) -> Self {
        let calendar = permit.calendar.clone();
        Self { calendar, versions: vec![Version { number, effective_from: None, permit }] }
    }

    /// From versions in any order. The calendar is that of the last written one. `None` without versions.
    pub fn new(mut versions: Vec<Version>) -> Option<Self> {
        let calendar = versions.iter().max_by_key(|version| version.number)?.permit.calendar.clone();
        versions.sort_by_key(|version| version.effective_from);
        Some(Self { calendar, versions })
    }

    /// The versions, the earliest first.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// The versions, each with the range of moments in which it is in force.
    pub fn in_force(&self) -> impl Iterator<Item = (&Version, (i64, i64))> {
        let start = |version: &Version| version.effective_from.map_or(i64::MIN, |day| self.calendar.midnight(day));
        self.versions.iter().enumerate().map(move |(index, version)| {
            let end = self.versions.get(index + 1).map_or(i64::MAX, start);
            (version, (start(version), end))
        })
    }

    /// The version in force at a moment, if there is one.
    pub fn at(&self, micros: i64) -> Option<&Version> {
        self.in_force().find(|(_, (from, until))| *from <= micros && micros < *until).map(|(version, _)| version)
    }

    /// The latest version that is in force at a moment, or else the first one that will be.
    pub fn now(&self, micros: i64) -> &Version {
        // There is at least one.
        self.at(micros).unwrap_or(&self.versions[0])
    }

    /// The number of the version in force at a moment; 0 before the first one.
    pub fn number_at(&self, micros: i64) -> u64 {
        self.at(micros).map_or(0, |version| version.number)
    }

    /// The same in UTC: for times without a calendar.
    #[must_use]
    pub fn in_utc(&self) -> Self {
        Self { calendar: Calendar::default(), versions: self.versions.clone() }
    }

    /// The same with a version that replaces the one of the same day, or is added between the others.
    #[must_use]
    pub fn with(&self, version: Version) -> Self {
        let calendar = version.permit.calendar.clone();
        let is_another = |known: &&Version| known.effective_from != version.effective_from;
        let mut versions: Vec<_> = self.versions.iter().filter(is_another).cloned().collect();
        versions.push(version);
        versions.sort_by_key(|version| version.effective_from);
        Self { calendar, versions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::from_clock;
    use jiff::civil::date;

    fn version(number: u64, effective_from: Option<Date>) -> Version {
        Version { number, effective_from, permit: Permit::default() }
    }

    #[test]
    fn each_version_is_in_force_until_the_next_one() {
        let history = History::of(Permit::default(), 1).with(version(2, Some(date(2026, 7, 1)))).with(version(3, None));
        let at = |text| history.number_at(from_clock(text).unwrap());
        assert_eq!([at("2026-06-30T23:59:59Z"), at("2026-07-01"), at("1999-01-01")], [3, 2, 3]);
        assert_eq!(history.versions().len(), 2);
    }

    #[test]
    fn before_the_first_version_nothing_is_in_force() {
        let history = History::new(vec![version(2, Some(date(2027, 1, 1))), version(1, Some(date(2026, 1, 1)))]);
        let history = history.unwrap();
        let at = |text| history.number_at(from_clock(text).unwrap());
        assert_eq!([at("2025-12-31"), at("2026-01-01"), at("2027-01-01")], [0, 1, 2]);
        assert_eq!(history.now(from_clock("2020-01-01").unwrap()).number, 1);
        assert_eq!(History::new(Vec::new()), None);
    }
}
