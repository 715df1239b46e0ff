//! The properties of the water when a limit that depends on it was exceeded. The table keeps only the limit: its inputs
//! are readings, and any change to these has the alerts judged again.

use crate::judge::{made_values, whole_periods};
use crate::terms::Terms;
use std::sync::Arc;
use table::alerts::{Block, Source};
use table::{Store, StoreError};

/// Makes a source include, with its alerts of periods that begin between two times, the inputs of their limit's
/// formula. For other limits nothing is read.
pub async fn add(store: &Store, source: &mut Source, span: (i64, i64)) -> Result<(), StoreError> {
    if source.of_water().is_none() {
        return Ok(());
    }
    let site = &source.series.site;
    let Some(entry) = store.series(site, &source.series_id).await? else { return Ok(()) };
    let terms = Terms::load(store, site).await?;
    let rules = entry.rules(&source.history);
    if let Some(rule) = rules.iter().find(|rule| rule.id == source.rule) {
        source.waters = Arc::new(made_values(store, (&entry, &terms), rule, whole_periods(rule, span)).await?.waters);
    }
    Ok(())
}

/// The same for the blocks of alerts within a range.
pub async fn add_to_blocks(store: &Store, blocks: &mut [Block], (from, to): (i64, i64)) -> Result<(), StoreError> {
    for block in blocks {
        let span = block.rows.span().map(|(first, last)| (first.max(from), last.min(to)));
        if let Some(span) = span.filter(|(first, last)| first <= last) {
            add(store, &mut block.source, span).await?;
        }
    }
    Ok(())
}
