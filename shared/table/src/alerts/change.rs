//! The writes that make the stored alerts of a series under a rule match a verdict.

use super::blocks::{self, Stored, StoredRule};
use super::{Gauge, MAX_LISTED, Source, Top};
use crate::{Store, StoreError};
use domain::alert::{Alert, Severity};
use domain::columns::{Columns, Row};
use domain::history::History;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The most alerts in a block: about 20 KB.
const BLOCK: usize = 4096;
/// A block with fewer alerts is rewritten with the next one: about 1 KB, the smallest charge for a write.
const JOINED: usize = 256;
/// The most blocks that are changed in place, in one transaction with others; more become a new generation.
const IN_PLACE: usize = 32;

/// The changes by a verdict.
#[derive(Debug)]
pub struct Change {
    /// The common properties of the alerts.
    pub source: Source,
    /// Alerts that are new, or whose value or limit is: all, or the [`MAX_LISTED`] gravest.
    pub added: Vec<Alert>,
    /// How many of them there are, listed or not.
    pub added_by_severity: BTreeMap<Severity, u64>,
    /// The ids of alerts that no longer hold, the first [`MAX_LISTED`] of them.
    pub withdrawn: Vec<String>,
    /// How many of them there are, listed or not.
    pub withdrawn_total: u64,
    /// All exceedances that the verdict found, by severity.
    pub found_by_severity: BTreeMap<Severity, u64>,
    /// The gravest of these, with their units.
    pub gravest: Vec<(Row, Arc<str>)>,
    pub(crate) puts: Vec<Stored>,
    pub(crate) deletes: Vec<String>,
    /// The generation that becomes valid, unless the change is made in place.
    pub(crate) generation: Option<u64>,
}

/// Compares a verdict's exceedances, which arrive in time order and in pieces, with the stored alerts.
#[derive(Debug)]
pub struct Reconciler {
    source: Source,
    gauge: Gauge,
    from: i64,
    stored: StoredRule,
    /// Blocks with room before those that the verdict reaches: without them, single alerts would leave many tiny
    /// blocks.
    joining: Vec<Stored>,
    /// Blocks that were not opened yet.
    ahead: VecDeque<Stored>,
    /// Blocks that were opened, in part or completely.
    opened: Vec<String>,
    /// The alerts of an opened block, and how many of them have been processed.
    old: Option<(Columns, usize)>,
    out: Columns,
    packed: Vec<Stored>,
    /// The generation being written, once there is too much for a change in place.
    staged: Option<u64>,
    added: Top,
    added_by_severity: Tally,
    withdrawn: Vec<String>,
    withdrawn_total: u64,
    found: Top,
    found_by_severity: Tally,
    action_changed: bool,
    /// Whether the blocks must be rewritten even if no alert changes.
    untangle: bool,
}

/// Counts by severity.
#[derive(Debug, Default)]
struct Tally([u64; Severity::ALL.len()]);

impl Tally {
    #[inline]
    fn add(&mut self, severity: Severity) {
        self.0[severity as usize] += 1;
    }

    fn counts(&self) -> BTreeMap<Severity, u64> {
        Severity::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0).collect()
    }
}

fn too_many_units(error: impl ToString) -> StoreError {
    StoreError::Damaged { key: "alerts".into(), reason: error.to_string() }
}

impl Reconciler {
    /// For the verdicts of periods that begin at `from` or later. `gravest`: how many of the gravest to list.
    pub fn new(source: Source, stored: StoredRule, from: i64, gravest: usize) -> Result<Self, StoreError> {
        let untangle = stored.is_tangled();
        let mut action_changed = false;
        for block in &stored.blocks {
            action_changed |= !block.says(&source.action, source.thresholds)?;
        }
        let everything = untangle || action_changed;
        let reached = if everything { 0 } else { stored.blocks.partition_point(|block| block.last < from) };
        let small = stored.blocks[..reached].iter().rev().take_while(|block| block.len < JOINED).count();
        let joining = stored.blocks[reached - small..reached].to_vec();
        let ahead = stored.blocks[reached..].iter().cloned().collect();
        let mut new = Self {
            gauge: Gauge::new(&source),
            source,
            from,
            joining,
            ahead,
            opened: Vec::new(),
            old: None,
            out: Columns::default(),
            packed: Vec::new(),
            staged: None,
            added: Top::new(MAX_LISTED),
            added_by_severity: Tally::default(),
            withdrawn: Vec::new(),
            withdrawn_total: 0,
            found: Top::new(gravest),
            found_by_severity: Tally::default(),
            action_changed,
            untangle,
            stored,
        };
        if new.untangle {
            new.open_all()?;
        }
        Ok(new)
    }

    /// Adds the next exceedances, in time order, later than those before.
    pub fn found(&mut self, found: &Columns) -> Result<(), StoreError> {
        let none = Arc::default();
        for index in 0..found.len() {
            let row = found.row(index);
            let unit = found.units.get(row.flags.unit()).unwrap_or(&none);
            let severity = self.gauge.severity(&self.source, row, unit);
            let gravity = self.gauge.gravity(&self.source, row, unit);
            self.found_by_severity.add(severity);
            self.found.show(row, unit, gravity);
            self.pass_until(row.time)?;
            let is_known = match self.peek()? {
                Some((old, old_unit)) if old.time == row.time => {
                    self.step();
                    same(old, row) && old_unit == *unit
                }
                _ => false,
            };
            if !is_known {
                self.added_by_severity.add(severity);
                self.added.show(row, unit, gravity);
            }
            self.keep(row, unit)?;
        }
        Ok(())
    }

    /// Full blocks, once there are more than are changed in place: to be written at once, in a generation of their own.
    /// `generation` returns a number that no other attempt uses.
    pub fn overflow(&mut self, generation: impl FnOnce() -> u64) -> Result<Vec<Stored>, StoreError> {
        let changes = self.action_changed || self.added.shown() > 0 || self.withdrawn_total > 0;
        if self.staged.is_none() && (self.packed.len() <= IN_PLACE || !changes) {
            return Ok(Vec::new());
        }
        let generation = match self.staged {
            Some(generation) => generation,
            None => {
                let generation = generation();
                self.staged = Some(generation);
                generation
            }
        };
        std::mem::take(&mut self.packed).iter().map(|block| block.moved(generation)).collect()
    }

    /// Ends the verdict, which is complete for periods that begin up to `to`. Also returns the blocks to be written
    /// before the change, if it is a new generation.
    pub fn finish(mut self, to: i64, generation: impl FnOnce() -> u64) -> Result<(Change, Vec<Stored>), StoreError> {
        self.pass_rest(to)?;
        let mut change = Change {
            added: Vec::new(),
            added_by_severity: self.added_by_severity.counts(),
            withdrawn: self.withdrawn,
            withdrawn_total: self.withdrawn_total,
            found_by_severity: self.found_by_severity.counts(),
            gravest: self.found.finish(),
            puts: Vec::new(),
            deletes: Vec::new(),
            generation: None,
            source: self.source,
        };
        let source = &change.source;
        change.added = self.added.finish().into_iter().map(|(row, unit)| source.alert(row, &unit)).collect();
        let changed = change.changes_alerts() || self.action_changed || self.untangle;
        if !changed && self.staged.is_none() {
            return Ok((change, Vec::new()));
        }
        if !self.out.is_empty() {
            self.packed.push(Stored::pack(&change.source, self.stored.generation, &self.out)?);
        }
        let mut kept = Vec::new();
        for put in &self.packed {
            kept.push(put.sort_key()?.to_owned());
        }
        let deletes: Vec<_> = self.opened.iter().filter(|key| !kept.contains(key)).cloned().collect();
        if self.staged.is_none() && self.packed.len() + deletes.len() <= IN_PLACE {
            (change.puts, change.deletes) = (self.packed, deletes);
            return Ok((change, Vec::new()));
        }
        // A generation contains the whole rule, including what this verdict did not reach.
        let generation = self.staged.unwrap_or_else(generation);
        let opened = |block: &&Stored| !self.opened.iter().any(|key| block.sort_key().is_ok_and(|own| own == key));
        let untouched = self.stored.blocks.iter().filter(opened);
        let staged = self.packed.iter().chain(untouched).map(|block| block.moved(generation));
        change.generation = Some(generation);
        Ok((change, staged.collect::<Result<_, _>>()?))
    }

    /// Processes stored alerts before a time: kept if the verdict does not cover them, otherwise withdrawn.
    fn pass_until(&mut self, time: i64) -> Result<(), StoreError> {
        while let Some((old, unit)) = self.peek()? {
            if old.time >= time {
                break;
            }
            self.pass(old, &unit)?;
        }
        Ok(())
    }

    fn pass_rest(&mut self, to: i64) -> Result<(), StoreError> {
        loop {
            // Blocks entirely after the verdict stay where they are, unless everything is rewritten.
            let beyond = self.ahead.front().is_none_or(|block| block.first > to) && !self.action_changed;
            if self.old.is_none() && beyond {
                return Ok(());
            }
            let Some((old, unit)) = self.peek()? else { return Ok(()) };
            if old.time > to {
                self.step();
                self.keep(old, &unit)?;
            } else {
                self.pass(old, &unit)?;
            }
        }
    }

    fn pass(&mut self, old: Row, unit: &Arc<str>) -> Result<(), StoreError> {
        self.step();
        if old.time < self.from {
            return self.keep(old, unit);
        }
        self.withdrawn_total += 1;
        if self.withdrawn.len() < MAX_LISTED {
            self.withdrawn.push(self.source.id(old));
        }
        Ok(())
    }

    /// The next stored alert.
    fn peek(&mut self) -> Result<Option<(Row, Arc<str>)>, StoreError> {
        if self.old.is_none() {
            let Some(block) = self.ahead.pop_front() else { return Ok(None) };
            self.opened.push(block.sort_key()?.to_owned());
            self.old = Some((block.rows()?, 0));
        }
        let next = self.old.as_ref().filter(|(rows, at)| *at < rows.len());
        Ok(next.map(|(rows, at)| {
            let row = rows.row(*at);
            (row, rows.units.get(row.flags.unit()).cloned().unwrap_or_default())
        }))
    }

    fn step(&mut self) {
        if let Some((rows, at)) = &mut self.old {
            *at += 1;
            if *at >= rows.len() {
                self.old = None;
            }
        }
    }

    fn keep(&mut self, row: Row, unit: &str) -> Result<(), StoreError> {
        for block in std::mem::take(&mut self.joining) {
            self.opened.push(block.sort_key()?.to_owned());
            self.out.append(&block.rows()?).map_err(too_many_units)?;
        }
        // Alerts of the same time stay together: blocks that share a time would count as tangled.
        if self.out.len() >= BLOCK && self.out.times.last() != Some(&row.time) {
            self.packed.push(Stored::pack(&self.source, self.stored.generation, &self.out)?);
            self.out.clear();
        }
        let unit = self.out.unit_index(unit).map_err(too_many_units)?;
        self.out.push(Row { flags: row.flags.with_unit(unit), ..row });
        Ok(())
    }

    /// Untangles blocks with common times: one alert remains for each time and number.
    fn open_all(&mut self) -> Result<(), StoreError> {
        let mut all = Columns::default();
        for block in self.ahead.drain(..) {
            self.opened.push(block.sort_key()?.to_owned());
            all.append(&block.rows()?).map_err(too_many_units)?;
        }
        self.old = Some((untangled(&all), 0));
        Ok(())
    }
}

/// Alerts by time and number; of duplicates, the last remains.
fn untangled(all: &Columns) -> Columns {
    let rows: BTreeMap<_, _> = (0..all.len()).map(|index| ((all.times[index], all.row(index).sample), index)).collect();
    let mut out = Columns { units: all.units.clone(), ..Columns::default() };
    rows.into_values().for_each(|index| out.push(all.row(index)));
    out
}

fn same(a: Row, b: Row) -> bool {
    a.value.to_bits() == b.value.to_bits()
        && a.limit.to_bits() == b.limit.to_bits()
        && a.flags.with_unit(0) == b.flags.with_unit(0)
}

impl Change {
    /// The withdrawal of all alerts of a rule that is no longer in the permit. `None` if there are none.
    pub fn removal(
        stored: StoredRule,
        history: &Arc<History>,
        generation: impl FnOnce() -> u64,
    ) -> Result<Option<(Self, Vec<Stored>)>, StoreError> {
        let Some(source) = stored.source(history)? else { return Ok(None) };
        Ok(Some(Reconciler::new(source, stored, i64::MIN, 0)?.finish(i64::MAX, generation)?))
    }

    /// How many alerts are new, listed or not.
    pub fn added_total(&self) -> u64 {
        self.added_by_severity.values().sum()
    }

    /// Whether it raises or withdraws alerts.
    pub fn changes_alerts(&self) -> bool {
        !self.added_by_severity.is_empty() || self.withdrawn_total > 0
    }

    /// How many items it writes.
    pub fn writes(&self) -> usize {
        self.puts.len() + self.deletes.len() + if self.generation.is_some() { 2 } else { 0 }
    }

    /// How many bytes it writes.
    pub fn bytes(&self) -> usize {
        self.puts.iter().map(Stored::bytes).sum()
    }

    /// Whether blocks are changed in place; otherwise a new generation becomes valid.
    pub fn is_in_place(&self) -> bool {
        self.generation.is_none()
    }

    /// Applies the change to a copy in memory.
    pub fn apply(&self, stored: &mut StoredRule) -> Result<(), StoreError> {
        stored.apply(&self.puts, &self.deletes)
    }

    /// Adds the writes to a transaction.
    pub(crate) fn write(&self, store: &Store, transaction: &mut crate::write::Transaction) -> Result<(), StoreError> {
        let Source { series, series_id, rule, .. } = &self.source;
        for block in &self.puts {
            transaction.put(store, block.item.clone())?;
        }
        for sort_key in &self.deletes {
            transaction.delete(store, &blocks::partition(&series.site), sort_key, None)?;
        }
        if let Some(generation) = self.generation {
            transaction.put(store, blocks::pointer(&series.site, series_id, rule, generation))?;
            transaction.put(store, crate::marks::garbage(&series.site, series_id, rule))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
