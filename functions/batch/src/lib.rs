//! Takes in files that arrive on their own: triggered by an object in the inbox, and by a schedule that finds files no
//! event announced.

pub mod work;

use files::inbox::{Inbox, InboxError, Looked};
use files::scheduled::Pulls;
use files::source::{Of, Source};
use lambda::Fault;
use serde::Serialize;
use std::time::{Duration, Instant};
use work::Work;

/// Reserved at the end of an invocation, so that the batch being written can finish and the file's progress can be
/// saved.
const TO_PAUSE: Duration = Duration::from_secs(10);

/// The outcome of an invocation, for its log.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Done {
    /// Sites whose files another invocation or the next sweep will take in.
    pub left: usize,
    /// Files fetched from sources.
    pub came: usize,
}

/// Handles an event as far as the invocation's time allows. A sweep also fetches the sources that are due; S3 sends
/// events for the files they put into the inbox.
pub async fn handle<S: Source>(inbox: &Inbox<S>, pulls: &Pulls, work: Work, time: Duration) -> Result<Done, Fault> {
    let until = Some(Instant::now() + time.saturating_sub(TO_PAUSE.min(time / 2)));
    let (looked, asked) = match &work {
        Work::Site(site) => (inbox.look(Of::Site(site.as_deref()), until).await, Ok(0)),
        Work::Sweep => tokio::join!(inbox.look(Of::All, until), pulls.look(until)),
        Work::Nothing => return Ok(Done { left: 0, came: 0 }),
    };
    if let Err(error) = &asked {
        // Lambda takes one error only; if both fail, this one would be lost.
        tracing::error!(%error, "sources could not be fetched; a retry follows");
    }
    let Looked { elsewhere, left, .. } = looked.map_err(fault)?;
    Ok(Done { left: elsewhere + left, came: asked? })
}

fn fault(error: InboxError) -> Fault {
    match error {
        InboxError::Source(error) => Fault::Source(error),
        InboxError::Store(error) => Fault::Store(error),
    }
}
