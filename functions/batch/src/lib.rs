//! Taking in files that come by themselves: set off by an object in the inbox, and by a schedule that finds what no event
//! has told of.

pub mod work;

use files::inbox::{Inbox, InboxError, Looked};
use files::scheduled::Pulls;
use files::source::{Of, Source};
use lambda::Fault;
use serde::Serialize;
use std::time::{Duration, Instant};
use work::Work;

/// What is left of an invocation's time when it pauses: a batch that is being written comes to its end, and it is noted how
/// far the file has come.
const TO_PAUSE: Duration = Duration::from_secs(10);

/// What an invocation has come to, for whoever looks at it.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Done {
    /// Sites whose files are left to other invocations, or to the next sweep.
    pub left: usize,
    /// Files that came from sources.
    pub came: usize,
}

/// Does what an event asks for, as far as it gets within the time that the invocation has. A sweep asks the sources that
/// are due, too; of what they bring, S3 tells.
pub async fn handle<S: Source>(inbox: &Inbox<S>, pulls: &Pulls, work: Work, time: Duration) -> Result<Done, Fault> {
    let until = Some(Instant::now() + time.saturating_sub(TO_PAUSE.min(time / 2)));
    let (looked, asked) = match &work {
        Work::Site(site) => (inbox.look(Of::Site(site.as_deref()), until).await, Ok(0)),
        Work::Sweep => tokio::join!(inbox.look(Of::All, until), pulls.look(until)),
        Work::Nothing => return Ok(Done { left: 0, came: 0 }),
    };
    if let Err(error) = &asked {
        // Of two failures, Lambda is told of one.
        tracing::error!(%error, "sources could not be asked, and are asked again");
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
