//! Rows of EPA ECHO effluent charts: a reported value beside the limit that EPA judges it by.

use super::header::Echo;
use super::names::{Named, Names, Part, Refusal, checked, text};
use super::row::{CellError, Outcome, Reading};
use super::value;
use csv::ByteRecord;
use domain::columns::Row;
use domain::reading::{Direction, Flags, Qualifier, Series};
use domain::time::{self, TimeKind};
use domain::unit::Unit;

/// Reads one row.
pub(super) fn row(
    columns: &Echo,
    record: &ByteRecord,
    names: &mut Names,
    out: &mut Vec<Reading>,
) -> Result<Outcome, CellError> {
    let cell = Cells(record);
    if cell.at(columns.value).is_empty() && cell.opt(columns.value_standard).is_empty() {
        return Ok(Outcome::Without(match cell.opt(columns.nodi) {
            [] => "no value".into(),
            code => format!("NODI {}", String::from_utf8_lossy(code)),
        }));
    }
    let date = text(cell.at(columns.date), Part::Parameter).map_err(|e| CellError::new(columns.date, e.reason))?;
    let time = time::from_us_date(date)
        .or_else(|_| time::from_clock(date))
        .map_err(|_| CellError::new(columns.date, "a date is expected, mm/dd/yyyy"))?;
    let qualifier_text = String::from_utf8_lossy(cell.opt(columns.qualifier));
    let qualifier = Qualifier::parse(&qualifier_text)
        .ok_or_else(|| CellError::new(columns.qualifier.unwrap_or(columns.value), "one of = < > is expected"))?;
    let measured = compared(columns, &cell)?;
    let unit = text(measured.unit, Part::Unit).and_then(|unit| names.add_unit(unit.trim()));
    let of_unit = |refusal: Refusal| CellError::new(columns.value_unit.unwrap_or(columns.value), refusal.reason);
    let unit = unit.map_err(of_unit)?;
    let direction = measured.limit.map(|_| direction(columns, &cell));
    let series = series(columns, &cell, names)?;
    let series = names.add_series(series).map_err(|e| CellError::new(columns.parameter, e.reason))?;
    let Named { series, unit } = names.named(series, unit).map_err(of_unit)?;
    let flags = Flags::new(qualifier, TimeKind::Clock, direction, 0);
    let row = Row { time, value: measured.value, flags, limit: measured.limit.unwrap_or(0.0) };
    out.push(Reading { series, unit, row });
    Ok(Outcome::Taken)
}

/// Trimmed cells; a column that the file does not have is empty.
struct Cells<'a>(&'a ByteRecord);

impl<'a> Cells<'a> {
    fn at(&self, index: usize) -> &'a [u8] {
        self.0.get(index).unwrap_or_default().trim_ascii()
    }

    fn opt(&self, index: Option<usize>) -> &'a [u8] {
        index.map(|index| self.at(index)).unwrap_or_default()
    }

    fn number(&self, index: Option<usize>) -> Result<Option<f64>, CellError> {
        match (index, self.opt(index)) {
            (None, _) | (_, []) => Ok(None),
            (Some(index), cell) => value::number(cell, false).map(Some).map_err(|reason| CellError::new(index, reason)),
        }
    }
}

/// A value and, if it has one, the limit in the same unit.
struct Measured<'a> {
    value: f64,
    unit: &'a [u8],
    limit: Option<f64>,
}

/// EPA compares in standard units. Where the file lacks them, the reported value and the limit are compared if
/// their own units can be.
fn compared<'a>(columns: &Echo, cell: &Cells<'a>) -> Result<Measured<'a>, CellError> {
    let (value, standard) = (cell.number(Some(columns.value))?, cell.number(columns.value_standard)?);
    let (limit, limit_standard) = (cell.number(columns.limit)?, cell.number(columns.limit_standard)?);
    let (unit, standard_unit) = (cell.opt(columns.value_unit), cell.opt(columns.standard_unit));
    let standard_unit = if standard_unit.is_empty() { unit } else { standard_unit };
    let (value, unit) = match (standard, value) {
        (Some(value), _) if limit_standard.is_some() || limit.is_none() => {
            return Ok(Measured { value, unit: standard_unit, limit: limit_standard });
        }
        (_, Some(value)) => (value, unit),
        (Some(value), None) => (value, standard_unit),
        (None, None) => return Err(CellError::new(columns.value, "a number is expected")),
    };
    let reported = limit.map(|limit| (limit, cell.opt(columns.limit_unit)));
    let Some((limit, limit_unit)) = reported.or(limit_standard.map(|limit| (limit, standard_unit))) else {
        return Ok(Measured { value, unit, limit: None });
    };
    let [from, to] = [limit_unit, unit].map(|unit| Unit::parse(&String::from_utf8_lossy(unit)));
    match from.conversion_to(&to) {
        Some(conversion) => Ok(Measured { value, unit, limit: Some(conversion.apply(limit)) }),
        None => Err(CellError::new(
            columns.limit_unit.or(columns.limit).unwrap_or(columns.value),
            "the limit's unit cannot be compared with the value's",
        )),
    }
}

/// `<=` makes a maximum, `>=` a minimum; without a sign the kind of statistic decides, as in ICIS-NPDES.
fn direction(columns: &Echo, cell: &Cells<'_>) -> Direction {
    match cell.opt(columns.limit_qualifier).first() {
        Some(b'>') => Direction::Min,
        Some(_) => Direction::Max,
        None if cell.opt(columns.base_type) == b"MIN" => Direction::Min,
        None => Direction::Max,
    }
}

fn series(columns: &Echo, cell: &Cells<'_>, names: &mut Names) -> Result<Series, CellError> {
    let name = |index: usize| {
        checked(cell.at(index), Part::Parameter).map_err(|refusal| CellError::new(index, refusal.reason))
    };
    let base = String::from_utf8_lossy(cell.opt(columns.base)).into_owned();
    let variant: Vec<_> =
        columns.variant.iter().map(|&index| String::from_utf8_lossy(cell.at(index)).into_owned()).collect();
    let permit = name(columns.site)?;
    let site = names.site_of(permit).map_err(|refusal| CellError::new(columns.site, refusal.reason))?;
    Ok(Series {
        site,
        outfall: name(columns.outfall)?,
        parameter: name(columns.parameter)?,
        base: if base.is_empty() { "REPORTED".into() } else { base.chars().take(64).collect() },
        variant: variant.join(" ").chars().take(256).collect(),
    })
}
