//! The names by which columns are known, in any case and with any signs between their letters.
//!
//! A first list takes precedence over a second: a column `value` is the value, whatever else a laboratory's export has.
//! Names of the Water Quality Portal (WQX) and of EQuIS are spelled as they are there.

/// A role: its own names, and those of other programs.
pub(crate) type Role = (&'static [&'static str], &'static [&'static str]);

pub(crate) const TIME: Role = (
    &["time", "time_h", "hours", "timestamp", "date", "datetime"],
    &[
        "date_time",
        "sample_date",
        "sample_datetime",
        "sample_date_time",
        "sampled",
        "sampling_date",
        "date_sampled",
        "collection_date",
        "collection_datetime",
        "date_collected",
        "ActivityStartDate",
    ],
);
/// Columns whose bare numbers are hours.
pub(crate) const HOURS: &[&str] = &["time", "time_h", "hours"];
/// A date and a time in two columns.
pub(crate) const DATE: Role = (
    &["date"],
    &["sample_date", "sampling_date", "date_sampled", "collection_date", "date_collected", "ActivityStartDate"],
);
pub(crate) const TIME_OF_DAY: Role = (
    &["time"],
    &["sample_time", "sampling_time", "time_sampled", "collection_time", "time_collected", "ActivityStartTime/Time"],
);
/// The zone of times without an offset: an offset, or an unambiguous name.
pub(crate) const ZONE: Role = (&["time_zone", "timezone", "tz", "utc_offset"], &["ActivityStartTime/TimeZoneCode"]);
pub(crate) const SPECIES: Role = (
    &["species", "parameter", "analyte"],
    &["CharacteristicName", "characteristic", "chemical_name", "constituent", "parameter_name", "analyte_name"],
);
pub(crate) const VALUE: Role =
    (&["concentration", "value", "result"], &["ResultMeasureValue", "result_value", "measured_value"]);
pub(crate) const UNIT: Role =
    (&["unit", "units"], &["ResultMeasure/MeasureUnitCode", "result_unit", "result_units", "unit_of_measure"]);
pub(crate) const SITE: Role = (&["site"], &["site_id", "site_name", "facility", "facility_id", "facility_name"]);
pub(crate) const OUTFALL: Role =
    (&["outfall"], &["outfall_id", "outfall_number", "MonitoringLocationIdentifier", "sys_loc_code", "sampling_point"]);
/// Flags and signs; a file may have several such columns, and all count.
pub(crate) const FLAGS: &[&str] = &[
    "qualifier",
    "qualifiers",
    "qual",
    "flag",
    "flags",
    "lab_qualifier",
    "lab_qualifiers",
    "lab_flag",
    "lab_flags",
    "result_qualifier",
    "result_flag",
    "data_qualifier",
    "data_flag",
    "value_qualifier",
    "validation_qualifier",
    "validator_qualifiers",
    "interpreted_qualifiers",
    "qualifier_code",
    "MeasureQualifierCode",
    "ResultDetectionConditionText",
];
/// The sample's id: the first of these that a file has.
pub(crate) const SAMPLE: &[&str] =
    &["sample_id", "sample", "lab_id", "lab_sample_id", "ActivityIdentifier", "sys_sample_code"];
/// The kind of sample; a file may have several such columns, and quality control in one is enough.
pub(crate) const KIND: &[&str] = &[
    "sample_type",
    "sample_type_code",
    "sample_kind",
    "ActivityTypeCode",
    "activity_type",
    "qc_type",
    "qc_code",
    "sample_qc_type",
    "sample_category",
];
/// Limits of detection, the nearest first.
pub(crate) const DETECTION: &[&str] = &[
    "detection_limit",
    "mdl",
    "lod",
    "method_detection_limit",
    "detect_limit",
    "dl",
    "DetectionQuantitationLimitMeasure/MeasureValue",
    "result_detection_limit",
    "limit_of_detection",
];
/// Limits of reporting or quantitation, the nearest first.
pub(crate) const REPORTING: &[&str] = &[
    "rl",
    "reporting_limit",
    "loq",
    "mrl",
    "pql",
    "ml",
    "minimum_level",
    "lloq",
    "crdl",
    "reporting_detection_limit",
    "method_reporting_limit",
    "quantitation_limit",
    "practical_quantitation_limit",
    "limit_of_quantitation",
    "limit_of_reporting",
    "lor",
];
/// The unit of these limits, if it is not the value's.
pub(crate) const LIMIT_UNIT: &[&str] = &[
    "detection_limit_unit",
    "detection_limit_units",
    "DetectionQuantitationLimitMeasure/MeasureUnitCode",
    "mdl_unit",
    "mdl_units",
    "rl_unit",
    "rl_units",
    "reporting_limit_unit",
    "reporting_limit_units",
];
