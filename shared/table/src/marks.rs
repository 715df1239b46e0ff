//! Marks: what is still to be judged.
//!
//! Every change to what a verdict depends on leaves marks before anybody can see it: a file and single readings mark
//! the stretches that they touch, a permit marks the whole site. A mark is removed in the transaction that writes the
//! result of its stretch. While a site has marks, its alerts may not match its readings and its permit.
//!
//! | sort key | what |
//! |---|---|
//! | `F#ingest` | a file is being recorded: its readings are arriving, its stretches are marked but not judged yet |
//! | `G#series#rule` | blocks of alerts that are no longer valid must be removed |
//! | `I#ingest` | a file whose recording was interrupted: it must be sent again |
//! | `K#version` | a permit version: all series must be judged, and are not marked one by one yet |
//! | `M#series#origin` | a stretch of a series |
//! | `R#` | the site is being removed |

use crate::bootstrap::{GSI, GSI_PK, GSI_SK};
use crate::item::{n, s};
use crate::write::{Transaction, Values, values};
use crate::{Item, ItemExt, PK, SK, Store, StoreError, keys, time_key};
use crate::{rules, series, sites};
use domain::reading::Series;
use domain::{name, time};

/// The index partition of open work.
pub(crate) const OPEN: &str = "OPEN";
/// Marks per read.
const PAGE: i32 = 200;

/// The origin of a mark, which is told the result.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A file, by its ingest's id.
    File(String),
    /// A version of the site's permit.
    Permit(u64),
    /// Single readings; the text distinguishes marks.
    Readings(String),
}

/// A stretch of a series that must be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The series.
    pub series: String,
    /// Its origin.
    pub origin: Origin,
    /// The first and the last time, both included.
    pub stretch: (i64, i64),
    /// The approximate number of readings; 0 if unknown.
    pub readings: u64,
    /// The names of the series, if the mark is a file's: the site may not know the series yet. Marks of earlier
    /// versions have none.
    pub names: Option<Series>,
    /// Different each time a mark is written.
    nonce: String,
}

/// The marks of a site, except for stretches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outstanding {
    /// Files that are being recorded, by ingest.
    pub recording: Vec<String>,
    /// Files whose recording was interrupted, by ingest.
    pub interrupted: Vec<String>,
    /// Permit versions whose series are not marked yet.
    pub permits: Vec<u64>,
    /// Series and rules whose blocks of alerts must be cleared, and since when, in microseconds since 1970.
    pub garbage: Vec<(String, String, i64)>,
}

/// Open work, as listed by the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// The site's key.
    pub site: String,
    /// Since when, in microseconds since 1970.
    pub since: i64,
    /// Its file, by ingest.
    pub ingest: Option<String>,
}

pub(crate) fn partition(site: &str) -> String {
    format!("MARKS#{}", name::key(site))
}

impl Origin {
    fn text(&self) -> String {
        match self {
            Self::File(id) => format!("f{id}"),
            Self::Permit(version) => format!("p{version}"),
            Self::Readings(of) => format!("r{of}"),
        }
    }

    pub(crate) fn file(&self) -> Option<&str> {
        if let Self::File(id) = self { Some(id) } else { None }
    }

    fn parse(text: &str) -> Option<Self> {
        let rest = text.get(1..)?;
        match text.as_bytes()[0] {
            b'f' => Some(Self::File(rest.to_owned())),
            b'p' => rest.parse().ok().map(Self::Permit),
            b'r' => Some(Self::Readings(rest.to_owned())),
            _ => None,
        }
    }
}

impl Mark {
    /// A mark that is not written yet.
    pub fn new(series: &str, origin: Origin, stretch: (i64, i64), readings: u64) -> Self {
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        Self { series: series.to_owned(), origin, stretch, readings, names: None, nonce }
    }

    /// A mark of a file.
    pub fn of_file(series: &Series, ingest: &str, stretch: (i64, i64), readings: u64) -> Self {
        let mark = Self::new(&series.id(), Origin::File(ingest.to_owned()), stretch, readings);
        Self { names: Some(series.clone()), ..mark }
    }

    pub(crate) fn sort_key(&self) -> String {
        format!("M#{}#{}", self.series, self.origin.text())
    }

    pub(crate) fn item(&self, site: &str) -> Item {
        let mut item = keys(partition(site), self.sort_key());
        item.insert("from".into(), n(self.stretch.0));
        item.insert("to".into(), n(self.stretch.1));
        item.insert("n".into(), n(self.readings));
        item.insert("nonce".into(), s(&self.nonce));
        if let Some(names) = &self.names {
            series::name_item(&mut item, names);
        }
        // Others have an account, which is in the index for all of them.
        if matches!(self.origin, Origin::Readings(_)) {
            item.extend(open(site, time::now()));
        }
        item
    }

    fn from_item(item: &Item) -> Result<Self, StoreError> {
        let mut parts = item.text(SK)?.splitn(3, '#').skip(1);
        let (series, origin) = (parts.next(), parts.next().filter(|text| !text.is_empty()).and_then(Origin::parse));
        let (Some(series), Some(origin)) = (series, origin) else { return Err(item.damaged("no mark")) };
        Ok(Self {
            series: series.to_owned(),
            origin,
            stretch: (item.number("from")?, item.number("to")?),
            readings: item.number("n")?,
            names: item.contains_key("parameter").then(|| series::named(item)).transpose()?,
            nonce: item.text("nonce")?.to_owned(),
        })
    }

    fn unchanged(&self) -> (&'static str, Values) {
        ("nonce = :nonce", values([(":nonce", s(&self.nonce))]))
    }

    /// Adds the removal of the mark to a transaction, which fails if the mark has changed since it was read.
    pub(crate) fn settle(&self, store: &Store, transaction: &mut Transaction, site: &str) -> Result<(), StoreError> {
        transaction.delete(store, &partition(site), &self.sort_key(), Some(self.unchanged()))
    }

    /// Adds to a transaction that it fails if the mark has changed since it was read.
    pub(crate) fn demand(&self, store: &Store, transaction: &mut Transaction, site: &str) -> Result<(), StoreError> {
        let (condition, values) = self.unchanged();
        transaction.check(store, (partition(site), self.sort_key()), condition, values)
    }
}

/// The index attributes of an open item.
pub(crate) fn open(site: &str, since: i64) -> [(String, aws_sdk_dynamodb::types::AttributeValue); 2] {
    let place = format!("{}#{}", time_key(since), name::key(site));
    [(GSI_PK.to_owned(), s(OPEN)), (GSI_SK.to_owned(), s(place))]
}

/// The sort key of the mark that a file is being recorded.
pub(crate) fn recording_key(ingest: &str) -> String {
    format!("F#{ingest}")
}

/// The sort key of the mark that a file's recording was interrupted.
pub(crate) fn interrupted_key(ingest: &str) -> String {
    format!("I#{ingest}")
}

/// The mark of a permit version whose series are not marked yet.
pub(crate) fn whole_site(site: &str, version: u64) -> Item {
    keys(partition(site), whole_site_key(version))
}

pub(crate) fn whole_site_key(version: u64) -> String {
    format!("K#{version:020}")
}

/// The mark of blocks of alerts that are no longer valid.
pub(crate) fn garbage(site: &str, series: &str, rule: &str) -> Item {
    let mut item = keys(partition(site), format!("G#{series}#{rule}"));
    item.insert("since".into(), n(time::now()));
    item
}

impl Store {
    /// Writes marks for stretches of a site, some at a time.
    pub async fn mark(&self, site: &str, marks: &[Mark]) -> Result<(), StoreError> {
        self.put_all(marks.iter().map(|mark| mark.item(site)).collect()).await
    }

    /// The marks of a site, except for stretches.
    pub async fn outstanding(&self, site: &str) -> Result<Outstanding, StoreError> {
        let mut outstanding = Outstanding::default();
        for item in &self.range(partition(site), "F#".into(), "K$".into()).await? {
            let key = item.text(SK)?;
            match key.split_at_checked(2) {
                Some(("F#", id)) => outstanding.recording.push(id.to_owned()),
                Some(("I#", id)) => outstanding.interrupted.push(id.to_owned()),
                Some(("K#", version)) => {
                    outstanding.permits.push(version.parse().map_err(|error| item.damaged(error))?);
                }
                Some(("G#", names)) => {
                    let (series, rule) = names.split_once('#').ok_or_else(|| item.damaged("no rule"))?;
                    outstanding.garbage.push((series.to_owned(), rule.to_owned(), item.number("since")?));
                }
                _ => {}
            }
        }
        Ok(outstanding)
    }

    /// Marked stretches of a site, sorted by series, and where the next page begins.
    pub async fn marks(&self, site: &str, after: Option<&str>) -> Result<(Vec<Mark>, Option<String>), StoreError> {
        let from = after.map_or_else(|| "M#".to_owned(), |after| format!("{after}\0"));
        let query = self
            .client
            .query()
            .table_name(self.table())
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", s(partition(site)))
            .expression_attribute_values(":from", s(from))
            .expression_attribute_values(":to", s("M$"))
            .limit(PAGE);
        let answer = self.patiently(|| query.clone().send()).await?;
        let marks = answer.items().iter().map(Mark::from_item).collect::<Result<Vec<_>, _>>()?;
        let next = answer.last_evaluated_key.and(marks.last().map(Mark::sort_key));
        Ok((marks, next))
    }

    /// The marked stretches of a series.
    pub async fn marks_of(&self, site: &str, series: &str) -> Result<Vec<Mark>, StoreError> {
        self.prefixed(partition(site), &format!("M#{series}#")).await?.iter().map(Mark::from_item).collect()
    }

    /// How many marks of a site are still to be settled; at 0, its alerts match its readings and permit.
    pub async fn pending(&self, site: &str) -> Result<u64, StoreError> {
        // Read before the marks, because it is removed when the site is marked.
        let known = self.get(sites::SITES.into(), name::key(site)).await?;
        let is_of_earlier_rules = known.as_ref().map_or(Ok(false), rules::is_of_earlier_rules)?;
        let outstanding = self.outstanding(site).await?;
        let mut pending = (outstanding.recording.len() + outstanding.permits.len()) as u64;
        pending += u64::from(is_of_earlier_rules);
        pending += u64::from(known.as_ref().is_some_and(sites::is_being_removed));
        let mut after = None;
        loop {
            let (marks, next) = self.marks(site, after.as_deref()).await?;
            pending += marks.len() as u64;
            after = next;
            if after.is_none() {
                return Ok(pending);
            }
        }
    }

    /// All open work at any site, the oldest first. The newest may be missing: the index lags behind the table.
    pub async fn open_work(&self) -> Result<Vec<Open>, StoreError> {
        let mut found = Vec::new();
        let mut start = None;
        loop {
            let query = self
                .client
                .query()
                .table_name(self.table())
                .index_name(GSI)
                .key_condition_expression("gpk = :open")
                .expression_attribute_values(":open", s(OPEN))
                .set_exclusive_start_key(start);
            let answer = self.patiently(|| query.clone().send()).await?;
            for item in answer.items() {
                let place = item.text(GSI_SK)?;
                let (since, site) = place.split_once('#').ok_or_else(|| item.damaged("no place"))?;
                found.push(Open {
                    site: site.to_owned(),
                    since: crate::time_of_key(since).ok_or_else(|| item.damaged("no time"))?,
                    ingest: item.text(PK)?.strip_prefix("INGEST#").map(str::to_owned),
                });
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
    }
}
