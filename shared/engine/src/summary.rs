//! Builds the answer to a file from its accounts.

use crate::answer::{Alerts, Answer, Incomparable, LimitName, MAX_ANSWERED_ALERTS, VerdictSummary};
use crate::water;
use domain::alert::{Alert, sort_by_gravity};
use domain::history::History;
use domain::permit::Limit;
use domain::time;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use table::accounts::{Account, Grave, MAX_REPLACEMENTS};
use table::alerts::Source;
use table::ingests::{Ingest, Stage};
use table::{Store, StoreError};

/// Writes the answer to a file, if everything that it brought is judged at all its sites. Repeating it does nothing.
pub(crate) async fn answer_file(store: &Store, id: &str) -> Result<(), StoreError> {
    // In a file of many sites, each looks for the others.
    if store.is_unsettled(id).await? {
        return Ok(());
    }
    let Some(mut ingest) = store.ingest(id).await?.filter(|ingest| ingest.state == Stage::Judging) else {
        return Ok(());
    };
    let accounts = store.accounts_of(id).await?;
    // Accounts are removed when the answer is written: if one is missing, another process is about to do that.
    if accounts.len() < ingest.revisions.len() || accounts.iter().any(|(_, account)| account.left > 0) {
        return Ok(());
    }
    let Some(draft) = ingest.draft.take() else { return Ok(()) };
    let mut answer: Answer = serde_json::from_value(draft).map_err(|error| damaged(id, &error))?;
    answer.verdict = summary(store, &accounts).await?;
    for (_, account) in &accounts {
        answer.report.repeated(account.repeated, account.repeated);
        answer.report.readings_replaced += account.replaced;
        let room = MAX_REPLACEMENTS.saturating_sub(answer.replacements.len());
        answer.replacements.extend(account.replacements.iter().take(room).cloned());
    }
    answer.write_units += accounts.iter().map(|(_, account)| account.write_units).sum::<f64>();
    answer.finish();
    for (list, count) in [
        ("parameters_without_limit", accounts.iter().map(|(_, account)| account.unlimited_left_out).sum::<u64>()),
        ("incomparable_units", accounts.iter().map(|(_, account)| account.incomparable_left_out).sum()),
    ] {
        if count > 0 {
            *answer.left_out.entry(list.to_owned()).or_default() += count;
        }
    }
    ingest.state = Stage::Done;
    ingest.answer = Some(serde_json::to_value(&answer).map_err(|error| damaged(id, &error))?);
    store.end_ingest(&ingest).await
}

fn damaged(id: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Damaged { key: format!("ingest {id}"), reason: error.to_string() }
}

/// The answer in a record.
pub(crate) fn answer_of(ingest: &Ingest) -> Option<Answer> {
    serde_json::from_value(ingest.answer.clone()?).ok()
}

/// A site's part of a file's last event.
pub(crate) fn account_of_file(account: &Account) -> Value {
    let mut event = account.about.clone();
    event["readings_judged"] = json!(account.judged);
    event["alerts"] = json!(account.found.values().sum::<u64>());
    event["alerts_new"] = json!(account.new.values().sum::<u64>());
    event["alerts_withdrawn"] = json!(account.withdrawn);
    event["alerts_omitted"] = json!(account.omitted);
    event["withdrawn_omitted"] = json!(account.withdrawn_omitted);
    event
}

async fn summary(store: &Store, accounts: &[(String, Account)]) -> Result<VerdictSummary, StoreError> {
    let mut out = VerdictSummary::default();
    let (mut unlimited, mut incomparable, mut unmet) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (site, account) in accounts {
        let permit = store.permit(site).await?;
        let limits = &permit.permit().limits;
        out.readings_judged += account.judged;
        out.readings_inconclusive += account.inconclusive;
        out.periods_without_water += account.without_water;
        unlimited.extend(account.unlimited.iter().cloned());
        incomparable.extend(account.incomparable.iter().map(|one| Incomparable {
            site: site.clone(),
            outfall: one.outfall.clone(),
            parameter: one.parameter.clone(),
            reading_unit: one.reading_unit.clone(),
            limit_unit: one.limit_unit.clone(),
            readings: one.readings,
        }));
        unmet.extend(limits.iter().filter(|limit| !account.met.contains(&limit.id())).map(|limit| LimitName {
            site: site.clone(),
            parameter: limit.parameter.clone(),
            outfall: limit.outfall.clone(),
            statistic: limit.statistic.to_string(),
        }));
        add(&mut out.alerts, account);
        out.alerts.items.extend(rendered(store, site, &permit.history, &account.gravest).await?);
    }
    out.parameters_without_limit = unlimited.into_iter().collect();
    out.incomparable_units = incomparable.into_iter().collect();
    out.limits_without_reading = unmet.into_iter().collect();
    sort_by_gravity(&mut out.alerts.items);
    out.alerts.items.truncate(MAX_ANSWERED_ALERTS);
    Ok(out)
}

fn add(alerts: &mut Alerts, account: &Account) {
    for (severity, count) in &account.found {
        alerts.total += count;
        *alerts.by_severity.entry(*severity).or_default() += count;
    }
    alerts.new += account.new.values().sum::<u64>();
    alerts.withdrawn += account.withdrawn;
}

/// The alerts that an account lists.
async fn rendered(
    store: &Store,
    site: &str,
    history: &Arc<History>,
    gravest: &[Grave],
) -> Result<Vec<Alert>, StoreError> {
    let limits = history.versions().iter().flat_map(|version| &version.permit.limits);
    let limits: BTreeMap<String, &Limit> = limits.map(|limit| (limit.id(), limit)).collect();
    let mut by_source: BTreeMap<(&str, &str), Vec<&Grave>> = BTreeMap::new();
    for grave in gravest {
        by_source.entry((&grave.series, &grave.rule)).or_default().push(grave);
    }
    let (mut series, mut alerts) = (BTreeMap::new(), Vec::new());
    for ((series_id, rule), graves) in by_source {
        if !series.contains_key(series_id) {
            series.insert(series_id, store.series(site, series_id).await?);
        }
        let (Some(Some(entry)), Ok(statistic)) = (series.get(series_id), graves[0].statistic.parse()) else { continue };
        let mut source = Source {
            series: entry.series.clone(),
            series_id: series_id.to_owned(),
            rule: rule.to_owned(),
            statistic,
            action: limits.get(rule).map_or_else(String::new, |limit| limit.action.clone()),
            thresholds: limits.get(rule).and_then(|limit| limit.thresholds),
            history: history.clone(),
            waters: Arc::default(),
        };
        let rows = || graves.iter().map(|grave| grave.row());
        let times = rows().map(|row| row.time);
        let span = times.fold((i64::MAX, i64::MIN), |(first, last), time| (first.min(time), last.max(time)));
        water::add(store, &mut source, span).await?;
        alerts.extend(std::iter::zip(rows(), &graves).map(|(row, grave)| source.alert(row, &grave.unit)));
    }
    Ok(alerts)
}

impl Answer {
    /// Completes the answer, once its verdicts are there.
    pub(crate) fn finish(&mut self) {
        self.bound();
        self.message = self.sentence();
        self.seconds = (time::now() - std::mem::take(&mut self.started)) as f64 / 1e6;
    }
}
