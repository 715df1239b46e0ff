//! State that the formats share while they read rows: names, numbers, dates, clocks, and what they learn about the
//! whole file.

use super::cells::{self, Cell};
use super::clock::Shown;
use super::flags::FlagSet;
use super::header::TimeColumns;
use super::kinds::Kind;
use super::names::{NO_UNIT, Named, Names};
use super::numbers::{NumberColumn, NumberError};
use super::options::{Conventions, Options};
use super::row::{CellError, Reading};
use super::times::{DateOrder, Dates, zoned};
use csv::ByteRecord;
use domain::columns::Row;
use domain::reading::{self, Mark};
use domain::time::{self, TimeKind};

/// The most texts to remember; a column of flags has a handful.
const MAX_REMEMBERED: usize = 32;

/// Remembers the meanings of a column's few texts.
#[derive(Debug)]
struct Memo<T>(Vec<(Box<[u8]>, T)>);

impl<T: Copy> Memo<T> {
    #[inline]
    fn get<E>(&mut self, text: &[u8], read: impl FnOnce(&[u8]) -> Result<T, E>) -> Result<T, E> {
        if let Some((_, found)) = self.0.iter().find(|(known, _)| **known == *text) {
            return Ok(*found);
        }
        let found = read(text)?;
        if self.0.len() < MAX_REMEMBERED {
            self.0.push((text.into(), found));
        }
        Ok(found)
    }
}

/// The columns to blame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blame {
    pub(super) time: usize,
    pub(super) value: usize,
    pub(super) unit: usize,
}

#[derive(Debug)]
pub(super) struct Intake {
    pub(super) names: Names,
    numbers: Vec<NumberColumn>,
    dates: Dates,
    /// Whether the file's times are hours.
    has_hours: Option<bool>,
    flags: Memo<FlagSet>,
    kinds: Memo<Kind>,
    delimiter: u8,
    /// For the current row: flags by reading, and surprising values.
    pub(super) row_flags: Vec<FlagSet>,
    pub(super) row_doubts: Vec<CellError>,
}

impl Intake {
    pub(super) fn new(options: Options, columns: usize, delimiter: u8) -> Self {
        let conventions = &options.conventions;
        let of_column = |index: usize| conventions.numbers.get(index).copied().unwrap_or_default();
        let order = if options.date_order == DateOrder::Open { conventions.dates } else { options.date_order };
        Self {
            numbers: (0..columns).map(|index| NumberColumn::new(of_column(index))).collect(),
            dates: Dates::new(order),
            has_hours: None,
            flags: Memo(Vec::new()),
            kinds: Memo(Vec::new()),
            delimiter,
            row_flags: Vec::new(),
            row_doubts: Vec::new(),
            names: Names::new(options),
        }
    }

    /// What the rows so far show about the whole file, without the encoding.
    pub(super) fn learned(&self) -> Conventions {
        let options = self.names.options();
        let has_semicolons = self.delimiter == b';';
        let mut numbers: Vec<_> = self.numbers.iter().map(|column| column.learned(has_semicolons)).collect();
        while numbers.last().is_some_and(|last| *last == Default::default()) {
            numbers.pop();
        }
        let is_given = options.date_order != DateOrder::Open;
        Conventions {
            encoding: options.conventions.encoding,
            numbers,
            dates: if is_given { DateOrder::Open } else { self.dates.learned() },
            units: self.names.blank_units(),
            stored_units: options.conventions.stored_units.clone(),
            folds: self.names.clock.learned(|series| self.names.id(series)),
        }
    }

    /// Whether rows may be quality control.
    pub(super) fn has_kinds(&self) -> bool {
        !self.kinds.0.is_empty()
    }

    /// The time of a row; the first one decides which kind the file has.
    #[inline(always)]
    pub(super) fn time(&mut self, columns: &TimeColumns, record: &ByteRecord) -> Result<(i64, TimeKind), CellError> {
        let text = record[columns.at].trim_ascii();
        let blame = |reason: String| CellError::new(columns.at, reason);
        if columns.has_hours {
            let hours = match self.numbers[columns.at].plain(text) {
                // `2026-`: a number of hours has no sign inside.
                None if text.get(4) != Some(&b'-') => self.hours(columns.at, text).map_err(blame)?,
                hours => hours,
            };
            if let Some(hours) = hours {
                self.is_of_kind(true, columns.at)?;
                let micros = time::from_hours(hours).map_err(|error| blame(error.to_string()))?;
                return Ok((micros, TimeKind::Hours));
            }
        }
        let read = match columns.of_day {
            None => self.dates.read(text),
            Some(of_day) => self.dates.joined(text, record[of_day].trim_ascii()),
        };
        let read = read.map_err(blame)?;
        self.is_of_kind(false, columns.at)?;
        match columns.zone {
            None => Ok(read),
            Some(zone) => zoned(read, record[zone].trim_ascii()).map_err(|reason| CellError::new(zone, reason)),
        }
    }

    /// A number of hours, if it is a number.
    #[cold]
    fn hours(&mut self, column: usize, text: &[u8]) -> Result<Option<f64>, String> {
        match self.numbers[column].number(text) {
            Ok(hours) => Ok(Some(hours)),
            Err(NumberError::Doubtful(_)) if self.dates.read(text).is_ok() => Ok(None),
            Err(error @ NumberError::Doubtful(_)) => Err(error.to_string()),
            Err(_) => Ok(None),
        }
    }

    #[inline]
    fn is_of_kind(&mut self, is_hours: bool, column: usize) -> Result<(), CellError> {
        match self.has_hours {
            Some(known) if known == is_hours => Ok(()),
            None => {
                self.has_hours = Some(is_hours);
                Ok(())
            }
            Some(true) => Err(CellError::new(column, "a date in a file whose times are hours")),
            Some(false) => Err(CellError::new(column, "a number in a file whose times are dates")),
        }
    }

    /// A date in EPA's order, or in ISO 8601.
    pub(super) fn us_date(&mut self, text: &[u8]) -> Option<i64> {
        let (time, kind) = Dates::new(DateOrder::MonthFirst).read(text).ok()?;
        (kind == TimeKind::Date).then_some(time)
    }

    /// A number for the fast path, as nearly all are.
    #[inline(always)]
    pub(super) fn plain(&mut self, column: usize, text: &[u8]) -> Option<f64> {
        self.numbers[column].plain(text)
    }

    /// A cell with a number, flags, or both; it has some text.
    #[inline]
    pub(super) fn cell(&mut self, column: usize, text: &[u8]) -> Result<Cell, CellError> {
        cells::read(&mut self.numbers[column], text).map_err(|reason| CellError::new(column, reason))
    }

    /// A number and nothing else.
    pub(super) fn number(&mut self, column: usize, text: &[u8]) -> Result<f64, CellError> {
        self.numbers[column].number(text).map_err(|error| CellError::new(column, error.to_string()))
    }

    /// A limit of detection or reporting, if the cell has one.
    #[inline]
    pub(super) fn limit(&mut self, column: usize, text: &[u8]) -> Option<f64> {
        cells::limit(&mut self.numbers[column], text)
    }

    /// The flags of a cell.
    #[inline]
    pub(super) fn flags(&mut self, column: usize, text: &[u8]) -> Result<FlagSet, CellError> {
        if text.is_empty() {
            return Ok(FlagSet::default());
        }
        self.flags.get(text, |text| {
            let text = std::str::from_utf8(text).map_err(|_| CellError::new(column, "UTF-8 text is expected"))?;
            FlagSet::parse(text).map_err(|unknown| CellError::new(column, format!("the flag `{unknown}` is not known")))
        })
    }

    /// The kind of a row's sample, by all its columns: quality control in one is enough.
    #[inline]
    pub(super) fn kind(&mut self, columns: &[usize], record: &ByteRecord) -> Result<Kind, CellError> {
        let mut kind = Kind::Routine;
        for &column in columns {
            let found = self.kinds.get(record[column].trim_ascii(), |text| {
                let text = String::from_utf8_lossy(text);
                let unknown = || CellError::new(column, format!("the kind of sample `{text}` is not known"));
                Kind::parse(&text).ok_or_else(unknown)
            });
            if found? == Kind::QualityControl {
                kind = Kind::QualityControl;
            }
        }
        Ok(kind)
    }

    /// Checks a result, adds it, and notes what is surprising about it. `rest` is the reading's.
    #[inline(always)]
    pub(super) fn take(
        &mut self,
        named: Named,
        mut row: Row,
        rest: u64,
        blame: Blame,
        out: &mut Vec<Reading>,
    ) -> Result<(), CellError> {
        match self.names.look(named, row.time, row.flags.kind()) {
            Shown::Good { is_second: false } => {}
            Shown::Good { is_second: true } => row.flags = row.flags.with(Mark::Fold),
            Shown::Future => return Err(CellError::new(blame.time, "more than a day in the future")),
        }
        if named.unit == NO_UNIT {
            let reason = "no unit, and neither the series' other rows nor what is stored of it tell one";
            return Err(CellError::new(blame.unit, reason));
        }
        if let Some(doubt) = named.plausible.doubt(row.value)
            && !row.flags.has(Mark::QualityControl)
        {
            self.row_doubts.push(CellError::new(blame.value, doubt));
        }
        out.push(Reading { series: named.series, unit: named.unit, row, rest });
        Ok(())
    }
}

/// The sample that a cell names, or 0.
pub(super) fn sample(text: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(text);
    if super::names::is_blank(&text) { 0 } else { reading::sample_id(&text) }
}
