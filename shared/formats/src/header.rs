//! Telling the three shapes of files apart by their header.

use domain::unit::Unit;
use serde::{Deserialize, Serialize};

/// The shapes of files known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One reading per row.
    Tidy,
    /// One time per row, a column per parameter.
    Wide,
    /// EPA ECHO effluent chart, with limits.
    Echo,
}

/// The shapes, for a person whose file has none of them.
pub(super) const SHAPES: &str = "tidy: time,species,concentration[,unit,site,outfall,qualifier]; \
    wide: time,SO4_mgL,As_mgL,... (the unit in each column's name); \
    EPA ECHO effluent chart: npdes_id,perm_feature_nmbr,parameter_desc,monitoring_period_end_date,dmr_value_nmbr,...";

/// Why a header cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// No bytes at all.
    #[error("the file is empty")]
    Empty,
    /// Spreadsheets save this as "Unicode text".
    #[error("the file is UTF-16; save it as UTF-8")]
    Utf16,
    /// None of the shapes.
    #[error("no known columns; found: {found}; known shapes: {SHAPES}")]
    Unknown {
        /// The header's names.
        found: String,
    },
    /// Two columns for one thing: which one counts would be a guess.
    #[error("the column {0:?} occurs twice")]
    Twice(String),
    /// The header is longer than the first 64 KiB.
    #[error("the header line is longer than 64 KiB")]
    TooLong,
    /// Cannot be read.
    #[error("the file cannot be read as CSV: {0}")]
    Csv(String),
}

/// Where the columns of a tidy file are.
#[derive(Debug, Clone)]
pub(super) struct Tidy {
    pub(super) time: usize,
    pub(super) species: usize,
    pub(super) value: usize,
    pub(super) unit: Option<usize>,
    pub(super) site: Option<usize>,
    pub(super) outfall: Option<usize>,
    pub(super) qualifier: Option<usize>,
}

/// Where the columns of a wide file are.
#[derive(Debug, Clone)]
pub(super) struct Wide {
    pub(super) time: usize,
    pub(super) site: Option<usize>,
    pub(super) outfall: Option<usize>,
    pub(super) parameters: Vec<WideColumn>,
}

/// One parameter of a wide file.
#[derive(Debug, Clone)]
pub(super) struct WideColumn {
    pub(super) index: usize,
    pub(super) parameter: String,
    pub(super) unit: String,
}

/// The columns of an ECHO file that matter.
#[derive(Debug, Clone)]
pub(super) struct Echo {
    pub(super) site: usize,
    pub(super) outfall: usize,
    pub(super) parameter: usize,
    pub(super) date: usize,
    pub(super) value: usize,
    pub(super) value_unit: Option<usize>,
    pub(super) value_standard: Option<usize>,
    pub(super) qualifier: Option<usize>,
    pub(super) limit: Option<usize>,
    pub(super) limit_unit: Option<usize>,
    pub(super) limit_standard: Option<usize>,
    pub(super) limit_qualifier: Option<usize>,
    pub(super) standard_unit: Option<usize>,
    pub(super) base: Option<usize>,
    pub(super) base_type: Option<usize>,
    pub(super) nodi: Option<usize>,
    /// What else tells reported values apart, in order.
    pub(super) variant: Vec<usize>,
}

/// A shape with its columns.
#[derive(Debug, Clone)]
pub(super) enum Layout {
    Tidy(Tidy),
    Wide(Wide),
    Echo(Box<Echo>),
}

impl Layout {
    pub(super) fn shape(&self) -> Shape {
        match self {
            Self::Tidy(_) => Shape::Tidy,
            Self::Wide(_) => Shape::Wide,
            Self::Echo(_) => Shape::Echo,
        }
    }
}

const TIME: &[&str] = &["time", "time_h", "timestamp", "date"];

/// Finds the shape, and the columns that it leaves unread.
pub(super) fn detect(names: &[String]) -> Result<(Layout, Vec<String>), HeaderError> {
    let columns = Lookup(names);
    if let Some(echo) = echo(&columns)? {
        // Most of the 65 columns are not needed here; listing them would hide nothing and help nobody.
        return Ok((Layout::Echo(Box::new(echo)), Vec::new()));
    }
    if let Some((layout, used)) = tidy(&columns)?.map_or_else(|| wide(&columns), |tidy| Ok(Some(tidy)))? {
        let ignored = names.iter().enumerate().filter(|(index, _)| !used.contains(index));
        return Ok((layout, ignored.map(|(_, name)| name.clone()).collect()));
    }
    let found: Vec<_> = names.iter().take(70).map(|name| name.chars().take(60).collect::<String>()).collect();
    Err(HeaderError::Unknown { found: found.join(", ") })
}

struct Lookup<'a>(&'a [String]);

impl Lookup<'_> {
    /// The one column with one of these names.
    fn find(&self, wanted: &[&str]) -> Result<Option<usize>, HeaderError> {
        let mut found = (0..self.0.len()).filter(|&i| wanted.iter().any(|w| self.0[i].eq_ignore_ascii_case(w)));
        match (found.next(), found.next()) {
            (_, Some(second)) => Err(HeaderError::Twice(self.0[second].clone())),
            (first, None) => Ok(first),
        }
    }
}

fn tidy(columns: &Lookup<'_>) -> Result<Option<(Layout, Vec<usize>)>, HeaderError> {
    let required = (
        columns.find(TIME)?,
        columns.find(&["species", "parameter", "analyte"])?,
        columns.find(&["concentration", "value", "result"])?,
    );
    let (Some(time), Some(species), Some(value)) = required else { return Ok(None) };
    let unit = columns.find(&["unit", "units"])?;
    let (site, outfall) = (columns.find(&["site"])?, columns.find(&["outfall"])?);
    let qualifier = columns.find(&["qualifier"])?;
    let used = [Some(time), Some(species), Some(value), unit, site, outfall, qualifier].into_iter().flatten().collect();
    Ok(Some((Layout::Tidy(Tidy { time, species, value, unit, site, outfall, qualifier }), used)))
}

fn wide(columns: &Lookup<'_>) -> Result<Option<(Layout, Vec<usize>)>, HeaderError> {
    let Some(time) = columns.find(TIME)? else { return Ok(None) };
    let (site, outfall) = (columns.find(&["site"])?, columns.find(&["outfall"])?);
    let keys = [Some(time), site, outfall];
    let mut parameters: Vec<WideColumn> = Vec::new();
    for (index, name) in columns.0.iter().enumerate().filter(|(index, _)| !keys.contains(&Some(*index))) {
        let Some((parameter, unit)) = parameter_and_unit(name) else { continue };
        if parameters.iter().any(|known| domain::name::same(&known.parameter, &parameter)) {
            return Err(HeaderError::Twice(name.clone()));
        }
        parameters.push(WideColumn { index, parameter, unit });
    }
    let used = keys.into_iter().flatten().chain(parameters.iter().map(|column| column.index)).collect();
    Ok((!parameters.is_empty()).then_some((Layout::Wide(Wide { time, site, outfall, parameters }), used)))
}

/// `SO4_mgL`, `SO4 (mg/L)` or `SO4 [mg/L]`.
fn parameter_and_unit(name: &str) -> Option<(String, String)> {
    for (open, close) in [('(', ')'), ('[', ']')] {
        if let Some((parameter, unit)) = name.strip_suffix(close).and_then(|rest| rest.rsplit_once(open)) {
            let (parameter, unit) = (parameter.trim(), unit.trim());
            return (!parameter.is_empty() && !unit.is_empty())
                .then(|| (parameter.to_owned(), Unit::parse(unit).as_str().to_owned()));
        }
    }
    let (parameter, suffix) = name.rsplit_once('_')?;
    let unit = Unit::from_suffix(suffix)?;
    (!parameter.trim().is_empty()).then(|| (parameter.trim().to_owned(), unit.as_str().to_owned()))
}

fn echo(columns: &Lookup<'_>) -> Result<Option<Echo>, HeaderError> {
    let at = |name: &str| columns.find(&[name]);
    let required = (
        at("npdes_id")?,
        at("perm_feature_nmbr")?,
        at("parameter_desc")?,
        at("monitoring_period_end_date")?,
        at("dmr_value_nmbr")?,
    );
    let (Some(site), Some(outfall), Some(parameter), Some(date), Some(value)) = required else { return Ok(None) };
    let mut variant = Vec::new();
    for name in [
        "parameter_code",
        "value_type_code",
        "monitoring_location_code",
        "limit_set_id",
        "limit_season_id",
        "limit_type_code",
    ] {
        variant.extend(at(name)?);
    }
    let base = match at("statistical_base_short_desc")? {
        Some(index) => Some(index),
        None => at("statistical_base_code")?,
    };
    Ok(Some(Echo {
        site,
        outfall,
        parameter,
        date,
        value,
        value_unit: at("dmr_unit_desc")?,
        value_standard: at("dmr_value_standard_units")?,
        qualifier: at("dmr_value_qualifier_code")?,
        limit: at("limit_value_nmbr")?,
        limit_unit: at("limit_unit_desc")?,
        limit_standard: at("limit_value_standard_units")?,
        limit_qualifier: at("limit_value_qualifier_code")?,
        standard_unit: at("standard_unit_desc")?,
        base,
        base_type: at("statistical_base_type_code")?,
        nodi: at("nodi_code")?,
        variant,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(header: &str) -> Result<(Shape, Vec<String>), HeaderError> {
        let names: Vec<String> = header.split(',').map(str::to_owned).collect();
        detect(&names).map(|(layout, ignored)| (layout.shape(), ignored))
    }

    #[test]
    fn shapes_are_told_apart() {
        assert_eq!(shape("time,species,concentration").unwrap().0, Shape::Tidy);
        assert_eq!(shape("Timestamp,Parameter,Value,Unit").unwrap().0, Shape::Tidy);
        assert_eq!(shape("time_h,SO4_mgL,comment").unwrap(), (Shape::Wide, vec!["comment".into()]));
        assert_eq!(shape("date,SO4 (mg/L),pH [SU]").unwrap().0, Shape::Wide);
    }

    #[test]
    fn unknown_and_doubtful_headers_are_refused() {
        assert!(matches!(shape("a,b,c"), Err(HeaderError::Unknown { found }) if found == "a, b, c"));
        assert!(matches!(shape("time,comment"), Err(HeaderError::Unknown { .. })));
        assert!(matches!(shape("time,species,value,concentration"), Err(HeaderError::Twice(_))));
        assert!(matches!(shape("time,SO4_mgL,so4_ugL"), Err(HeaderError::Twice(_))));
    }
}
