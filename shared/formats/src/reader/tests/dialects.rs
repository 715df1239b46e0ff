//! Encodings, separators, headers, lines.

use super::*;

const READINGS: [&str; 2] = ["default/001/SO4 1 h =251.2 mg/L", "default/001/As 2.5 h <0.01 mg/L"];

fn utf16(text: &str, is_little: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

#[test]
fn tidy_in_every_dialect() {
    for file in [
        "time,species,concentration\n1,SO4,251.2\n2.5,As,<0.01\n",
        "\u{feff}time;species;concentration\r\n1;SO4;251,2\r\n2,5;As;<0,01",
        "time\tspecies\tconcentration\n\n1\t\"SO4\"\t251.2\n2.5\tAs\t< 0.01\n\n",
        "time|species|concentration\r1|SO4|251.2\r2.5|As|<0.01\r",
        "sep=;\ntime;species;concentration\n1;SO4;251.2\n2.5;As;<0.01\n",
        "\"sep=|\"\r\ntime|species|concentration\r\n1|SO4|251.2\r\n2.5|As|<0.01\r\n",
    ] {
        reads_to(file, &READINGS, &[]);
    }
}

#[test]
fn other_encodings_are_read_and_named() {
    let file =
        "time,species,concentration,unit\r\n2026-03-02,Bor\u{e9},190,\u{b5}g/L\r\n2026-03-09,Bor\u{e9},12,mg/L\r\n";
    let readings = ["default/001/Boré 2026-03-02 =190 ug/L", "default/001/Boré 2026-03-09 =12 mg/L"];
    let latin: Vec<u8> = file.chars().map(|character| character as u8).collect();
    let marked = |mark: &[u8], is_little| [mark, &utf16(file, is_little)].concat();
    for (bytes, encoding) in [
        (file.as_bytes().to_vec(), "UTF-8"),
        (latin, "Windows-1252"),
        (utf16(file, true), "UTF-16"),
        (utf16(file, false), "UTF-16"),
        (marked(b"\xff\xfe", true), "UTF-16"),
        (marked(b"\xfe\xff", false), "UTF-16"),
    ] {
        let read = read_with(&bytes, Options::default()).unwrap();
        assert_eq!(read.readings, readings, "{encoding}");
        assert_eq!((read.report.encoding.as_str(), read.times), (encoding, 1));
        assert_eq!(read.report.notes.iter().any(|note| note.contains(encoding)), encoding != "UTF-8");
    }
}

#[test]
fn a_byte_far_behind_tells_the_encoding_of_all() {
    let rows = "1,Cu,5,mg/L\n".repeat(10_000);
    let file = [b"time,species,concentration,unit\n", rows.as_bytes(), b"2,Cu,5,\xb5g/L\n"].concat();
    let read = read_with(&file, Options::default()).unwrap();
    assert_eq!((read.report.encoding.as_str(), read.times, read.report.rows_refused), ("Windows-1252", 2, 0));
    assert_eq!(read.readings[10_000], "default/001/Cu 2 h =5 ug/L");
    // Characters of several bytes say that it is UTF-8 all the same; the broken cell is refused.
    let file = b"time,species,concentration,unit\n1,Cu,5,\xc2\xb5g/L\n2,Cu,5,\xb5g/L\n";
    let (readings, report) = read_all(file).unwrap();
    assert_eq!(readings, ["default/001/Cu 1 h =5 ug/L"]);
    assert_eq!((report.encoding.as_str(), report.errors[0].reason.as_str()), ("UTF-8", "UTF-8 text is expected"));
}

#[test]
fn a_header_below_other_lines_is_found_and_its_line_told() {
    let file = "KorEXO Measurement File Export - 102017 173053\n\nMEAN VALUE:,,6.91,18.2\n\"a quoted \nnote\"\n\n\
                timestamp,site,pH (SU),Temp (deg C)\n2026-03-02T10:00:00Z,,5.4,18.1\n2026-03-02T11:00:00Z,,x,18.1\n";
    let (readings, report) = read_all(file.as_bytes()).unwrap();
    assert_eq!(readings[0], "default/001/pH 2026-03-02T10:00:00Z =5.4 SU");
    assert_eq!((report.header_line, report.errors[0].line), (7, 9));
    assert!(report.notes.iter().any(|note| note == "the header is in line 7; the lines before it are not read"));
    let preamble = |lines: usize| format!("{}time,species,value\n1,A,1\n", "x,y\n".repeat(lines));
    assert_eq!(read_all(preamble(49).as_bytes()).unwrap().1.header_line, 50);
    assert!(matches!(read_all(preamble(50).as_bytes()), Err(ReadError::Header(HeaderError::Unknown { .. }))));
}

#[test]
fn files_that_are_no_csv_say_so() {
    let error = |bytes: &[u8]| read_all(bytes).err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(error(b""), "the file is empty");
    assert_eq!(error(b"\n \r\n"), "the file is empty");
    assert_eq!(error(b"\xff\xfe"), "the file is empty");
    assert!(error(b"a,b\n1,2\n").starts_with("no known columns; found: a, b; known shapes: tidy"));
    assert_eq!(
        error(b"\x1f\x8b\x08\0\0\0\0\0\0\x03time"),
        "the file is gzip; send it with the header Content-Encoding: gzip, or unpacked"
    );
    assert!(error(b"PK\x03\x04\x14\0\x06\0\x08").contains("Excel workbook (.xlsx)"));
    assert!(error(b"ab\0\0\0\x01\x02\xff\0\0\0").contains("binary"));
    assert_eq!(read_all(b"time,species,concentration\n").unwrap().1.rows, 0);
    let long = [vec![b'x'; 70 * 1024], b"\n1\n".to_vec()].concat();
    assert_eq!(error(&long), "the header line is longer than 64 KiB");
}

#[test]
fn refused_rows_have_the_files_own_lines() {
    let rows =
        ["time,species,concentration", "1,A,x", "", "2,A,1", "", "", "3,\"A", "B\",x", "4,A,x", "5,A,1", "6,A,x"];
    for end in ["\n", "\r\n", "\r"] {
        for last in ["", end] {
            let file = format!("{}{last}", rows.join(end));
            let (_, report) = read_all(file.as_bytes()).unwrap();
            let lines: Vec<_> = report.errors.iter().map(|error| error.line).collect();
            assert_eq!(lines, [2, 7, 9, 11], "{end:?} {last:?}");
        }
    }
    let mixed = "time,species,concentration\r1,A,x\r\n\n\r2,A,x\n3,A,x";
    let (_, report) = read_all(mixed.as_bytes()).unwrap();
    assert_eq!(report.errors.iter().map(|error| error.line).collect::<Vec<_>>(), [2, 5, 6]);
}

#[test]
fn lines_are_right_across_the_parts_in_which_a_file_is_read() {
    for end in ["\n", "\r\n", "\r"] {
        // Rows of 31 and 32 bytes: line ends fall on every side of a buffer's end.
        let row = format!("1,A,{}{end}", "1".repeat(26));
        let file = format!("time,species,concentration{end}{}1,A,x{end}", row.repeat(20_000));
        let (_, report) = read_all(file.as_bytes()).unwrap();
        assert_eq!((report.errors.len(), report.errors[0].line, report.rows), (1, 20_002, 20_001), "{end:?}");
    }
}

#[test]
fn rows_of_another_length_are_refused_and_blank_ones_are_not() {
    reads_to(
        "time,species,concentration\n1,A,1\n1,A,1,2\n1,A\n,,\n   \n,\n",
        &["default/001/A 1 h =1 mg/L"],
        &["3 time 1", "4 time 1"],
    );
    assert_eq!(reasons("time,species,concentration\n1,A,1,2\n"), ["4 fields, the header has 3"]);
}

#[test]
fn dates_and_times_of_day_in_two_columns_are_one_time() {
    reads_to(
        "Sample Date,Sample Time,Analyte,Result,Units\n3/14/2026,2:30 PM,Pb,1,ug/L\n2026-03-15,,Pb,2,ug/L\n\
         3/16/2026,x,Pb,2,ug/L\n",
        &["default/001/Pb 2026-03-14T14:30:00Z =1 ug/L", "default/001/Pb 2026-03-15 =2 ug/L"],
        &["4 Sample Date 3/16/2026"],
    );
}

proptest! {
    /// Whatever the line ends and wherever parts of the file end, the text is the same.
    #[test]
    fn line_ends_become_one_kind(text in "[ab\r\n]{0,40}", sizes in prop::collection::vec(1..9usize, 1..5)) {
        let plain = text.replace("\r\n", "\n").replace('\r', "\n");
        let plain = if plain.is_empty() || plain.ends_with('\n') { plain } else { plain + "\n" };
        for (bytes, encoding) in [(text.as_bytes().to_vec(), Encoding::Utf8), (utf16(&text, true), Encoding::Utf16Le)] {
            let (head, rest) = bytes.split_at(bytes.len() / 2);
            let mut source = Source::new(head.to_vec(), rest, encoding, 0);
            let (mut found, mut sizes) = (Vec::new(), sizes.iter().cycle());
            loop {
                let mut buffer = vec![0; *sizes.next().unwrap()];
                let count = io::Read::read(&mut source, &mut buffer).unwrap();
                if count == 0 {
                    break;
                }
                found.extend_from_slice(&buffer[..count]);
            }
            prop_assert_eq!(String::from_utf8(found).unwrap(), plain.clone());
        }
    }
}
