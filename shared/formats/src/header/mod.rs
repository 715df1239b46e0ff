//! The header of a file: its format, and its columns.

mod columns;
mod lookup;

pub(crate) use columns::{DETECTION, FLAGS, KIND, LIMIT_UNIT, OUTFALL, REPORTING, SAMPLE, SITE, SPECIES, UNIT, VALUE};
pub(crate) use lookup::{Lookup, TimeColumns};

use super::intake::Intake;
use super::row::{CellError, Outcome, Reading};
use csv::ByteRecord;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;

/// The known shapes of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = FileShape)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One reading per row.
    Tidy,
    /// One time per row, a column per parameter.
    Wide,
    /// EPA ECHO effluent chart or bulk file of monitoring reports, with limits.
    Echo,
}

/// The shapes, for a person whose file has none of them.
pub(crate) const SHAPES: &str = "tidy: time,species,concentration[,unit,site,outfall,qualifier]; \
    wide: time,SO4_mgL,As_mgL,... (the unit in each column's name); \
    EPA ECHO effluent chart: npdes_id,perm_feature_nmbr,parameter_desc,monitoring_period_end_date,dmr_value_nmbr,...";

/// Why a header cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// No bytes, or only white space.
    #[error("the file is empty")]
    Empty,
    /// Not text, with what to do about it.
    #[error("the file is {0}")]
    NoText(String),
    /// None of the shapes in the first fifty lines.
    #[error("no known columns; found: {found}; known shapes: {SHAPES}. The header is looked for in the first 50 lines")]
    Unknown {
        /// The names in the first line.
        found: String,
    },
    /// Two columns with one role: which one counts would be a guess.
    #[error("the column {0:?} occurs twice")]
    Twice(String),
    /// The header is longer than the first 64 KiB.
    #[error("the header line is longer than 64 KiB")]
    TooLong,
    /// Cannot be read.
    #[error("the file cannot be read as CSV: {0}")]
    Csv(String),
}

/// A format whose columns have been found.
pub(crate) trait Format: Debug + Send {
    /// The shape of the file.
    fn shape(&self) -> Shape;

    /// Notes for a person, from the columns alone.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Passes on what reading the cells needs to know of the columns.
    fn prepare(&self, _intake: &mut Intake) {}

    /// Reads a row, which has as many fields as the header.
    fn row(&self, record: &ByteRecord, intake: &mut Intake, out: &mut Vec<Reading>) -> Result<Outcome, CellError>;
}

/// A format, and the columns that it reads.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) format: Box<dyn Format>,
    /// Columns that are read, or known to be useless.
    pub(crate) used: Vec<usize>,
}

type Finder = fn(&Lookup<'_>) -> Result<Option<Found>, HeaderError>;

/// The formats: the first that finds its columns takes the file.
const FORMATS: &[Finder] = &[super::echo::find, super::tidy::find, super::wide::find];

/// Finds the format.
pub(crate) fn detect(names: &[String]) -> Result<Found, HeaderError> {
    let columns = Lookup::new(names);
    for find in FORMATS {
        if let Some(found) = find(&columns)? {
            return Ok(found);
        }
    }
    let shown = |name: &String| name.chars().filter(|c| !c.is_control()).take(60).collect::<String>();
    Err(HeaderError::Unknown { found: names.iter().take(70).map(shown).collect::<Vec<_>>().join(", ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(header: &str) -> Result<(Shape, Vec<String>), HeaderError> {
        let names: Vec<String> = header.split(',').map(str::to_owned).collect();
        detect(&names).map(|found| {
            let ignored =
                (0..names.len()).filter(|index| !found.used.contains(index)).map(|index| names[index].clone());
            (found.format.shape(), ignored.collect())
        })
    }

    #[test]
    fn shapes_are_told_apart() {
        assert_eq!(shape("time,species,concentration").unwrap().0, Shape::Tidy);
        assert_eq!(shape("Timestamp,Parameter,Value,Unit").unwrap().0, Shape::Tidy);
        assert_eq!(shape("time_h,SO4_mgL,comment").unwrap(), (Shape::Wide, vec!["comment".into()]));
        assert_eq!(shape("date,SO4 (mg/L),pH [SU]").unwrap().0, Shape::Wide);
        assert_eq!(shape("Date,pH,comment").unwrap(), (Shape::Wide, vec!["comment".into()]));
    }

    #[test]
    fn names_are_known_in_any_writing() {
        let (shape_of, ignored) =
            shape("Sample Date,Sample-Time,ANALYTE,Result,Units,Lab Sample ID,Sample Type,MDL,notes").unwrap();
        assert_eq!((shape_of, ignored), (Shape::Tidy, vec!["notes".into()]));
        let wqx = "ActivityTypeCode,ActivityStartDate,ActivityStartTime/Time,MonitoringLocationIdentifier,CharacteristicName,\
                   ResultDetectionConditionText,ResultMeasureValue,ResultMeasure/MeasureUnitCode,MeasureQualifierCode,\
                   DetectionQuantitationLimitMeasure/MeasureValue,ActivityIdentifier";
        assert_eq!(shape(wqx).unwrap(), (Shape::Tidy, Vec::new()));
        let bulk = "EXTERNAL_PERMIT_NMBR,PERM_FEATURE_NMBR,PARAMETER_CODE,MONITORING_PERIOD_END_DATE,DMR_VALUE_NMBR";
        assert_eq!(shape(bulk).unwrap().0, Shape::Echo);
    }

    #[test]
    fn unknown_and_doubtful_headers_are_refused() {
        assert!(matches!(shape("a,b\u{1},c"), Err(HeaderError::Unknown { found }) if found == "a, b, c"));
        assert!(matches!(shape("time,comment"), Err(HeaderError::Unknown { .. })));
        assert!(matches!(shape("time,species,value,concentration"), Err(HeaderError::Twice(_))));
        assert!(matches!(shape("time,timestamp,species,value"), Err(HeaderError::Twice(_))));
        assert!(matches!(shape("time,SO4_mgL,so4_ugL"), Err(HeaderError::Twice(_))));
        assert!(matches!(shape("time,species,value,unit,units"), Err(HeaderError::Twice(_))));
    }
}
