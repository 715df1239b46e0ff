//! How far a stream has been worked off.

use anyhow::Context;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the place is stored. What was done since is handed over again after a crash, as it can be in AWS.
const PERIOD: Duration = Duration::from_millis(500);

/// The place in a shard up to which everything is done.
#[derive(Debug)]
pub(super) struct Place {
    file: PathBuf,
    /// What was stored when the gateway started.
    stored: Option<String>,
    state: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    /// The last record of which it and all before it are done.
    done: Option<String>,
    /// Records after that, and whether they are done.
    ahead: BTreeMap<u128, (String, bool)>,
}

impl Place {
    /// The place that was stored, if there is one.
    pub(super) fn open(file: PathBuf) -> anyhow::Result<Self> {
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
        }
        let done =
            std::fs::read_to_string(&file).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let state = Mutex::new(Progress { done: done.clone(), ahead: BTreeMap::new() });
        Ok(Self { file, stored: done, state })
    }

    /// The last record up to which everything is done.
    pub(super) fn done(&self) -> Option<String> {
        self.state.lock().done.clone()
    }

    /// A record was read; one that no pattern fits needs nothing more.
    pub(super) fn read(&self, number: &str, is_done: bool) {
        let mut state = self.state.lock();
        state.ahead.insert(order(number), (number.to_owned(), is_done));
        state.advance();
    }

    /// Records are done with.
    pub(super) fn finish<'a>(&self, numbers: impl Iterator<Item = &'a str>) {
        let mut state = self.state.lock();
        for number in numbers {
            if let Some((_, is_done)) = state.ahead.get_mut(&order(number)) {
                *is_done = true;
            }
        }
        state.advance();
    }

    /// Stores the place from time to time and at the end.
    pub(super) async fn keep(self: Arc<Self>, stopping: CancellationToken) {
        let mut stored = self.stored.clone();
        loop {
            // The last lane may still be at work when the gateway begins to stop; it is the last to hold the place.
            let stops =
                tokio::time::timeout(PERIOD, stopping.cancelled()).await.is_ok() && Arc::strong_count(&self) == 1;
            let done = self.done();
            if done != stored {
                if let Err(error) = self.store(done.as_deref().unwrap_or_default()) {
                    tracing::warn!(%error, file = %self.file.display(), "the place in a stream could not be stored");
                }
                stored = done;
            }
            if stops {
                return;
            }
            if stopping.is_cancelled() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    fn store(&self, number: &str) -> std::io::Result<()> {
        let new = self.file.with_extension("new");
        std::fs::write(&new, number)?;
        std::fs::rename(&new, &self.file)
    }
}

impl Progress {
    fn advance(&mut self) {
        while let Some(first) = self.ahead.first_entry().filter(|first| first.get().1) {
            self.done = Some(first.remove().0);
        }
    }
}

/// Sequence numbers are decimal, and longer than any integer that JSON readers agree on.
fn order(number: &str) -> u128 {
    number.parse().unwrap_or(u128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_is_done_without_a_gap_counts() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a").join("place");
        let place = Arc::new(Place::open(file.clone()).unwrap());
        for (number, is_done) in [("1", true), ("2", false), ("3", true), ("10", false)] {
            place.read(number, is_done);
        }
        assert_eq!(place.done().as_deref(), Some("1"));
        place.finish(["10"].into_iter());
        assert_eq!(place.done().as_deref(), Some("1"));
        place.finish(["2"].into_iter());
        assert_eq!(place.done().as_deref(), Some("10"));
        place.read("11", true);
        let stopping = CancellationToken::new();
        let keeper = tokio::spawn(place.keep(stopping.clone()));
        tokio::time::sleep(PERIOD * 2).await;
        stopping.cancel();
        keeper.await.unwrap();
        assert_eq!(Place::open(file).unwrap().done().as_deref(), Some("11"));
    }
}
