//! Alerts, in blocks: the exceedances of one series under one rule, packed like readings.
//!
//! A file whose every reading exceeds has as many alerts as rows; one item for each would cost what segments save.

use super::item::{b, n, s};
use super::segment;
use super::write::{BATCH, TRANSACTION, Transaction};
use super::{Item, ItemExt, Store, StoreError, keys, time_key};
use domain::alert::{self, Alert, Severity};
use domain::columns::{Columns, Row};
use domain::evaluate::{Rule, Verdict};
use domain::name;
use domain::permit::Statistic;
use domain::reading::{Direction, Series};
use domain::remedy::remedy;
use std::collections::BTreeMap;

/// The most alerts in a block: about 20 KB.
const BLOCK: usize = 4096;
/// A block with fewer alerts is written anew with the next one: about 1 KB, the least that a write is charged for.
const JOINED: usize = 256;

/// The most alerts that a change lists, more than anybody pushes to subscribers. A million of them, each with its id
/// and texts, would take 450 MB and five seconds.
pub const MAX_LISTED: usize = 1000;

/// The alerts of one series under one rule, or a run of them.
#[derive(Debug, Clone)]
pub struct Block {
    /// The series.
    pub series: Series,
    /// Its id.
    pub series_id: String,
    /// The rule's identity.
    pub rule: String,
    /// The rule's statistic.
    pub statistic: Statistic,
    /// The rule's action text.
    pub action: String,
    /// Start of period, value, qualifier and limit of each alert.
    pub rows: Columns,
    sort_key: String,
}

/// What writing a verdict changes.
#[derive(Debug, Default)]
pub struct Change {
    /// Alerts that are new, or whose value or limit is: all, or the [`MAX_LISTED`] gravest.
    pub added: Vec<Alert>,
    /// How many of them there are, listed or not.
    pub added_by_severity: BTreeMap<Severity, u64>,
    /// The ids of alerts that no longer hold, the first [`MAX_LISTED`] of them.
    pub withdrawn: Vec<String>,
    /// How many of them there are, listed or not.
    pub withdrawn_total: u64,
    puts: Vec<Item>,
    deletes: Vec<String>,
    partition: String,
}

fn partition(site: &str) -> String {
    format!("ALERTS#{}", name::key(site))
}

impl Block {
    fn from_item(item: &Item) -> Result<Self, StoreError> {
        let series: Series = serde_json::from_str(item.text("series")?).map_err(|e| item.damaged(e))?;
        Ok(Self {
            series_id: series.id(),
            series,
            rule: item.text("rule")?.into(),
            statistic: item.text("statistic")?.parse().map_err(|e| item.damaged(e))?,
            action: item.text("action")?.into(),
            rows: segment::decode(item.bytes("d")?).map_err(|e| item.damaged(e))?,
            sort_key: item.text(super::SK)?.into(),
        })
    }

    fn to_item(&self) -> Result<Item, StoreError> {
        let first = self.rows.times.first().copied().unwrap_or_default();
        let mut item = keys(partition(&self.series.site), sort_key(&self.series_id, &self.rule, first));
        let series = serde_json::to_string(&self.series).map_err(|e| item.damaged(e))?;
        let bytes = segment::encode(&self.rows).map_err(|e| item.damaged(e))?;
        let texts = [
            ("series", s(series)),
            ("rule", s(&self.rule)),
            ("statistic", s(self.statistic.to_string())),
            ("action", s(&self.action)),
            ("n", n(self.rows.len())),
            ("d", b(bytes)),
        ];
        item.extend(texts.map(|(name, value)| (name.to_owned(), value)));
        Ok(item)
    }

    /// The alert in a row of the block.
    pub fn alert(&self, index: usize) -> Alert {
        render(&self.series, &self.series_id, &self.rule, self.statistic, &self.action, &self.rows, index)
    }

    /// Series and rule: what tells alerts at the same time apart.
    pub fn identity(&self) -> String {
        format!("{}#{}", self.series_id, self.rule)
    }

    /// The severity of the alert in a row.
    pub fn severity(&self, index: usize) -> Severity {
        severity(&self.rows, index)
    }

    fn span(&self) -> (i64, i64) {
        self.rows.span().unwrap_or_default()
    }
}

/// How grave the exceedance in a row is.
pub fn severity(rows: &Columns, index: usize) -> Severity {
    let row = rows.row(index);
    Severity::of(row.value, row.limit, row.flags.limit().unwrap_or(Direction::Max))
}

fn render(
    series: &Series,
    series_id: &str,
    rule: &str,
    statistic: Statistic,
    action: &str,
    rows: &Columns,
    index: usize,
) -> Alert {
    let row = rows.row(index);
    let direction = row.flags.limit().unwrap_or(Direction::Max);
    Alert {
        id: alert::id(series_id, rule, row.time),
        site: series.site.clone(),
        outfall: series.outfall.clone(),
        parameter: series.parameter.clone(),
        series: series_id.to_owned(),
        statistic: statistic.to_string(),
        base: series.base.clone(),
        period: statistic.period().label(row.time, row.flags.kind()),
        time: row.shown_time(),
        // The sum of finite readings, or one in a smaller unit, can be infinite, which JSON has no number for.
        value: row.value.clamp(f64::MIN, f64::MAX),
        qualifier: row.flags.qualifier(),
        unit: rows.unit_of(index).to_owned(),
        limit: row.limit,
        direction,
        percent: alert::percent(row.value, row.limit, direction),
        severity: severity(rows, index),
        action: if action.is_empty() { remedy(&series.parameter, Some(direction)).into() } else { action.into() },
    }
}

fn sort_key(series: &str, rule: &str, first: i64) -> String {
    format!("{series}#{rule}#{}", time_key(first))
}

/// The alert in a row of a verdict.
pub fn alert_of(series: &Series, series_id: &str, rule: &Rule, rows: &Columns, index: usize) -> Alert {
    render(series, series_id, &rule.id, rule.statistic, &rule.action, rows, index)
}

/// How many alerts of each severity there are in the rows.
pub fn count_severities(rows: &Columns, counts: &mut BTreeMap<Severity, u64>) {
    for index in 0..rows.len() {
        *counts.entry(severity(rows, index)).or_default() += 1;
    }
}

/// Up to `count` of some rows: all of them as given if they are no more, else the gravest, gravest first.
pub fn gravest(rows: &Columns, mut indices: Vec<u32>, count: usize) -> Vec<u32> {
    let gravity = |index: u32| {
        let row = rows.row(index as usize);
        alert::ratio(row.value, row.limit, row.flags.limit().unwrap_or(Direction::Max))
    };
    let order = |a: &u32, b: &u32| gravity(*b).total_cmp(&gravity(*a)).then(a.cmp(b));
    if indices.len() > count {
        indices.select_nth_unstable_by(count, order);
        indices.truncate(count);
        indices.sort_by(order);
    }
    indices
}

/// Works out what has to be written so that the stored alerts of a series under a rule agree with a verdict.
/// `known` are the blocks stored for them.
pub fn change(series: &Series, rule: &Rule, verdict: &Verdict, known: &[Block]) -> Result<Change, StoreError> {
    let series_id = series.id();
    let (from, to) = verdict.covers;
    let found = &verdict.exceedances;
    let reaches_into = |block: &Block| {
        let (first, last) = block.span();
        first <= to && last >= from
    };
    let mut old: Vec<(i64, &Block, usize)> = Vec::new();
    for block in known.iter().filter(|block| reaches_into(block)) {
        old.extend(block.rows.times.iter().enumerate().map(|(index, &time)| (time, block, index)));
    }
    old.sort_by_key(|&(time, ..)| time);
    let same = |a: Row, b: Row| {
        a.value.to_bits() == b.value.to_bits()
            && a.limit.to_bits() == b.limit.to_bits()
            && a.flags.with_unit(0) == b.flags.with_unit(0)
    };
    let mut out = Change { partition: partition(&series.site), ..Change::default() };
    let unchanged = |index: usize| {
        old.binary_search_by_key(&found.times[index], |&(time, ..)| time).is_ok_and(|at| {
            let (_, block, at) = old[at];
            same(block.rows.row(at), found.row(index)) && block.rows.unit_of(at) == found.unit_of(index)
        })
    };
    let added: Vec<u32> = (0..found.len() as u32).filter(|&index| !unchanged(index as usize)).collect();
    for &index in &added {
        *out.added_by_severity.entry(severity(found, index as usize)).or_default() += 1;
    }
    let listed = gravest(found, added, MAX_LISTED);
    out.added = listed.into_iter().map(|i| alert_of(series, &series_id, rule, found, i as usize)).collect();
    let gone = old.iter().map(|&(time, ..)| time).filter(|time| (from..=to).contains(time));
    out.withdraw(gone.filter(|time| found.times.binary_search(time).is_err()), &series_id, &rule.id);
    let action_changed = known.iter().any(|block| block.action != rule.action);
    if out.added.is_empty() && out.withdrawn.is_empty() && !action_changed {
        return Ok(out);
    }
    // Besides the blocks that the verdict reaches into, a block with room joins in: single alerts do not leave a
    // trail of blocks of one.
    let changes = |block: &&Block| action_changed || reaches_into(block) || block.rows.len() < JOINED;
    let rewritten: Vec<&Block> = known.iter().filter(changes).collect();
    let mut rows = Columns::default();
    let append = |rows: &mut Columns, from: &Columns, range| {
        rows.append_range(from, range)
            .map_err(|e| StoreError::Damaged { key: partition(&series.site), reason: e.to_string() })
    };
    for block in &rewritten {
        append(&mut rows, &block.rows, 0..block.rows.lower_bound(from))?;
        append(&mut rows, &block.rows, block.rows.lower_bound(to.saturating_add(1))..block.rows.len())?;
    }
    let rows = if rows.is_empty() {
        // The usual case, and the one in which a copy may take 26 MB.
        found
    } else {
        append(&mut rows, found, 0..found.len())?;
        rows.sort_and_dedup();
        &rows
    };
    for start in (0..rows.len()).step_by(BLOCK) {
        let mut piece = Columns::default();
        append(&mut piece, rows, start..(start + BLOCK).min(rows.len()))?;
        let block = Block {
            series: series.clone(),
            series_id: series_id.clone(),
            rule: rule.id.clone(),
            statistic: rule.statistic,
            action: rule.action.clone(),
            rows: piece,
            sort_key: String::new(),
        };
        out.puts.push(block.to_item()?);
    }
    let kept: Vec<_> = out.puts.iter().map(|item| item.text(super::SK).map(str::to_owned)).collect::<Result<_, _>>()?;
    out.deletes = rewritten.iter().map(|block| block.sort_key.clone()).filter(|key| !kept.contains(key)).collect();
    Ok(out)
}

/// The removal of blocks whose rule is no longer in the permit.
pub fn removal(site: &str, blocks: &[Block]) -> Change {
    let deletes = blocks.iter().map(|block| block.sort_key.clone()).collect();
    let mut out = Change { deletes, partition: partition(site), ..Change::default() };
    for block in blocks {
        out.withdraw(block.rows.times.iter().copied(), &block.series_id, &block.rule);
    }
    out
}

impl Change {
    fn withdraw(&mut self, times: impl Iterator<Item = i64>, series_id: &str, rule: &str) {
        for time in times {
            self.withdrawn_total += 1;
            if self.withdrawn.len() < MAX_LISTED {
                self.withdrawn.push(alert::id(series_id, rule, time));
            }
        }
    }

    /// How many alerts are new, listed or not.
    pub fn added_total(&self) -> u64 {
        self.added_by_severity.values().sum()
    }

    /// How many items it writes.
    pub fn writes(&self) -> usize {
        self.puts.len() + self.deletes.len()
    }

    /// The blocks as they will be stored, for whoever keeps them in memory.
    pub fn apply(&self, blocks: &mut Vec<Block>) -> Result<(), StoreError> {
        blocks.retain(|block| !self.deletes.contains(&block.sort_key));
        for item in &self.puts {
            let block = Block::from_item(item)?;
            blocks.retain(|other| other.sort_key != block.sort_key);
            blocks.push(block);
        }
        Ok(())
    }

    /// Adds the writes to a transaction.
    pub fn write(&self, store: &Store, transaction: &mut Transaction) -> Result<(), StoreError> {
        for item in &self.puts {
            transaction.put(store, item.clone())?;
        }
        for sort_key in &self.deletes {
            transaction.delete(store, &self.partition, sort_key)?;
        }
        Ok(())
    }
}

impl Store {
    /// The blocks of a site, of one of its series, or of one rule of that.
    pub async fn alert_blocks(
        &self,
        site: &str,
        series: Option<&str>,
        rule: Option<&str>,
    ) -> Result<Vec<Block>, StoreError> {
        let prefix = match (series, rule) {
            (Some(series), Some(rule)) => format!("{series}#{rule}#"),
            (Some(series), None) => format!("{series}#"),
            (None, _) => String::new(),
        };
        self.prefixed(partition(site), &prefix).await?.iter().map(Block::from_item).collect()
    }

    /// Writes the changes of one series, in one transaction where they fit, new blocks before old ones go.
    /// Fails if somebody else wrote verdicts on the series since `entry` was read.
    pub async fn write_alerts(&self, entry: &mut super::series::Entry, changes: &[Change]) -> Result<(), StoreError> {
        let writes: usize = changes.iter().map(Change::writes).sum();
        if writes == 0 {
            return Ok(());
        }
        let mut first = Transaction::default();
        entry.judged += 1;
        entry.write(self, &mut first)?;
        if writes < TRANSACTION {
            for change in changes {
                change.write(self, &mut first)?;
            }
            return self.commit(first).await;
        }
        self.commit(first).await?;
        for change in changes {
            // A few at a time: all of them once more are 10 MB where a million readings exceed.
            for puts in change.puts.chunks(BATCH) {
                self.put_all(puts.to_vec()).await?;
            }
            let deletes = change.deletes.iter().map(|key| (change.partition.clone(), key.clone())).collect();
            self.delete_all(deletes).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::permit::Permit;
    use domain::reading::{Flags, Qualifier};
    use domain::time::TimeKind;

    const COVERS: (i64, i64) = (0, 10_000);

    /// A verdict that finds the values beyond a limit of 1.
    fn verdict(values: &[f64]) -> Verdict {
        let mut exceedances = Columns { units: vec!["mg/L".into()], ..Columns::default() };
        for (time, &value) in values.iter().enumerate() {
            let flags = Flags::new(Qualifier::Equal, TimeKind::Hours, Some(Direction::Max), 0);
            exceedances.push(Row { time: time as i64, value, flags, limit: 1.0 });
        }
        Verdict { exceedances, covers: COVERS, ..Verdict::default() }
    }

    fn blocks(change: &Change) -> Vec<Block> {
        change.puts.iter().map(|item| Block::from_item(item).unwrap()).collect()
    }

    #[test]
    fn the_gravest_of_many_alerts_are_listed_and_all_are_counted() {
        let series = Series::raw("here", "001", "SO4");
        let rule = Rule::of_limit(&Permit::default().limits[0]);
        let mut values = vec![1.1; 3 * MAX_LISTED];
        values[2500] = 9.0;
        values[7] = 1.6;

        let added = change(&series, &rule, &verdict(&values), &[]).unwrap();
        assert_eq!((added.added.len(), added.added_total()), (MAX_LISTED, values.len() as u64));
        assert_eq!(added.added.iter().take(3).map(|alert| alert.value).collect::<Vec<_>>(), [9.0, 1.6, 1.1]);
        assert_eq!(added.added_by_severity[&Severity::Warning], 1);

        let stored = blocks(&added);
        assert_eq!(stored.iter().map(|block| block.rows.len()).sum::<usize>(), values.len());
        assert_eq!(change(&series, &rule, &verdict(&values), &stored).unwrap().writes(), 0, "nothing is new");

        let corrected = change(&series, &rule, &verdict(&[]), &stored).unwrap();
        assert_eq!((corrected.withdrawn.len(), corrected.withdrawn_total), (MAX_LISTED, values.len() as u64));
        assert_eq!((corrected.puts.len(), corrected.deletes.len()), (0, stored.len()));
        assert_eq!(removal("here", &stored).withdrawn_total, values.len() as u64);
    }

    #[test]
    fn a_few_alerts_are_listed_in_time_order() {
        let series = Series::raw("here", "001", "SO4");
        let rule = Rule::of_limit(&Permit::default().limits[0]);
        let found = change(&series, &rule, &verdict(&[1.1, 9.0, 1.2]), &[]).unwrap();
        assert_eq!(found.added.iter().map(|alert| alert.value).collect::<Vec<_>>(), [1.1, 9.0, 1.2]);
        let changed = change(&series, &rule, &verdict(&[1.1, 8.0, 1.2]), &blocks(&found)).unwrap();
        assert_eq!(changed.added.iter().map(|alert| alert.value).collect::<Vec<_>>(), [8.0]);
    }
}
