//! Files with one result in each row.

use super::cells::Cell;
use super::flags::{FlagSet, Limits, Said};
use super::header::{self, Format, Found, HeaderError, Lookup, Shape, TimeColumns};
use super::intake::{self, Blame, Intake};
use super::kinds::Kind;
use super::names::{Part, Raw};
use super::row::{CellError, Outcome, Reading};
use csv::ByteRecord;
use domain::columns::Row;
use domain::reading::{Flags, Mark};
use rustc_hash::FxHasher;
use std::hash::Hasher;

/// Where the columns are.
#[derive(Debug, Clone)]
struct Tidy {
    time: TimeColumns,
    species: usize,
    value: usize,
    unit: Option<usize>,
    site: Option<usize>,
    outfall: Option<usize>,
    sample: Option<usize>,
    flags: Vec<usize>,
    kinds: Vec<usize>,
    detection: Vec<usize>,
    reporting: Vec<usize>,
    limit_units: Vec<usize>,
    /// Whether a row has only time, value and names.
    is_simple: bool,
    /// Columns that are not read: rows that differ in them are no repeats.
    others: Vec<usize>,
}

/// Finds the columns of a tidy file.
pub(super) fn find(columns: &Lookup<'_>) -> Result<Option<Found>, HeaderError> {
    let Some(time) = columns.time()? else { return Ok(None) };
    let (Some(species), Some(value)) = (columns.find(header::SPECIES)?, columns.find(header::VALUE)?) else {
        return Ok(None);
    };
    let mut tidy = Tidy {
        time,
        species,
        value,
        unit: columns.find(header::UNIT)?,
        site: columns.find(header::SITE)?,
        outfall: columns.find(header::OUTFALL)?,
        sample: columns.all(header::SAMPLE)?.first().copied(),
        flags: columns.all(header::FLAGS)?,
        kinds: columns.all(header::KIND)?,
        detection: columns.all(header::DETECTION)?,
        reporting: columns.all(header::REPORTING)?,
        limit_units: columns.all(header::LIMIT_UNIT)?,
        is_simple: true,
        others: Vec::new(),
    };
    let single = [Some(species), Some(value), tidy.unit, tidy.site, tidy.outfall, tidy.sample];
    let several =
        [&tidy.flags, &tidy.kinds, &tidy.detection, &tidy.reporting, &tidy.limit_units].into_iter().flatten().copied();
    let used: Vec<usize> = single.into_iter().flatten().chain(several).chain(time.used()).collect();
    tidy.others = (0..columns.names.len()).filter(|index| !used.contains(index)).collect();
    let several = [&tidy.flags, &tidy.kinds, &tidy.detection, &tidy.reporting, &tidy.others];
    tidy.is_simple = several.iter().all(|columns| columns.is_empty()) && tidy.sample.is_none();
    Ok(Some(Found { format: Box::new(tidy), used }))
}

/// The value, flags and limits of a row.
struct Beside {
    said: Said,
    flags: FlagSet,
    /// Whether the value is a limit of detection or reporting.
    is_limit: bool,
}

impl Tidy {
    /// The flags of their own columns.
    fn flags(&self, record: &ByteRecord, intake: &mut Intake) -> Result<FlagSet, CellError> {
        let mut flags = FlagSet::default();
        for &column in &self.flags {
            flags = flags.and(intake.flags(column, record[column].trim_ascii())?);
        }
        Ok(flags)
    }

    /// The limits of the row. All cells are read, since all show how numbers are written.
    fn limits(&self, record: &ByteRecord, intake: &mut Intake) -> Limits {
        let mut nearest = |columns: &[usize]| {
            let found = columns.iter().map(|&column| intake.limit(column, record[column].trim_ascii()));
            found.fold(None, |nearest: Option<f64>, limit| nearest.or(limit))
        };
        Limits { detection: nearest(&self.detection), reporting: nearest(&self.reporting) }
    }

    /// The column to blame for flags that contradict each other, or that need a number.
    fn blamed(&self, record: &ByteRecord, has_number: bool) -> usize {
        let has_text = |column: &usize| !record[*column].trim_ascii().is_empty();
        let flags = self.flags.iter().copied().find(has_text);
        flags.filter(|_| has_number || !has_text(&self.value)).unwrap_or(self.value)
    }

    /// The result of value, flags and limits together.
    fn said(&self, record: &ByteRecord, intake: &mut Intake) -> Result<Beside, CellError> {
        let text = record[self.value].trim_ascii();
        // What a cell shows about the whole file must not depend on the cells before it: all are read, then evaluated.
        let cell = if text.is_empty() { Ok(Cell::default()) } else { intake.cell(self.value, text) };
        let limits = self.limits(record, intake);
        let flags = self.flags(record, intake);
        let cell = cell?;
        let flags = cell.flags.and(flags?);
        let blamed = || self.blamed(record, cell.number.is_some());
        let text = || String::from_utf8_lossy(record[blamed()].trim_ascii()).into_owned();
        let result = flags.result(cell.number, limits, text).map_err(|reason| CellError::new(blamed(), reason))?;
        let has_own = cell.number.is_some_and(|number| number != 0.0);
        let is_limit = flags.wants_limit() && !has_own && (limits.detection.is_some() || limits.reporting.is_some());
        Ok(Beside { said: result, flags, is_limit })
    }

    /// Names a result and adds it. The column of its unit may be that of its limit.
    #[inline(always)]
    fn take(
        &self,
        record: &ByteRecord,
        (row, rest): (Row, u64),
        unit: Option<usize>,
        intake: &mut Intake,
        out: &mut Vec<Reading>,
    ) -> Result<Outcome, CellError> {
        let at = |index: Option<usize>| index.map(|index| &record[index]).unwrap_or_default();
        let raw =
            Raw { parameter: &record[self.species], site: at(self.site), outfall: at(self.outfall), unit: at(unit) };
        let named = intake.names.resolve(raw).map_err(|refusal| {
            let column = match refusal.part {
                Part::Parameter => Some(self.species),
                Part::Site => self.site,
                Part::Outfall => self.outfall,
                Part::Unit => unit,
            };
            CellError::new(column.unwrap_or(self.species), refusal.reason)
        })?;
        let blame = Blame { time: self.time.at, value: self.value, unit: unit.unwrap_or(self.species) };
        intake.take(named, row, rest, blame, out)?;
        Ok(Outcome::Taken)
    }

    /// See [`Reading::rest`].
    fn digest(&self, record: &ByteRecord) -> u64 {
        if self.others.is_empty() {
            return 0;
        }
        let mut hasher = FxHasher::default();
        for &column in &self.others {
            hasher.write(&record[column]);
            hasher.write_u8(0xff);
        }
        hasher.finish() | 1
    }
}

impl Format for Tidy {
    fn shape(&self) -> Shape {
        Shape::Tidy
    }

    fn notes(&self) -> Vec<String> {
        let none =
            self.unit.is_none().then(|| "the file has no column of units: all values are taken as mg/L".to_owned());
        none.into_iter().collect()
    }

    fn prepare(&self, intake: &mut Intake) {
        intake.names.has_unit_column = self.unit.is_some();
    }

    fn row(&self, record: &ByteRecord, intake: &mut Intake, out: &mut Vec<Reading>) -> Result<Outcome, CellError> {
        let text = record[self.value].trim_ascii();
        // Nearly all rows of nearly all files.
        if self.is_simple
            && let Some(value) = intake.plain(self.value, text)
        {
            let (time, kind) = intake.time(&self.time, record)?;
            let row = Row { time, value, flags: Flags::default().with_kind(kind), limit: 0.0, sample: 0 };
            return self.take(record, (row, 0), self.unit, intake, out);
        }
        if text.is_empty() && self.flags.is_empty() {
            return Ok(Outcome::without("empty value", None));
        }
        let said = self.said(record, intake);
        let time = intake.time(&self.time, record);
        let Beside { said, flags: flags_read, is_limit } = said?;
        let (value, flags) = match said {
            Said::Value { value, flags } => (value, flags),
            Said::Without(why) => return Ok(Outcome::without(why, None)),
        };
        let (time, kind) = time?;
        let mut flags = flags.with_kind(kind);
        if intake.kind(&self.kinds, record)? == Kind::QualityControl {
            flags = flags.with(Mark::QualityControl);
        }
        let sample = self.sample.map_or(0, |column| intake::sample(&record[column]));
        let row = Row { time, value, flags, limit: 0.0, sample };
        let own = self.limit_units.iter().copied().find(|&column| !record[column].trim_ascii().is_empty());
        let unit = own.filter(|_| is_limit).or(self.unit);
        let taken = self.take(record, (row, self.digest(record)), unit, intake, out)?;
        if !flags_read.is_empty() {
            intake.row_flags.push(flags_read);
        }
        Ok(taken)
    }
}
