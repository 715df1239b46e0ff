//! Rows of a CSV file, one at a time.

use super::header::{self, HeaderError, Layout, Shape, Tidy, Wide};
use super::names::{Names, Part, Raw, Refusal};
use super::report::Report;
use super::row::{CellError, Outcome, Reading};
use super::{echo, value};
use csv::ByteRecord;
use domain::columns::Row;
use domain::reading::{Flags, Qualifier, Series};
use domain::time::TimeKind;
use std::collections::HashMap;
use std::io::{self, Cursor, Read};
use std::sync::Arc;

/// How far the delimiter and the header are looked for.
const HEAD_BYTES: usize = 64 * 1024;

/// Why reading stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The header cannot be used.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The bytes cannot be had.
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
}

type Source<R> = io::Chain<Cursor<Vec<u8>>, R>;

/// The rows of a file. Keeps the account of them in [`Rows::report`].
#[derive(Debug)]
pub struct Rows<R> {
    csv: csv::Reader<Source<R>>,
    record: ByteRecord,
    header: Vec<String>,
    layout: Layout,
    conventions: Conventions,
    /// What became of the rows read so far.
    pub report: Report,
}

#[derive(Debug)]
struct Conventions {
    names: Names,
    kind: Option<TimeKind>,
    decimal_comma: bool,
}

impl<R: Read> Rows<R> {
    /// Reads the header. Rows that name no site belong to `site`, and so do those of an effluent chart.
    pub fn open(mut source: R, site: Option<&str>) -> Result<Self, ReadError> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        source.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
            return Err(HeaderError::Utf16.into());
        }
        let start = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let delimiter = delimiter(&head[start..])?;
        let mut cursor = Cursor::new(head);
        cursor.set_position(start as u64);
        let mut csv = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .buffer_capacity(HEAD_BYTES)
            .from_reader(cursor.chain(source));
        let mut record = ByteRecord::new();
        if !read(&mut csv, &mut record)? {
            return Err(HeaderError::Empty.into());
        }
        let header: Vec<String> =
            record.iter().map(|name| String::from_utf8_lossy(name.trim_ascii()).into_owned()).collect();
        let (layout, ignored_columns) = header::detect(&header)?;
        let names = Names::new(site);
        let conventions = Conventions { names, kind: None, decimal_comma: delimiter != b',' };
        Ok(Self { csv, record, header, layout, conventions, report: Report { ignored_columns, ..Report::default() } })
    }

    /// Takes these units alone of some series, by their ids: their room is taken.
    #[must_use]
    pub fn with_units(mut self, units: HashMap<String, Vec<String>>) -> Self {
        self.conventions.names.allow(units);
        self
    }

    /// The units of a series met so far.
    pub fn units_of(&self, series: usize) -> Vec<Arc<str>> {
        self.conventions.names.units_of(series)
    }

    /// Reads the next row and appends its readings to `out`: none if it has none or is refused. `false` at the end.
    pub fn next_row(&mut self, out: &mut Vec<Reading>) -> Result<bool, ReadError> {
        if !read(&mut self.csv, &mut self.record)? {
            return Ok(false);
        }
        let before = out.len();
        let outcome = if self.record.len() == self.header.len() {
            match &self.layout {
                Layout::Tidy(columns) => self.conventions.tidy(columns, &self.record, out),
                Layout::Wide(columns) => self.conventions.wide(columns, &self.record, out),
                Layout::Echo(columns) => echo::row(columns, &self.record, &mut self.conventions.names, out),
            }
        } else {
            Err(CellError::new(0, format!("{} fields, the header has {}", self.record.len(), self.header.len())))
        };
        match outcome {
            Ok(Outcome::Taken) => self.report.taken(out.len() - before),
            Ok(Outcome::Without(reason)) => self.report.without_reading(&reason),
            Err(error) => {
                out.truncate(before);
                self.refuse(&error);
            }
        }
        Ok(true)
    }

    /// The series met so far.
    pub fn series(&self) -> &[Series] {
        &self.conventions.names.series
    }

    /// The units met so far.
    pub fn units(&self) -> &[Arc<str>] {
        &self.conventions.names.units
    }

    /// The shape of the file.
    pub fn shape(&self) -> Shape {
        self.layout.shape()
    }

    #[cold]
    fn refuse(&mut self, error: &CellError) {
        let line = self.record.position().map_or(0, csv::Position::line);
        let column = self.header.get(error.column).map_or("", |name| name);
        let text = self.record.get(error.column).unwrap_or_default();
        self.report.refused();
        self.report.error(line, column, text, &error.reason);
    }
}

fn read<R: Read>(csv: &mut csv::Reader<Source<R>>, record: &mut ByteRecord) -> Result<bool, ReadError> {
    csv.read_byte_record(record).map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(io) => ReadError::Io(io),
        other => HeaderError::Csv(format!("{other:?}")).into(),
    })
}

/// The delimiter that the header line uses most, outside quotes.
fn delimiter(head: &[u8]) -> Result<u8, HeaderError> {
    let line = head.split(|&byte| byte == b'\n').find(|line| !line.trim_ascii().is_empty());
    let line = line.ok_or(HeaderError::Empty)?;
    if line.len() == HEAD_BYTES {
        return Err(HeaderError::TooLong);
    }
    let (mut counts, mut quoted) = ([(b',', 0), (b';', 0), (b'\t', 0)], false);
    for &byte in line {
        quoted ^= byte == b'"';
        for (delimiter, count) in &mut counts {
            *count += usize::from(!quoted && byte == *delimiter);
        }
    }
    let most = counts.iter().rev().max_by_key(|(_, count)| *count);
    Ok(most.map_or(b',', |(delimiter, _)| *delimiter))
}

impl Conventions {
    #[inline]
    fn tidy(&mut self, columns: &Tidy, record: &ByteRecord, out: &mut Vec<Reading>) -> Result<Outcome, CellError> {
        let cell = record[columns.value].trim_ascii();
        if cell.is_empty() {
            return Ok(Outcome::Without("empty value".into()));
        }
        let (time, kind) = self.time(columns.time, record)?;
        let (value, mut qualifier) =
            value::qualified(cell, self.decimal_comma).map_err(|reason| CellError::new(columns.value, reason))?;
        if let Some(index) = columns.qualifier {
            qualifier = stated(qualifier, &record[index]).map_err(|reason| CellError::new(index, reason))?;
        }
        let at = |index: Option<usize>| index.map(|index| &record[index]).unwrap_or_default();
        let raw = Raw {
            parameter: &record[columns.species],
            site: at(columns.site),
            outfall: at(columns.outfall),
            unit: at(columns.unit),
        };
        let named = self.names.resolve(raw).map_err(|refusal| {
            let column = match refusal.part {
                Part::Parameter => Some(columns.species),
                Part::Site => columns.site,
                Part::Outfall => columns.outfall,
                Part::Unit => columns.unit,
            };
            CellError::new(column.unwrap_or(columns.species), refusal.reason)
        })?;
        let row = Row { time, value, flags: Flags::new(qualifier, kind, None, 0), limit: 0.0 };
        out.push(Reading { series: named.series, unit: named.unit, row });
        Ok(Outcome::Taken)
    }

    fn wide(&mut self, columns: &Wide, record: &ByteRecord, out: &mut Vec<Reading>) -> Result<Outcome, CellError> {
        if columns.parameters.iter().all(|column| record[column.index].trim_ascii().is_empty()) {
            return Ok(Outcome::Without("empty row".into()));
        }
        let (time, kind) = self.time(columns.time, record)?;
        let at = |index: Option<usize>| index.map(|index| &record[index]).unwrap_or_default();
        for column in &columns.parameters {
            let cell = record[column.index].trim_ascii();
            if cell.is_empty() {
                continue;
            }
            let (value, qualifier) =
                value::qualified(cell, self.decimal_comma).map_err(|reason| CellError::new(column.index, reason))?;
            let raw = Raw {
                parameter: column.parameter.as_bytes(),
                site: at(columns.site),
                outfall: at(columns.outfall),
                unit: column.unit.as_bytes(),
            };
            let named = self.names.resolve(raw).map_err(|Refusal { part, reason }| {
                let index = match part {
                    Part::Site => columns.site,
                    Part::Outfall => columns.outfall,
                    Part::Parameter | Part::Unit => None,
                };
                CellError::new(index.unwrap_or(column.index), reason)
            })?;
            let row = Row { time, value, flags: Flags::new(qualifier, kind, None, 0), limit: 0.0 };
            out.push(Reading { series: named.series, unit: named.unit, row });
        }
        Ok(Outcome::Taken)
    }

    /// The time of a row; the first one decides which kind the file has.
    #[inline]
    fn time(&mut self, column: usize, record: &ByteRecord) -> Result<(i64, TimeKind), CellError> {
        let (micros, kind) = value::time(record[column].trim_ascii(), self.decimal_comma)
            .map_err(|error| CellError::new(column, error.to_string()))?;
        match self.kind {
            Some(known) if known == kind => {}
            None => self.kind = Some(kind),
            Some(TimeKind::Hours) => return Err(CellError::new(column, "a date in a file whose times are hours")),
            Some(TimeKind::Clock) => return Err(CellError::new(column, "a number in a file whose times are dates")),
        }
        Ok((micros, kind))
    }
}

/// The qualifier of its own column, which must not contradict one in front of the value.
fn stated(in_front: Qualifier, cell: &[u8]) -> Result<Qualifier, &'static str> {
    let text = std::str::from_utf8(cell).map_err(|_| "one of = < > is expected")?;
    let stated = Qualifier::parse(text).ok_or("one of = < > is expected")?;
    match (in_front, stated) {
        (front, stated) if front == stated || front == Qualifier::Equal => Ok(stated),
        (front, Qualifier::Equal) if text.trim().is_empty() => Ok(front),
        _ => Err("contradicts the sign in front of the value"),
    }
}

#[cfg(test)]
mod tests;
