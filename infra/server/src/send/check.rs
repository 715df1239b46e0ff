//! Accounts for a file without a server: the outcome of each row.

use crate::remote::Failure;
use engine::original::GZIP;
use flate2::read::MultiGzDecoder;
use formats::Options;
use formats::reader::{ReadError, Rows};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// A file is read until nothing new is learned about its format: usually twice, at most three times if nothing is
/// stored.
const READINGS: usize = 4;

/// The account of a file.
pub(crate) fn check(file: &Path, site: Option<&str>) -> Result<Value, Failure> {
    account(&read(file, site)?)
}

/// The sites named in a file's rows; `site` is for rows that name none.
pub(crate) fn sites(file: &Path, site: &str) -> Result<BTreeSet<String>, Failure> {
    Ok(read(file, Some(site))?.series().iter().map(|series| series.site.clone()).collect())
}

/// Reads a file until its format is known.
fn read(file: &Path, site: Option<&str>) -> Result<Rows<Box<dyn Read>>, Failure> {
    let mut options = Options { site: site.map(str::to_owned), now: domain::time::now(), ..Options::default() };
    for _ in 0..READINGS {
        let mut rows = Rows::open(open(file)?, &options).map_err(refused)?;
        let mut readings = Vec::new();
        while rows.next_row(&mut readings).map_err(refused)? {
            readings.clear();
        }
        let learned = rows.learned();
        if learned == options.conventions {
            return Ok(rows);
        }
        options.conventions = learned;
    }
    Err(Failure::of("unsettled", "its cells contradict each other, however it is read"))
}

fn account<R: Read>(rows: &Rows<R>) -> Result<Value, Failure> {
    let report = &rows.report;
    if report.rows == 0 {
        return Err(Failure::of("no_rows", "the file has a header and no rows"));
    }
    let mut account = json!(report);
    let taken = (report.rows_taken, report.rows);
    account["message"] =
        json!(format!("{} of {} rows can be taken; nothing is judged without a server.", taken.0, taken.1));
    account["shape"] = json!(rows.shape());
    if report.rows_refused == report.rows {
        return Err(Failure::of("rows_refused", "no row can be read").with(account));
    }
    Ok(account)
}

fn open(file: &Path) -> Result<Box<dyn Read>, Failure> {
    let open = File::open(file).map_err(|error| Failure::io(&error))?;
    if !open.metadata().is_ok_and(|metadata| metadata.is_file()) {
        // It is read more than once.
        return Err(Failure::of("unreadable", "not a file"));
    }
    let mut bytes = BufReader::new(open);
    let is_gzip = bytes.fill_buf().map_err(|error| Failure::io(&error))?.starts_with(&GZIP);
    Ok(if is_gzip { Box::new(MultiGzDecoder::new(bytes)) } else { Box::new(bytes) })
}

fn refused(error: ReadError) -> Failure {
    match error {
        ReadError::Header(error) => Failure::of("unknown_columns", &error.to_string()),
        ReadError::Io(error) => Failure::io(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn checked(bytes: &[u8]) -> Result<Value, Value> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        check(file.path(), Some("north")).map_err(|failure| failure.envelope())
    }

    #[test]
    fn every_row_is_accounted_for_as_a_server_does() {
        let account = checked(b"time,species,concentration\n1,SO4,2\nx,SO4,3\n").unwrap();
        assert_eq!((&account["rows_taken"], &account["rows_refused"]), (&json!(1), &json!(1)));
        assert_eq!(account["errors"][0]["line"], 3);
        // Only the whole file reveals the format: 25 is not a month.
        let account = checked(b"date,species,concentration\n03/04/2026,SO4,2\n25/04/2026,SO4,3\n").unwrap();
        assert_eq!((&account["rows_taken"], &account["rows_refused"]), (&json!(2), &json!(0)), "{account}");
        assert_eq!(checked(b"%PDF-1.7").unwrap_err()["code"], "unknown_columns");
        assert_eq!(checked(b"time,species,concentration\n").unwrap_err()["code"], "no_rows");
        assert_eq!(checked(b"time,species,concentration\nx,SO4,1\n").unwrap_err()["code"], "rows_refused");
        assert_eq!(check(Path::new("/nowhere/at/all.csv"), None).unwrap_err().envelope()["code"], "unreadable");
    }
}
