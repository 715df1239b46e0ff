//! Judges files against a permit.

use super::{Monitor, shown};
use crate::apart::{Apart, Judged};
use crate::outcome::Outcome;
use crate::remote::{Failure, encoded};
use crate::terminal::{self, say};
use serde_json::{Value, json};

/// Alerts per request: the most that the API returns.
const PAGE: usize = 1000;

/// Judges files.
pub(super) async fn run(options: &Monitor) -> anyhow::Result<Outcome> {
    let apart = Apart::start().await?;
    let judged = apart.judge(&options.files, &options.terms).await?;
    let found = Found::of(&apart, options.limit).await?;
    let outcome = outcome(&judged, &found);
    let files: Vec<Value> = judged.into_iter().map(Judged::document).collect();
    if options.json {
        terminal::print_json(&json!({
            "files": files, "sites": found.sites, "alerts_total": found.total, "alerts": found.alerts,
            "outcome": outcome.word(), "status": outcome.status(),
        }))?;
        return Ok(outcome);
    }
    for file in &files {
        terminal::print_account(file["file"].as_str().unwrap_or_default(), file);
    }
    found.alerts.iter().for_each(|alert| say(shown::alert(alert)));
    if found.total > found.alerts.len() as u64 {
        say(format_args!("and {} earlier ones; --limit shows more", found.total - found.alerts.len() as u64));
    }
    say(terminal::coloured(outcome, &sentence(outcome, found.total)));
    Ok(outcome)
}

fn sentence(outcome: Outcome, exceedances: u64) -> String {
    match outcome {
        Outcome::Exceedances if exceedances == 1 => "1 exceedance".into(),
        Outcome::Exceedances => format!("{exceedances} exceedances"),
        Outcome::Compliant => "Nothing is beyond its limit".into(),
        Outcome::Insufficient => "No exceedance is known, but not everything could be judged".into(),
        Outcome::Bad => "A file could not be used".into(),
    }
}

/// The exceedances.
struct Found {
    sites: Vec<Value>,
    total: u64,
    /// The latest of them, by time.
    alerts: Vec<Value>,
}

impl Found {
    async fn of(apart: &Apart, limit: usize) -> Result<Self, Failure> {
        let mut status = apart.get("/api/status").await?;
        let sites = status["sites"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let total = sites.iter().filter_map(|site| site["alerts"].as_u64()).sum();
        let (mut alerts, mut cursor) = (Vec::new(), None::<String>);
        while alerts.len() < limit {
            let count = PAGE.min(limit - alerts.len()).to_string();
            let mut query = vec![("limit", count.as_str())];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let mut page = apart.get(&format!("/api/alerts?{}", encoded(&query))).await?;
            alerts.extend(page["alerts"].as_array_mut().map(std::mem::take).unwrap_or_default());
            cursor = page["next"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        alerts.reverse();
        Ok(Self { sites, total, alerts })
    }
}

/// The outcome of all files: the permit's violations, whichever file has them; otherwise whether everything could be
/// judged.
fn outcome(files: &[Judged], found: &Found) -> Outcome {
    let of_file = |file: &Judged| match &file.result {
        // Only the alerts say whether there are exceedances: another file may have corrected this one.
        Ok(answer) => Outcome::besides(answer),
        Err(_) => Outcome::Bad,
    };
    let worst = files.iter().map(of_file).max().unwrap_or(Outcome::Insufficient);
    if found.total > 0 { worst.max(Outcome::Exceedances) } else { worst }
}
