//! Withdrawn files: their readings stay, but no longer count.

use crate::ingests::Decision;
use domain::time;
use serde::{Deserialize, Serialize};

/// A file that was withdrawn from a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// The revision under which its readings are stored.
    pub revision: u64,
    /// The id of its ingest record.
    pub ingest: String,
    /// Why.
    pub reason: String,
    /// Who did it: the client.
    pub who: String,
    /// When, in microseconds.
    pub at: i64,
}

impl Withdrawal {
    /// The same, for the ledger.
    pub fn decision(&self) -> Decision {
        Decision { reason: self.reason.clone(), who: self.who.clone(), at: time::rfc3339_seconds(self.at) }
    }
}
