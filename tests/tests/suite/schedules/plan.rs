//! The actions of a schedule, drawn only from its seed.

use domain::time::{HOUR, from_clock, rfc3339};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::fmt::{self, Write};
use std::time::Duration;

/// Times lie on a grid of so many minutes, so that files and readings coincide.
const GRID: i64 = 7;
const START: &str = "2026-02-20T00:00:00Z";
const SITES: [&str; 2] = ["north", "south"];
/// Flow and hardness are inputs of other limits; there may be two flows.
const SERIES: [(&str, &str); 6] =
    [("001", "SO4"), ("002", "SO4"), ("001", "Zn"), ("001", "Flow"), ("002", "Hardness"), ("river", "Flow")];
/// A schedule's actions begin within this time.
const WINDOW_MS: u64 = 1500;
/// A restart takes as long as a whole file.
const MAX_KILLS: usize = 2;
const MAX_REMOVALS: usize = 3;

/// One result.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) site: &'static str,
    pub(super) outfall: &'static str,
    pub(super) parameter: &'static str,
    /// Microseconds.
    pub(super) time: i64,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    pub(super) qualifier: &'static str,
}

/// How a client behaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client {
    pub(super) manner: Manner,
    /// Whether it repeats a request that was cut off.
    pub(super) again: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Manner {
    Waits,
    /// Sends everything, and disconnects so long after it.
    Leaves(Duration),
    /// Disconnects after sending this share of the body.
    BreaksOff(f64),
}

#[derive(Debug)]
pub(super) enum Action {
    File {
        name: String,
        rows: Vec<Row>,
        client: Client,
    },
    /// From one publisher: one by one, or all at once.
    Readings {
        rows: Vec<Row>,
        at_once: bool,
    },
    Permit {
        site: &'static str,
        document: Value,
        client: Client,
    },
    /// Two users who have seen the same permit.
    Rivals {
        site: &'static str,
        documents: [Value; 2],
    },
    /// The site, with everything stored for it.
    Remove {
        site: &'static str,
    },
    /// The server, or one environment of a function: `which` among those that exist.
    Kill {
        function: &'static str,
        which: f64,
    },
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) after: Duration,
    pub(super) action: Action,
}

/// A schedule.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
}

impl Plan {
    pub(super) fn of(seed: u64) -> Self {
        let mut draw = Draw::new(seed);
        let mut steps: Vec<_> = (0..draw.rng.random_range(10..=25)).map(|number| draw.step(number)).collect();
        steps.sort_by_key(|step| step.after);
        Self { steps }
    }

    pub(super) fn kills(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step.action, Action::Kill { .. })).count()
    }

    pub(super) fn removes(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.action, Action::Remove { .. }))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Step { after, action } in &self.steps {
            write!(out, "  {:>4} ms  ", after.as_millis())?;
            match action {
                Action::File { name, rows, client } => {
                    writeln!(out, "file {name} of {} rows, {}: {client:?}", rows.len(), first_of(rows))?;
                }
                Action::Readings { rows, at_once } => {
                    writeln!(out, "{} readings, {}, at once: {at_once}", rows.len(), first_of(rows))?;
                }
                Action::Permit { site, document, client } => {
                    writeln!(out, "permit of {site}: {client:?}: {document}")?;
                }
                Action::Rivals { site, documents: [a, b] } => writeln!(out, "two permits of {site}: {a} and {b}")?,
                Action::Remove { site } => writeln!(out, "{site} is removed")?,
                Action::Kill { function, .. } => writeln!(out, "kill ({function})")?,
            }
        }
        Ok(())
    }
}

fn first_of(rows: &[Row]) -> String {
    let first = rows.first().map(|row| format!("{} {} {} {}", row.site, row.outfall, row.parameter, rfc3339(row.time)));
    format!("from {} on", first.unwrap_or_default())
}

/// A file with these rows.
pub(super) fn csv(rows: &[Row]) -> String {
    let mut out = "site,outfall,species,time,value,unit\n".to_owned();
    for Row { site, outfall, parameter, time, value, unit, qualifier } in rows {
        let sign = if *qualifier == "=" { "" } else { qualifier };
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "{site},{outfall},{parameter},{},{sign}{value},{unit}", rfc3339(*time));
    }
    out
}

struct Draw {
    rng: StdRng,
    sites: usize,
    series: usize,
    publishers: bool,
    disturbed: bool,
    removes: bool,
    kills: usize,
    removals: usize,
    origin: i64,
    /// The rows of earlier files, to be corrected.
    earlier: Vec<Vec<Row>>,
}

impl Draw {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let (sites, series) = (rng.random_range(1..=2), rng.random_range(2..=SERIES.len()));
        // If nobody publishes and nothing is lost, all sums must match.
        let (publishers, disturbed) = (rng.random_bool(0.6), rng.random_bool(0.6));
        let removes = rng.random_bool(0.25);
        let origin = from_clock(START).unwrap_or_default();
        Self { rng, sites, series, publishers, disturbed, removes, kills: 0, removals: 0, origin, earlier: Vec::new() }
    }

    fn step(&mut self, number: usize) -> Step {
        let after = Duration::from_millis(self.rng.random_range(0..WINDOW_MS));
        let action = match self.rng.random_range(0..20) {
            0..=3 if self.publishers => self.readings(),
            4..=6 => Action::Permit { site: self.site(), document: self.permit(), client: self.client() },
            7 => Action::Rivals { site: self.site(), documents: [self.permit(), self.permit()] },
            8..=9 if self.disturbed && self.kills < MAX_KILLS => self.kill(),
            10..=12 if self.removes && self.removals < MAX_REMOVALS => {
                self.removals += 1;
                Action::Remove { site: self.site() }
            }
            _ => Action::File { name: format!("file-{number}"), rows: self.file(), client: self.client() },
        };
        Step { after, action }
    }

    fn site(&mut self) -> &'static str {
        SITES[self.rng.random_range(0..self.sites)]
    }

    fn kill(&mut self) -> Action {
        self.kills += 1;
        let function = ["ingest", "ingest", "api", "ws-message", "ws-broadcast"].choose(&mut self.rng);
        Action::Kill { function: function.unwrap_or(&"ingest"), which: self.rng.random_range(0.0..1.0) }
    }

    fn client(&mut self) -> Client {
        let manner = match self.rng.random_range(0..10) {
            0..=1 if self.disturbed => Manner::Leaves(Duration::from_millis(self.rng.random_range(0..120))),
            2 if self.disturbed => Manner::BreaksOff(self.rng.random_range(0.0..1.0)),
            _ => Manner::Waits,
        };
        Client { manner, again: self.rng.random_bool(0.5) }
    }

    fn readings(&mut self) -> Action {
        let place = self.place();
        let start = self.rng.random_range(0..400);
        let count = self.rng.random_range(1..=12);
        let rows = (0..count).map(|n| self.row(place, start + n, 0.2)).collect();
        Action::Readings { rows, at_once: self.rng.random_bool(0.4) }
    }

    fn place(&mut self) -> (&'static str, (&'static str, &'static str)) {
        (self.site(), SERIES[self.rng.random_range(0..self.series)])
    }

    /// A row in the most common unit. `exceeding`: how likely it is to exceed the usual limits.
    fn row(
        &mut self,
        (site, (outfall, parameter)): (&'static str, (&'static str, &'static str)),
        slot: i64,
        exceeding: f64,
    ) -> Row {
        let range = if self.rng.random_bool(exceeding) { 110_000..300_000 } else { 1_000..90_000 };
        let value = f64::from(self.rng.random_range(range)) / 1000.0;
        let qualifier = ["=", "=", "=", "=", "=", "=", "=", "=", "<", ">"].choose(&mut self.rng).unwrap_or(&"=");
        let unit = if parameter == "Flow" { "MGD" } else { "mg/L" };
        // A result with a sign would leave a whole day open.
        let qualifier = if parameter == "Hardness" { &"=" } else { qualifier };
        Row { site, outfall, parameter, time: self.origin + slot * GRID * HOUR / 60, value, unit, qualifier }
    }

    fn file(&mut self) -> Vec<Row> {
        let start = self.rng.random_range(0..400);
        let rows = match self.rng.random_range(0..10) {
            0 => self.rows(1500..4000, start, 1, 0.005),
            1 => self.rows(20..120, start, 1, 1.0),
            2 => self.rows(5..40, 0, 173, 0.2),
            3..=4 => self.in_several_units(start),
            5..=6 if !self.earlier.is_empty() => self.corrected(),
            _ => self.rows(1..40, start, 1, 0.2),
        };
        self.earlier.push(rows.clone());
        rows
    }

    /// So many rows, in each slot or some of them, of one series or of all in turn.
    fn rows(&mut self, count: std::ops::Range<i64>, start: i64, step: i64, exceeding: f64) -> Vec<Row> {
        let count = self.rng.random_range(count);
        let one = self.place();
        let of_all = self.rng.random_bool(0.4);
        (0..count)
            .map(|number| {
                let places = (self.sites * self.series) as i64;
                let turn = (number % places) as usize;
                let (place, slot) = match of_all {
                    true => ((SITES[turn / self.series], SERIES[turn % self.series]), number / places),
                    false => (one, number),
                };
                self.row(place, start + slot * step, exceeding)
            })
            .collect()
    }

    fn in_several_units(&mut self, start: i64) -> Vec<Row> {
        let mut rows = self.rows(4..60, start, 1, 0.3);
        for row in &mut rows {
            match self.rng.random_range(0..5) {
                // Whole numbers: exact in both.
                0..=1 => (row.value, row.unit) = ((row.value * 1000.0).round(), "ug/L"),
                2 => row.unit = "NTU",
                _ => {}
            }
        }
        rows
    }

    /// The times of an earlier file, or of its first part, with other values.
    fn corrected(&mut self) -> Vec<Row> {
        let Some(mut rows) = self.earlier.choose(&mut self.rng).cloned() else { return Vec::new() };
        rows.truncate(self.rng.random_range(1..=rows.len().min(200)));
        let likely = self.rng.random_range(0.0..0.6);
        for row in &mut rows {
            let slot = (row.time - self.origin) / (GRID * HOUR / 60);
            *row = self.row((row.site, (row.outfall, row.parameter)), slot, likely);
        }
        rows
    }

    fn permit(&mut self) -> Value {
        let mut limits: Vec<Value> = Vec::new();
        for _ in 0..self.rng.random_range(0..=6) {
            let limit = self.limit();
            let is_known = |other: &Value| {
                ["parameter", "outfall", "statistic", "direction", "flow", "influent", "formula"]
                    .iter()
                    .all(|&key| other[key] == limit[key])
            };
            if !limits.iter().any(is_known) {
                limits.push(limit);
            }
        }
        json!({ "limits": limits })
    }

    fn limit(&mut self) -> Value {
        if self.series > 3 && self.rng.random_bool(0.4) { self.limit_of_several() } else { self.limit_of_one() }
    }

    /// A load, a removal, or a limit that depends on the water.
    fn limit_of_several(&mut self) -> Value {
        let of_days = ["instant", "daily_max", "weekly_avg", "monthly_avg"].choose(&mut self.rng).copied();
        let of_days = of_days.unwrap_or("instant");
        let of_loads = [of_days, "rolling_mean(3)", "rolling_12m_avg"].choose(&mut self.rng).copied();
        let [load, removal, water] = [
            json!({"parameter": "SO4", "value": 20_000, "unit": "lb/d", "flow": "Flow", "statistic": of_loads}),
            json!({"parameter": "SO4", "value": 50, "unit": "%", "direction": "min", "influent": "Zn", "statistic": "percent_removal"}),
            json!({"parameter": "Zn", "unit": "mg/L", "formula": "zn_acute_hardness", "hardness": "Hardness", "statistic": of_days}),
        ];
        [load, removal, water].choose(&mut self.rng).cloned().unwrap_or_default()
    }

    fn limit_of_one(&mut self) -> Value {
        let (_, (outfall, parameter)) = self.place();
        let minimum = self.rng.random_bool(0.2);
        let value = if minimum { [2.0, 5.0, 20.0] } else { [60.0, 100.0, 120.0] };
        let value = value.choose(&mut self.rng).copied().unwrap_or_default();
        let (unit, factor) = match self.rng.random_range(0..10) {
            0..=1 => ("ug/L", 1000.0),
            2 => ("NTU", 1.0),
            _ => ("mg/L", 1.0),
        };
        let statistics: &[&str] = match minimum {
            true => &["instant", "daily_min"],
            false => &["instant", "daily_avg", "daily_max", "weekly_avg", "monthly_avg", "rolling_mean", "geomean_30d"],
        };
        let mut statistic = statistics.choose(&mut self.rng).copied().unwrap_or("instant").to_owned();
        if statistic == "rolling_mean" {
            statistic = format!("rolling_mean({})", self.rng.random_range(2..=5));
        }
        let direction = if minimum { "min" } else { "max" };
        let mut limit = json!({"parameter": parameter, "value": value * factor, "unit": unit, "statistic": statistic, "direction": direction});
        if self.rng.random_bool(0.3) {
            limit["outfall"] = json!(outfall);
        }
        if self.rng.random_bool(0.25) {
            limit["months"] = [json!([2]), json!([3, 4]), json!([2, 4])].choose(&mut self.rng).cloned().into();
        }
        limit
    }
}
