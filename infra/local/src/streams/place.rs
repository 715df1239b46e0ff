//! The position in a stream up to which everything is done.

use anyhow::Context;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the position is stored. After a crash, anything done since is delivered again, as can happen in AWS.
const PERIOD: Duration = Duration::from_millis(500);

/// The position in a shard up to which everything is done.
#[derive(Debug)]
pub(super) struct Place {
    file: PathBuf,
    /// The stored position when the gateway started.
    stored: Option<String>,
    state: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    /// The last record up to which all are done.
    done: Option<String>,
    /// Later records, and whether they are done.
    ahead: BTreeMap<u128, (String, bool)>,
}

impl Place {
    /// Loads the stored position, if there is one.
    pub(super) fn open(file: PathBuf) -> anyhow::Result<Self> {
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
        }
        let text = match std::fs::read_to_string(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            // Without its position, the stream would be read from elsewhere, and records would be missed or repeated.
            text => text.with_context(|| format!("cannot read {}", file.display()))?,
        };
        let done = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let state = Mutex::new(Progress { done: done.clone(), ahead: BTreeMap::new() });
        Ok(Self { file, stored: done, state })
    }

    /// The last record up to which all are done.
    pub(super) fn done(&self) -> Option<String> {
        self.state.lock().done.clone()
    }

    /// A record was read; if no pattern matches it, it is done.
    pub(super) fn read(&self, number: &str, is_done: bool) {
        let mut state = self.state.lock();
        state.ahead.insert(order(number), (number.to_owned(), is_done));
        state.advance();
    }

    /// Marks records as done.
    pub(super) fn finish<'a>(&self, numbers: impl Iterator<Item = &'a str>) {
        let mut state = self.state.lock();
        for number in numbers {
            if let Some((_, is_done)) = state.ahead.get_mut(&order(number)) {
                *is_done = true;
            }
        }
        state.advance();
    }

    /// Stores the position from time to time and at the end.
    pub(super) async fn keep(self: Arc<Self>, stopping: CancellationToken) {
        let mut stored = self.stored.clone();
        loop {
            let _ = tokio::time::timeout(PERIOD, stopping.cancelled()).await;
            // When the gateway begins to stop or the shard is closed, the last lane may still be working; it is the
            // last to hold the position.
            let stops = Arc::strong_count(&self) == 1;
            self.settle(&mut stored);
            if stops {
                return;
            }
            if stopping.is_cancelled() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Stores the position if it has changed.
    fn settle(&self, stored: &mut Option<String>) {
        let done = self.done();
        if done == *stored {
            return;
        }
        match self.store(done.as_deref().unwrap_or_default()) {
            Ok(()) => *stored = done,
            Err(error) => {
                tracing::warn!(%error, file = %self.file.display(), "a stream position could not be stored");
            }
        }
    }

    fn store(&self, number: &str) -> std::io::Result<()> {
        let new = self.new_file();
        std::fs::write(&new, number)?;
        std::fs::rename(&new, &self.file)
    }

    /// The file that replaces the stored one. It extends the whole name: the text after the last dot is the shard's, so
    /// that otherwise the shards of one table would share a file.
    fn new_file(&self) -> PathBuf {
        let mut name = self.file.clone().into_os_string();
        name.push(".new");
        name.into()
    }
}

impl Progress {
    fn advance(&mut self) {
        while let Some(first) = self.ahead.first_entry().filter(|first| first.get().1) {
            self.done = Some(first.remove().0);
        }
    }
}

/// Sequence numbers are decimal, and exceed the integers on which JSON parsers agree.
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
        let keeper = tokio::spawn(place.clone().keep(stopping.clone()));
        let stored = async |number: &str| {
            while std::fs::read_to_string(&file).ok().as_deref() != Some(number) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PERIOD * 20, stored("11")).await.unwrap();
        place.read("12", true);
        drop(place);
        stopping.cancel();
        keeper.await.unwrap();
        assert_eq!(
            Place::open(file).unwrap().done().as_deref(),
            Some("12"),
            "the latest position is stored at the end"
        );
    }

    #[test]
    fn what_could_not_be_stored_is_stored_later() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("Fed.Items.shard");
        let place = Place::open(file.clone()).unwrap();
        // A folder in its place blocks the write.
        std::fs::create_dir(place.new_file()).unwrap();
        place.read("7", true);
        let mut stored = None;
        place.settle(&mut stored);
        assert_eq!((stored.as_deref(), file.exists()), (None, false));
        std::fs::remove_dir(place.new_file()).unwrap();
        place.settle(&mut stored);
        assert_eq!(stored.as_deref(), Some("7"));
        assert_eq!(Place::open(file).unwrap().done(), stored);
    }

    #[test]
    fn a_place_that_cannot_be_read_is_not_none() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("place");
        assert_eq!(Place::open(file.clone()).unwrap().done(), None);
        std::fs::create_dir(&file).unwrap();
        let error = Place::open(file.clone()).unwrap_err().to_string();
        assert_eq!(error, format!("cannot read {}", file.display()));
    }

    #[test]
    fn shards_of_one_table_do_not_share_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let new = |name: &str| Place::open(directory.path().join(name)).unwrap().new_file();
        assert_eq!(new("Fed.Items.first"), directory.path().join("Fed.Items.first.new"));
        assert_ne!(new("Fed.Items.first"), new("Fed.Items.second"));
    }
}
