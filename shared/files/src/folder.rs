//! A folder as a source of files: `SITE/NAME`, or `NAME` for rows that name their site themselves.
//!
//! Files that are still being written are left alone. A file is whole when nothing about it has changed for a while, and
//! nobody is known to have it open for writing: the kernel tells who begins and who closes, as far as it is a file system
//! of this machine, and what processes have open, as far as they are ours to look at. What was taken in moves to `done`, what was refused to `refused`, each with its account beside it.

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

/// How long nothing about a file may have changed.
const STILL: Duration = Duration::from_secs(5);
/// The same for a file that somebody has opened for writing and has not closed: the word of it may have been lost.
const STILL_OPEN: Duration = Duration::from_secs(600);
/// The same for an empty file, which is often made before there is something to write.
const STILL_EMPTY: Duration = Duration::from_secs(60);
/// What programs call files that they are still writing.
const UNFINISHED: [&str; 6] = ["part", "partial", "filepart", "crdownload", "tmp", "swp"];
/// Bytes that are read at once.
const BUFFER: usize = 256 * 1024;

/// A folder whose files are taken in.
pub struct Folder {
    tree: Arc<Tree>,
    name: String,
    /// Tells until it is dropped.
    _watcher: Option<RecommendedWatcher>,
}

/// The folder itself. A share may take seconds to answer: it is looked at on threads that nobody else waits for.
struct Tree {
    root: PathBuf,
    seen: Mutex<HashMap<PathBuf, Seen>>,
    told: Arc<Told>,
}

/// What the kernel tells.
#[derive(Default)]
struct Told {
    /// Files that somebody is writing.
    open: Mutex<HashSet<PathBuf>>,
    changed: Notify,
}

/// What a file was like, and since when it has been so.
#[derive(Debug, Clone, Copy)]
struct Seen {
    size: u64,
    modified: Option<SystemTime>,
    since: Instant,
}

impl Folder {
    /// A folder, which is made if it is not there.
    pub fn new(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        // The kernel tells of files by their real path.
        let root = root.canonicalize()?;
        for shelf in Shelf::ALL {
            fs::create_dir_all(root.join(shelf.folder()))?;
        }
        let told = Arc::new(Told::default());
        let watcher = watch(&root, &told).inspect_err(|error| {
            tracing::warn!(%error, folder = %root.display(), "the folder is looked through now and then: the system tells nothing of it");
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

    /// Whether a file has been as it is for long enough.
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

    /// Looks through the folder, or through that of one site.
    fn walk(&self, of: Of<'_>) -> io::Result<Listing> {
        let (mut listing, mut there, now) = (Listing::default(), HashSet::new(), Instant::now());
        let writing = Writing::default();
        let mut folders = vec![match of {
            Of::Site(Some(site)) => self.root.join(site),
            Of::All | Of::Site(None) => self.root.clone(),
        }];
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                // It may have gone meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound && folder != self.root => continue,
                Err(error) if folder != self.root => {
                    tracing::warn!(%error, ?folder, "a folder of the inbox cannot be looked into and is left out");
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
                        None => tracing::warn!(?path, "a file whose name is not UTF-8 is left alone; rename it"),
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

    /// Whether a file is the one that was listed. Another one at its place has not been read.
    fn is_same(&self, file: &Waiting) -> io::Result<bool> {
        match fs::metadata(self.path(file)) {
            Ok(metadata) => Ok(version(&metadata) == file.version),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn put_away(&self, file: &Waiting, shelf: Shelf, account: &[u8]) -> io::Result<()> {
        if !self.is_same(file)? {
            // What has come in its place is a file of its own.
            return Ok(());
        }
        let to = free(&self.root.join(shelf.folder()).join(&file.place))?;
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        // The account first: a file that stands there has one.
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

    /// A copy: somebody may write to the file while it is read.
    async fn open(&self, file: &Waiting, room: Room<'_>) -> Result<(Original, String), OriginalError> {
        let mut body = BufReader::with_capacity(BUFFER, File::open(self.tree.path(file)).await?);
        let gzip = body.fill_buf().await?.starts_with(&GZIP);
        let original = Original::spooled(body, gzip, room.bytes, room.spool).await?;
        let listed = file.clone();
        if !apart(&self.tree, move |tree| tree.is_same(&listed)).await? {
            return Err(io::Error::other("another file has come in its place, or it is still being written").into());
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

/// Has the kernel tell of a folder and all below it.
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

/// Tells files at one place apart.
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

/// The path itself if it is not taken, else one with a number: files of one name come every night, and each is evidence.
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

    /// Somebody writes to a file while it is taken in: what was not read stays where it is.
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
        assert!(folder.tree.put_away(&first, Shelf::Done, b"{}").is_ok(), "one that is gone is missed by nobody");
    }
}
