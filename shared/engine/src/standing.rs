//! The state of series: the values of statistics, exceeding their limits or not.

use crate::judge::{made_values, whole_periods};
use crate::terms::{Terms, other_series};
use domain::calendar::PeriodKind;
use domain::evaluate::{Rule, Survey, Surveyor};
use table::series::Entry;
use table::{Store, StoreError};

/// The value of each rule's statistic in the period of a series' latest reading.
pub async fn standing(store: &Store, entry: &Entry, terms: &Terms) -> Result<Vec<(Rule, Survey)>, StoreError> {
    let latest = entry.latest_moment(&terms.view);
    let mut surveys = Vec::new();
    for rule in entry.rules(&terms.history) {
        let survey = survey(store, (entry, terms), rule.clone(), (latest, latest)).await?;
        surveys.push((rule, survey));
    }
    Ok(surveys)
}

/// The values of each rule's statistic in the periods that touch a range of time, as whole periods.
pub async fn surveys(
    store: &Store,
    entry: &Entry,
    terms: &Terms,
    range: (i64, i64),
) -> Result<Vec<(Rule, Survey)>, StoreError> {
    let mut found = Vec::new();
    for rule in entry.rules(&terms.history) {
        let survey = match touching(&rule, span(store, (entry, terms), &rule).await?, range) {
            Some(touched) => survey(store, (entry, terms), rule.clone(), touched).await?,
            None => Survey::default(),
        };
        found.push((rule, survey));
    }
    Ok(found)
}

/// From the first reading that a rule applies to, to the last, including those of its other series.
async fn span(store: &Store, (entry, terms): (&Entry, &Terms), rule: &Rule) -> Result<(i64, i64), StoreError> {
    let own = entry.span(&terms.view);
    let mut all = own;
    if let Some(with) = rule.other() {
        for other in other_series(store, entry, with).await?.iter().flatten().flatten() {
            let (first, last) = other.span(&terms.view);
            all = (all.0.min(first), all.1.max(last));
        }
    }
    Ok(all)
}

async fn survey(
    store: &Store,
    (entry, terms): (&Entry, &Terms),
    rule: Rule,
    touched: (i64, i64),
) -> Result<Survey, StoreError> {
    if rule.other().is_some() {
        // Loads and removals are values of whole periods; with limits that depend on the water, each result stands by
        // itself.
        let touched = if rule.is_of_water() { touched } else { whole_periods(&rule, touched) };
        let made = made_values(store, (entry, terms), &rule, touched).await?;
        let mut values = Some(made.columns);
        let mut survey = Surveyor::new(&rule, touched).run(|| Ok::<_, StoreError>(values.take()))?;
        survey.incomplete = rule.count_held(made.incomplete);
        return Ok(survey);
    }
    let rules = std::slice::from_ref(&rule);
    let Some(mut readings) = store.context(entry, &terms.view, rules, touched).await? else {
        return Ok(Survey::default());
    };
    let survey = move || Surveyor::new(&rule, touched).run(|| readings.next_piece());
    // A million readings take a second of work, which must not block others.
    let done = tokio::task::spawn_blocking(survey).await;
    done.map_err(|error| StoreError::Service(error.to_string()))?
}

/// The stretch of readings in the periods that touch a range of time, if there are any.
fn touching(rule: &Rule, (first, last): (i64, i64), (from, to): (i64, i64)) -> Option<(i64, i64)> {
    // Open ends first: no calendar knows a period around them.
    let (from, to) = (if from < first { first } else { from }, if to > last { last } else { to });
    let (from, to) = match rule.statistic.period() {
        PeriodKind::Instant => (from, to),
        kind => (rule.calendar.around(kind, from).start, rule.calendar.around(kind, to).end - 1),
    };
    let (from, to) = (from.max(first), to.min(last));
    (from <= to).then_some((from, to))
}
