//! Finds columns by name.

use super::HeaderError;
use super::columns::{DATE, HOURS, Role, TIME, TIME_OF_DAY, ZONE};

/// The columns of the time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeColumns {
    /// The time, or the date.
    pub(crate) at: usize,
    /// The time of day, if it has a column of its own.
    pub(crate) of_day: Option<usize>,
    /// The zone of times without an offset.
    pub(crate) zone: Option<usize>,
    /// Whether bare numbers are hours.
    pub(crate) has_hours: bool,
}

impl TimeColumns {
    pub(crate) fn used(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.at).chain(self.of_day).chain(self.zone)
    }
}

/// The names of a file's columns.
pub(crate) struct Lookup<'a> {
    pub(crate) names: &'a [String],
    plain: Vec<String>,
}

/// The letters and digits of a name, in lower case.
fn plain(name: &str) -> String {
    domain::name::key(name).chars().filter(|character| character.is_alphanumeric()).collect()
}

impl<'a> Lookup<'a> {
    pub(crate) fn new(names: &'a [String]) -> Self {
        Self { names, plain: names.iter().map(|name| plain(name)).collect() }
    }

    /// The columns with one of these names.
    fn matches(&self, wanted: &[&str]) -> impl Iterator<Item = usize> {
        let wanted: Vec<String> = wanted.iter().map(|name| plain(name)).collect();
        (0..self.plain.len()).filter(move |&index| wanted.contains(&self.plain[index]))
    }

    fn one_of(&self, wanted: &[&str]) -> Result<Option<usize>, HeaderError> {
        let mut found = self.matches(wanted);
        match (found.next(), found.next()) {
            (_, Some(second)) => Err(HeaderError::Twice(self.names[second].clone())),
            (first, None) => Ok(first),
        }
    }

    /// The one column of a role.
    pub(crate) fn find(&self, role: Role) -> Result<Option<usize>, HeaderError> {
        match self.one_of(role.0)? {
            None => self.one_of(role.1),
            found => Ok(found),
        }
    }

    /// The one column with this name.
    pub(crate) fn named(&self, name: &str) -> Result<Option<usize>, HeaderError> {
        self.one_of(&[name])
    }

    /// All columns with one of these names, in the order of the names. None may occur twice.
    pub(crate) fn all(&self, wanted: &[&str]) -> Result<Vec<usize>, HeaderError> {
        let mut found = Vec::new();
        for name in wanted {
            found.extend(self.one_of(&[name])?);
        }
        Ok(found)
    }

    /// The column or the two columns of the time.
    pub(crate) fn time(&self) -> Result<Option<TimeColumns>, HeaderError> {
        let zone = self.find(ZONE)?;
        if let (Some(at), Some(of_day)) = (self.find(DATE)?, self.find(TIME_OF_DAY)?) {
            return Ok(Some(TimeColumns { at, of_day: Some(of_day), zone, has_hours: false }));
        }
        let hours: Vec<usize> = self.matches(HOURS).collect();
        let found = self.find(TIME)?;
        Ok(found.map(|at| TimeColumns { at, of_day: None, zone, has_hours: hours.contains(&at) }))
    }
}
