//! Parts in the folder of an inbox, where all servers that share it see them.

use bytes::Bytes;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use table::uploads::Upload;

/// Hidden, so that nothing in it is taken in.
const PARTS: &str = ".uploads";
/// The file that is being assembled.
const WHOLE: &str = "whole";

/// The folder.
pub struct FolderDepot {
    root: PathBuf,
    source: String,
}

impl FolderDepot {
    /// The folder of an inbox, and its name as a source.
    pub fn new(root: &Path, source: &str) -> Self {
        Self { root: root.to_owned(), source: source.to_owned() }
    }

    pub(super) fn source(&self) -> String {
        self.source.clone()
    }

    fn own(&self, id: &str) -> PathBuf {
        self.root.join(PARTS).join(id)
    }

    pub(super) async fn begin(&self, id: &str) -> io::Result<String> {
        let own = self.own(id);
        apart(move || {
            fs::create_dir_all(&own)?;
            fs::File::create(own.join(WHOLE)).map(|_| String::new())
        })
        .await
    }

    /// Writes a part in its place, and notes it once it is on the disk.
    pub(super) async fn put(&self, id: &str, part: u64, from: u64, bytes: Bytes) -> io::Result<()> {
        let own = self.own(id);
        apart(move || {
            let whole = fs::OpenOptions::new().write(true).open(own.join(WHOLE))?;
            whole.write_all_at(&bytes, from)?;
            whole.sync_data()?;
            fs::File::create(own.join(part.to_string())).map(drop)
        })
        .await
    }

    pub(super) async fn there(&self, id: &str) -> io::Result<Option<BTreeSet<u64>>> {
        let own = self.own(id);
        apart(move || {
            let notes = match fs::read_dir(&own) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                notes => notes?,
            };
            let mut there = BTreeSet::new();
            for note in notes {
                there.extend(note?.file_name().to_str().and_then(|name| name.parse::<u64>().ok()));
            }
            // Last: the assembled file goes before its notes.
            Ok(own.join(WHOLE).try_exists()?.then_some(there))
        })
        .await
    }

    pub(super) async fn complete(&self, upload: &Upload) -> io::Result<()> {
        let (own, to) = (self.own(&upload.id), self.root.join(&upload.place));
        apart(move || {
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder)?;
            }
            let whole = own.join(WHOLE);
            match fs::rename(&whole, to) {
                // Of two at once, one is too late.
                Err(_) if !whole.try_exists()? => {}
                done => done?,
            }
            or_gone(fs::remove_dir_all(own))
        })
        .await
    }

    /// Removes uploads that have not grown for this long, and returns their number.
    pub async fn forget(&self, older: Duration) -> io::Result<usize> {
        let parts = self.root.join(PARTS);
        apart(move || {
            if !parts.try_exists()? {
                return Ok(0);
            }
            let mut forgotten = 0;
            for own in fs::read_dir(parts)? {
                let own = own?.path();
                // A part changes the file, its note the folder.
                let latest = [own.clone(), own.join(WHOLE)]
                    .iter()
                    .filter_map(|path| fs::metadata(path).ok()?.modified().ok())
                    .max();
                if latest.is_some_and(|latest| latest.elapsed().is_ok_and(|age| age >= older)) {
                    fs::remove_dir_all(own)?;
                    forgotten += 1;
                }
            }
            Ok(forgotten)
        })
        .await
    }

    pub(super) async fn give_up(&self, id: &str) -> io::Result<()> {
        let own = self.own(id);
        apart(move || or_gone(fs::remove_dir_all(own))).await
    }
}

/// Ignores that something is already removed.
fn or_gone(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

async fn apart<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_gone_on_with_is_forgotten() {
        let root = tempfile::tempdir().unwrap();
        let depot = FolderDepot::new(root.path(), "inbox");
        assert_eq!(depot.forget(Duration::ZERO).await.unwrap(), 0);
        depot.begin("a").await.unwrap();
        depot.put("a", 1, 0, Bytes::from_static(b"time")).await.unwrap();
        assert_eq!(depot.forget(Duration::from_secs(60)).await.unwrap(), 0);
        assert!(depot.there("a").await.unwrap().is_some());
        assert_eq!(depot.forget(Duration::ZERO).await.unwrap(), 1);
        assert_eq!(depot.there("a").await.unwrap(), None);
    }
}
