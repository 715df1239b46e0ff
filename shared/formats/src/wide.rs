//! Files with one time in each row and a column for each parameter.

use super::flags::{Limits, Said};
use super::header::{self, Format, Found, HeaderError, Lookup, Shape, TimeColumns};
use super::intake::{self, Blame, Intake};
use super::kinds::Kind;
use super::names::{Part, Raw, Refusal};
use super::row::{CellError, Outcome, Reading};
use csv::ByteRecord;
use domain::columns::Row;
use domain::name;
use domain::reading::Mark;
use domain::unit::Unit;
use rustc_hash::FxHasher;
use std::hash::Hasher;

/// Where the columns are.
#[derive(Debug, Clone)]
struct Wide {
    time: TimeColumns,
    site: Option<usize>,
    outfall: Option<usize>,
    sample: Option<usize>,
    kinds: Vec<usize>,
    parameters: Vec<Parameter>,
}

/// One parameter, and what to read its column by.
#[derive(Debug, Clone)]
struct Parameter {
    index: usize,
    name: String,
    unit: String,
    /// The column of its flags, such as `SO4_flag` beside `SO4_mgL`.
    flags: Option<usize>,
}

/// Endings of the names of columns that have the flags of a parameter.
const FLAG_ENDINGS: &[&str] = &["flag", "flags", "qualifier", "qual", "q"];

/// Finds the columns of a wide file.
pub(super) fn find(columns: &Lookup<'_>) -> Result<Option<Found>, HeaderError> {
    let Some(time) = columns.time()? else { return Ok(None) };
    let (site, outfall) = (columns.find(header::SITE)?, columns.find(header::OUTFALL)?);
    let sample = columns.all(header::SAMPLE)?.first().copied();
    let kinds = columns.all(header::KIND)?;
    let keys: Vec<usize> =
        [site, outfall, sample].into_iter().flatten().chain(time.used()).chain(kinds.clone()).collect();
    let mut parameters: Vec<Parameter> = Vec::new();
    for (index, column) in columns.names.iter().enumerate().filter(|(index, _)| !keys.contains(index)) {
        let Some((parameter, unit)) = parameter_and_unit(column) else { continue };
        if parameters.iter().any(|known| name::same(&known.name, &parameter)) {
            return Err(HeaderError::Twice(column.clone()));
        }
        parameters.push(Parameter { index, name: parameter, unit, flags: None });
    }
    let is_parameter: Vec<usize> = parameters.iter().map(|parameter| parameter.index).collect();
    for parameter in &mut parameters {
        let is_flags = |index: &usize| has_flags_of(&parameter.name, &columns.names[*index]);
        let mut free = (0..columns.names.len()).filter(|index| !keys.contains(index) && !is_parameter.contains(index));
        parameter.flags = free.find(is_flags);
    }
    if parameters.is_empty() {
        return Ok(None);
    }
    let flags = parameters.iter().filter_map(|parameter| parameter.flags);
    let used = keys.into_iter().chain(flags).chain(is_parameter).collect();
    Ok(Some(Found { format: Box::new(Wide { time, site, outfall, sample, kinds, parameters }), used }))
}

fn has_flags_of(parameter: &str, column: &str) -> bool {
    let Some((start, end)) = column.rsplit_once(['_', ' ']) else { return false };
    name::same(start, parameter) && FLAG_ENDINGS.iter().any(|ending| end.eq_ignore_ascii_case(ending))
}

/// `SO4_mgL`, `SO4 (mg/L)` or `SO4 [mg/L]`; `pH` needs no unit.
fn parameter_and_unit(column: &str) -> Option<(String, String)> {
    for (open, close) in [('(', ')'), ('[', ']')] {
        if let Some((parameter, unit)) = column.strip_suffix(close).and_then(|rest| rest.rsplit_once(open)) {
            let (parameter, unit) = (parameter.trim(), unit.trim());
            return (!parameter.is_empty() && !unit.is_empty())
                .then(|| (parameter.to_owned(), Unit::parse(unit).as_str().to_owned()));
        }
    }
    if name::same(column, "pH") {
        return Some((column.trim().to_owned(), "SU".to_owned()));
    }
    let (parameter, suffix) = column.rsplit_once('_')?;
    let unit = Unit::from_suffix(suffix)?;
    (!parameter.trim().is_empty()).then(|| (parameter.trim().to_owned(), unit.as_str().to_owned()))
}

impl Wide {
    /// What one cell says: a result, no result (`Ok(None)`), or nothing readable.
    #[inline]
    fn said(parameter: &Parameter, record: &ByteRecord, intake: &mut Intake) -> Result<Option<Said>, CellError> {
        let text = record[parameter.index].trim_ascii();
        if parameter.flags.is_none()
            && let Some(value) = intake.plain(parameter.index, text)
        {
            return Ok(Some(Said::plain(value)));
        }
        let cell = if text.is_empty() { Default::default() } else { intake.cell(parameter.index, text)? };
        let beside = match parameter.flags {
            Some(column) => intake.flags(column, record[column].trim_ascii())?,
            None => Default::default(),
        };
        let flags = cell.flags.and(beside);
        if cell.number.is_none() && flags.is_empty() {
            return Ok(None);
        }
        let at = if text.is_empty() { parameter.flags.unwrap_or(parameter.index) } else { parameter.index };
        let text = || String::from_utf8_lossy(record[at].trim_ascii()).into_owned();
        let said = flags.result(cell.number, Limits::default(), text).map_err(|reason| CellError::new(at, reason))?;
        if !flags.is_empty() {
            intake.row_flags.push(flags);
        }
        Ok(Some(said))
    }

    fn digest(record: &ByteRecord) -> u64 {
        let mut hasher = FxHasher::default();
        hasher.write(record.as_slice());
        (0..record.len()).filter_map(|index| record.range(index)).for_each(|range| hasher.write_usize(range.end));
        // Never 0, whatever the cells; the lowest bit is for the first reading.
        (hasher.finish() | 2) & !1
    }
}

impl Format for Wide {
    fn shape(&self) -> Shape {
        Shape::Wide
    }

    fn row(&self, record: &ByteRecord, intake: &mut Intake, out: &mut Vec<Reading>) -> Result<Outcome, CellError> {
        let has_text = |column: &usize| !record[*column].trim_ascii().is_empty();
        if !self
            .parameters
            .iter()
            .any(|parameter| has_text(&parameter.index) || parameter.flags.as_ref().is_some_and(has_text))
        {
            return Ok(Outcome::without("empty row", None));
        }
        let time = intake.time(&self.time, record);
        let (mut failed, mut without) = (None, None);
        let kind = intake.kind(&self.kinds, record);
        let sample = self.sample.map_or(0, |column| intake::sample(&record[column]));
        let at = |index: Option<usize>| index.map(|index| &record[index]).unwrap_or_default();
        let (before, digest) = (out.len(), Self::digest(record));
        for parameter in &self.parameters {
            // All cells are read, even where the row is refused: each may tell how its column writes numbers.
            let said = match Self::said(parameter, record, intake) {
                Ok(Some(said)) => said,
                Ok(None) => continue,
                Err(error) => {
                    failed.get_or_insert(error);
                    continue;
                }
            };
            let (value, flags) = match said {
                Said::Value { value, flags } => (value, flags),
                Said::Without(why) => {
                    without.get_or_insert(why);
                    continue;
                }
            };
            let (Ok(time), Ok(kind), None) = (&time, &kind, &failed) else { continue };
            let raw = Raw {
                parameter: parameter.name.as_bytes(),
                site: at(self.site),
                outfall: at(self.outfall),
                unit: parameter.unit.as_bytes(),
            };
            let named = intake.names.resolve(raw).map_err(|Refusal { part, reason }| {
                let index = match part {
                    Part::Site => self.site,
                    Part::Outfall => self.outfall,
                    Part::Parameter | Part::Unit => None,
                };
                CellError::new(index.unwrap_or(parameter.index), reason)
            });
            let rest = digest | u64::from(out.len() == before);
            let (time, mut flags) = (time.0, flags.with_kind(time.1));
            if *kind == Kind::QualityControl {
                flags = flags.with(Mark::QualityControl);
            }
            let row = Row { time, value, flags, limit: 0.0, sample };
            let blame = Blame { time: self.time.at, value: parameter.index, unit: parameter.index };
            if let Err(error) = named.and_then(|named| intake.take(named, row, rest, blame, out)) {
                failed.get_or_insert(error);
            }
        }
        time?;
        if let Some(error) = failed {
            return Err(error);
        }
        kind?;
        match without {
            Some(why) if out.len() == before => Ok(Outcome::without(why, None)),
            // Flags of cells without a result are counted with those of the others.
            _ => Ok(Outcome::Taken),
        }
    }
}
