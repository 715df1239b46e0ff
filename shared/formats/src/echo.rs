//! Rows of EPA's effluent charts and bulk files of monitoring reports (`NPDES_DMRS`): a reported value beside the limit
//! that EPA judges it by.

use super::header::{Format, Found, HeaderError, Lookup, Shape};
use super::intake::{Blame, Intake};
use super::names::{Named, Part, Refusal, checked, text};
use super::row::{Absence, CellError, NoData, Outcome, Reading};
use csv::ByteRecord;
use domain::columns::Row;
use domain::reading::{self, Direction, Flags, LabFlags, Mark, Qualifier, Series};
use domain::time::TimeKind;
use domain::unit::Unit;

/// The columns that are read.
#[derive(Debug, Clone)]
struct Echo {
    site: usize,
    outfall: usize,
    /// The parameter's description, or else its code.
    parameter: usize,
    parameter_code: Option<usize>,
    date: usize,
    value: usize,
    value_id: Option<usize>,
    value_unit: Option<usize>,
    value_standard: Option<usize>,
    qualifier: Option<usize>,
    limit: Option<usize>,
    limit_id: Option<usize>,
    limit_unit: Option<usize>,
    limit_standard: Option<usize>,
    limit_qualifier: Option<usize>,
    limit_type: Option<usize>,
    stay: Option<usize>,
    stay_value: Option<usize>,
    standard_unit: Option<usize>,
    /// The base's description, or else its code.
    base: Option<usize>,
    base_code: Option<usize>,
    base_type: Option<usize>,
    nodi: Option<usize>,
    /// What else distinguishes reported values, in order.
    variant: Vec<usize>,
}

/// What else distinguishes reported values. Not the season and the type of the limit: a value has the same id under
/// each, also if EPA makes a limit a benchmark, or leaves a column out.
const VARIANT: [&str; 4] = ["parameter_code", "value_type_code", "monitoring_location_code", "limit_set_id"];

/// Finds the columns of a chart.
pub(super) fn find(columns: &Lookup<'_>) -> Result<Option<Found>, HeaderError> {
    let at = |name: &str| columns.named(name);
    let either =
        |name: &str, other: &str| at(name).and_then(|found| found.map_or_else(|| at(other), |at| Ok(Some(at))));
    let required = (
        either("npdes_id", "external_permit_nmbr")?,
        at("perm_feature_nmbr")?,
        either("parameter_desc", "parameter_code")?,
        at("monitoring_period_end_date")?,
        at("dmr_value_nmbr")?,
    );
    let (Some(site), Some(outfall), Some(parameter), Some(date), Some(value)) = required else { return Ok(None) };
    let mut variant = Vec::new();
    for name in VARIANT {
        variant.extend(at(name)?);
    }
    let echo = Echo {
        site,
        outfall,
        parameter,
        parameter_code: at("parameter_code")?,
        date,
        value,
        value_id: at("dmr_value_id")?,
        value_unit: at("dmr_unit_desc")?,
        value_standard: at("dmr_value_standard_units")?,
        qualifier: at("dmr_value_qualifier_code")?,
        limit: at("limit_value_nmbr")?,
        limit_id: at("limit_value_id")?,
        limit_unit: at("limit_unit_desc")?,
        limit_standard: at("limit_value_standard_units")?,
        limit_qualifier: at("limit_value_qualifier_code")?,
        limit_type: at("limit_type_code")?,
        stay: at("stay_type_code")?,
        stay_value: at("stay_value_nmbr")?,
        standard_unit: at("standard_unit_desc")?,
        base: either("statistical_base_short_desc", "statistical_base_code")?,
        base_code: at("statistical_base_code")?,
        base_type: at("statistical_base_type_code")?,
        nodi: at("nodi_code")?,
        variant,
    };
    // Most of the 65 columns are not needed; listing them would help nobody.
    Ok(Some(Found { format: Box::new(echo), used: (0..columns.names.len()).collect() }))
}

impl Format for Echo {
    fn shape(&self) -> Shape {
        Shape::Echo
    }

    fn row(&self, record: &ByteRecord, intake: &mut Intake, out: &mut Vec<Reading>) -> Result<Outcome, CellError> {
        let cells = Cells(record);
        let date = cells.at(self.date);
        let time = intake.us_date(date).ok_or_else(|| CellError::new(self.date, "a date is expected, mm/dd/yyyy"));
        if cells.at(self.value).is_empty() && cells.opt(self.value_standard).is_empty() {
            return Ok(self.absent(&cells, time.ok(), intake));
        }
        let time = time?;
        let (qualifier, laboratory) = self.qualifier(&cells)?;
        let (qualifier, reported) = self.reported(&cells, qualifier, intake)?;
        let measured = self.measured(&cells, reported, intake)?;
        let named = self.named(&cells, measured.unit, intake)?;
        let judged = measured.limit.filter(|_| !measured.is_unjudged).map(|limit| (limit, self.direction(&cells)));
        let direction = judged.map(|(_, direction)| direction);
        let mut flags = Flags::new(qualifier, TimeKind::Date, direction, 0).with_laboratory(laboratory);
        if measured.is_unjudged {
            flags = flags.with(Mark::Unjudged);
        }
        if cells.opt(self.limit_type).eq_ignore_ascii_case(b"ALR") {
            flags = flags.with(Mark::Benchmark);
        }
        let limit = judged.map_or(0.0, |(limit, _)| limit);
        let row = Row { time, value: measured.value, flags, limit, sample: self.sample(&cells) };
        let blame = Blame { time: self.date, value: self.value, unit: self.value_unit.unwrap_or(self.value) };
        intake.take(named, row, 0, blame, out)?;
        Ok(Outcome::Taken)
    }
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

    fn text(&self, index: Option<usize>) -> std::borrow::Cow<'a, str> {
        String::from_utf8_lossy(self.opt(index))
    }

    fn number(&self, index: Option<usize>, intake: &mut Intake) -> Result<Option<f64>, CellError> {
        match (index, self.opt(index)) {
            (None, _) | (_, []) => Ok(None),
            (Some(index), cell) => intake.number(index, cell).map(Some),
        }
    }
}

/// A value and, if it has one, the limit in the same unit.
struct Measured<'a> {
    value: f64,
    unit: &'a [u8],
    limit: Option<f64>,
    /// Whether there is a limit that is not judged.
    is_unjudged: bool,
}

/// The limit of a row, in its own unit and in the standard unit.
struct Limit {
    value: Option<f64>,
    standard: Option<f64>,
    is_unjudged: bool,
}

impl Echo {
    fn absent(&self, cells: &Cells<'_>, time: Option<i64>, intake: &mut Intake) -> Outcome {
        let code = cells.text(self.nodi);
        let why = NoData::of_code(&code);
        let reason = if code.is_empty() { "no value".to_owned() } else { format!("NODI {code}: {}", why.as_str()) };
        let unit = self.unit_of_value(cells);
        let named = self.named(cells, unit, intake).ok();
        let absence = time.zip(named).map(|(time, named)| Absence { series: named.series, time, why });
        Outcome::without(reason, absence)
    }

    /// The unit that the value would have.
    fn unit_of_value<'a>(&self, cells: &Cells<'a>) -> &'a [u8] {
        match cells.opt(self.standard_unit) {
            [] => cells.opt(self.value_unit),
            unit => unit,
        }
    }

    /// EPA reads `<=` and `>=` as no sign: they are copies of the limit's.
    fn qualifier(&self, cells: &Cells<'_>) -> Result<(Qualifier, LabFlags), CellError> {
        let none = LabFlags::default();
        match cells.opt(self.qualifier) {
            b"" | b"=" | b"<=" | b">=" => Ok((Qualifier::Equal, none)),
            b"<" => Ok((Qualifier::Less, none)),
            b">" | b"T" | b"t" => Ok((Qualifier::Greater, none)),
            b"E" | b"e" => Ok((Qualifier::Equal, LabFlags::parse("E").unwrap_or_default())),
            _ => Err(CellError::new(self.qualifier.unwrap_or(self.value), "one of = < <= > >= E T is expected")),
        }
    }

    /// The reported number, and its sign, which may be before the number.
    fn reported(
        &self,
        cells: &Cells<'_>,
        beside: Qualifier,
        intake: &mut Intake,
    ) -> Result<(Qualifier, Option<f64>), CellError> {
        let text = cells.at(self.value);
        let (front, number) = match text {
            [] => return Ok((beside, None)),
            [b'<' | b'>', b'=', number @ ..] => (Qualifier::Equal, number),
            [b'<', number @ ..] => (Qualifier::Less, number),
            [b'>', number @ ..] => (Qualifier::Greater, number),
            number => (Qualifier::Equal, number),
        };
        let number = intake.number(self.value, number.trim_ascii())?;
        match (front, beside) {
            (Qualifier::Equal, sign) | (sign, Qualifier::Equal) => Ok((sign, Some(number))),
            (front, beside) if front == beside => Ok((front, Some(number))),
            _ => Err(CellError::new(self.value, "contradicts the sign beside it")),
        }
    }

    /// EPA compares in standard units. If the file lacks them, the reported value and the limit are compared if their
    /// own units allow it.
    fn measured<'a>(
        &self,
        cells: &Cells<'a>,
        reported: Option<f64>,
        intake: &mut Intake,
    ) -> Result<Measured<'a>, CellError> {
        let in_standard = cells.number(self.value_standard, intake)?;
        let limit = self.limit(cells, intake)?;
        let (unit, limit_unit) = (cells.opt(self.value_unit), cells.opt(self.limit_unit));
        let standard_unit = self.unit_of_value(cells);
        let is_unjudged = limit.is_unjudged;
        let (value, unit) = match (in_standard, reported) {
            (Some(value), _) if limit.standard.is_some() || limit.value.is_none() => {
                return Ok(Measured { value, unit: standard_unit, limit: limit.standard, is_unjudged });
            }
            (_, Some(value)) => (value, unit),
            (Some(value), None) => (value, standard_unit),
            (None, None) => return Err(CellError::new(self.value, "a number is expected")),
        };
        let with_unit = limit.value.map(|limit| (limit, limit_unit));
        let Some((value_of_limit, from)) = with_unit.or(limit.standard.map(|limit| (limit, standard_unit))) else {
            return Ok(Measured { value, unit, limit: None, is_unjudged });
        };
        match converted(value_of_limit, from, unit) {
            Some(limit) => Ok(Measured { value, unit, limit: Some(limit), is_unjudged }),
            // It is not judged, so nothing is compared.
            None if is_unjudged => Ok(Measured { value, unit, limit: None, is_unjudged }),
            None => Err(CellError::new(
                self.limit_unit.or(self.limit).unwrap_or(self.value),
                "the limit's unit cannot be compared with the value's",
            )),
        }
    }

    /// The limit in force: a stay may have replaced or suspended it.
    fn limit(&self, cells: &Cells<'_>, intake: &mut Intake) -> Result<Limit, CellError> {
        let value = cells.number(self.limit, intake)?;
        let standard = cells.number(self.limit_standard, intake)?;
        let has_limit = value.is_some() || standard.is_some();
        let is_neither = cells.opt(self.limit_qualifier) == b"=";
        match cells.opt(self.stay) {
            [] => Ok(Limit { value, standard, is_unjudged: has_limit && is_neither }),
            b"Z" | b"z" => match cells.number(self.stay_value, intake)? {
                Some(stay) => {
                    let (from, to) = (cells.opt(self.limit_unit), cells.opt(self.standard_unit));
                    let scaled = || Some(stay * (standard? / value.filter(|value| *value != 0.0)?));
                    let standard = standard.and_then(|_| converted(stay, from, to).or_else(scaled));
                    Ok(Limit { value: Some(stay), standard, is_unjudged: is_neither })
                }
                None => Ok(Limit { value, standard, is_unjudged: true }),
            },
            _ => Ok(Limit { value, standard, is_unjudged: has_limit }),
        }
    }

    /// `<=` makes a maximum, `>=` a minimum; without a sign the kind of statistic decides, as in ICIS-NPDES.
    fn direction(&self, cells: &Cells<'_>) -> Direction {
        match cells.opt(self.limit_qualifier).first() {
            Some(b'>') => Direction::Min,
            Some(_) => Direction::Max,
            None if cells.opt(self.base_type).eq_ignore_ascii_case(b"MIN") => Direction::Min,
            None => Direction::Max,
        }
    }

    /// One value has one id, under each of its limits, however many rows (D90, E90) report its violations. If the file
    /// has no ids, rows with the same content are one value.
    fn sample(&self, cells: &Cells<'_>) -> u64 {
        let limit = cells.text(self.limit_id);
        match cells.text(self.value_id) {
            id if !id.is_empty() => reading::sample_id(&format!("{id} {limit}")),
            _ => {
                let said = [self.value, self.date].map(|column| cells.text(Some(column)));
                let more = [self.value_unit, self.value_standard, self.qualifier, self.limit, self.limit_standard]
                    .map(|column| cells.text(column));
                reading::sample_id(&format!("{} {} {limit}", said.join(" "), more.join(" ")))
            }
        }
    }

    /// The series and the unit; looked up by their cells, named only if new.
    fn named(&self, cells: &Cells<'_>, unit: &[u8], intake: &mut Intake) -> Result<Named, CellError> {
        let mut key = Vec::with_capacity(128);
        let named = [self.site, self.outfall, self.parameter].into_iter().chain(self.base).chain(self.base_code);
        for column in named.chain(self.variant.iter().copied()) {
            key.extend_from_slice(cells.at(column));
            key.push(0xff);
        }
        key.extend_from_slice(unit);
        if let Some(named) = intake.names.met(&key) {
            return Ok(named);
        }
        let of_unit = |refusal: Refusal| CellError::new(self.value_unit.unwrap_or(self.value), refusal.reason);
        let unit = text(unit, Part::Unit).and_then(|unit| intake.names.add_unit(unit.trim())).map_err(of_unit)?;
        let series = self.series(cells, intake)?;
        let series = intake.names.add_series(series).map_err(|e| CellError::new(self.parameter, e.reason))?;
        let named = intake.names.named(series, unit).map_err(of_unit)?;
        intake.names.remember(&key, named);
        Ok(named)
    }

    fn series(&self, cells: &Cells<'_>, intake: &mut Intake) -> Result<Series, CellError> {
        let name = |index: usize| {
            checked(cells.at(index), Part::Parameter).map_err(|refusal| CellError::new(index, refusal.reason))
        };
        let base = if cells.opt(self.base).is_empty() { self.base_code } else { self.base };
        let base = cells.text(base);
        let permit = name(self.site)?;
        let site = intake.names.site_of(permit).map_err(|refusal| CellError::new(self.site, refusal.reason))?;
        let is_described = !cells.at(self.parameter).is_empty();
        let parameter = if is_described { self.parameter } else { self.parameter_code.unwrap_or(self.parameter) };
        Ok(Series {
            site,
            outfall: name(self.outfall)?,
            parameter: name(parameter)?,
            base: if base.is_empty() { "REPORTED".into() } else { base.chars().take(64).collect() },
            variant: self.variant(cells),
        })
    }

    /// Codes alone where the file has those of parameter and statistic.
    fn variant(&self, cells: &Cells<'_>) -> String {
        let is_coded = !cells.opt(self.parameter_code).is_empty() && !cells.opt(self.base_code).is_empty();
        let codes = self.variant.iter().chain(self.base_code.iter().filter(|_| is_coded));
        let codes: Vec<_> = codes.map(|&index| cells.text(Some(index))).collect();
        codes.join(if is_coded { "/" } else { " " }).chars().take(256).collect()
    }
}

/// A value in another unit, if the two can be compared.
fn converted(value: f64, from: &[u8], to: &[u8]) -> Option<f64> {
    if from.eq_ignore_ascii_case(to) {
        return Some(value);
    }
    let [from, to] = [from, to].map(|unit| Unit::parse(&String::from_utf8_lossy(unit)));
    from.conversion_to(&to).map(|conversion| conversion.apply(value))
}
