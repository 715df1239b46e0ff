//! What only the whole file tells.

use super::*;

fn read(file: &str) -> Read {
    let read = read_with(file.as_bytes(), Options::default()).unwrap();
    sums_up(&read.report);
    read
}

fn values(read: &Read) -> Vec<&str> {
    read.readings.iter().map(|reading| reading.split(['=', ' ']).nth(3).unwrap_or_default()).collect()
}

#[test]
fn an_ordinary_file_is_read_once() {
    for file in [
        "time,species,concentration\n1,A,1.5\n2,A,1.250\n3,A,<0.01\n4,A,1000\n",
        "time;species;concentration\n2026-01-01;A;1,5\n2026-01-02;A;0,25\n",
        "time;species;concentration\n1;A;1.5\n2;A;1.250\n",
        "date,parameter,result,units\n1/13/2026,A,1,mg/L\n1/20/2026,A,2,mg/L\n",
        "time,species,concentration,unit,qualifier\n2026-01-01 08:00,A,1 J,mg/L,\n",
    ] {
        let read = read(file);
        assert_eq!((read.times, read.report.rows_refused), (1, 0), "{file}");
    }
}

#[test]
fn decimal_signs_are_decided_by_the_column() {
    let european =
        read("time;species;concentration\n2026-03-01;SO4;1.250,5\n2026-03-02;SO4;1.250\n2026-03-03;SO4;100,0\n");
    assert_eq!((values(&european), european.times), (vec!["1250.5", "1250", "100"], 2));
    assert!(european.report.notes[1].contains("\"concentration\" are read with decimal commas"));
    let american = read("time,species,concentration\n2026-03-01,A,\"1,200\"\n2026-03-02,A,12.5\n");
    assert_eq!((values(&american), american.times), (vec!["1200", "12.5"], 2));
    let open = read("time,species,concentration\n1,A,\"1,200\"\n2,A,\"> 10,000\"\n3,A,1.2.3\n4,A,450\n");
    assert_eq!((open.report.rows_taken, open.report.rows_refused), (1, 3));
    assert!(open.report.errors[0].reason.starts_with("doubtful: 1,200 may be 1200 or 1.2"));
    let semicolons = read("time;species;concentration\n1;A;1.200\n2;A;450\n");
    assert_eq!((semicolons.report.rows_taken, semicolons.report.rows_refused), (1, 1));
    // A column speaks for itself alone.
    let columns = read("time,A_mgL,B_mgL\n1,\"1,5\",\"1,200\"\n");
    assert_eq!((columns.report.rows_refused, columns.report.errors[0].column.as_str()), (1, "B_mgL"));
}

#[test]
fn a_cell_tells_of_its_column_even_where_its_row_is_refused() {
    let file = "date,species,concentration,unit\n03/04/2026,A,\"1,5\",mg/L\n05/04/2026,A,\"1,200\",\n25/03/2026,A,\"1,200\",mg/L\n\
                Total,A,x,\n";
    let read = read(file);
    assert_eq!((read.times, read.report.rows_taken, read.report.rows_refused), (3, 3, 1));
    assert_eq!(read.readings[1], "default/001/A 2026-04-05 =1.2 mg/L");
    assert!(read.report.notes.iter().any(|note| note.contains("day/month/year")));
}

#[test]
fn the_order_of_dates_is_the_files_or_the_senders() {
    let mixed = read("date,species,value\n3/25/2026,A,1\n25/3/2026,A,1\n7/7/2026,A,1\n");
    assert_eq!((mixed.report.rows_taken, mixed.report.rows_refused), (1, 2));
    let open = "date,species,value\n3/4/2026,A,1\n";
    assert!(read(open).report.errors[0].reason.starts_with("doubtful: may be 2026-03-04 or 2026-04-03"));
    let told = Options { date_order: DateOrder::DayFirst, ..Options::default() };
    let told = read_with(open.as_bytes(), told).unwrap();
    assert_eq!((told.readings[0].as_str(), told.times), ("default/001/A 2026-04-03 =1 mg/L", 1));
}

#[test]
fn blank_units_are_those_of_the_series_other_rows() {
    let file = "time,species,concentration,unit\n1,As,7,ug/L\n2,As,8,\n3,As,9,UG/L\n1,Ni,12,ug/L\n2,Ni,15,None\n3,Ni,0.02,mg/L\n\
                1,pH,7,n/a\n1,Zn,1,-\n2,Zn,1,mg/L\n";
    let alone = read(file);
    assert_eq!((alone.report.rows_taken, alone.report.rows_refused), (7, 2));
    assert_eq!(alone.readings[1], "default/001/As 2 h =8 ug/L");
    let refused: Vec<_> = alone.report.errors.iter().map(|e| format!("{} {}", e.line, e.column)).collect();
    assert_eq!(refused, ["6 unit", "8 unit"]);
    // What is stored of a series tells the rest.
    let mut options = Options::default();
    for (parameter, unit) in [("Ni", Some("ug/L")), ("pH", Some("SU")), ("As", Some("mg/L"))] {
        let id = Series::raw("default", "001", parameter).id();
        options.conventions.stored_units.insert(id, unit.map(str::to_owned));
    }
    let stored = read_with(file.as_bytes(), options).unwrap();
    assert_eq!(stored.report.rows_refused, 0);
    assert!(stored.readings.contains(&"default/001/Ni 2 h =15 ug/L".to_owned()));
    assert!(stored.readings.contains(&"default/001/pH 1 h =7 SU".to_owned()));
    assert!(stored.readings.contains(&"default/001/As 2 h =8 ug/L".to_owned()), "the file's other rows come first");
}

#[test]
fn series_whose_units_are_wanted_are_named() {
    let file = "time,species,concentration,unit\n1,A,1,\n1,B,1,mg/L\n2,B,1,\n1,C,1,mg/L\n2,C,1,ug/L\n3,C,1,\n";
    let mut rows = Rows::open(file.as_bytes(), &Options::default()).unwrap();
    let mut out = Vec::new();
    while rows.next_row(&mut out).unwrap() {}
    assert_eq!(rows.wanted_units().iter().map(|series| series.parameter.as_str()).collect::<Vec<_>>(), ["A", "C"]);
    assert_eq!(rows.learned().units.into_values().collect::<Vec<_>>(), ["mg/L"]);
}

#[test]
fn a_file_without_units_is_in_mg_per_l_and_says_so() {
    let without = read("time,species,concentration\n1,A,1\n");
    assert_eq!(without.readings, ["default/001/A 1 h =1 mg/L"]);
    assert_eq!(without.report.notes, ["the file has no column of units: all values are taken as mg/L"]);
    assert!(read("time,species,concentration,unit\n1,A,1,ug/L\n").report.notes.is_empty());
}

#[test]
fn hours_are_numbers_in_columns_of_hours_alone() {
    for (column, is_hours) in
        [("time", true), ("time_h", true), ("Hours", true), ("date", false), ("timestamp", false), ("datetime", false)]
    {
        let read = read(&format!("{column},species,value\n46082,A,1\n"));
        assert_eq!(read.readings.len(), usize::from(is_hours), "{column}");
        assert!(is_hours || read.report.errors[0].reason.contains("Excel's serial number for 2026-03-01?"));
    }
    let one_kind = read("time,species,concentration\n2026-01-01,A,1\n5,A,1\n");
    assert_eq!((one_kind.readings.len(), one_kind.report.rows_refused), (1, 1));
}

#[test]
fn kinds_of_times_are_kept() {
    let file = "time,species,concentration\n2026-03-01T06:00:00-06:00,A,1\n2026-03-01 06:00,A,1\n2026-03-01,A,1\n";
    let mut rows = Rows::open(file.as_bytes(), &Options::default()).unwrap();
    let mut out = Vec::new();
    while rows.next_row(&mut out).unwrap() {}
    let kinds: Vec<_> = out.iter().map(|reading| (reading.row.flags.kind(), time::rfc3339(reading.row.time))).collect();
    let of = |kind, text: &str| (kind, text.to_owned());
    assert_eq!(
        kinds,
        [
            of(TimeKind::Clock, "2026-03-01T12:00:00Z"),
            of(TimeKind::Local, "2026-03-01T06:00:00Z"),
            of(TimeKind::Date, "2026-03-01T00:00:00Z")
        ]
    );
    assert_eq!(rows.local_sites(), ["default"]);
}

#[test]
fn the_hour_that_a_clock_shows_twice_goes_by_the_order_of_rows() {
    let zone = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap();
    let options = Options { zones: [("plant".to_owned(), zone)].into(), ..Options::default() };
    let file = |times: [&str; 5]| {
        let rows: Vec<_> = times.iter().map(|time| format!("2026-11-01 {time},Plant,A,1\n")).collect();
        format!("time,site,species,concentration\n{}", rows.concat())
    };
    let second = |file: &str| {
        let read = read_with(file.as_bytes(), options.clone()).unwrap();
        let second: Vec<_> = (0..5).filter(|place| read.readings[*place].ends_with("second")).collect();
        (second, read.times, read.report.notes.len())
    };
    assert_eq!(second(&file(["00:00", "01:00", "01:00", "02:00", "03:00"])), (vec![2], 1, 1));
    assert_eq!(second(&file(["03:00", "02:00", "01:00", "01:00", "00:00"])), (vec![2], 2, 1));
    assert_eq!(second(&file(["00:30", "01:30", "02:30", "03:30", "04:30"])), (vec![], 1, 2));
    let read = read_with(file(["00:30", "01:30", "02:30", "03:30", "04:30"]).as_bytes(), options.clone()).unwrap();
    assert!(
        read.report.notes[1].starts_with("the clock of Plant shows 2026-11-01 01:00:00 to 2026-11-01 02:00:00 twice")
    );
}

#[test]
fn results_of_the_future_are_refused() {
    let options = Options { now: time::from_clock("2026-03-01T12:00:00Z").unwrap(), ..Options::default() };
    let file = "time,species,concentration\n2026-03-02T12:00:00Z,A,1\n2026-03-02T12:00:01Z,A,1\n2026-03-02,A,1\n2026-03-03,A,1\n";
    let read = read_with(file.as_bytes(), options.clone()).unwrap();
    assert_eq!(read.readings.len(), 2);
    assert_eq!(read.report.errors[0].reason, "more than a day in the future");
    let hours = read_with(b"time,species,concentration\n9000000,A,1\n", options).unwrap();
    assert_eq!(hours.readings.len(), 1);
}

#[test]
fn units_that_have_no_room_are_refused() {
    let id = Series::raw("default", "001", "A").id();
    let options = Options { units: [(id, vec!["mg/L".to_owned()])].into(), ..Options::default() };
    let file = "time,species,concentration,unit\n1,A,1,mg/L\n2,A,1,ug/L\n1,B,1,ug/L\n";
    let read = read_with(file.as_bytes(), options).unwrap();
    assert_eq!((read.readings.len(), read.report.errors[0].column.as_str()), (2, "unit"));
}
