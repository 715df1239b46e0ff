//! Accounts: the results of judging so far, by their cause.
//!
//! A file has an account at each of its sites, and so has each version of a permit. A result is added to its account in
//! the transaction that writes it, so that the sums over accounts equal what is stored, whoever judges.

use crate::alerts::Source;
use crate::ingests;
use crate::item::{n, s};
use crate::marks::{self, Origin};
use crate::write::{Transaction, Values, values};
use crate::{Item, ItemExt, Store, StoreError, keys, permits};
use aws_sdk_dynamodb::types::Select;
use domain::alert::Severity;
use domain::columns::Row;
use domain::name;
use domain::reading::{Direction, Flags};
use domain::time::Shown;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most entries of a list, and bytes of its texts, in an account; further ones are counted.
const MAX_TEXTS: usize = 20 * 1024;
/// The most replaced results that an account lists.
pub const MAX_REPLACEMENTS: usize = 100;
/// The most exceedances that an account lists.
pub const MAX_GRAVEST: usize = 100;

/// The results of judging.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// How many of its marks are left.
    pub left: u64,
    /// Readings that were compared with a limit.
    pub judged: u64,
    /// All exceedances in the periods that were judged, by severity.
    pub found: BTreeMap<Severity, u64>,
    /// Those that were not known before.
    pub new: BTreeMap<Severity, u64>,
    /// Alerts that no longer hold.
    pub withdrawn: u64,
    /// The gravest exceedances.
    pub gravest: Vec<Grave>,
    /// How many alerts, new and withdrawn, events have listed.
    pub named: u64,
    /// New alerts that no event lists.
    #[serde(default)]
    pub omitted: u64,
    /// Withdrawn alerts that no event lists.
    #[serde(default)]
    pub withdrawn_omitted: u64,
    /// Parameters that no limit covers.
    pub unlimited: BTreeSet<String>,
    /// Rules of the permit that met a reading.
    pub met: BTreeSet<String>,
    /// Readings whose unit does not compare with a limit's.
    pub incomparable: Vec<Incomparable>,
    /// Values that may or may not exceed their limit.
    #[serde(default)]
    pub inconclusive: u64,
    /// Periods with results that were compared with nothing, because the properties of the water are not known.
    #[serde(default)]
    pub without_water: u64,
    /// Results that its own have replaced.
    #[serde(default)]
    pub replaced: u64,
    /// The first of them.
    #[serde(default)]
    pub replacements: Vec<Replacement>,
    /// Its rows that equal others of its own.
    #[serde(default)]
    pub repeated: u64,
    /// Parameters for which the list had no room.
    #[serde(default)]
    pub unlimited_left_out: u64,
    /// Units for which the list had no room.
    #[serde(default)]
    pub incomparable_left_out: u64,
    /// Write units that were charged.
    pub write_units: f64,
    /// Further contents of the file's last event; the engine's.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub about: Value,
    /// Since when it has been open, in microseconds since 1970.
    pub since: i64,
    /// Whether the file's recording was interrupted: it stays incomplete unless the file is sent again.
    #[serde(default)]
    pub interrupted: bool,
    #[serde(skip)]
    version: u64,
}

/// An exceedance, as listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grave {
    /// The series.
    pub series: String,
    /// The rule.
    pub rule: String,
    /// The start of its period.
    pub time: i64,
    /// The rule's statistic.
    pub statistic: String,
    /// The value of the statistic.
    pub value: f64,
    /// The limit.
    pub limit: f64,
    /// Qualifier and direction, as [`domain::reading::Flags`].
    pub flags: u32,
    /// The unit of value and limit.
    pub unit: String,
    /// Its number among those of the same time.
    #[serde(default)]
    pub place: u64,
    /// How far beyond the limit it is.
    #[serde(default)]
    pub gravity: f64,
}

impl Grave {
    /// The exceedance, as a row.
    pub fn row(&self) -> Row {
        Row { time: self.time, value: self.value, flags: Flags(self.flags), limit: self.limit, sample: self.place }
    }
}

/// A result that another one has replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Replacement {
    /// The outfall.
    pub outfall: String,
    /// The parameter.
    pub parameter: String,
    /// When it was taken.
    pub time: Shown,
    /// Its value, with its sign if it has one.
    pub old: String,
    /// The value that counts now.
    pub new: String,
}

/// Readings whose unit does not compare with a limit's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Incomparable {
    /// The outfall.
    pub outfall: String,
    /// The parameter.
    pub parameter: String,
    /// The readings' unit.
    pub reading_unit: String,
    /// The limit's unit.
    pub limit_unit: String,
    /// How many readings.
    pub readings: u64,
}

/// The sort key of a file's account at a site.
pub(crate) fn sort_key(site: &str) -> String {
    format!("ACCOUNT#{}", name::key(site))
}

/// The key of an origin's account at a site; single readings have none.
fn key(site: &str, origin: &Origin) -> Option<(String, String)> {
    match origin {
        Origin::File(id) => Some((ingests::partition(id), sort_key(site))),
        Origin::Permit(version) => Some((permits::partition(site), format!("ACCOUNT#{version:020}"))),
        Origin::Readings(_) => None,
    }
}

impl Account {
    /// An account for so many marks.
    pub fn open(left: u64, about: Value, since: i64) -> Self {
        Self { left, about, since, ..Self::default() }
    }

    /// The account of a file that is recorded again after an interruption: written results stay counted, judged ones
    /// are counted anew.
    pub fn again(&self, left: u64, about: Value) -> Self {
        Self {
            new: self.new.clone(),
            withdrawn: self.withdrawn,
            named: self.named,
            omitted: self.omitted,
            withdrawn_omitted: self.withdrawn_omitted,
            write_units: self.write_units,
            version: self.version,
            ..Self::open(left, about, self.since)
        }
    }

    /// Adds exceedances of a rule; the gravest are kept.
    pub fn note_gravest(&mut self, of: &Source, found: &[(Row, Arc<str>)]) {
        self.gravest.extend(found.iter().map(|(row, unit)| Grave {
            series: of.series_id.clone(),
            rule: of.rule.clone(),
            time: row.time,
            statistic: of.statistic.to_string(),
            // The sum of finite readings can be infinite, which JSON cannot express.
            value: row.value.clamp(f64::MIN, f64::MAX),
            limit: row.limit,
            flags: row.flags.with_unit(0).0,
            unit: unit.to_string(),
            place: row.sample,
            gravity:
                of.measure(unit).ratio(row.value, row.limit, row.flags.limit().unwrap_or(Direction::Max)).min(f64::MAX),
        }));
        self.keep_gravest();
    }

    /// Adds the results for a stretch.
    pub fn add_found(&mut self, more: &Self) {
        self.judged += more.judged;
        for (severity, count) in &more.found {
            *self.found.entry(*severity).or_default() += count;
        }
        self.gravest.extend(more.gravest.iter().cloned());
        self.keep_gravest();
        more.unlimited.iter().for_each(|parameter| self.note_unlimited(parameter));
        self.met.extend(more.met.iter().cloned());
        more.incomparable.iter().for_each(|one| self.note_incomparable(one.clone()));
        self.inconclusive += more.inconclusive;
        self.without_water += more.without_water;
        self.replaced += more.replaced;
        self.repeated += more.repeated;
        let room = MAX_REPLACEMENTS.saturating_sub(self.replacements.len());
        self.replacements.extend(more.replacements.iter().take(room).cloned());
        self.unlimited_left_out += more.unlimited_left_out;
        self.incomparable_left_out += more.incomparable_left_out;
    }

    fn keep_gravest(&mut self) {
        self.gravest.sort_by(|a, b| b.gravity.total_cmp(&a.gravity));
        self.gravest.truncate(MAX_GRAVEST);
    }

    /// Adds a parameter that no limit covers.
    pub fn note_unlimited(&mut self, parameter: &str) {
        let bytes: usize = self.unlimited.iter().map(String::len).sum();
        if bytes + parameter.len() > MAX_TEXTS {
            self.unlimited_left_out += u64::from(!self.unlimited.contains(parameter));
        } else {
            self.unlimited.insert(parameter.to_owned());
        }
    }

    /// Adds readings that were not compared.
    pub fn note_incomparable(&mut self, more: Incomparable) {
        let size = |one: &Incomparable| {
            one.outfall.len() + one.parameter.len() + one.reading_unit.len() + one.limit_unit.len() + 80
        };
        if self.incomparable.iter().map(size).sum::<usize>() + size(&more) > MAX_TEXTS {
            self.incomparable_left_out += 1;
        } else {
            self.incomparable.push(more);
        }
    }

    fn item(&self, site: &str, (pk, sk): (String, String)) -> Result<Item, StoreError> {
        let mut item = keys(pk, sk);
        item.insert("account".into(), s(serde_json::to_string(self).map_err(|error| item.damaged(error))?));
        item.insert("site".into(), s(site));
        item.insert("version".into(), n(self.version));
        item.insert("left".into(), n(self.left));
        // A file's account stays open until its answer is written.
        if !self.interrupted && (self.left > 0 || !self.about.is_null()) {
            item.extend(marks::open(site, self.since));
        }
        Ok(item)
    }

    fn from_item(item: &Item) -> Result<Self, StoreError> {
        let account: Self = serde_json::from_str(item.text("account")?).map_err(|error| item.damaged(error))?;
        Ok(Self { version: item.number("version")?, ..account })
    }

    /// Adds the write of the account to a transaction, which fails if the account was changed since it was read.
    pub(crate) fn write(
        &mut self,
        store: &Store,
        transaction: &mut Transaction,
        site: &str,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        let Some(key) = key(site, origin) else { return Ok(()) };
        let (condition, given) = match self.version {
            0 => ("attribute_not_exists(pk)", Values::new()),
            version => ("version = :version", values([(":version", n(version))])),
        };
        self.version += 1;
        transaction.put_if(store, self.item(site, key)?, Some(condition), given)
    }
}

impl Store {
    /// The account of an origin at a site.
    pub async fn account(&self, site: &str, origin: &Origin) -> Result<Option<Account>, StoreError> {
        let Some((pk, sk)) = key(site, origin) else { return Ok(None) };
        self.get(pk, sk).await?.as_ref().map(Account::from_item).transpose()
    }

    /// Whether any account of a file has marks left.
    pub async fn is_unsettled(&self, ingest: &str) -> Result<bool, StoreError> {
        let mut start = None;
        loop {
            let query = self
                .client
                .query()
                .table_name(self.table())
                .consistent_read(true)
                .select(Select::Count)
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .filter_expression("#left > :none")
                .expression_attribute_names("#left", "left")
                .expression_attribute_values(":pk", s(ingests::partition(ingest)))
                .expression_attribute_values(":prefix", s("ACCOUNT#"))
                .expression_attribute_values(":none", n(0))
                .set_exclusive_start_key(start);
            let answer = self.patiently(|| query.clone().send()).await?;
            start = answer.last_evaluated_key;
            if answer.count > 0 || start.is_none() {
                return Ok(answer.count > 0);
            }
        }
    }

    /// The accounts of a file, by site.
    pub async fn accounts_of(&self, ingest: &str) -> Result<Vec<(String, Account)>, StoreError> {
        let items = self.prefixed(ingests::partition(ingest), "ACCOUNT#").await?;
        items.iter().map(|item| Ok((item.text("site")?.to_owned(), Account::from_item(item)?))).collect()
    }
}
