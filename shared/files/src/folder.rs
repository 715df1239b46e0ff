//! A folder as a source of files: `SITE/NAME`, or `NAME` for rows that name their site themselves.
//!
//! Files that are still being written are ignored. A file is complete when it has not changed for a while, and no
//! process is known to have it open for writing. The kernel reports opens and closes on local file systems, and `/proc`
//! the open files of processes that we may inspect. Accepted files move to `done`, refused ones to `refused`, each with
//! its account beside it.

mod writing;

use crate::source::{Listing, Of, Shelf, Source, Waiting};
use engine::original::{GZIP, Original, OriginalError};
use engine::record::Room;
use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::Notify;
use writing::Writing;

/// How long a file must be unchanged.
const STILL: Duration = Duration::from_secs(5);
/// The same for a file that was opened for writing and not closed: the report of the close may be lost.
const STILL_OPEN: Duration = Duration::from_secs(600);
/// The same for an empty file, which is often created before its content.
const STILL_EMPTY: Duration = Duration::from_secs(60);
/// Names that programs use for unfinished files.
const UNFINISHED: [&str; 6] = ["part", "partial", "filepart", "crdownload", "tmp", "swp"];
/// Bytes per read.
const BUFFER: usize = 256 * 1024;

/// A folder whose files are taken in.
pub struct Folder {
    tree: Arc<Tree>,
    name: String,
    /// Reports changes until it is dropped.
    _watcher: Option<RecommendedWatcher>,
}

/// The folder itself. A share may take seconds to answer, so it is read on threads of its own.
struct Tree {
    root: PathBuf,
    seen: Mutex<HashMap<PathBuf, Seen>>,
    told: Arc<Told>,
}

/// What the kernel reports.
#[derive(Default)]
struct Told {
    /// Files that are being written.
    open: Mutex<HashSet<PathBuf>>,
    changed: Notify,
}

/// The last seen state of a file, and since when it is so.
#[derive(Debug, Clone, Copy)]
struct Seen {
    size: u64,
    modified: Option<SystemTime>,
    since: Instant,
}

impl Folder {
    /// A folder, which is created if it is missing.
    pub fn new(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        // The kernel reports files by their real path.
        let root = root.canonicalize()?;
        for shelf in Shelf::ALL {
            fs::create_dir_all(root.join(shelf.folder()))?;
        }
        let told = Arc::new(Told::default());
        let watcher = watch(&root, &told).inspect_err(|error| {
            tracing::warn!(%error, folder = %root.display(), "the system does not report changes in this folder; it is polled");
        });
        let name = format!("inbox {}", root.display());
        let tree = Arc::new(Tree { root, seen: Mutex::default(), told });
        Ok(Self { tree, name, _watcher: watcher.ok() })
    }
}

impl Folder {
    /// The folder.
    pub fn root(&self) -> &Path {
        &self.tree.root
    }
}

impl Tree {
    fn path(&self, file: &Waiting) -> PathBuf {
        self.root.join(&file.place)
    }

    /// Whether a file has been unchanged for long enough.
    fn is_whole(&self, path: &Path, metadata: &Metadata, now: Instant, writing: &Writing) -> bool {
        let (size, modified) = (metadata.len(), metadata.modified().ok());
        let mut seen = self.seen.lock();
        let fresh = Seen { size, modified, since: now };
        let known = seen.entry(path.to_owned()).or_insert(fresh);
        if (known.size, known.modified) != (size, modified) {
            *known = fresh;
        }
        let still = now.duration_since(known.since);
        let is_open = || self.told.open.lock().contains(path) || writing.has(path);
        still >= STILL_OPEN || still >= if size == 0 { STILL_EMPTY } else { STILL } && !is_open()
    }

    /// Lists the folder, or that of one site.
    fn walk(&self, of: Of<'_>) -> io::Result<Listing> {
        let (mut listing, mut there, now) = (Listing::default(), HashSet::new(), Instant::now());
        let writing = Writing::default();
        let mut folders = vec![match of {
            Of::Site(Some(site)) => self.root.join(site),
            Of::All | Of::Site(None) => self.root.clone(),
        }];
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                // It may be gone.
                Err(error) if error.kind() == io::ErrorKind::NotFound && folder != self.root => continue,
                Err(error) if folder != self.root => {
                    tracing::warn!(%error, ?folder, "a folder of the inbox cannot be read and is skipped");
                    continue;
                }
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                let (path, name) = (entry.path(), entry.file_name());
                let Ok(metadata) = entry.metadata() else { continue };
                if metadata.is_dir() {
                    let is_ours = folder == self.root && is_shelf(&name);
                    if !is_ours && !is_hidden(&name) && of != Of::Site(None) {
                        folders.push(path);
                    }
                } else if metadata.is_file() && !is_hidden(&name) && !is_unfinished(&path) {
                    match self.waiting(&path, &metadata) {
                        Some(file) if self.is_whole(&path, &metadata, now, &writing) => listing.whole.push(file),
                        Some(_) => listing.growing += 1,
                        None => tracing::warn!(?path, "a file whose name is not UTF-8 is skipped; rename it"),
                    }
                    there.insert(path);
                }
            }
        }
        if of == Of::All {
            self.seen.lock().retain(|path, _| there.contains(path));
            self.told.open.lock().retain(|path| there.contains(path));
        }
        listing.whole.sort();
        Ok(listing)
    }

    fn waiting(&self, path: &Path, metadata: &Metadata) -> Option<Waiting> {
        let place = path.strip_prefix(&self.root).ok()?.to_str()?.to_owned();
        let site = place.split_once('/').map(|(site, _)| site.to_owned());
        Some(Waiting { site, place, version: version(metadata) })
    }

    /// Whether a file is the listed one. A file that has replaced it was not read.
    fn is_same(&self, file: &Waiting) -> io::Result<bool> {
        match fs::metadata(self.path(file)) {
            Ok(metadata) => Ok(version(&metadata) == file.version),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn put_away(&self, file: &Waiting, shelf: Shelf, account: &[u8]) -> io::Result<()> {
        if !self.is_same(file)? {
            // A file that has replaced it is taken in by itself.
            return Ok(());
        }
        let to = free(&self.root.join(shelf.folder()).join(&file.place))?;
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        // The account first, so that every file there has one.
        let beside = account_of(&to);
        let half = beside.with_extension("json.part");
        fs::write(&half, account)?;
        fs::rename(&half, &beside)?;
        fs::rename(self.path(file), &to)
    }
}

impl Source for Folder {
    fn name(&self) -> &str {
        &self.name
    }

    async fn changed(&self) {
        self.tree.told.changed.notified().await;
    }

    async fn list(&self, of: Of<'_>) -> io::Result<Listing> {
        let site = match of {
            Of::All => None,
            Of::Site(site) => Some(site.map(str::to_owned)),
        };
        apart(&self.tree, move |tree| tree.walk(site.as_ref().map_or(Of::All, |site| Of::Site(site.as_deref())))).await
    }

    /// A copy: the file may change while it is read.
    async fn open(&self, file: &Waiting, room: Room<'_>) -> Result<(Original, String), OriginalError> {
        let mut body = BufReader::with_capacity(BUFFER, File::open(self.tree.path(file)).await?);
        let gzip = body.fill_buf().await?.starts_with(&GZIP);
        let original = Original::spooled(body, gzip, room.bytes, room.spool).await?;
        let listed = file.clone();
        if !apart(&self.tree, move |tree| tree.is_same(&listed)).await? {
            return Err(io::Error::other("it was replaced, or is still being written").into());
        }
        Ok((original, file.version.clone()))
    }

    async fn put_away(&self, file: &Waiting, shelf: Shelf, account: &Value) -> io::Result<()> {
        let (file, account) = (file.clone(), serde_json::to_vec_pretty(account)?);
        apart(&self.tree, move |tree| tree.put_away(&file, shelf, &account)).await
    }
}

async fn apart<T, F>(tree: &Arc<Tree>, work: F) -> io::Result<T>
where
    T: Send + 'static,
    F: FnOnce(&Tree) -> io::Result<T> + Send + 'static,
{
    let tree = tree.clone();
    tokio::task::spawn_blocking(move || work(&tree)).await.map_err(io::Error::other)?
}

/// Has the kernel report changes in a folder and all below it.
fn watch(root: &Path, told: &Arc<Told>) -> notify::Result<RecommendedWatcher> {
    let told = told.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        let mut open = told.open.lock();
        match event.kind {
            EventKind::Create(CreateKind::File) | EventKind::Modify(ModifyKind::Data(_)) => open.extend(event.paths),
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
                open.retain(|path| !event.paths.contains(path));
            }
            EventKind::Modify(ModifyKind::Name(_)) | EventKind::Create(_) => {}
            _ => return,
        }
        drop(open);
        told.changed.notify_one();
    })?;
    watcher.watch(root, RecursiveMode::Recursive)?;
    Ok(watcher)
}

/// Distinguishes files at one place.
fn version(metadata: &Metadata) -> String {
    let modified = metadata.modified().ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
    format!("{} {}", metadata.len(), modified.unwrap_or_default().as_nanos())
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn is_shelf(name: &OsStr) -> bool {
    Shelf::ALL.iter().any(|shelf| name == shelf.folder())
}

pub(crate) fn is_unfinished(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    UNFINISHED.iter().any(|unfinished| extension.eq_ignore_ascii_case(unfinished))
        || path.as_os_str().as_encoded_bytes().ends_with(b"~")
}

/// The path of the account beside a file.
fn account_of(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".json");
    file.with_file_name(name)
}

/// The path itself if it is free, otherwise one with a number: files of one name may come every night, and each is
/// evidence.
fn free(path: &Path) -> io::Result<PathBuf> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    let numbered = |number: u64| match number {
        1 => path.to_owned(),
        _ => path.with_file_name(format!("{stem} ({number}){extension}")),
    };
    let mut number = 1;
    while numbered(number).try_exists()? {
        number += 1;
    }
    Ok(numbered(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file changes while it is taken in: what was not read stays in place.
    #[test]
    fn a_file_that_came_in_the_place_of_another_is_not_put_away_with_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path()).unwrap();
        let path = folder.root().join("a.csv");
        let listed = || folder.tree.waiting(&path, &fs::metadata(&path).unwrap()).unwrap();
        fs::write(&path, "time,species,concentration\n1,SO4,1\n").unwrap();
        let first = listed();
        fs::write(&path, "time,species,concentration\n1,SO4,900\n").unwrap();
        folder.tree.put_away(&first, Shelf::Done, b"{}").unwrap();
        assert!(path.exists() && !root.path().join("done/a.csv").exists());
        folder.tree.put_away(&listed(), Shelf::Done, b"{}").unwrap();
        assert!(!path.exists() && root.path().join("done/a.csv").exists());
        assert!(folder.tree.put_away(&first, Shelf::Done, b"{}").is_ok(), "putting away a file that is gone succeeds");
    }
}
