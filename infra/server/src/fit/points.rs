//! The points of a fit: two columns of a file, or a server's series.

use crate::remote::{Remote, encoded, escaped};
use anyhow::{Context, bail, ensure};
use axum::http::Method;
use chemistry::question::Points;
use domain::time::{self, HOUR};
use serde_json::Value;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Series and readings per request: the most that the API returns.
const SERIES: &str = "1000";
const READINGS: &str = "100000";

/// The columns to use, by name or by number from 1.
pub(super) struct Columns<'a> {
    pub(super) x: Option<&'a str>,
    pub(super) y: Option<&'a str>,
    pub(super) sigma: Option<&'a str>,
}

/// Reads two columns of a file, and their names: those given, or `x` and `y`, or the first two.
pub(super) fn of_file(path: &Path, columns: &Columns<'_>) -> anyhow::Result<(Points, [String; 2])> {
    let name = path.display().to_string();
    let bytes: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path).with_context(|| format!("{name} cannot be read"))?)
    };
    read(BufReader::new(bytes), columns).with_context(|| name)
}

fn read(mut bytes: impl std::io::BufRead, columns: &Columns<'_>) -> anyhow::Result<(Points, [String; 2])> {
    let delimiter = delimiter(bytes.fill_buf()?);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(bytes);
    let header = reader.headers()?.clone();
    let find = |given: Option<&str>, usual: &str, place: usize| match given {
        Some(given) => column(&header, given),
        None => Ok(header.iter().position(|name| name.eq_ignore_ascii_case(usual)).unwrap_or(place)),
    };
    let (x, y) = (find(columns.x, "x", 0)?, find(columns.y, "y", 1)?);
    ensure!(x != y, "x and y are the same column: name both with --x and --y");
    let sigma = columns.sigma.map(|given| column(&header, given)).transpose()?;
    let named = |place: usize| {
        header.get(place).map(str::to_owned).with_context(|| format!("there is no column {}", place + 1))
    };
    let names = [named(x)?, named(y)?];
    let mut points = Points { sigma: sigma.map(|_| Vec::new()), ..Points::default() };
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        let number = |place: usize| number(record.get(place).unwrap_or_default(), line, &header, place);
        points.x.push(number(x)?);
        points.y.push(number(y)?);
        if let (Some(place), Some(sigmas)) = (sigma, &mut points.sigma) {
            sigmas.push(number(place)?);
        }
    }
    Ok((points, names))
}

/// The delimiter in the first line.
fn delimiter(start: &[u8]) -> u8 {
    let line = start.split(|byte| *byte == b'\n').find(|line| !line.starts_with(b"#")).unwrap_or_default();
    let count = |delimiter: u8| line.iter().filter(|byte| **byte == delimiter).count();
    // The most frequent one; on a tie, the first: a comma if there are none.
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

fn column(header: &csv::StringRecord, given: &str) -> anyhow::Result<usize> {
    if let Some(place) = header.iter().position(|name| name.eq_ignore_ascii_case(given)) {
        return Ok(place);
    }
    match given.parse::<usize>() {
        Ok(number) if (1..=header.len()).contains(&number) => Ok(number - 1),
        _ => bail!("there is no column {given:?}; there are {}", header.iter().collect::<Vec<_>>().join(", ")),
    }
}

/// A number; a missing value is NaN, which a fit leaves out and counts.
fn number(text: &str, line: u64, header: &csv::StringRecord, place: usize) -> anyhow::Result<f64> {
    if text.is_empty() {
        return Ok(f64::NAN);
    }
    let named = || format!("line {line}, {}: {text:?} is not a number", header.get(place).unwrap_or_default());
    text.parse().with_context(named)
}

/// The readings of a server to use.
pub(super) struct Wanted<'a> {
    pub(super) site: &'a str,
    pub(super) outfall: &'a str,
    pub(super) parameter: &'a str,
    pub(super) from: Option<&'a str>,
    pub(super) to: Option<&'a str>,
}

/// A server's series: hours since the first reading, and values. Non-detects have no value, and quality-control samples
/// are not effluent.
pub(super) async fn of_series(remote: &Remote, wanted: &Wanted<'_>) -> anyhow::Result<(Points, [String; 2])> {
    let series = series(remote, wanted).await?;
    let (mut points, mut unit) = (Points::default(), None::<String>);
    let id = series["id"].as_str().unwrap_or_default();
    let mut query = vec![("site", wanted.site), ("series", id), ("every", "true"), ("max_points", READINGS)];
    query.extend(wanted.from.map(|from| ("from", from)));
    query.extend(wanted.to.map(|to| ("to", to)));
    let mut first = None;
    let mut pages = Pages::of("/api/readings", &query);
    while let Some(page) = pages.next(remote).await? {
        for reading in page["readings"].as_array().into_iter().flatten() {
            let at = moment(&reading["time"])?;
            let first = *first.get_or_insert(at);
            if reading["qualifier"] != "=" || reading["quality_control"] == true {
                continue;
            }
            // The unit of the latest reading may differ.
            let of_it = reading["unit"].as_str().unwrap_or_default();
            let unit = unit.get_or_insert_with(|| of_it.to_owned());
            ensure!(
                unit == of_it,
                "its readings are in {unit} and in {of_it}; ask for a time in which they have one unit"
            );
            points.x.push((at - first) as f64 / HOUR as f64);
            points.y.push(reading["value"].as_f64().unwrap_or(f64::NAN));
        }
    }
    let names = ["hours".into(), format!("{} ({})", wanted.parameter, unit.unwrap_or_default())];
    Ok((points, names))
}

async fn series(remote: &Remote, wanted: &Wanted<'_>) -> anyhow::Result<Value> {
    let Wanted { site, outfall, parameter, .. } = wanted;
    let mut found = Vec::new();
    let mut pages = Pages::of("/api/series", &[("site", site), ("limit", SERIES)]);
    while let Some(mut page) = pages.next(remote).await? {
        let list = page["series"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let same = |series: &Value, name: &str, asked: &str| {
            series[name].as_str().is_some_and(|name| domain::name::same(name, asked))
        };
        found.extend(list.into_iter().filter(|one| same(one, "outfall", outfall) && same(one, "parameter", parameter)));
    }
    let count = found.len();
    ensure!(count < 2, "{site} has {count} series of {parameter} at outfall {outfall}, by what was reported of them");
    found.pop().with_context(|| format!("{site} has no {parameter} at outfall {outfall}"))
}

/// The pages of a list.
struct Pages {
    path: String,
    cursor: Option<String>,
    is_over: bool,
}

impl Pages {
    fn of(path: &str, query: &[(&str, &str)]) -> Self {
        Self { path: format!("{path}?{}", encoded(query)), cursor: None, is_over: false }
    }

    async fn next(&mut self, remote: &Remote) -> anyhow::Result<Option<Value>> {
        if self.is_over {
            return Ok(None);
        }
        let cursor = self.cursor.as_deref().map(|cursor| format!("&cursor={}", escaped(cursor))).unwrap_or_default();
        let page = remote.json(Method::GET, &format!("{}{cursor}", self.path)).await?;
        self.cursor = page["next"].as_str().map(str::to_owned);
        self.is_over = self.cursor.is_none();
        Ok(Some(page))
    }
}

/// The microseconds of a time in the API's format: a number of hours, or RFC 3339.
fn moment(shown: &Value) -> anyhow::Result<i64> {
    Ok(match (shown.as_f64(), shown.as_str()) {
        (Some(hours), _) => time::from_hours(hours)?,
        (None, text) => time::from_text(text.unwrap_or_default())?.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(text: &str, x: Option<&str>, y: Option<&str>) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
        let (points, _) = read(text.as_bytes(), &Columns { x, y, sigma: None })?;
        Ok((points.x, points.y))
    }

    #[test]
    fn columns_are_found_by_name_by_number_and_by_custom() {
        let expected = (vec![1.0, 2.0], vec![5.0, 6.0]);
        for (text, x, y) in [
            ("a,b\n1,5\n2,6\n", None, None),
            ("y,x\n5,1\n6,2\n", None, None),
            ("no;ce;qe\n9;1;5\n9;2;6\n", Some("CE"), Some("qe")),
            ("# jar 3\nno\tce\tqe\n9\t1\t5\n\n9\t2\t6\n", Some("2"), Some("3")),
        ] {
            assert_eq!(points(text, x, y).unwrap(), expected, "{text}");
        }
        let (x, y) = points("x,y\n1,\n2,6\n3\n", None, None).unwrap();
        assert!(x.len() == 3 && y[0].is_nan() && y[2].is_nan(), "a missing value is not a number");
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_place() {
        let error = |text, x| format!("{:#}", points(text, x, None).err().unwrap());
        assert!(error("x,y\n1,2\n1,ten\n", None).starts_with("line 3, y: \"ten\" is not a number"));
        assert_eq!(error("a,b\n", Some("c")), "there is no column \"c\"; there are a, b");
        assert_eq!(error("a,b\n", Some("3")), "there is no column \"3\"; there are a, b");
        assert_eq!(error("a\n1\n", None), "there is no column 2");
        assert!(error("a,b\n", Some("2")).starts_with("x and y are the same column"));
    }
}
