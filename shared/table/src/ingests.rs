//! Ingest records: the ledger of where readings came from, and what makes an ingest happen only once.

use crate::accounts::{self, Account};
use crate::bootstrap::{GSI, GSI_PK, GSI_SK};
use crate::feed::{self, Demand, Draft, Event, Head};
use crate::item::s;
use crate::leases::{Abandoned, Lease};
use crate::marks::{self, Mark, Origin};
use crate::reached::REACHED;
use crate::retry::Backoff;
use crate::write::{Transaction, Values, values};
use crate::{Item, ItemExt, PK, SK, Store, StoreError, keys, sites};
use domain::reading::short_digest;
use domain::{name, time};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long the start of a file is retried while others change its account.
const PATIENCE: Duration = Duration::from_secs(10);

/// Accounts removed in one transaction.
const ACCOUNTS_TOGETHER: usize = 90;

/// The state of an ingest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = IngestState)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Readings are being written. If that is interrupted, posting the same file again completes it.
    #[serde(alias = "writing")]
    Recording,
    /// All readings are written; they are being judged.
    Judging,
    /// Everything is stored, judged and announced.
    Done,
    /// It was refused as a whole: nothing of it is stored.
    Refused,
    /// A source was fetched, but has nothing new.
    Unchanged,
    /// A source could not be fetched.
    Failed,
}

/// The record of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ingest {
    /// Derived from the digest and the given site: the same file for the same site is the same ingest.
    pub id: String,
    /// SHA-256 of the decompressed bytes, in hex.
    pub digest: String,
    /// Decompressed size.
    pub bytes: u64,
    /// The site given with the file.
    pub site: Option<String>,
    /// The client's name for the file; may be empty.
    pub source: String,
    /// Who sent it: the client's address.
    pub who: String,
    /// When it was first sent, RFC 3339.
    pub received_at: String,
    /// The version of this program.
    pub code_version: String,
    /// Its state.
    pub state: Stage,
    /// The revision of each site under which its segments are written.
    pub revisions: BTreeMap<String, u64>,
    /// The answer without verdicts, while they are pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<Value>,
    /// The final answer, once it is done.
    pub answer: Option<Value>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// Its withdrawal. Decisions are stored beside the record, so that they do not overwrite each other.
    #[serde(skip)]
    pub withdrawn: Option<Decision>,
    /// A person's decision about the refused rows.
    #[serde(skip)]
    pub resolution: Option<Decision>,
}

/// Why a file was refused as a whole, or why there was none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Refusal {
    /// For programs: as in the answer to a request.
    pub code: String,
    /// For people.
    pub message: String,
    /// More, depending on the code: refused rows, limits.
    #[schema(schema_with = error_details)]
    pub details: Option<Value>,
}

/// As in the answer to a request, which has the API's schema.
fn error_details() -> utoipa::openapi::Schema {
    let reference = utoipa::openapi::Ref::from_schema_name("ErrorDetails");
    let null = utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::Type::Null);
    utoipa::openapi::OneOfBuilder::new().item(null).item(reference).into()
}

/// A person's decision about a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Decision {
    /// Why.
    pub reason: String,
    /// Who: the client.
    pub who: String,
    /// When, RFC 3339.
    pub at: String,
}

/// The id of the ingest of these bytes for this site; `again`: how many times they have counted as a new file before.
pub fn id_of(digest: &str, site: Option<&str>, again: u32) -> String {
    let (site, again) = (site.map(name::key).unwrap_or_default(), again.to_string());
    let parts = [digest, &site, &again];
    short_digest(if again == "0" { &parts[..2] } else { &parts[..] })
}

pub(crate) fn partition(id: &str) -> String {
    format!("INGEST#{id}")
}

const RECORD: &str = "RECORD";
/// The index partition of all records, by time.
const LEDGER: &str = "LEDGER";

impl Store {
    /// The record of an ingest.
    pub async fn ingest(&self, id: &str) -> Result<Option<Ingest>, StoreError> {
        let Some(item) = self.get(partition(id), RECORD.into()).await? else { return Ok(None) };
        let mut ingest: Ingest = serde_json::from_str(item.text("record")?).map_err(|e| item.damaged(e))?;
        ingest.withdrawn = decision(&item, WITHDRAWN)?;
        ingest.resolution = decision(&item, RESOLUTION)?;
        Ok(Some(ingest))
    }

    /// Records that a file, which is done, was withdrawn; the first such decision counts.
    pub async fn note_withdrawn(&self, id: &str, decision: &Decision) -> Result<(), StoreError> {
        let mut transaction = Transaction::default();
        note_withdrawn(self, &mut transaction, id, decision)?;
        self.commit(transaction).await
    }

    /// Records a person's decision about the refused rows of a file, which is done.
    pub async fn note_resolution(&self, id: &str, decision: &Decision) -> Result<(), StoreError> {
        let mut transaction = Transaction::default();
        let change = format!("SET {RESOLUTION} = :decision");
        transaction.update(self, record_key(id), &change, Some(IS_THERE), decided(decision)?)?;
        self.commit(transaction).await
    }

    /// The revision under which a file's readings of a site are stored.
    pub async fn revision_of(&self, id: &str, site: &str) -> Result<Option<u64>, StoreError> {
        let ingest = self.ingest(id).await?;
        let key = name::key(site);
        Ok(ingest.and_then(|ingest| ingest.revisions.iter().find(|(of, _)| name::key(of) == key).map(|(_, r)| *r)))
    }

    /// The ledger: the records of ingests, the latest first, each with its position. `before` is the position of the
    /// last one on the previous page. An ingest of this moment may be missing: the index lags behind the table.
    pub async fn ingests(&self, before: Option<&str>, limit: usize) -> Result<Vec<(String, Ingest)>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(self.table())
            .index_name(GSI)
            .key_condition_expression("gpk = :ledger AND gsk < :before")
            .expression_attribute_values(":ledger", s(LEDGER))
            // After every possible time.
            .expression_attribute_values(":before", s(before.unwrap_or("~")))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let found = self.patiently(|| query.clone().send()).await?;
        let read = found.items().iter().map(async |item| {
            let id = item.text(PK)?.trim_start_matches("INGEST#");
            let record = self.ingest(id).await?;
            Ok::<_, StoreError>(record.map(|record| (item.text(GSI_SK).unwrap_or_default().to_owned(), record)))
        });
        Ok(try_join_all(read).await?.into_iter().flatten().collect())
    }

    /// Writes the record of a new ingest. If there is one already, that one counts.
    pub async fn begin_ingest(&self, ingest: Ingest) -> Result<Ingest, StoreError> {
        match self.put_if(record(&ingest)?, Some("attribute_not_exists(pk)")).await {
            Err(StoreError::Conflict) => self.ingest(&ingest.id).await?.ok_or(StoreError::Conflict),
            done => done.map(|()| ingest),
        }
    }

    /// Writes the record of a refused file, unless it exists.
    pub async fn note_refused(&self, ingest: &Ingest) -> Result<(), StoreError> {
        match self.put_if(record(ingest)?, Some("attribute_not_exists(pk)")).await {
            Err(StoreError::Conflict) => Ok(()),
            done => done,
        }
    }

    /// Marks what a file is about to bring to a site, before any of it is visible. `about` is kept for the file's last
    /// event. Returns `false`, and does nothing, if all of it was recorded before.
    pub async fn begin_file(
        &self,
        lease: &Lease,
        (site, revision): (&str, u64),
        id: &str,
        marks: &[Mark],
        about: Value,
    ) -> Result<bool, StoreError> {
        let origin = Origin::File(id.to_owned());
        let mut backoff = Backoff::default();
        loop {
            let mut account = match self.account(site, &origin).await? {
                Some(earlier) => {
                    let outstanding = self.outstanding(site).await?;
                    let is_known = |list: &[String]| list.iter().any(|known| known == id);
                    if !is_known(&outstanding.recording) && !is_known(&outstanding.interrupted) {
                        return Ok(false);
                    }
                    earlier.again(marks.len() as u64, about.clone())
                }
                None => Account::open(marks.len() as u64, about.clone(), time::now()),
            };
            let mut transaction = Transaction::default();
            lease.demand(self, &mut transaction)?;
            transaction.put(self, keys(marks::partition(site), marks::recording_key(id)))?;
            transaction.delete(self, &marks::partition(site), &marks::interrupted_key(id), None)?;
            account.write(self, &mut transaction, site, &origin)?;
            sites::note_file(self, &mut transaction, site)?;
            feed::demand_revision(self, &mut transaction, site, revision)?;
            match self.commit(transaction).await {
                // A sweep that had found the previous holder dead has just recorded that in the account.
                Err(StoreError::Conflict) if backoff.wait(PATIENCE).await => {
                    self.beat(lease).await?;
                    if !self.is_site(site).await? || !self.counts(site, revision).await? {
                        return Err(StoreError::BeingRemoved);
                    }
                }
                done => break done?,
            }
        }
        self.mark(site, marks).await?;
        Ok(true)
    }

    /// Writes the record of a file that is recorded again at some sites because they were removed since. Its old
    /// accounts there are removed.
    pub async fn begin_again(&self, lease: &Lease, ingest: &Ingest, anew: &[String]) -> Result<(), StoreError> {
        let mut transaction = Transaction::default();
        // The accounts first: once the record is written, nobody could tell that they are obsolete.
        for site in anew {
            if transaction.len() > ACCOUNTS_TOGETHER {
                self.commit(std::mem::take(&mut transaction)).await?;
            }
            if transaction.len() == 0 {
                lease.demand(self, &mut transaction)?;
            }
            transaction.delete(self, &partition(&ingest.id), &accounts::sort_key(site), None)?;
        }
        self.commit(transaction).await?;
        let mut transaction = Transaction::default();
        lease.demand(self, &mut transaction)?;
        transaction.put(self, record(ingest)?)?;
        transaction.delete(self, &partition(&ingest.id), REACHED, None)?;
        self.commit(transaction).await
    }

    /// Records that all of a file's readings of a site are written, and announces them after `head`. Publishers notice.
    /// Returns the events and the new head; `None` if the head has changed.
    pub async fn end_file(
        &self,
        lease: &Lease,
        site: &str,
        id: &str,
        head: Head,
        events: &[Draft],
    ) -> Result<Option<(Vec<Event>, Head)>, StoreError> {
        let mut transaction = Transaction::default();
        lease.demand(self, &mut transaction)?;
        let exists = ("attribute_exists(pk)", Values::new());
        transaction.delete(self, &marks::partition(site), &marks::recording_key(id), Some(exists))?;
        let appended = self.append(&mut transaction, site, head, events, Demand::SameEvents)?;
        match self.commit_or_tell(transaction).await? {
            Ok(()) => Ok(Some((appended.entries, appended.head))),
            Err(places) if places == [appended.place] => Ok(None),
            Err(_) => Err(StoreError::Conflict),
        }
    }

    /// Records that the recording of a file will not continue by itself, so that its stored part may be judged.
    /// Publishers notice. Returns `false`, and does nothing, if it has continued, or if another process has resumed it
    /// since it was seen `abandoned`.
    pub async fn note_interrupted(&self, abandoned: &Abandoned, site: &str, id: &str) -> Result<bool, StoreError> {
        let origin = Origin::File(id.to_owned());
        let mut transaction = Transaction::default();
        abandoned.demand(self, &mut transaction)?;
        let exists = ("attribute_exists(pk)", Values::new());
        transaction.delete(self, &marks::partition(site), &marks::recording_key(id), Some(exists))?;
        transaction.put(self, keys(marks::partition(site), marks::interrupted_key(id)))?;
        feed::tell_publishers(self, &mut transaction, site)?;
        if let Some(mut account) = self.account(site, &origin).await? {
            account.interrupted = true;
            account.write(self, &mut transaction, site, &origin)?;
        }
        match self.commit(transaction).await {
            Err(StoreError::Conflict) => Ok(false),
            done => done.map(|()| true),
        }
    }

    /// Writes the result of fetching a source that brought no file, replacing its previous one.
    pub async fn note_look(&self, ingest: &Ingest) -> Result<(), StoreError> {
        self.put_if(record(ingest)?, None).await
    }

    /// Writes the record of an ingest whose readings are all written. Does nothing if somebody has decided about it:
    /// then it was done before.
    pub async fn save_ingest(&self, ingest: &Ingest) -> Result<(), StoreError> {
        let undecided = format!("attribute_not_exists({WITHDRAWN}) AND attribute_not_exists({RESOLUTION})");
        match self.put_if(record(ingest)?, Some(&undecided)).await {
            Err(StoreError::Conflict) => Ok(()),
            done => done,
        }
    }

    /// Writes the record of a finished ingest, and removes what was kept until then.
    pub async fn end_ingest(&self, ingest: &Ingest) -> Result<(), StoreError> {
        self.save_ingest(ingest).await?;
        // Including the notes of earlier versions.
        let mut gone = Vec::new();
        for prefix in ["ACCOUNT#", "NOTE#", REACHED, "SENT#"] {
            for item in self.prefixed(partition(&ingest.id), prefix).await? {
                gone.push((partition(&ingest.id), item.text(SK)?.to_owned()));
            }
        }
        self.delete_all(gone).await
    }
}

const WITHDRAWN: &str = "withdrawn";
const RESOLUTION: &str = "resolution";
const IS_THERE: &str = "attribute_exists(pk)";

fn record_key(id: &str) -> (String, String) {
    (partition(id), RECORD.into())
}

fn decision(item: &Item, name: &str) -> Result<Option<Decision>, StoreError> {
    if !item.contains_key(name) {
        return Ok(None);
    }
    serde_json::from_str(item.text(name)?).map(Some).map_err(|error| item.damaged(error))
}

fn decided(decision: &Decision) -> Result<Values, StoreError> {
    Ok(values([(":decision", s(serde_json::to_string(decision).map_err(StoreError::build)?))]))
}

/// Adds to a transaction that a file was withdrawn.
pub(crate) fn note_withdrawn(
    store: &Store,
    transaction: &mut Transaction,
    id: &str,
    decision: &Decision,
) -> Result<(), StoreError> {
    let change = format!("SET {WITHDRAWN} = if_not_exists({WITHDRAWN}, :decision)");
    transaction.update(store, record_key(id), &change, Some(IS_THERE), decided(decision)?)
}

fn record(ingest: &Ingest) -> Result<Item, StoreError> {
    let mut item = keys(partition(&ingest.id), RECORD);
    item.insert("record".into(), s(serde_json::to_string(ingest).map_err(|e| item.damaged(e))?));
    item.insert(GSI_PK.into(), s(LEDGER));
    item.insert(GSI_SK.into(), s(format!("{}#{}", ingest.received_at, ingest.id)));
    Ok(item)
}
