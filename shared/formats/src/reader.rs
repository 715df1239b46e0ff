//! Rows of a CSV file, one at a time.

use super::header::{Format, HeaderError, Shape};
use super::intake::Intake;
use super::numbers::Separators;
use super::options::{Conventions, Options};
use super::probe::{self, Encoding, HEAD_BYTES, Probed};
use super::report::{MAX_LISTED_ERRORS, Report};
use super::row::{Absence, CellError, Outcome, Reading};
use super::source::Source;
use super::times::DateOrder;
use csv::ByteRecord;
use domain::reading::{Mark, Series};
use std::io::{self, Read};
use std::sync::Arc;

/// Why reading stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The header cannot be used.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The bytes cannot be read.
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// The rows of a file, with their account in [`Rows::report`].
#[derive(Debug)]
pub struct Rows<R> {
    csv: csv::Reader<Source<R>>,
    record: ByteRecord,
    header: Vec<String>,
    /// Lines of the file before the header.
    skipped: u64,
    format: Box<dyn Format>,
    intake: Intake,
    absence: Option<Absence>,
    is_over: bool,
    /// The account of the rows so far.
    pub report: Report,
}

impl<R: Read> Rows<R> {
    /// Finds the header.
    pub fn open(mut source: R, options: &Options) -> Result<Self, ReadError> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        source.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        let Probed { encoding, delimiter, line, offset, found } =
            probe::probe(&mut head, options.conventions.encoding)?;
        let mut csv = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .buffer_capacity(HEAD_BYTES)
            .from_reader(Source::new(head, source, encoding, offset));
        let mut record = ByteRecord::new();
        if !read(&mut csv, &mut record)? {
            return Err(HeaderError::Empty.into());
        }
        let header = probe::names_of(&record);
        let mut intake = Intake::new(options.clone(), header.len(), delimiter);
        found.format.prepare(&mut intake);
        let ignored = (0..header.len()).filter(|index| !found.used.contains(index));
        let report = Report {
            ignored_columns: ignored.map(|index| header[index].clone()).collect(),
            encoding: encoding.as_str().to_owned(),
            header_line: line,
            notes: notes_of_start(encoding, line).chain(found.format.notes()).collect(),
            ..Report::default()
        };
        let format = found.format;
        let (skipped, absence, is_over) = (line - 1, None, false);
        Ok(Self { csv, record, header, skipped, format, intake, absence, is_over, report })
    }

    /// The units of a series so far.
    pub fn units_of(&self, series: usize) -> Vec<Arc<str>> {
        self.intake.names.units_of(series)
    }

    /// Reads the next row and appends its readings to `out`, none if it has none or is refused. `false` at the end.
    pub fn next_row(&mut self, out: &mut Vec<Reading>) -> Result<bool, ReadError> {
        if !read(&mut self.csv, &mut self.record)? {
            self.finish();
            return Ok(false);
        }
        let before = out.len();
        self.absence = None;
        let outcome = if self.record.len() == self.header.len() {
            self.format.row(&self.record, &mut self.intake, out)
        } else if self.record.iter().all(|cell| cell.trim_ascii().is_empty()) {
            Ok(Outcome::without("empty row", None))
        } else {
            Err(CellError::new(0, format!("{} fields, the header has {}", self.record.len(), self.header.len())))
        };
        match outcome {
            Ok(Outcome::Taken) => self.taken(&out[before..]),
            Ok(Outcome::Without(without)) => {
                self.absence = without.absence;
                self.report.without_reading(&without.reason);
            }
            Err(error) => {
                out.truncate(before);
                self.refuse(&error);
            }
        }
        if !self.intake.row_flags.is_empty() || !self.intake.row_doubts.is_empty() {
            self.intake.row_flags.clear();
            self.intake.row_doubts.clear();
        }
        Ok(true)
    }

    /// What the last row, of a monitoring report, has in place of a value.
    pub fn absence(&self) -> Option<Absence> {
        self.absence
    }

    /// The series so far; some may have no readings.
    pub fn series(&self) -> &[Series] {
        &self.intake.names.series
    }

    /// The units so far.
    pub fn units(&self) -> &[Arc<str>] {
        &self.intake.names.units
    }

    /// The shape of the file.
    pub fn shape(&self) -> Shape {
        self.format.shape()
    }

    /// What the rows so far decide about ambiguous cells; at the end, all rows. If it differs from how the file was
    /// read, read it again.
    pub fn learned(&self) -> Conventions {
        let mut learned = self.intake.learned();
        if self.csv.get_ref().is_other_than_utf8() {
            learned.encoding = Some(Encoding::Windows1252);
        }
        learned
    }

    /// The series with rows whose unit is blank, if the file's other rows do not decide it. Put the units of their
    /// stored readings into [`Conventions::stored_units`].
    pub fn wanted_units(&self) -> Vec<&Series> {
        self.intake.names.wanted_units()
    }

    /// The sites with times that depend on their time zones.
    pub fn local_sites(&self) -> Vec<String> {
        self.intake.names.clock.local_sites()
    }

    #[inline]
    fn taken(&mut self, readings: &[Reading]) {
        self.report.taken(readings.len());
        if self.intake.has_kinds() {
            let control = readings.iter().filter(|reading| reading.row.flags.has(Mark::QualityControl));
            self.report.readings_quality_control += control.count() as u64;
        }
        for flag in self.intake.row_flags.iter().flat_map(|flags| flags.letters()) {
            self.report.flag(flag);
        }
        if !self.intake.row_doubts.is_empty() {
            self.warn();
        }
    }

    #[cold]
    fn warn(&mut self) {
        let is_listed = self.report.warnings.len() < MAX_LISTED_ERRORS;
        let line = if is_listed { self.line() } else { 0 };
        for doubt in &self.intake.row_doubts {
            let column = self.header.get(doubt.column).map_or("", |name| name);
            let text = String::from_utf8_lossy(self.record.get(doubt.column).unwrap_or_default());
            self.report.warn(line, column, &text, &doubt.reason);
        }
    }

    #[cold]
    fn refuse(&mut self, error: &CellError) {
        let line = if self.report.errors.len() < MAX_LISTED_ERRORS { self.line() } else { 0 };
        let column = self.header.get(error.column).map_or("", |name| name);
        let text = self.record.get(error.column).unwrap_or_default();
        self.report.refused();
        self.report.error(line, column, text, &error.reason);
    }

    /// The file's line on which the row begins: after the last row and the empty lines that the parser skips.
    fn line(&self) -> u64 {
        let within = memchr::memchr_iter(b'\n', self.record.as_slice()).count() as u64;
        let behind = self.csv.position().line();
        let began = self.record.position().map_or(0, csv::Position::line);
        behind.saturating_sub(1 + within).max(began) + self.skipped
    }

    /// Adds the notes that need the whole file.
    fn finish(&mut self) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let used = &self.intake.names.options().conventions;
        for (index, separators) in used.numbers.iter().enumerate() {
            let written = match separators {
                Separators::Comma => "decimal commas",
                Separators::Point => "decimal points and commas between thousands",
                Separators::Open | Separators::Doubtful => continue,
            };
            let column = self.header.get(index).map_or("", |name| name);
            self.report.notes.push(format!("the numbers of the column {column:?} are read with {written}"));
        }
        let order = match used.dates {
            DateOrder::MonthFirst => Some("month/day/year"),
            DateOrder::DayFirst => Some("day/month/year"),
            DateOrder::Open | DateOrder::Doubtful => None,
        };
        let order = order.map(|order| format!("dates are read as {order}, the only order that all of them allow"));
        self.report.notes.extend(order.into_iter().chain(self.intake.names.clock.notes()));
    }
}

/// Notes about the beginning of the file.
fn notes_of_start(encoding: Encoding, line: u64) -> impl Iterator<Item = String> {
    let is_usual = matches!(encoding, Encoding::Utf8 | Encoding::MarkedUtf8);
    let encoding = format!("the file is read as {}", encoding.as_str());
    let header = format!("the header is in line {line}; the lines before it are not read");
    [(!is_usual).then_some(encoding), (line > 1).then_some(header)].into_iter().flatten()
}

fn read<R: Read>(csv: &mut csv::Reader<Source<R>>, record: &mut ByteRecord) -> Result<bool, ReadError> {
    csv.read_byte_record(record).map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(io) => ReadError::Io(io),
        other => HeaderError::Csv(format!("{other:?}")).into(),
    })
}

#[cfg(test)]
mod tests;
