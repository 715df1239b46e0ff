//! Alerts, in blocks: the exceedances of one series under one rule, packed like readings.
//!
//! A file whose every reading exceeds has as many alerts as rows; one item for each would cost what segments save.

use super::item::{b, n, s};
use super::segment;
use super::write::{TRANSACTION, Transaction};
use super::{Item, ItemExt, Store, StoreError, keys, time_key};
use crate::domain::alert::{self, Alert, Severity};
use crate::domain::columns::{Columns, Row};
use crate::domain::evaluate::{Rule, Verdict};
use crate::domain::name;
use crate::domain::permit::Statistic;
use crate::domain::reading::{Direction, Series};
use std::collections::BTreeMap;

/// The most alerts in a block: about 20 KB.
const BLOCK: usize = 4096;
/// A block with fewer alerts is written anew with the next one: about 1 KB, the least that a write is charged for.
const JOINED: usize = 256;

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
    /// Alerts that are new, or whose value or limit is.
    pub added: Vec<Alert>,
    /// The ids of alerts that no longer hold.
    pub withdrawn: Vec<String>,
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
        action: action.to_owned(),
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
    let mut old = BTreeMap::new();
    for block in known.iter().filter(|block| reaches_into(block)) {
        old.extend((0..block.rows.len()).map(|index| (block.rows.times[index], (block, index))));
    }
    let same = |a: Row, b: Row| {
        a.value.to_bits() == b.value.to_bits()
            && a.limit.to_bits() == b.limit.to_bits()
            && a.flags.with_unit(0) == b.flags.with_unit(0)
    };
    let mut out = Change { partition: partition(&series.site), ..Change::default() };
    for index in 0..found.len() {
        let unchanged = old.get(&found.times[index]).is_some_and(|(block, at)| {
            same(block.rows.row(*at), found.row(index)) && block.rows.unit_of(*at) == found.unit_of(index)
        });
        if !unchanged {
            out.added.push(alert_of(series, &series_id, rule, found, index));
        }
    }
    for (&time, _) in old.range(from..=to) {
        if found.times.binary_search(&time).is_err() {
            out.withdrawn.push(alert::id(&series_id, &rule.id, time));
        }
    }
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
    append(&mut rows, found, 0..found.len())?;
    rows.sort_and_dedup();
    for start in (0..rows.len()).step_by(BLOCK) {
        let mut piece = Columns::default();
        append(&mut piece, &rows, start..(start + BLOCK).min(rows.len()))?;
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
    let ids = blocks.iter().flat_map(|b| b.rows.times.iter().map(|&time| alert::id(&b.series_id, &b.rule, time)));
    Change {
        withdrawn: ids.collect(),
        deletes: blocks.iter().map(|block| block.sort_key.clone()).collect(),
        partition: partition(site),
        ..Change::default()
    }
}

impl Change {
    /// How many items it writes.
    pub(crate) fn writes(&self) -> usize {
        self.puts.len() + self.deletes.len()
    }

    /// The blocks as they will be stored, for whoever keeps them in memory.
    pub(crate) fn apply(&self, blocks: &mut Vec<Block>) -> Result<(), StoreError> {
        blocks.retain(|block| !self.deletes.contains(&block.sort_key));
        for item in &self.puts {
            let block = Block::from_item(item)?;
            blocks.retain(|other| other.sort_key != block.sort_key);
            blocks.push(block);
        }
        Ok(())
    }

    /// Adds the writes to a transaction.
    pub(crate) fn write(&self, store: &Store, transaction: &mut Transaction) -> Result<(), StoreError> {
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
    pub(crate) async fn write_alerts(
        &self,
        entry: &mut super::series::Entry,
        changes: &[Change],
    ) -> Result<(), StoreError> {
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
            self.put_all(change.puts.clone()).await?;
            let deletes = change.deletes.iter().map(|key| (change.partition.clone(), key.clone())).collect();
            self.delete_all(deletes).await?;
        }
        Ok(())
    }
}
