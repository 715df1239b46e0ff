//! Blocks of alerts, as they are stored, and how they are read.

use super::Source;
use crate::item::{b, n, s};
use crate::{Item, ItemExt, SK, Store, StoreError, keys, segment, time_key};
use domain::alert::{Alert, Severity};
use domain::columns::Columns;
use domain::history::History;
use domain::name;
use domain::reading::Series;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A run of alerts of one series under one rule.
#[derive(Debug, Clone)]
pub struct Block {
    /// Their common properties.
    pub source: Source,
    /// Start of period, value, qualifier and limit of each alert.
    pub rows: Columns,
}

impl Block {
    /// The alert in a row of the block.
    pub fn alert(&self, index: usize) -> Alert {
        self.source.alert(self.rows.row(index), self.rows.unit_of(index))
    }

    /// The severity of the alert in a row.
    pub fn severity(&self, index: usize) -> Severity {
        self.source.severity(self.rows.row(index), self.rows.unit_of(index))
    }

    /// Series and rule, which distinguish alerts of the same time.
    pub fn identity(&self) -> String {
        format!("{}#{}", self.source.series_id, self.source.rule)
    }
}

/// A block that is still packed.
#[derive(Debug, Clone)]
pub struct Stored {
    pub(crate) item: Item,
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) len: usize,
}

/// The stored alerts of a rule.
#[derive(Debug, Clone, Default)]
pub struct StoredRule {
    /// The valid generation.
    pub(crate) generation: u64,
    /// Its blocks, by time.
    pub(crate) blocks: Vec<Stored>,
    /// Whether there are blocks of other generations.
    pub(crate) garbage: bool,
}

impl Stored {
    /// Packs a run of alerts. `rows` are in time order and not empty.
    pub(crate) fn pack(source: &Source, generation: u64, rows: &Columns) -> Result<Self, StoreError> {
        let (first, last) = rows.span().unwrap_or_default();
        let mut item =
            keys(partition(&source.series.site), sort_key(&source.series_id, &source.rule, first, generation));
        let series = serde_json::to_string(&source.series).map_err(|e| item.damaged(e))?;
        let bytes = segment::encode(rows).map_err(|e| item.damaged(e))?;
        let attributes = [
            ("series", s(series)),
            ("rule", s(&source.rule)),
            ("statistic", s(source.statistic.to_string())),
            ("action", s(&source.action)),
            ("n", n(rows.len())),
            ("l", n(last)),
            ("g", n(generation)),
            ("d", b(bytes)),
        ];
        item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
        if let Some(thresholds) = source.thresholds {
            let text = serde_json::to_string(&thresholds).map_err(|e| item.damaged(e))?;
            item.insert("thresholds".into(), s(text));
        }
        Ok(Self { item, first, last, len: rows.len() })
    }

    fn from_item(item: Item) -> Result<Self, StoreError> {
        let len = item.number("n")?;
        let first = item.text(SK)?.split('#').nth(2).and_then(crate::time_of_key);
        let (first, last) = match (first, item.contains_key("l")) {
            (Some(first), true) => (first, item.number("l")?),
            // Earlier versions did not store how far a block reaches.
            _ => rows(&item)?.span().unwrap_or_default(),
        };
        Ok(Self { item, first, last, len })
    }

    /// The alerts.
    pub(crate) fn rows(&self) -> Result<Columns, StoreError> {
        rows(&self.item)
    }

    /// Whether its alerts have this action and these thresholds.
    pub(crate) fn says(&self, action: &str, thresholds: Option<[f64; 3]>) -> Result<bool, StoreError> {
        Ok(self.item.text("action")? == action && self.thresholds()? == thresholds)
    }

    fn thresholds(&self) -> Result<Option<[f64; 3]>, StoreError> {
        let text = self.item.contains_key("thresholds").then(|| self.item.text("thresholds")).transpose()?;
        text.map(|text| serde_json::from_str(text).map_err(|e| self.item.damaged(e))).transpose()
    }

    pub(crate) fn sort_key(&self) -> Result<&str, StoreError> {
        self.item.text(SK)
    }

    pub(crate) fn bytes(&self) -> usize {
        crate::write::size(&self.item)
    }

    /// The same block in another generation.
    pub(crate) fn moved(&self, generation: u64) -> Result<Self, StoreError> {
        let mut moved = self.clone();
        let (series, rule) = names_of(&self.item)?;
        moved.item.insert(SK.to_owned(), s(sort_key(series, rule, self.first, generation)));
        moved.item.insert("g".into(), n(generation));
        moved.item.insert("l".into(), n(self.last));
        Ok(moved)
    }

    fn generation(&self) -> Result<u64, StoreError> {
        self.item.number_or("g", 0)
    }

    fn open(&self, history: &Arc<History>) -> Result<Block, StoreError> {
        let series: Series = serde_json::from_str(self.item.text("series")?).map_err(|e| self.item.damaged(e))?;
        let source = Source {
            series_id: series.id(),
            series,
            rule: self.item.text("rule")?.into(),
            statistic: self.item.text("statistic")?.parse().map_err(|e| self.item.damaged(e))?,
            action: self.item.text("action")?.into(),
            thresholds: self.thresholds()?,
            history: history.clone(),
            waters: Arc::default(),
        };
        Ok(Block { source, rows: self.rows()? })
    }
}

impl StoredRule {
    /// Replaces changed blocks in a copy in memory.
    pub(crate) fn apply(&mut self, puts: &[Stored], deletes: &[String]) -> Result<(), StoreError> {
        let replaced: Vec<&str> = puts.iter().map(Stored::sort_key).collect::<Result<_, _>>()?;
        self.blocks.retain(|block| {
            let key = block.sort_key().unwrap_or_default();
            !replaced.contains(&key) && !deletes.iter().any(|gone| gone == key)
        });
        self.blocks.extend_from_slice(puts);
        self.blocks.sort_by_key(|block| block.first);
        Ok(())
    }

    /// The common properties of the blocks; `None` if there are none.
    pub fn source(&self, history: &Arc<History>) -> Result<Option<Source>, StoreError> {
        self.blocks.first().map(|block| Ok(block.open(history)?.source)).transpose()
    }

    /// Whether a verdict without exceedances in periods from `from` on changes nothing.
    pub fn is_untouched(&self, from: i64, source: &Source) -> Result<bool, StoreError> {
        for block in &self.blocks {
            if block.last >= from || !block.says(&source.action, source.thresholds)? {
                return Ok(false);
            }
        }
        Ok(!self.is_tangled())
    }

    /// Whether blocks contain alerts of the same time, as in an earlier version after two files of one series met.
    pub(crate) fn is_tangled(&self) -> bool {
        self.blocks.windows(2).any(|pair| pair[1].first <= pair[0].last)
    }
}

pub(crate) fn partition(site: &str) -> String {
    format!("ALERTS#{}", name::key(site))
}

/// Blocks of the first generation have the same keys as before there were generations.
fn sort_key(series: &str, rule: &str, first: i64, generation: u64) -> String {
    let key = format!("{series}#{rule}#{}", time_key(first));
    if generation == 0 { key } else { format!("{key}#{generation:016x}") }
}

/// The key of the pointer to the valid generation. It sorts before the blocks.
fn pointer_key(series: &str, rule: &str) -> String {
    format!("{series}#{rule}#*")
}

/// The pointer to a generation, as an item.
pub(crate) fn pointer(site: &str, series: &str, rule: &str, generation: u64) -> Item {
    let mut item = keys(partition(site), pointer_key(series, rule));
    item.insert("pointer".into(), n(generation));
    item
}

fn rows(item: &Item) -> Result<Columns, StoreError> {
    segment::decode(item.bytes("d")?).map_err(|error| item.damaged(error))
}

/// Series and rule in the key of a block or a pointer.
fn names_of(item: &Item) -> Result<(&str, &str), StoreError> {
    let mut parts = item.text(SK)?.split('#');
    match (parts.next(), parts.next()) {
        (Some(series), Some(rule)) => Ok((series, rule)),
        _ => Err(item.damaged("no key of alerts")),
    }
}

/// Groups blocks by series and rule. They are in key order: the pointer of a rule before its blocks.
fn by_rule(items: Vec<Item>) -> Result<BTreeMap<(String, String), StoredRule>, StoreError> {
    let mut rules: BTreeMap<(String, String), StoredRule> = BTreeMap::new();
    for item in items {
        let (series, rule) = names_of(&item)?;
        let of = rules.entry((series.to_owned(), rule.to_owned())).or_default();
        if item.contains_key("pointer") {
            of.generation = item.number("pointer")?;
            continue;
        }
        let block = Stored::from_item(item)?;
        if block.generation()? == of.generation {
            of.blocks.push(block);
        } else {
            of.garbage = true;
        }
    }
    Ok(rules)
}

impl Store {
    /// The alerts of a site, of one of its series, or of one rule of a series, in blocks.
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
        let rules = by_rule(self.prefixed(partition(site), &prefix).await?)?;
        if rules.values().all(|rule| rule.blocks.is_empty()) {
            return Ok(Vec::new());
        }
        let history = self.permit(site).await?.history;
        rules.values().flat_map(|rule| &rule.blocks).map(|block| block.open(&history)).collect()
    }

    /// The stored alerts of each rule of a series.
    pub async fn stored_rules(&self, site: &str, series: &str) -> Result<BTreeMap<String, StoredRule>, StoreError> {
        let rules = by_rule(self.prefixed(partition(site), &format!("{series}#")).await?)?;
        Ok(rules.into_iter().map(|((_, rule), stored)| (rule, stored)).collect())
    }

    /// Writes blocks that become valid with their generation.
    pub(crate) async fn stage(&self, blocks: Vec<Stored>) -> Result<(), StoreError> {
        self.put_all(blocks.into_iter().map(|block| block.item).collect()).await
    }

    /// Removes blocks of a rule that belong to invalid generations. Only the site's settler may do that.
    pub async fn collect_garbage(&self, site: &str, series: &str, rule: &str) -> Result<(), StoreError> {
        let items = self.prefixed(partition(site), &format!("{series}#{rule}#")).await?;
        let pointer = items.first().filter(|item| item.contains_key("pointer"));
        let valid: u64 = pointer.map_or(Ok(0), |item| item.number("pointer"))?;
        let mut gone = Vec::new();
        for item in items.iter().filter(|item| !item.contains_key("pointer")) {
            if item.number_or("g", 0)? != valid {
                gone.push((partition(site), item.text(SK)?.to_owned()));
            }
        }
        gone.push((crate::marks::partition(site), format!("G#{series}#{rule}")));
        self.delete_all(gone).await
    }
}
