//! What an ingest found, series by series, and the events and the summary that are made of it.
//!
//! Findings are noted in the table before alerts are written: an ingest that is repeated after a crash finds its
//! alerts in place already, and would otherwise have nothing left to announce.

use super::answer::{Alerts, Incomparable, LimitName, MAX_ANSWERED_ALERTS, VerdictSummary, bound};
use crate::events::{alert_events, event};
use crate::verdicts::Judged;
use domain::alert::{Alert, Severity, sort_by_gravity};
use domain::permit::Permit;
use domain::time::Shown;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use table::feed::Event;

/// The most new alerts of one series that are pushed to subscribers; the event says how many more there are.
const MAX_PUSHED: usize = 200;
/// The most alerts, new and withdrawn, that one file pushes: about 0.5 MB. A transaction takes 4 MB.
const MAX_PUSHED_PER_FILE: usize = 1000;
/// The same in bytes, where names and actions are long: what is noted of a series is an item of 400 KB at most.
const PUSHED_BYTES: usize = 150 * 1024;
/// The most series that the events of a file list.
const MAX_SERIES: usize = 2000;
/// Series in one event.
const SERIES_PER_EVENT: usize = 50;

/// What a file brought for one series.
#[derive(Debug, Clone)]
pub(super) struct Brought {
    pub(super) readings: u64,
    pub(super) touched: (i64, i64),
}

/// What was found about one series.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Finding {
    site: String,
    outfall: String,
    parameter: String,
    base: String,
    series: String,
    readings: u64,
    first: Shown,
    last: Shown,
    latest: f64,
    unit: String,
    judged: u64,
    limited: bool,
    incomparable: Vec<(String, String, u64)>,
    by_severity: BTreeMap<Severity, u64>,
    /// The gravest exceedances found.
    gravest: Vec<Alert>,
    new: u64,
    new_by_severity: BTreeMap<Severity, u64>,
    /// New alerts, the gravest first.
    pushed: Vec<Alert>,
    withdrawn: Vec<String>,
    withdrawn_total: u64,
}

impl Finding {
    pub(super) fn of(judged: &Judged, brought: &Brought) -> Self {
        let entry = &judged.entry;
        let kind = entry.latest.flags.kind();
        let mut incomparable = Vec::new();
        let (mut by_severity, mut new_by_severity) = (BTreeMap::new(), BTreeMap::new());
        let mut gravest = Vec::new();
        for found in &judged.found {
            add_counts(&mut by_severity, &found.by_severity);
            gravest.extend(found.gravest.iter().cloned());
            incomparable.extend(found.incomparable.iter().cloned());
        }
        sort_by_gravity(&mut gravest);
        gravest.truncate(MAX_ANSWERED_ALERTS);
        bound(&mut gravest, PUSHED_BYTES);
        for change in &judged.changes {
            add_counts(&mut new_by_severity, &change.added_by_severity);
        }
        let mut pushed: Vec<Alert> = judged.changes.iter().flat_map(|change| change.added.iter().cloned()).collect();
        sort_by_gravity(&mut pushed);
        pushed.truncate(MAX_PUSHED);
        bound(&mut pushed, PUSHED_BYTES);
        let withdrawn = judged.changes.iter().flat_map(|change| &change.withdrawn);
        Self {
            site: entry.series.site.clone(),
            outfall: entry.series.outfall.clone(),
            parameter: entry.series.parameter.clone(),
            base: entry.series.base.clone(),
            series: entry.id.clone(),
            readings: brought.readings,
            first: domain::time::shown(brought.touched.0, kind),
            last: domain::time::shown(brought.touched.1, kind),
            latest: entry.latest.value,
            unit: entry.unit.clone(),
            judged: judged.judged(),
            limited: !judged.found.is_empty(),
            incomparable,
            by_severity,
            gravest,
            new: new_by_severity.values().sum(),
            new_by_severity,
            pushed,
            withdrawn_total: judged.changes.iter().map(|change| change.withdrawn_total).sum(),
            withdrawn: withdrawn.take(MAX_PUSHED).cloned().collect(),
        }
    }

    /// Adds what a repeated look at the same series found besides.
    fn join(&mut self, later: Self) {
        let (new, withdrawn) = (self.new + later.new, self.withdrawn_total + later.withdrawn_total);
        let mut pushed = std::mem::take(&mut self.pushed);
        pushed.extend(later.pushed.iter().cloned());
        let mut gone = std::mem::take(&mut self.withdrawn);
        gone.extend(later.withdrawn.iter().cloned());
        let mut by_severity = std::mem::take(&mut self.new_by_severity);
        add_counts(&mut by_severity, &later.new_by_severity);
        *self =
            Self { new, pushed, new_by_severity: by_severity, withdrawn: gone, withdrawn_total: withdrawn, ..later };
    }
}

fn add_counts(counts: &mut BTreeMap<Severity, u64>, more: &BTreeMap<Severity, u64>) {
    for (severity, count) in more {
        *counts.entry(*severity).or_default() += count;
    }
}

/// One finding per series, from the notes of one or more looks at each.
pub(super) fn joined(notes: Vec<Finding>) -> Vec<Finding> {
    let mut by_series: BTreeMap<String, Finding> = BTreeMap::new();
    for finding in notes {
        match by_series.get_mut(&finding.series) {
            Some(earlier) => earlier.join(finding),
            None => {
                by_series.insert(finding.series.clone(), finding);
            }
        }
    }
    by_series.into_values().collect()
}

/// The summary of all findings. `permits` are those of the sites concerned.
pub(super) fn summary(findings: &[Finding], permits: &BTreeMap<String, Permit>) -> VerdictSummary {
    let mut out = VerdictSummary::default();
    let mut uncovered = BTreeSet::new();
    let mut incomparable = BTreeSet::new();
    for finding in findings {
        out.readings_judged += finding.judged;
        if !finding.limited {
            uncovered.insert(finding.parameter.clone());
        }
        for (reading_unit, limit_unit, readings) in &finding.incomparable {
            incomparable.insert(Incomparable {
                site: finding.site.clone(),
                outfall: finding.outfall.clone(),
                parameter: finding.parameter.clone(),
                reading_unit: reading_unit.clone(),
                limit_unit: limit_unit.clone(),
                readings: *readings,
            });
        }
        add_alerts(&mut out.alerts, finding);
    }
    out.parameters_without_limit = uncovered.into_iter().collect();
    out.incomparable_units = incomparable.into_iter().collect();
    out.limits_without_reading = unmet_limits(findings, permits);
    sort_by_gravity(&mut out.alerts.items);
    out.alerts.items.truncate(MAX_ANSWERED_ALERTS);
    out
}

fn add_alerts(alerts: &mut Alerts, finding: &Finding) {
    for (severity, count) in &finding.by_severity {
        alerts.total += count;
        *alerts.by_severity.entry(*severity).or_default() += count;
    }
    alerts.new += finding.new;
    alerts.withdrawn += finding.withdrawn_total;
    alerts.items.extend(finding.gravest.iter().cloned());
}

fn unmet_limits(findings: &[Finding], permits: &BTreeMap<String, Permit>) -> Vec<LimitName> {
    let mut unmet = BTreeSet::new();
    for (site, permit) in permits {
        for limit in &permit.limits {
            let met = findings.iter().any(|finding| {
                let series = domain::reading::Series {
                    base: finding.base.clone(),
                    ..domain::reading::Series::raw(&finding.site, &finding.outfall, &finding.parameter)
                };
                domain::name::same(site, &finding.site) && limit.covers(&series)
            });
            if !met {
                unmet.insert(LimitName {
                    site: site.clone(),
                    parameter: limit.parameter.clone(),
                    outfall: limit.outfall.clone(),
                    statistic: limit.statistic.to_string(),
                });
            }
        }
    }
    unmet.into_iter().collect()
}

/// The events for one site: what arrived, what exceeds, and the file's account last. They are committed together, so
/// that they are limited in number: the account has the totals, and the rest is a request away.
pub(super) fn events(findings: &[Finding], ingest: &Value) -> Vec<Event> {
    let mut events = Vec::new();
    let id = &ingest["ingest"];
    for chunk in findings[..findings.len().min(MAX_SERIES)].chunks(SERIES_PER_EVENT) {
        let series: Vec<_> = chunk
            .iter()
            .map(|f| {
                json!({"series": f.series, "outfall": f.outfall, "parameter": f.parameter, "base": f.base,
                       "readings": f.readings, "from": f.first, "to": f.last, "latest": f.latest, "unit": f.unit})
            })
            .collect();
        events.push(event("readings", json!({"ingest": id, "series": series})));
    }
    let (mut room, mut omitted) = (MAX_PUSHED_PER_FILE, 0);
    for finding in findings {
        let pushed = &finding.pushed[..finding.pushed.len().min(room)];
        let withdrawn = &finding.withdrawn[..finding.withdrawn.len().min(room - pushed.len())];
        room -= pushed.len() + withdrawn.len();
        if pushed.is_empty() && withdrawn.is_empty() {
            omitted += finding.new;
        } else {
            events.extend(alert_events(pushed, withdrawn, finding.new, Some(id)));
        }
    }
    let mut account = ingest.clone();
    account["alerts_omitted"] = json!(omitted);
    account["series"] = json!(findings.len());
    events.push(event("ingest", account));
    events
}

/// New alerts by severity, for the counters.
pub(super) fn new_by_severity(findings: &[Finding]) -> BTreeMap<Severity, u64> {
    let mut counts = BTreeMap::new();
    for finding in findings {
        for (severity, count) in &finding.new_by_severity {
            *counts.entry(*severity).or_default() += count;
        }
    }
    counts
}

/// The site of a finding.
pub(super) fn site(finding: &Finding) -> &str {
    &finding.site
}
