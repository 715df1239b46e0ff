//! Properties of the whole way from a file to its alerts, through the store.

use domain::alert::Alert;
use domain::permit_json;
use domain::time::{HOUR, rfc3339};
use engine::Engine;
use engine::answer::Answer;
use engine::publisher::Publisher;
use engine::record::{IngestError, Ingestor, Limits, Taken, Upload};
use live::ports::Announce;
use live::protocol::{self, Message};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use table::feed::Event;
use table::permits::Place;
use tests::table::Table;

/// Each case writes to a disk several times.
const CASES: u32 = 24;

struct Nobody;

impl Announce for Nobody {
    fn announce(&self, _site: &str, _entries: Vec<Event>) {}
}

/// A way in which readings arrive.
#[derive(Debug, Clone)]
enum Arrival {
    File(Vec<String>),
    /// One by one; some share a transaction.
    Single(Vec<String>),
    /// The same, each replacing what there was at its time.
    Correcting(Vec<String>),
}

struct Bench {
    engine: Engine,
    ingestor: Ingestor,
    publisher: Publisher,
    runtime: tokio::runtime::Runtime,
    sites: AtomicU32,
    _table: Table,
    _directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Runtime::new()?;
        let directory = tempfile::tempdir()?;
        let table = Table::new()?;
        let store = table.store();
        runtime.block_on(store.create_table_if_missing())?;
        let limits = Limits { bytes: 1 << 20, rows: 1 << 20 };
        let engine = Engine::new(store, Arc::new(Nobody));
        let publisher = engine.publisher();
        let ingestor = engine.ingestor(limits, directory.path().to_owned(), true);
        Ok(Self {
            engine,
            ingestor,
            publisher,
            runtime,
            sites: AtomicU32::new(0),
            _table: table,
            _directory: directory,
        })
    }

    fn alerts_of(&self, files: &[String]) -> Result<Vec<Alert>, TestCaseError> {
        let rows = |file: &String| Arrival::File(file.lines().skip(1).map(str::to_owned).collect());
        self.alerts_after(&files.iter().map(rows).collect::<Vec<_>>())
    }

    /// Sends readings to a site of their own, under a permit with every kind of statistic. Returns the alerts, without
    /// the site.
    fn alerts_after(&self, arrivals: &[Arrival]) -> Result<Vec<Alert>, TestCaseError> {
        let limit = |statistic: &str, value: f64| json!({"parameter": "X", "value": value, "statistic": statistic});
        let mut limits: Vec<_> = [
            ("instant", 300.0),
            ("daily_max", 350.0),
            ("daily_avg", 250.0),
            ("weekly_avg", 220.0),
            ("monthly_avg", 200.0),
            ("geomean_30d", 150.0),
            ("rolling_mean(3)", 250.0),
        ]
        .map(|(statistic, value)| limit(statistic, value))
        .into();
        limits.push(json!({"parameter": "X", "value": 50, "statistic": "daily_min", "direction": "min"}));
        self.alerts_under(&limits, arrivals)
    }

    fn alerts_under(&self, limits: &[Value], arrivals: &[Arrival]) -> Result<Vec<Alert>, TestCaseError> {
        let site = format!("site-{}", self.sites.fetch_add(1, Ordering::Relaxed));
        let permit =
            permit_json::parse(&json!({ "limits": limits })).map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
        self.runtime.block_on(async {
            let store = self.ingestor.store();
            let none = store.permit(&site).await.map_err(failed)?;
            let place = Place::InForce;
            self.engine.adopt_permit(&site, &permit, (&none, place), "test").await.map_err(failed)?;
            for arrival in arrivals {
                match arrival {
                    Arrival::File(rows) => drop(self.ingest(&site, &file(rows)).await.map_err(failed)?),
                    Arrival::Single(rows) => self.publish(&site, rows, false).await?,
                    Arrival::Correcting(rows) => self.publish(&site, rows, true).await?,
                }
            }
            let blocks = store.alert_blocks(&site, None, None).await.map_err(failed)?;
            let rows = blocks.iter().flat_map(|block| (0..block.rows.len()).map(|row| block.alert(row)));
            // Ids and series depend on the site's name.
            let blank = |alert: Alert| Alert { id: String::new(), site: String::new(), series: String::new(), ..alert };
            let mut alerts: Vec<_> = rows.map(blank).collect();
            alerts.sort_by(|a, b| (&a.outfall, &a.statistic, &a.period).cmp(&(&b.outfall, &b.statistic, &b.period)));
            Ok(alerts)
        })
    }

    async fn ingest(&self, site: &str, file: &str) -> Result<Answer, IngestError> {
        let upload = Upload { site: Some(site.to_owned()), ..Upload::default() };
        match self.ingestor.run(file.as_bytes(), upload).await? {
            Taken::Answered(answer) => Ok(*answer),
            Taken::Underway(underway) => panic!("{underway:?}"),
        }
    }
}

impl Bench {
    async fn publish(&self, site: &str, rows: &[String], replaces: bool) -> TestCaseResult {
        let publish = |row: &String| {
            let cells: Vec<_> = row.split(',').collect();
            let (qualifier, value) = cells[2].strip_prefix('<').map_or(("=", cells[2]), |value| ("<", value));
            let message = format!(
                r#"{{"time":"{}","species":"{}","concentration":{value},"qualifier":"{qualifier}","outfall":"{}","unit":"{}","replaces":{replaces}}}"#,
                cells[0], cells[1], cells[3], cells[4]
            );
            match protocol::parse(message.as_bytes()) {
                Ok(Message::Publish(published)) => self.publisher.publish(site, *published, "test").map_err(failed),
                other => Err(TestCaseError::fail(format!("{other:?}"))),
            }
        };
        // All are in progress before the first is awaited.
        let fates = rows.iter().map(publish).collect::<Result<Vec<_>, _>>()?;
        for fate in fates {
            fate.await.map_err(failed)?.map_err(failed)?;
        }
        Ok(())
    }
}

fn failed(error: impl std::fmt::Display) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

fn check<S: Strategy>(strategy: &S, test: impl Fn(&Bench, S::Value) -> TestCaseResult) -> anyhow::Result<()> {
    let bench = Bench::new()?;
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(strategy, |value| test(&bench, value)).map_err(|error| anyhow::anyhow!("{error}"))
}

/// Rows at different minutes, so that it is clear which of two corrections is the last: some hours or two months of
/// them, a third in a unit that compares with no limit.
fn rows() -> impl Strategy<Value = Vec<String>> {
    let minutes = prop_oneof![Just(1u32), Just(60), Just(450)];
    let unit = prop::sample::select(vec![(1.0, "mg/L"), (1000.0, "ug/L"), (1.0, "NTU")]);
    let row = (0u8..2, "<?", prop_oneof![0.0..400.0f64, Just(0.0), Just(300.0)], unit);
    (minutes, prop::collection::btree_map(0u32..200, row, 2..80)).prop_map(|(apart, rows)| {
        let mut lines = Vec::new();
        for (slot, (outfall, sign, value, (factor, unit))) in rows {
            let time = rfc3339(i64::from(slot * apart) * HOUR / 60);
            lines.push(format!("{time},X,{sign}{},{outfall},{unit}", value * factor));
        }
        lines
    })
}

fn file(rows: &[String]) -> String {
    format!("time,species,value,outfall,unit\n{}\n", rows.join("\n"))
}

#[test]
fn the_order_of_rows_does_not_matter_to_alerts() -> anyhow::Result<()> {
    let shuffled = rows().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle()));
    check(&shuffled, |bench, (sorted, shuffled)| {
        prop_assert_eq!(bench.alerts_of(&[file(&sorted)])?, bench.alerts_of(&[file(&shuffled)])?);
        Ok(())
    })
}

#[test]
fn splitting_a_file_in_two_ingests_gives_the_same_alerts() -> anyhow::Result<()> {
    let split = (rows().prop_shuffle(), any::<prop::sample::Index>());
    check(&split, |bench, (rows, cut)| {
        let (first, second) = rows.split_at(cut.index(rows.len() - 1) + 1);
        let whole = bench.alerts_of(&[file(&rows)])?;
        prop_assert_eq!(&bench.alerts_of(&[file(first), file(second)])?, &whole);
        prop_assert_eq!(&bench.alerts_of(&[file(second), file(first)])?, &whole);
        Ok(())
    })
}

/// A rolling mean has no period that would include all of its neighbours, and readings that do not compare are not
/// neighbours.
#[test]
fn a_file_cut_in_time_gives_the_same_rolling_means() -> anyhow::Result<()> {
    let cut = (rows(), any::<prop::sample::Index>(), 2u32..9);
    check(&cut, |bench, (rows, cut, readings)| {
        let limit =
            json!({"parameter": "X", "value": 150, "statistic": format!("rolling_mean({readings})"), "unit": "mg/L"});
        let under = |parts: &[&[String]]| {
            let files: Vec<_> = parts.iter().map(|rows| Arrival::File(rows.to_vec())).collect();
            bench.alerts_under(std::slice::from_ref(&limit), &files)
        };
        let whole = under(&[&rows])?;
        let (first, second) = rows.split_at(cut.index(rows.len() - 1) + 1);
        prop_assert_eq!(&under(&[first, second])?, &whole);
        prop_assert_eq!(&under(&[second, first])?, &whole);
        Ok(())
    })
}

#[test]
fn single_readings_mixed_with_files_give_the_same_alerts() -> anyhow::Result<()> {
    let arrivals = (rows().prop_shuffle(), prop::collection::vec((any::<bool>(), 1usize..12), 80));
    check(&arrivals, |bench, (rows, parts)| {
        let (mut rest, mut arrivals) = (rows.as_slice(), Vec::new());
        for (is_file, length) in parts {
            let (part, later) = rest.split_at(length.min(rest.len()));
            if !part.is_empty() {
                arrivals.push(if is_file { Arrival::File(part.to_vec()) } else { Arrival::Single(part.to_vec()) });
            }
            rest = later;
        }
        prop_assert_eq!(bench.alerts_after(&arrivals)?, bench.alerts_of(&[file(&rows)])?);
        Ok(())
    })
}

#[test]
fn corrections_leave_what_the_corrected_file_alone_would_have_left() -> anyhow::Result<()> {
    let corrected = (rows(), prop::collection::vec(0.0..400.0f64, 80));
    check(&corrected, |bench, (rows, values)| {
        let correct = |(row, value): (&String, &f64)| {
            let cells: Vec<_> = row.split(',').collect();
            format!("{},X,{value},{},mg/L", cells[0], cells[3])
        };
        let last: Vec<_> = rows.iter().zip(&values).map(correct).collect();
        let expected = bench.alerts_of(&[file(&last)])?;
        prop_assert_eq!(&bench.alerts_of(&[file(&rows), file(&last)])?, &expected);
        let (first, then) = (Arrival::Single(rows), Arrival::Correcting(last.clone()));
        prop_assert_eq!(&bench.alerts_after(&[first.clone(), then])?, &expected);
        prop_assert_eq!(&bench.alerts_after(&[first, Arrival::File(last)])?, &expected);
        Ok(())
    })
}

#[test]
fn every_row_of_whatever_file_is_accounted_for() -> anyhow::Result<()> {
    let header =
        prop::sample::select(vec!["time,species,value,qualifier", "time;A_mgL;B_ugL", "date\tspecies\tvalue\tsite"]);
    let lines = prop::collection::vec(
        "[0-9aT:Z<>=.,;\t\"-]{0,24}|[0-9]{1,3}[,;\t][A-C]?[0-9]{0,2}[,;\t][0-9.]{0,4}[,;\t]?",
        1..30,
    );
    check(&(header, lines), |bench, (header, lines)| {
        let body = format!("{header}\n{}", lines.join("\n"));
        let report = match bench.runtime.block_on(bench.ingest("any", &body)) {
            Ok(answer) => answer.report,
            Err(IngestError::Refused(report)) => *report,
            Err(IngestError::NoRows) => return Ok(()),
            Err(other) => return Err(failed(other)),
        };
        prop_assert_eq!(
            report.rows,
            report.rows_taken + report.rows_refused + report.rows_without_reading + report.rows_repeated
        );
        prop_assert_eq!(report.errors.len() as u64, report.errors_total.min(100));
        Ok(())
    })
}
