//! How series stand: what statistics come to, beyond their limits or not.

use domain::evaluate::{Rule, Survey, Surveyor, rules_for};
use domain::permit::{Permit, Statistic};
use domain::time::PeriodKind;
use table::series::Entry;
use table::{Store, StoreError};

/// What the statistic of each rule comes to in the period of a series' latest reading.
pub async fn standing(store: &Store, entry: &Entry, permit: &Permit) -> Result<Vec<(Rule, Survey)>, StoreError> {
    let touched = (entry.latest.time, entry.latest.time);
    let rules = rules_for(&entry.series, permit, entry.carries_limits);
    let Some(readings) = store.context(entry, &rules, touched).await? else { return Ok(Vec::new()) };
    let mut surveys = Vec::new();
    for rule in rules {
        let mut pieces = readings.clone();
        let survey = Surveyor::new(&rule, touched).run(|| pieces.next_piece())?;
        surveys.push((rule, survey));
        tokio::task::yield_now().await;
    }
    Ok(surveys)
}

/// What the statistic of each rule came to in the periods that begin between two times, both included.
pub async fn surveys(
    store: &Store,
    entry: &Entry,
    permit: &Permit,
    range: (i64, i64),
) -> Result<Vec<(Rule, Survey)>, StoreError> {
    let mut found = Vec::new();
    for rule in rules_for(&entry.series, permit, entry.carries_limits) {
        let Some(touched) = beginning_within(&rule, entry, range) else {
            found.push((rule, Survey::default()));
            continue;
        };
        let span = store.context_span(entry, std::slice::from_ref(&rule), touched).await?;
        let from = span.map_or(touched.0, |(from, _)| from);
        // Up to the end of the last period: what comes later belongs to periods that begin later.
        let to = rule.statistic.period().around(touched.1).end - 1;
        let mut readings = store.readings(entry, from, to).await?;
        let survey = move || {
            let survey = Surveyor::new(&rule, touched).run(|| readings.next_piece())?;
            Ok::<_, StoreError>((rule, survey))
        };
        // A million readings are work for a second, which nobody else is to wait for.
        let done = tokio::task::spawn_blocking(survey).await;
        found.push(done.map_err(|error| StoreError::Service(error.to_string()))??);
    }
    Ok(found)
}

/// The stretch of readings that make up the periods which begin within a range of time, as far as there are any.
fn beginning_within(rule: &Rule, entry: &Entry, (from, to): (i64, i64)) -> Option<(i64, i64)> {
    let kind = if rule.statistic == Statistic::AsReported { PeriodKind::Instant } else { rule.statistic.period() };
    let opening = kind.around(from.max(entry.first));
    let first = if opening.start < from { opening.end } else { opening.start };
    let last = to.min(entry.latest.time);
    (first <= last).then_some((first, last))
}
