//! EPA's charts.

use super::*;
use crate::row::NoData;

const ECHO: &[u8] = include_bytes!("../../../../../tests/fixtures/echo-effluent-chart-TX0119407.csv");

#[test]
fn echo_rows_carry_value_and_limit_in_standard_units() {
    let (readings, report) = read_all(ECHO).unwrap();
    assert_eq!((report.rows, report.rows_taken, report.readings), (720, 720, 720));
    assert_eq!(readings[0], "TX0119407/001/Oxygen, dissolved [DO] 2021-01-31 =5.9 mg/L Min 4");
    assert!(readings.iter().any(|r| r.contains("kg/d")), "mass loads are compared in standard units");
}

/// A chart of the columns that a test needs beside those that every chart has.
fn chart(columns: &str, rows: &[&str]) -> String {
    let rows: String = rows.iter().map(|row| format!("TX1,001,Zinc,01/31/2024,{row}\n")).collect();
    format!("npdes_id,perm_feature_nmbr,parameter_desc,monitoring_period_end_date,dmr_value_nmbr,{columns}\n{rows}")
}

fn limits(rows: &[&str], said: &[&str]) {
    let columns = "dmr_unit_desc,dmr_value_qualifier_code,limit_value_nmbr,limit_unit_desc,limit_value_qualifier_code,\
                   statistical_base_type_code,limit_type_code,stay_type_code,stay_value_nmbr";
    let (readings, _) = read_all(chart(columns, rows).as_bytes()).unwrap();
    let readings: Vec<_> =
        readings.iter().map(|reading| reading.strip_prefix("TX1/001/Zinc 2024-01-31 ").unwrap()).collect();
    assert_eq!(readings, said);
}

#[test]
fn the_limits_sign_or_the_base_makes_the_direction() {
    limits(
        &[
            "6,mg/L,=,5,mg/L,<=,MAX,ENF,,",
            "6,mg/L,=,5,mg/L,>=,MIN,ENF,,",
            "6,mg/L,=,5,mg/L,,MIN,ENF,,",
            "6,mg/L,=,5,mg/L,,AVG,ENF,,",
            "6,mg/L,=,5,mg/L,<,MIN,ENF,,",
            "6000,ug/L,=,5,mg/L,<=,MAX,ENF,,",
        ],
        &["=6 mg/L Max 5", "=6 mg/L Min 5", "=6 mg/L Min 5", "=6 mg/L Max 5", "=6 mg/L Max 5", "=6000 ug/L Max 5000"],
    );
}

#[test]
fn signs_of_values_are_those_of_epa() {
    let signs = [
        ("6,mg/L,=", "=6 mg/L Max 5"),
        ("6,mg/L,", "=6 mg/L Max 5"),
        ("6,mg/L,<", "<6 mg/L Max 5"),
        ("6,mg/L,<=", "=6 mg/L Max 5"),
        ("6,mg/L,>", ">6 mg/L Max 5"),
        ("6,mg/L,>=", "=6 mg/L Max 5"),
        ("6,mg/L,E", "=6 mg/L Max 5 E"),
        ("6,mg/L,T", ">6 mg/L Max 5"),
        ("<6,mg/L,", "<6 mg/L Max 5"),
    ];
    for (value, said) in signs {
        limits(&[&format!("{value},5,mg/L,<=,MAX,ENF,,")], &[said]);
    }
    let (_, report) = read_all(chart("dmr_value_qualifier_code", &["6,U", "6,J"]).as_bytes()).unwrap();
    assert_eq!((report.rows_refused, report.errors[0].column.as_str()), (2, "dmr_value_qualifier_code"));
}

#[test]
fn benchmarks_stays_and_limits_without_a_side_are_marked() {
    limits(
        &[
            "6,mg/L,=,5,mg/L,<=,MAX,ALR,,",
            "6,mg/L,=,5,mg/L,<=,MAX,ENF,X,",
            "6,mg/L,=,5,mg/L,=,MAX,ENF,,",
            "6,mg/L,=,5,mg/L,<=,MAX,ENF,Z,8",
            "6,mg/L,=,5,mg/L,<=,MAX,ENF,Z,",
            "6000,ug/L,=,5,mg/L,<=,MAX,ENF,Z,8",
            "6,mg/L,=,,,,MAX,ENF,X,",
            "6,mg/L,=,5,lb/d,<=,MAX,ENF,X,",
        ],
        &[
            "=6 mg/L Max 5 benchmark",
            "=6 mg/L unjudged",
            "=6 mg/L unjudged",
            "=6 mg/L Max 8",
            "=6 mg/L unjudged",
            "=6000 ug/L Max 8000",
            "=6 mg/L",
            "=6 mg/L unjudged",
        ],
    );
}

#[test]
fn a_stay_value_is_brought_into_standard_units() {
    let columns = "dmr_unit_desc,dmr_value_standard_units,standard_unit_desc,limit_value_nmbr,limit_unit_desc,\
                   limit_value_standard_units,stay_type_code,stay_value_nmbr";
    let rows =
        ["20,ug/L,0.02,mg/L,15,ug/L,0.015,Z,30", "2,loads,0.084,MGD,1,loads,0.042,Z,3", "1,mg/L,1,mg/L,5,mg/L,5,,"];
    let (readings, _) = read_all(chart(columns, &rows).as_bytes()).unwrap();
    let limits = readings.iter().map(|reading| reading.split(" Max ").nth(1).unwrap().parse::<f64>().unwrap());
    let limits: Vec<_> = limits.collect();
    assert!(limits.len() == 3 && std::iter::zip(limits, [0.03, 0.126, 5.0]).all(|(a, b)| (a - b).abs() < 1e-12));
}

#[test]
fn rows_without_a_value_are_counted_by_code_and_class() {
    let rows = [",C", ",9", ",B", ",K", ",R", ",E", ",", "1,"];
    let (_, report) = read_all(chart("nodi_code", &rows).as_bytes()).unwrap();
    let counted: Vec<_> = report.without_reading.iter().map(|(why, count)| format!("{why} {count}")).collect();
    assert_eq!(
        counted,
        [
            "NODI 9: not due 1",
            "NODI B: not detected 1",
            "NODI C: not due 1",
            "NODI E: missing 1",
            "NODI K: not taken, excused 1",
            "NODI R: resolved 1",
            "no value 1"
        ]
    );
    sums_up(&report);
    for (codes, class) in [
        ("ACFIJNW24579", NoData::NotDue),
        ("KSTV", NoData::Excused),
        ("BQ", NoData::NonDetect),
        ("R", NoData::Resolved),
        ("DEGHLMOPUXYZ1368", NoData::Missing),
    ] {
        assert!(codes.chars().all(|code| NoData::of_code(&code.to_string()) == class), "{codes}");
    }
}

#[test]
fn what_a_row_has_in_place_of_a_value_is_told_with_its_series() {
    let file = chart("nodi_code", &[",C", "1,"]);
    let mut rows = Rows::open(file.as_bytes(), &Options::default()).unwrap();
    let mut out = Vec::new();
    rows.next_row(&mut out).unwrap();
    let absence = rows.absence().unwrap();
    assert_eq!((absence.time, absence.why), (time::from_clock("2024-01-31").unwrap(), NoData::NotDue));
    rows.next_row(&mut out).unwrap();
    assert_eq!((rows.absence(), out[0].series), (None, absence.series));
}

#[test]
fn incomparable_limits_and_bad_dates_refuse_their_rows() {
    let file = "npdes_id,perm_feature_nmbr,parameter_desc,monitoring_period_end_date,dmr_value_nmbr,dmr_unit_desc,\
                limit_value_nmbr,limit_unit_desc,limit_value_qualifier_code,dmr_value_qualifier_code\n\
                TX1,001,Zinc,04/30/2024,1,lb/d,5,mg/L,<=,=\n\
                TX1,001,Zinc,13/45/2024,1,mg/L,5,mg/L,<=,=\n\
                TX1,001,Toxicity,05/31/2024,1,pass=0;fail=1,0,pass=0;fail=1,<=,=\n";
    let (readings, report) = read_all(file.as_bytes()).unwrap();
    assert_eq!(readings, ["TX1/001/Toxicity 2024-05-31 =1 pass=0;fail=1 Max 0"]);
    let columns: Vec<_> = report.errors.iter().map(|e| e.column.as_str()).collect();
    assert_eq!(columns, ["limit_unit_desc", "monitoring_period_end_date"]);
}

#[test]
fn the_bulk_file_is_a_chart_in_capitals() {
    let file = "EXTERNAL_PERMIT_NMBR,PERM_FEATURE_NMBR,PARAMETER_CODE,MONITORING_LOCATION_CODE,STATISTICAL_BASE_CODE,\
                MONITORING_PERIOD_END_DATE,DMR_VALUE_ID,DMR_VALUE_NMBR,LIMIT_VALUE_NMBR,LIMIT_VALUE_QUALIFIER_CODE\n\
                KS1,TX1,22414,U,7D,12/31/2025,1,15.7,100,>=\nKS1,TX1,22414,V,7D,12/31/2025,2,15.7,100,>=\n";
    let mut rows = Rows::open(file.as_bytes(), &Options::default()).unwrap();
    let mut out = Vec::new();
    while rows.next_row(&mut out).unwrap() {}
    assert_eq!((rows.shape(), out.len(), out[0].series != out[1].series), (Shape::Echo, 2, true));
    let series = &rows.series()[0];
    assert_eq!((series.site.as_str(), series.parameter.as_str(), series.base.as_str()), ("KS1", "22414", "7D"));
    assert_eq!(out[0].row.flags.limit(), Some(Direction::Min));
}

#[test]
fn one_value_is_one_sample_whatever_its_violations() {
    let samples = |columns: &str, rows: &[&str]| {
        let file = chart(columns, rows);
        let mut rows = Rows::open(file.as_bytes(), &Options::default()).unwrap();
        let mut out = Vec::new();
        while rows.next_row(&mut out).unwrap() {}
        assert!(out.iter().all(|reading| reading.row.sample != 0));
        out.iter().map(|reading| reading.row.sample).collect::<Vec<_>>()
    };
    let with_id = samples("dmr_value_id,violation_code", &["25.2,37,D90", "25.2,37,E90", "25.2,38,E90"]);
    assert!(with_id[0] == with_id[1] && with_id[0] != with_id[2]);
    let without =
        samples("limit_value_nmbr,violation_code", &["25.2,10,D90", "25.2,10,E90", "25.3,10,E90", "25.2,11,E90"]);
    assert!(without[0] == without[1] && without[0] != without[2] && without[0] != without[3]);
    let limits = samples("dmr_value_id,limit_value_id", &["25.2,37,1", "25.2,37,2"]);
    assert_ne!(limits[0], limits[1], "one value under two limits");
}

#[test]
fn times_of_charts_are_dates() {
    let mut rows = Rows::open(ECHO, &Options::default()).unwrap();
    let mut out = Vec::new();
    while rows.next_row(&mut out).unwrap() {}
    assert!(!out.is_empty() && out.iter().all(|reading| reading.row.flags.kind() == TimeKind::Date));
    assert!(out.iter().all(|reading| reading.row.flags.laboratory() == LabFlags::default()));
}
