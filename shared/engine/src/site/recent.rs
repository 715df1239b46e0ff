//! The latest readings of a series, as far as verdicts on the next one need them.

use super::{TAIL_READINGS, add};
use crate::judge::{all, too_many_units};
use domain::columns::Columns;
use domain::evaluate::Rule;
use table::segments::View;
use table::series::Entry;
use table::{Store, StoreError};

/// The latest readings.
pub(super) struct Recent {
    pub(super) columns: Columns,
    /// Complete from this time on.
    from: i64,
}

impl Recent {
    /// Loads what verdicts on a reading at the latest time need.
    pub(super) async fn load(store: &Store, entry: &Entry, view: &View, rules: &[Rule]) -> Result<Self, StoreError> {
        if entry.is_new() {
            // Without readings, nothing is missing.
            return Ok(Self { columns: Columns::default(), from: i64::MIN });
        }
        let latest = entry.span(view).1;
        match store.context_span(entry, view, rules, (latest, latest)).await? {
            Some((from, _)) => Ok(Self { columns: all(store, entry, view, (from, i64::MAX)).await?, from }),
            // Nothing is needed if no rule looks back.
            None => Ok(Self { columns: Columns::default(), from: i64::MAX }),
        }
    }

    /// Whether everything that verdicts need is here. `first` is the time of the series' first reading.
    pub(super) fn serves(&self, rules: &[Rule], touched: (i64, i64), first: i64) -> bool {
        rules.iter().all(|rule| {
            let context = rule.context(touched);
            let before = || rule.comparable(&self.columns, 0..self.columns.lower_bound(touched.0));
            self.from <= context.from
                && (self.from <= first || context.neighbours == 0 || before() >= context.neighbours)
        })
    }

    /// Adds readings; they must not be older than those kept.
    pub(super) fn push(&mut self, new: &Columns) -> Result<(), StoreError> {
        let mut later = Columns::default();
        for index in (0..new.len()).filter(|&index| new.times[index] >= self.from) {
            later.append_range(new, index..index + 1).map_err(too_many_units)?;
        }
        add(&mut self.columns, &later)
    }

    /// Forgets what the next reading does not need, once that is more than what it does need.
    pub(super) fn prune(&mut self, rules: &[Rule], latest: i64) -> Result<(), StoreError> {
        let length = self.columns.len();
        if length <= TAIL_READINGS {
            return Ok(());
        }
        let start = rules.iter().map(|rule| self.needed_from(rule, latest)).min().unwrap_or(length);
        if start > TAIL_READINGS && start > length / 2 {
            let mut kept = Columns::default();
            kept.append_range(&self.columns, start..length).map_err(too_many_units)?;
            self.from = kept.times.first().copied().unwrap_or(latest.saturating_add(1));
            self.columns = kept;
        }
        Ok(())
    }

    /// The index of the first reading that a rule needs for the next one.
    fn needed_from(&self, rule: &Rule, latest: i64) -> usize {
        let context = rule.context((latest, latest));
        let mut start = self.columns.lower_bound(context.from);
        let mut missing = if context.neighbours == 0 { 0 } else { context.neighbours + 1 };
        let mut end = self.columns.len();
        while missing > 0 && end > 0 {
            // As many readings as are missing, of which fewer may compare.
            let from = end.saturating_sub(missing);
            missing -= rule.comparable(&self.columns, from..end);
            end = from;
            start = start.min(end);
        }
        start
    }
}
