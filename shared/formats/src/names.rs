//! The series and units that a file names.

use domain::name::{self, DEFAULT_OUTFALL, DEFAULT_SITE, NameError};
use domain::reading::{MAX_UNITS, Series};
use domain::unit::{DEFAULT_UNIT, MAX_SERIES_UNITS, MAX_UNIT_BYTES, Unit};
use hashbrown::HashTable;
use rustc_hash::FxHasher;
use std::collections::{HashMap, HashSet};
use std::hash::Hasher;
use std::sync::Arc;

/// The most series one file may hold: more means that a column is not what the header says.
pub(super) const MAX_SERIES: usize = 10_000;
/// The most sites one file may have readings of. Each is named in the file's record, which is one item of the table.
pub(super) const MAX_SITES: usize = 300;
/// Spellings remembered at once; a file that spells one name in more ways is read a little slower.
const MAX_SPELLINGS: usize = 65_536;

/// A name that cannot be used: which of its parts, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) part: Part,
    pub(super) reason: String,
}

/// The part of a row's name that is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Parameter,
    Site,
    Outfall,
    Unit,
}

/// The raw texts that name a reading's series and unit; empty ones mean the default.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw<'a> {
    pub(super) parameter: &'a [u8],
    pub(super) site: &'a [u8],
    pub(super) outfall: &'a [u8],
    pub(super) unit: &'a [u8],
}

impl<'a> Raw<'a> {
    fn parts(&self) -> [&'a [u8]; 4] {
        [self.parameter, self.site, self.outfall, self.unit]
    }

    #[inline]
    fn hash(&self) -> u64 {
        let mut hasher = FxHasher::default();
        // Most files name neither site nor outfall nor unit in their rows.
        for part in self.parts().into_iter().filter(|part| !part.is_empty()) {
            hasher.write(part);
        }
        hasher.finish()
    }
}

/// A raw name met before, and what it means.
#[derive(Debug)]
struct Spelling {
    parts: [Box<[u8]>; 4],
    hash: u64,
    named: Named,
}

impl Spelling {
    #[inline]
    fn is(&self, raw: &Raw<'_>) -> bool {
        std::iter::zip(&self.parts, raw.parts())
            .all(|(known, part)| known.len() == part.len() && (part.is_empty() || **known == *part))
    }
}

/// Series and unit of a reading, as indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) series: u32,
    pub(super) unit: u16,
}

/// All series and units met so far.
#[derive(Debug)]
pub(super) struct Names {
    /// The site that whoever sent the file named.
    given_site: Option<String>,
    /// The permit of the rows so far, where `given_site` takes its place.
    permit: Option<String>,
    pub(super) series: Vec<Series>,
    pub(super) units: Vec<Arc<str>>,
    /// The units of each series, as indices.
    units_of: Vec<Vec<u16>>,
    /// The units that series may have whose room is taken by others, by the series' id.
    allowed: HashMap<String, Vec<String>>,
    sites: HashSet<String>,
    by_id: HashMap<String, u32>,
    by_spelling: HashTable<Spelling>,
}

impl Names {
    pub(super) fn new(given_site: Option<&str>) -> Self {
        Self {
            given_site: given_site.map(str::to_owned),
            permit: None,
            series: Vec::new(),
            units: Vec::new(),
            units_of: Vec::new(),
            allowed: HashMap::new(),
            sites: HashSet::new(),
            by_id: HashMap::new(),
            by_spelling: HashTable::new(),
        }
    }

    /// The indices for a raw name; looked up by its bytes, checked only when it is new.
    #[inline]
    pub(super) fn resolve(&mut self, raw: Raw<'_>) -> Result<Named, Refusal> {
        let hash = raw.hash();
        match self.by_spelling.find(hash, |spelling| spelling.is(&raw)) {
            Some(spelling) => Ok(spelling.named),
            None => self.admit(raw, hash),
        }
    }

    #[cold]
    fn admit(&mut self, raw: Raw<'_>, hash: u64) -> Result<Named, Refusal> {
        let site = match raw.site.trim_ascii() {
            [] => self.given_site.as_deref().unwrap_or(DEFAULT_SITE).to_owned(),
            site => checked(site, Part::Site)?,
        };
        let outfall = match raw.outfall.trim_ascii() {
            [] => DEFAULT_OUTFALL.to_owned(),
            outfall => checked(outfall, Part::Outfall)?,
        };
        let series = self.add_series(Series::raw(&site, &outfall, &checked(raw.parameter, Part::Parameter)?))?;
        let unit = match raw.unit.trim_ascii() {
            [] => self.add_unit(DEFAULT_UNIT)?,
            unit => self.add_unit(text(unit, Part::Unit)?)?,
        };
        let named = self.named(series, unit)?;
        if self.by_spelling.len() == MAX_SPELLINGS {
            self.by_spelling.clear();
        }
        let spelling = Spelling { parts: raw.parts().map(Into::into), hash, named };
        self.by_spelling.insert_unique(hash, spelling, |known| known.hash);
        Ok(named)
    }

    /// Which units some series may have, and no others.
    pub(super) fn allow(&mut self, units: HashMap<String, Vec<String>>) {
        self.allowed = units;
    }

    /// The units of a series so far.
    pub(super) fn units_of(&self, series: usize) -> Vec<Arc<str>> {
        let of = self.units_of.get(series).into_iter().flatten();
        of.map(|&unit| self.units[usize::from(unit)].clone()).collect()
    }

    /// A series and a unit of it, if it has room for one more.
    pub(super) fn named(&mut self, series: u32, unit: u16) -> Result<Named, Refusal> {
        let index = series as usize;
        if self.units_of.len() <= index {
            self.units_of.resize_with(index + 1, Vec::new);
        }
        if !self.units_of[index].contains(&unit) {
            let allowed = self.allowed.get(&self.series[index].id());
            let is_allowed =
                allowed.is_none_or(|units| units.iter().any(|text| **text == *self.units[usize::from(unit)]));
            if !is_allowed || self.units_of[index].len() == MAX_SERIES_UNITS {
                return Err(refuse(Part::Unit, format!("more than {MAX_SERIES_UNITS} units in one series")));
            }
            self.units_of[index].push(unit);
        }
        Ok(Named { series, unit })
    }

    /// The site of a row that names a permit: the one given with the file, else the permit itself. Rows of two
    /// permits do not go to one site, where their outfalls would be taken for each other.
    pub(super) fn site_of(&mut self, permit: String) -> Result<String, Refusal> {
        let Some(given) = &self.given_site else { return Ok(permit) };
        let first = self.permit.get_or_insert_with(|| permit.clone());
        if name::same(first, &permit) {
            return Ok(given.clone());
        }
        let reason = format!("a row of another permit than {first}; name no site, and each permit is one of its own");
        Err(refuse(Part::Site, reason))
    }

    /// The index of a series, added if it is new.
    pub(super) fn add_series(&mut self, series: Series) -> Result<u32, Refusal> {
        let id = series.id();
        if let Some(index) = self.by_id.get(&id) {
            return Ok(*index);
        }
        if self.series.len() == MAX_SERIES {
            return Err(refuse(Part::Parameter, format!("more than {MAX_SERIES} series in one file")));
        }
        let site = name::key(&series.site);
        if !self.sites.contains(&site) {
            if self.sites.len() == MAX_SITES {
                return Err(refuse(Part::Site, format!("more than {MAX_SITES} sites in one file")));
            }
            self.sites.insert(site);
        }
        let index = self.series.len() as u32;
        self.by_id.insert(id, index);
        self.series.push(series);
        Ok(index)
    }

    /// The index of a unit, added if it is new.
    pub(super) fn add_unit(&mut self, unit: &str) -> Result<u16, Refusal> {
        if unit.len() > MAX_UNIT_BYTES || unit.chars().any(char::is_control) {
            return Err(refuse(
                Part::Unit,
                format!("a unit has at most {MAX_UNIT_BYTES} bytes and no control characters"),
            ));
        }
        let unit = Unit::parse(unit);
        if let Some(index) = self.units.iter().position(|known| **known == *unit.as_str()) {
            return Ok(index as u16);
        }
        if self.units.len() == MAX_UNITS {
            return Err(refuse(Part::Unit, format!("more than {MAX_UNITS} units in one file")));
        }
        self.units.push(unit.as_str().into());
        Ok((self.units.len() - 1) as u16)
    }
}

fn refuse(part: Part, reason: String) -> Refusal {
    Refusal { part, reason }
}

pub(super) fn text(bytes: &[u8], part: Part) -> Result<&str, Refusal> {
    std::str::from_utf8(bytes).map_err(|_| refuse(part, "UTF-8 text is expected".into()))
}

pub(super) fn checked(bytes: &[u8], part: Part) -> Result<String, Refusal> {
    let name = name::check(text(bytes, part)?).map_err(|e: NameError| refuse(part, e.to_string()))?;
    Ok(name.to_owned())
}
