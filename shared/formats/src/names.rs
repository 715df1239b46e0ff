//! The series and units that a file names.

use super::clock::{Clock, Shown};
use super::options::Options;
use super::plausible::Plausible;
use domain::name::{self, DEFAULT_OUTFALL, DEFAULT_SITE, NameError};
use domain::reading::{MAX_UNITS, Series};
use domain::time::TimeKind;
use domain::unit::{DEFAULT_UNIT, MAX_SERIES_UNITS, MAX_UNIT_BYTES, Unit};
use hashbrown::HashTable;
use rustc_hash::FxHasher;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// The most series in one file: more means that a column is not what its header says.
pub(super) const MAX_SERIES: usize = 10_000;
/// The most sites in one file. Each is named in the file's record, which is one item of the table.
pub(super) const MAX_SITES: usize = 300;
/// Spellings to remember; a file with more is read a little slower.
const MAX_SPELLINGS: usize = 65_536;

/// A name that is refused: which part, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) part: Part,
    pub(super) reason: String,
}

/// The part of a name that is refused.
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

    /// All parts in one number, if they are short: up to 14 bytes, then the lengths in four bits each.
    #[inline(always)]
    fn packed(&self) -> Option<u128> {
        let parts = self.parts();
        if parts.iter().map(|part| part.len()).sum::<usize>() > PACKED_BYTES {
            return None;
        }
        let bytes = parts.iter().copied().flatten().fold(0, |packed, byte| packed << 8 | u128::from(*byte));
        Some(parts.iter().fold(bytes, |packed, part| packed << 4 | part.len() as u128))
    }
}

/// Bytes of a raw name that fit into one number with their lengths.
const PACKED_BYTES: usize = 14;
/// The most short raw names to compare one by one, which is faster than hashing while they are few.
const MAX_SHORT: usize = 8;

/// A known raw name, and its meaning.
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

/// Series, unit and site of a reading, as indices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Named {
    pub(super) series: u32,
    /// [`NO_UNIT`] if the row leaves it blank and nothing decides it.
    pub(super) unit: u16,
    pub(super) site: u16,
    pub(super) plausible: Plausible,
}

/// The unit of rows without one.
pub(super) const NO_UNIT: u16 = u16::MAX;

/// State of a series while the file is read.
#[derive(Debug)]
struct Known {
    id: String,
    site: u16,
    /// Its units, as indices.
    units: Vec<u16>,
    /// Units that rows name.
    stated: Vec<u16>,
    /// Whether rows leave the unit blank.
    has_blank: bool,
}

/// All series and units so far.
#[derive(Debug)]
pub(super) struct Names {
    options: Options,
    /// Whether the file has a column of units; then a blank cell is not the default.
    pub(super) has_unit_column: bool,
    /// The permit of the rows so far, if a given site replaces it.
    permit: Option<String>,
    pub(super) series: Vec<Series>,
    pub(super) units: Vec<Arc<str>>,
    known: Vec<Known>,
    sites: HashMap<String, u16>,
    by_id: HashMap<String, u32>,
    by_spelling: HashTable<Spelling>,
    short: Vec<(u128, Named)>,
    by_cells: HashMap<Box<[u8]>, Named, BuildHasherDefault<FxHasher>>,
    /// The clocks of the sites, by the same index.
    pub(super) clock: Clock,
}

impl Names {
    pub(super) fn new(options: Options) -> Self {
        Self {
            clock: Clock::new(options.now, options.conventions.folds.clone()),
            options,
            has_unit_column: false,
            permit: None,
            series: Vec::new(),
            units: Vec::new(),
            known: Vec::new(),
            sites: HashMap::new(),
            by_id: HashMap::new(),
            by_spelling: HashTable::new(),
            short: Vec::new(),
            by_cells: HashMap::default(),
        }
    }

    /// What the file is read by.
    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// The indices for a raw name; looked up by its bytes, checked only if new.
    #[inline(always)]
    pub(super) fn resolve(&mut self, raw: Raw<'_>) -> Result<Named, Refusal> {
        let packed = raw.packed();
        if let Some(packed) = packed
            && let Some((_, named)) = self.short.iter().find(|(known, _)| *known == packed)
        {
            return Ok(*named);
        }
        let hash = raw.hash();
        let named = match self.by_spelling.find(hash, |spelling| spelling.is(&raw)) {
            Some(spelling) => spelling.named,
            None => self.admit(raw, hash)?,
        };
        if let Some(packed) = packed.filter(|_| self.short.len() < MAX_SHORT) {
            self.short.push((packed, named));
        }
        Ok(named)
    }

    #[cold]
    fn admit(&mut self, raw: Raw<'_>, hash: u64) -> Result<Named, Refusal> {
        let site = match raw.site.trim_ascii() {
            [] => self.options.site.as_deref().unwrap_or(DEFAULT_SITE).to_owned(),
            site => site_named(text(site, Part::Site)?)?,
        };
        let outfall = match raw.outfall.trim_ascii() {
            [] => DEFAULT_OUTFALL.to_owned(),
            outfall => checked(outfall, Part::Outfall)?,
        };
        let series = self.add_series(Series::raw(&site, &outfall, &checked(raw.parameter, Part::Parameter)?))?;
        let named = match text(raw.unit, Part::Unit)? {
            unit if !is_blank(unit) => self.stated(series, unit)?,
            _ if self.has_unit_column => self.blank(series)?,
            _ => self.stated(series, DEFAULT_UNIT)?,
        };
        if self.by_spelling.len() == MAX_SPELLINGS {
            self.by_spelling.clear();
        }
        let spelling = Spelling { parts: raw.parts().map(Into::into), hash, named };
        self.by_spelling.insert_unique(hash, spelling, |known| known.hash);
        Ok(named)
    }

    /// The reading that these cells name together, if they are known.
    pub(super) fn met(&self, cells: &[u8]) -> Option<Named> {
        self.by_cells.get(cells).copied()
    }

    /// Remembers what cells name.
    pub(super) fn remember(&mut self, cells: &[u8], named: Named) {
        if self.by_cells.len() == MAX_SPELLINGS {
            self.by_cells.clear();
        }
        self.by_cells.insert(cells.into(), named);
    }

    /// A series in a unit that the row names.
    fn stated(&mut self, series: u32, unit: &str) -> Result<Named, Refusal> {
        let unit = self.add_unit(unit.trim())?;
        let stated = &mut self.known[series as usize].stated;
        if !stated.contains(&unit) && stated.len() <= MAX_SERIES_UNITS {
            stated.push(unit);
        }
        self.named(series, unit)
    }

    /// A series in the unit of its other rows, or of its stored readings.
    fn blank(&mut self, series: u32) -> Result<Named, Refusal> {
        let known = &mut self.known[series as usize];
        known.has_blank = true;
        match self.options.conventions.blank_unit(&known.id).map(str::to_owned) {
            Some(unit) => {
                let unit = self.add_unit(&unit)?;
                self.named(series, unit)
            }
            None => Ok(Named { series, unit: NO_UNIT, site: known.site, plausible: Plausible::ANY }),
        }
    }

    /// The units of a series so far.
    pub(super) fn units_of(&self, series: usize) -> Vec<Arc<str>> {
        let of = self.known.get(series).into_iter().flat_map(|known| &known.units);
        of.map(|&unit| self.units[usize::from(unit)].clone()).collect()
    }

    /// The position of a series' time on its site's clock.
    #[inline]
    pub(super) fn look(&mut self, named: Named, time: i64, kind: TimeKind) -> Shown {
        let known = &self.known;
        let id = || known.get(named.series as usize).map(|known| known.id.clone()).unwrap_or_default();
        self.clock.look(named.site, named.series, time, kind, id)
    }

    /// The id of a series.
    pub(super) fn id(&self, series: u32) -> String {
        self.known.get(series as usize).map(|known| known.id.clone()).unwrap_or_default()
    }

    /// The unit of all rows that have one, for series with rows that leave it blank.
    pub(super) fn blank_units(&self) -> HashMap<String, String> {
        let blank = self.known.iter().filter(|known| known.has_blank);
        blank.filter_map(|known| Some((known.id.clone(), self.agreed_unit(known)?))).collect()
    }

    /// The series with rows that leave the unit blank, if no other rows decide it.
    pub(super) fn wanted_units(&self) -> Vec<&Series> {
        let is_wanted = |known: &Known| known.has_blank && self.agreed_unit(known).is_none();
        std::iter::zip(&self.known, &self.series)
            .filter(|(known, _)| is_wanted(known))
            .map(|(_, series)| series)
            .collect()
    }

    /// The one unit, however it is spelled, of the rows of a series that name one.
    fn agreed_unit(&self, known: &Known) -> Option<String> {
        let first = self.units.get(usize::from(*known.stated.first()?))?;
        let is_same = |other: &u16| {
            let other = self.units.get(usize::from(*other));
            let into = other.and_then(|other| Unit::parse(other).conversion_to(&Unit::parse(first)));
            into.is_some_and(|into| [0.0, 1.0, 7.0].iter().all(|&value| into.apply(value) == value))
        };
        known.stated.iter().all(is_same).then(|| first.to_string())
    }

    /// A series with one of its units, if there is room for one more.
    pub(super) fn named(&mut self, series: u32, unit: u16) -> Result<Named, Refusal> {
        let (known, text) = (&mut self.known[series as usize], &self.units[usize::from(unit)]);
        if !known.units.contains(&unit) {
            let allowed = self.options.units.get(&known.id);
            let is_allowed = allowed.is_none_or(|units| units.iter().any(|unit| **unit == **text));
            if !is_allowed || known.units.len() == MAX_SERIES_UNITS {
                return Err(refuse(Part::Unit, format!("more than {MAX_SERIES_UNITS} units in one series")));
            }
            known.units.push(unit);
        }
        let highest = self.options.highest.get(&known.id).and_then(|highest| highest.in_unit(text));
        let plausible = Plausible::of(&self.series[series as usize].parameter, text, highest);
        Ok(Named { series, unit, site: known.site, plausible })
    }

    /// The site of a row that names a permit: the one given with the file, or else the permit itself. Rows of two
    /// permits do not go to one site, where their outfalls would be mixed up.
    pub(super) fn site_of(&mut self, permit: String) -> Result<String, Refusal> {
        let Some(given) = &self.options.site else { return site_named(&permit) };
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
        let key = name::key(&series.site);
        let site = match self.sites.get(&key) {
            Some(site) => *site,
            None if self.sites.len() == MAX_SITES => {
                return Err(refuse(Part::Site, format!("more than {MAX_SITES} sites in one file")));
            }
            None => {
                let site = self.clock.add(&series.site, self.options.zones.get(&key).cloned());
                self.sites.insert(key, site);
                site
            }
        };
        let index = self.series.len() as u32;
        self.by_id.insert(id.clone(), index);
        self.known.push(Known { id, site, units: Vec::new(), stated: Vec::new(), has_blank: false });
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

/// Texts that mean "none" in place of a unit or another name.
pub(super) fn is_blank(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || ["none", "-", "--", "n/a", "na"].iter().any(|blank| text.eq_ignore_ascii_case(blank))
}

fn refuse(part: Part, reason: String) -> Refusal {
    Refusal { part, reason }
}

pub(super) fn text(bytes: &[u8], part: Part) -> Result<&str, Refusal> {
    std::str::from_utf8(bytes).map_err(|_| refuse(part, "UTF-8 text is expected".into()))
}

fn site_named(site: &str) -> Result<String, Refusal> {
    name::check_site(site).map(str::to_owned).map_err(|error| refuse(Part::Site, error.to_string()))
}

pub(super) fn checked(bytes: &[u8], part: Part) -> Result<String, Refusal> {
    let name = name::check(text(bytes, part)?).map_err(|e: NameError| refuse(part, e.to_string()))?;
    Ok(name.to_owned())
}
