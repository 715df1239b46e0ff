use super::*;
use domain::reading::{Direction, LabFlags};
use domain::time::{self, TimeKind};
use jiff::tz::TimeZone;
use proptest::prelude::*;

mod charts;
mod conventions;
mod dialects;
mod flags;

/// A file read until nothing is learned any more: each reading as text, the report, and how often it was read.
struct Read {
    readings: Vec<String>,
    report: Report,
    times: usize,
}

fn shown(rows: &Rows<&[u8]>, reading: &Reading) -> String {
    let series = &rows.series()[reading.series as usize];
    let row = reading.row;
    let limit = row.flags.limit().map(|direction| format!(" {direction:?} {}", row.limit)).unwrap_or_default();
    let marks = [
        (Mark::Fold, "second"),
        (Mark::QualityControl, "control"),
        (Mark::Benchmark, "benchmark"),
        (Mark::Unjudged, "unjudged"),
    ];
    let marks = marks.into_iter().filter(|(mark, _)| row.flags.has(*mark)).map(|(_, text)| text);
    let flags = row.flags.laboratory().texts();
    let more: String = marks.chain(flags).map(|text| format!(" {text}")).collect();
    format!(
        "{}/{}/{} {} {}{} {}{limit}{more}",
        series.site,
        series.outfall,
        series.parameter,
        row.shown_time(),
        row.flags.qualifier().as_str(),
        row.value,
        rows.units()[usize::from(reading.unit)]
    )
}

/// Reads everything as a caller does that has nothing stored.
fn read_with(bytes: &[u8], mut options: Options) -> Result<Read, ReadError> {
    for times in 1..=3 {
        let mut rows = Rows::open(bytes, &options)?;
        let mut out = Vec::new();
        while rows.next_row(&mut out)? {}
        let mut learned = rows.learned();
        for series in rows.wanted_units() {
            learned.stored_units.entry(series.id()).or_insert(None);
        }
        if learned == options.conventions {
            let readings = out.iter().map(|reading| shown(&rows, reading)).collect();
            return Ok(Read { readings, report: rows.report, times });
        }
        options.conventions = learned;
    }
    panic!("after three readings there is still something to learn");
}

fn read_all(bytes: &[u8]) -> Result<(Vec<String>, Report), ReadError> {
    read_with(bytes, Options::default()).map(|read| (read.readings, read.report))
}

fn sums_up(report: &Report) {
    let parts = report.rows_taken + report.rows_refused + report.rows_without_reading + report.rows_repeated;
    assert_eq!(report.rows, parts);
    assert_eq!(report.rows_without_reading, report.without_reading.values().sum::<u64>());
}

/// The readings of a file, and its refused rows as `line column text`.
fn reads_to(file: &str, readings: &[&str], refused: &[&str]) {
    let (found, report) = read_all(file.as_bytes()).unwrap();
    assert_eq!(found, readings);
    let errors: Vec<_> = report.errors.iter().map(|e| format!("{} {} {}", e.line, e.column, e.text)).collect();
    assert_eq!(errors, refused);
    sums_up(&report);
}

/// The reasons for which rows are refused.
fn reasons(file: &str) -> Vec<String> {
    let (_, report) = read_all(file.as_bytes()).unwrap();
    report.errors.into_iter().map(|error| error.reason).collect()
}

#[test]
fn tidy_with_every_column() {
    reads_to(
        "timestamp,site,outfall,parameter,value,unit,qualifier\n\
         2026-03-01T00:00:00Z,Plant A,002,Arsenic,4,ug/L,<\n\
         2026-03-02,,,Arsenic,5,mg/L,>\n",
        &["Plant A/002/Arsenic 2026-03-01T00:00:00Z <4 ug/L", "default/001/Arsenic 2026-03-02 >5 mg/L"],
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
    reads_to("time_h,pH\n0,5.1\n", &["default/001/pH 0 h =5.1 SU"], &[]);
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
fn footers_are_refused_by_their_text() {
    reads_to(
        "date,TSS (mg/L),BOD (mg/L)\n2026-03-02,41,12\nTotal,97,33\nAverage,32.3,11\n",
        &["default/001/TSS 2026-03-02 =41 mg/L", "default/001/BOD 2026-03-02 =12 mg/L"],
        &["3 date Total", "4 date Average"],
    );
}

#[test]
fn errors_are_listed_up_to_a_hundred_and_counted_beyond() {
    for (bad, listed) in [(100, 100), (101, 100)] {
        let file = format!("time,species,concentration\n{}", "1,SO4,x\n".repeat(bad));
        let (_, report) = read_all(file.as_bytes()).unwrap();
        assert_eq!((report.errors.len(), report.errors_total, report.rows_refused), (listed, bad as u64, bad as u64));
    }
}

#[test]
fn implausible_values_are_taken_with_a_warning() {
    let file = "time,species,concentration,unit\n2026-03-01,SO4,-0.3,mg/L\n2026-03-01,pH,14.5,SU\n2026-03-01,pH,14,SU\n\
                2026-03-01,Temp,-2,deg C\n2026-03-01,Flow,-1,MGD\n";
    let (readings, report) = read_all(file.as_bytes()).unwrap();
    assert_eq!((readings.len(), report.rows_refused, report.warnings_total), (5, 0, 3));
    let warnings: Vec<_> = report.warnings.iter().map(|w| format!("{} {} {}", w.line, w.text, w.reason)).collect();
    assert_eq!(warnings, ["2 -0.3 a negative value", "3 14.5 pH outside 0 to 14", "6 -1 a negative value"]);
    let many = format!("time,species,concentration\n{}", "1,SO4,-1\n".repeat(101));
    let (_, report) = read_all(many.as_bytes()).unwrap();
    assert_eq!((report.warnings.len(), report.warnings_total), (100, 101));
}

#[test]
fn quality_control_is_kept_and_counted() {
    let file = "time,species,concentration,unit,sample_type\n2026-04-07T09:30:00Z,Cu,0.34,mg/L,Sample-Routine\n\
                2026-04-07T09:30:00Z,Cu,0.31,mg/L,Quality Control Sample-Field Replicate\n\
                2026-04-07T09:30:00Z,Cu,-0.002,mg/L,Field Blank\n2026-04-08,Cu,1,mg/L,Mystery\n2026-04-09,Cu,1,mg/L,\n";
    let (readings, report) = read_all(file.as_bytes()).unwrap();
    assert_eq!(
        readings,
        [
            "default/001/Cu 2026-04-07T09:30:00Z =0.34 mg/L",
            "default/001/Cu 2026-04-07T09:30:00Z =0.31 mg/L control",
            "default/001/Cu 2026-04-07T09:30:00Z =-0.002 mg/L control",
            "default/001/Cu 2026-04-09 =1 mg/L",
        ]
    );
    assert_eq!((report.rows_taken, report.readings_quality_control, report.warnings_total), (4, 2, 0));
    assert_eq!(report.errors[0].reason, "the kind of sample `Mystery` is not known");
}

#[test]
fn samples_have_the_same_number_in_every_spelling() {
    let file =
        "time,species,concentration,Lab Sample ID\n1,A,1,L-2211\n2,A,1, l-2211 \n3,A,1,\n4,A,1,n/a\n5,A,1,L-2212\n";
    let mut rows = Rows::open(file.as_bytes(), &Options::default()).unwrap();
    let mut out = Vec::new();
    while rows.next_row(&mut out).unwrap() {}
    let samples: Vec<u64> = out.iter().map(|reading| reading.row.sample).collect();
    assert!(samples[0] != 0 && samples[0] == samples[1] && samples[4] != samples[0] && samples[4] != 0);
    assert_eq!(samples[2..4], [0, 0]);
}

#[test]
fn columns_that_are_not_read_tell_rows_apart() {
    let rests = |file: &str| {
        let mut rows = Rows::open(file.as_bytes(), &Options::default()).unwrap();
        let mut out = Vec::new();
        while rows.next_row(&mut out).unwrap() {}
        out.iter().map(|reading| reading.rest).collect::<Vec<_>>()
    };
    let tidy = rests("time,species,concentration,depth,note\n1,A,5,2,\n1,A,5,,2\n1,A,5,2,\n");
    assert!(tidy[0] != tidy[1] && tidy[0] == tidy[2] && tidy.iter().all(|rest| rest & 1 == 1));
    assert_eq!(rests("time,species,concentration\n1,A,5\n"), [0]);
    let wide = rests("time,A_mgL,B_mgL\n1,5,6\n1,5,7\n1,5,6\n");
    assert!(wide[0] != wide[2] && wide[0] == wide[4] && wide[0] == wide[1] | 1 && wide[0] != wide[1]);
}

proptest! {
    /// Any bytes: no panic, and every data row is accounted for.
    #[test]
    fn any_bytes_are_accounted_for(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok((readings, report)) = read_all(&bytes) {
            sums_up(&report);
            prop_assert_eq!(report.readings, readings.len() as u64);
        }
    }

    /// The same behind a good header, where rows are really read.
    #[test]
    fn any_rows_are_accounted_for(
        header in prop::sample::select(vec![
            "time,species,concentration",
            "time;SO4_mgL;As_mgL;As_flag",
            "date\tspecies\tvalue\tunit\tqualifier",
            "sample_date|sample_time|analyte|result|units|flag|mdl|rl|sample_id|sample_type",
            "npdes_id,perm_feature_nmbr,parameter_desc,monitoring_period_end_date,dmr_value_nmbr,nodi_code,stay_type_code",
        ]),
        rows in prop::collection::vec("[0-9a-zA-Z<>=.,;|/:\t\"\r\u{e9} -]{0,30}", 0..20),
        zone: bool,
    ) {
        let file = format!("{header}\n{}", rows.join("\n"));
        let mut options = Options { now: time::from_clock("2026-07-01").unwrap(), ..Options::default() };
        if zone {
            options.zones.insert("default".into(), TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap());
        }
        let Read { readings, report, .. } = read_with(file.as_bytes(), options).unwrap();
        sums_up(&report);
        prop_assert_eq!(report.readings, readings.len() as u64);
        prop_assert_eq!(report.errors_total, report.rows_refused);
    }
}
