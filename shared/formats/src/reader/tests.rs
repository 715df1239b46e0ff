use super::*;
use domain::time;
use proptest::prelude::*;

/// Reads everything: each reading as text, and the report.
fn read_all(bytes: &[u8]) -> Result<(Vec<String>, Report), ReadError> {
    let mut rows = Rows::open(bytes, None)?;
    let mut out = Vec::new();
    while rows.next_row(&mut out)? {}
    let shown = out.iter().map(|reading| {
        let series = &rows.series()[reading.series as usize];
        let row = reading.row;
        let limit = row.flags.limit().map(|direction| format!(" {direction:?} {}", row.limit)).unwrap_or_default();
        format!(
            "{}/{}/{} {} {}{} {}{limit}",
            series.site,
            series.outfall,
            series.parameter,
            row.shown_time(),
            row.flags.qualifier().as_str(),
            row.value,
            rows.units()[usize::from(reading.unit)]
        )
    });
    Ok((shown.collect(), rows.report))
}

/// The readings of a file, and its refused rows as `line column text`.
fn reads_to(file: &str, readings: &[&str], refused: &[&str]) {
    let (found, report) = read_all(file.as_bytes()).unwrap();
    assert_eq!(found, readings);
    let errors: Vec<_> = report.errors.iter().map(|e| format!("{} {} {}", e.line, e.column, e.text)).collect();
    assert_eq!(errors, refused);
    assert_eq!(report.rows, report.rows_taken + report.rows_refused + report.rows_without_reading);
}

#[test]
fn tidy_in_every_dialect() {
    let readings = ["default/001/SO4 1 h =251.2 mg/L", "default/001/As 2.5 h <0.01 mg/L"];
    reads_to("time,species,concentration\n1,SO4,251.2\n2.5,As,<0.01\n", &readings, &[]);
    reads_to("\u{feff}time;species;concentration\r\n1;SO4;251,2\r\n2,5;As;<0,01", &readings, &[]);
    reads_to("time\tspecies\tconcentration\n\n1\t\"SO4\"\t251.2\n2.5\tAs\t< 0.01\n\n", &readings, &[]);
}

#[test]
fn tidy_with_every_column() {
    reads_to(
        "timestamp,site,outfall,parameter,value,unit,qualifier\n\
         2026-03-01T00:00:00Z,Plant A,002,Arsenic,4,ug/L,<\n\
         2026-03-02,,,Arsenic,5,,>\n",
        &["Plant A/002/Arsenic 2026-03-01T00:00:00Z <4 ug/L", "default/001/Arsenic 2026-03-02T00:00:00Z >5 mg/L"],
        &[],
    );
}

#[test]
fn wide_takes_units_from_names_and_skips_empty_cells() {
    reads_to(
        "time_h,SO4_mgL,As_ugL,pH_SU\n0,100,,7\n1,,5,\n2,,,\n",
        &["default/001/SO4 0 h =100 mg/L", "default/001/pH 0 h =7 SU", "default/001/As 1 h =5 ug/L"],
        &[],
    );
}

#[test]
fn bad_rows_are_named_and_the_rest_is_taken() {
    reads_to(
        "time,species,concentration\n1,SO4,abc\n2,SO4,NaN\nnoon,SO4,1\n4,,1\n5,SO4\n6,SO4,\n7,SO4,7\n2026-01-01,SO4,1\n",
        &["default/001/SO4 7 h =7 mg/L"],
        &["2 concentration abc", "3 concentration NaN", "4 time noon", "5 species ", "6 time 5", "9 time 2026-01-01"],
    );
}

#[test]
fn a_bad_cell_refuses_its_whole_row() {
    reads_to(
        "time,SO4_mgL,As_mgL\n1,100,x\n2,100,1\n",
        &["default/001/SO4 2 h =100 mg/L", "default/001/As 2 h =1 mg/L"],
        &["2 As_mgL x"],
    );
}

#[test]
fn files_without_rows_or_columns_say_so() {
    let error = |bytes: &[u8]| read_all(bytes).unwrap_err().to_string();
    assert_eq!(error(b""), "the file is empty");
    assert_eq!(error(b"\n\n"), "the file is empty");
    assert!(error(b"\xff\xfet\0").contains("UTF-16"));
    assert!(error(b"a,b\n1,2\n").starts_with("no known columns; found: a, b; known shapes: tidy"));
    assert_eq!(read_all(b"time,species,concentration\n").unwrap().1.rows, 0);
}

#[test]
fn errors_are_listed_up_to_a_hundred_and_counted_beyond() {
    for (bad, listed) in [(100, 100), (101, 100)] {
        let file = format!("time,species,concentration\n{}", "1,SO4,x\n".repeat(bad));
        let (_, report) = read_all(file.as_bytes()).unwrap();
        assert_eq!((report.errors.len(), report.errors_total, report.rows_refused), (listed, bad as u64, bad as u64));
    }
}

const ECHO: &[u8] = include_bytes!("../../../../tests/fixtures/echo-effluent-chart-TX0119407.csv");

#[test]
fn echo_rows_carry_value_and_limit_in_standard_units() {
    let (readings, report) = read_all(ECHO).unwrap();
    assert_eq!((report.rows, report.rows_taken, report.readings), (720, 720, 720));
    assert_eq!(readings[0], "TX0119407/001/Oxygen, dissolved [DO] 2021-01-31T00:00:00Z =5.9 mg/L Min 4");
    assert!(readings.iter().any(|r| r.contains("kg/d")), "mass loads are compared in standard units");
}

#[test]
fn echo_rows_without_a_value_are_counted_by_their_code() {
    let file = "npdes_id,perm_feature_nmbr,parameter_desc,monitoring_period_end_date,dmr_value_nmbr,dmr_unit_desc,\
                limit_value_nmbr,limit_unit_desc,limit_value_qualifier_code,dmr_value_qualifier_code,nodi_code\n\
                TX1,001,Zinc,01/31/2024,,mg/L,5,mg/L,<=,,C\n\
                TX1,001,Zinc,02/29/2024,,mg/L,5,mg/L,<=,,9\n\
                TX1,001,Zinc,03/31/2024,6000,ug/L,5,mg/L,<=,>,\n\
                TX1,001,Zinc,04/30/2024,1,lb/d,5,mg/L,<=,=,\n\
                TX1,001,Zinc,13/45/2024,1,mg/L,5,mg/L,<=,=,\n\
                TX1,001,Toxicity,05/31/2024,1,pass=0;fail=1,0,pass=0;fail=1,<=,=,\n";
    let (readings, report) = read_all(file.as_bytes()).unwrap();
    assert_eq!(
        readings,
        [
            "TX1/001/Zinc 2024-03-31T00:00:00Z >6000 ug/L Max 5000",
            "TX1/001/Toxicity 2024-05-31T00:00:00Z =1 pass=0;fail=1 Max 0"
        ]
    );
    assert_eq!(report.without_reading.into_iter().collect::<Vec<_>>(), [("NODI 9".into(), 1), ("NODI C".into(), 1)]);
    let columns: Vec<_> = report.errors.iter().map(|e| e.column.as_str()).collect();
    assert_eq!(columns, ["limit_unit_desc", "monitoring_period_end_date"]);
}

#[test]
fn one_kind_of_time_per_file() {
    let (readings, _) = read_all(b"time,species,concentration\n2026-01-01,A,1\n5,A,1\n").unwrap();
    assert_eq!(readings.len(), 1);
    assert_eq!(time::from_text("5").unwrap().1, TimeKind::Hours);
}

proptest! {
    /// Any bytes: no panic, and every data row is accounted for.
    #[test]
    fn any_bytes_are_accounted_for(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok((readings, report)) = read_all(&bytes) {
            prop_assert_eq!(report.rows, report.rows_taken + report.rows_refused + report.rows_without_reading);
            prop_assert_eq!(report.readings, readings.len() as u64);
        }
    }

    /// The same behind a good header, where rows are really read.
    #[test]
    fn any_rows_are_accounted_for(
        header in prop::sample::select(vec!["time,species,concentration", "time;SO4_mgL;As_mgL", "date\tspecies\tvalue\tunit\tqualifier"]),
        rows in prop::collection::vec("[0-9a-zA-Z<>=.,;\t\"\u{e9} -]{0,30}", 0..20),
    ) {
        let file = format!("{header}\n{}", rows.join("\n"));
        let (readings, report) = read_all(file.as_bytes()).unwrap();
        prop_assert_eq!(report.rows, report.rows_taken + report.rows_refused + report.rows_without_reading);
        prop_assert_eq!(report.readings, readings.len() as u64);
        prop_assert!(report.errors_total >= report.rows_refused);
    }
}
