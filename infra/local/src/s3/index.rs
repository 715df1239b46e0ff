//! The contents of a bucket: its keys in order, each with its versions, and the journal they are loaded from.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Error, ErrorKind, Result, Write};
use std::path::Path;

/// The id of an object's only version in a bucket without versions.
pub(super) const UNVERSIONED: &str = "null";
const JOURNAL: &str = "journal";

/// A version of an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) id: String,
    /// Milliseconds since 1970.
    pub(super) modified: i64,
    pub(super) sequencer: String,
    /// `None` for a delete marker.
    pub(super) content: Option<Content>,
}

/// Where an object's bytes are stored, and their properties.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Content {
    /// The file in the bucket's folder.
    pub(super) file: String,
    pub(super) size: u64,
    pub(super) etag: String,
    /// The sizes of its upload's parts; empty if it was uploaded in one piece.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<u64>,
    #[serde(flatten)]
    pub(super) headers: Headers,
}

/// Headers that the owner sets, and that are returned with the object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Headers {
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
}

/// A line of the journal.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    put: Option<Version>,
    /// The id of a version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    removed: Option<String>,
}

/// The keys of a bucket.
#[derive(Debug)]
pub(super) struct Index {
    /// The versions of each key, the oldest first.
    objects: BTreeMap<String, Vec<Version>>,
    journal: File,
    /// The length of the journal, up to the end of its last complete line.
    length: u64,
    /// Whether a failed write may have left part of a line.
    is_torn: bool,
    /// The last sequencer that was issued.
    sequence: u64,
}

impl Index {
    /// Reads the journal of a bucket's folder, and rewrites it without obsolete lines.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let file = folder.join(JOURNAL);
        let objects = read(&file)?;
        let new = folder.join("journal.new");
        write_all(&new, &objects)?;
        std::fs::rename(&new, &file)?;
        let last = objects.values().flatten().filter_map(|version| u64::from_str_radix(&version.sequencer, 16).ok());
        let sequence = last.max().unwrap_or(0);
        let journal = OpenOptions::new().append(true).open(&file)?;
        let length = journal.metadata()?.len();
        Ok(Self { objects, journal, length, is_torn: false, sequence })
    }

    /// The files in use.
    pub(super) fn files(&self) -> HashSet<String> {
        let contents = self.objects.values().flatten().filter_map(|version| version.content.as_ref());
        contents.map(|content| content.file.clone()).collect()
    }

    /// The latest version, which may be a delete marker.
    pub(super) fn latest(&self, key: &str) -> Option<&Version> {
        self.objects.get(key)?.last()
    }

    /// One version.
    pub(super) fn version(&self, key: &str, id: &str) -> Option<&Version> {
        self.objects.get(key)?.iter().find(|version| version.id == id)
    }

    /// Whether a key has versions from a time when the bucket kept them.
    pub(super) fn is_versioned(&self, key: &str) -> bool {
        self.objects.get(key).is_some_and(|versions| versions.iter().any(|version| version.id != UNVERSIONED))
    }

    /// The keys from a given one on, with their versions.
    pub(super) fn from<'a>(&'a self, key: &str) -> impl Iterator<Item = (&'a str, &'a [Version])> + use<'a> {
        let range = (std::ops::Bound::Included(key), std::ops::Bound::Unbounded);
        self.objects.range::<str, _>(range).map(|(key, versions)| (key.as_str(), versions.as_slice()))
    }

    /// A text that sorts after all earlier ones.
    pub(super) fn next_sequencer(&mut self, now: jiff::Timestamp) -> String {
        let now = u64::try_from(now.as_nanosecond()).unwrap_or(0);
        self.sequence = now.max(self.sequence + 1);
        format!("{:016x}", self.sequence)
    }

    /// Adds a version, and returns the files that are no longer needed.
    pub(super) fn put(&mut self, key: &str, version: Version) -> Result<Vec<String>> {
        self.record(Entry { key: key.to_owned(), put: Some(version), removed: None })
    }

    /// Removes a version for good, and returns the files that are no longer needed.
    pub(super) fn remove(&mut self, key: &str, id: &str) -> Result<Vec<String>> {
        self.record(Entry { key: key.to_owned(), put: None, removed: Some(id.to_owned()) })
    }

    fn record(&mut self, entry: Entry) -> Result<Vec<String>> {
        let line = line(&entry)?;
        self.mend()?;
        // One write per line, so that a killed gateway damages at most the last line.
        self.is_torn = true;
        if let Err(error) = self.journal.write_all(&line) {
            self.mend()?;
            return Err(error);
        }
        self.is_torn = false;
        self.length += line.len() as u64;
        Ok(apply(&mut self.objects, entry))
    }

    /// Cuts off what a failed write has left: otherwise the next line would be appended to it, and both be lost. If
    /// that fails, it is tried again before the next write.
    fn mend(&mut self) -> Result<()> {
        if self.is_torn {
            self.journal.set_len(self.length)?;
            self.is_torn = false;
        }
        Ok(())
    }
}

/// Reads a journal. After its last complete line there can only be a write that was interrupted by a kill, and so was
/// never confirmed.
fn read(file: &Path) -> Result<BTreeMap<String, Vec<Version>>> {
    let mut objects = BTreeMap::new();
    let mut journal = match File::open(file) {
        Ok(journal) => BufReader::new(journal),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(objects),
        Err(error) => return Err(error),
    };
    let (mut line, mut number) = (Vec::new(), 0);
    loop {
        line.clear();
        number += 1;
        journal.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Ok(objects);
        }
        let entry = serde_json::from_slice(&line).map_err(|error| {
            let message = format!("{}:{number}: this is not a line of a journal: {error}", file.display());
            Error::new(ErrorKind::InvalidData, message)
        })?;
        apply(&mut objects, entry);
    }
}

/// Writes a complete journal, and makes it durable before it replaces the old one.
fn write_all(file: &Path, objects: &BTreeMap<String, Vec<Version>>) -> Result<()> {
    let mut journal = BufWriter::new(File::create(file)?);
    for (key, versions) in objects {
        for version in versions {
            let entry = Entry { key: key.clone(), put: Some(version.clone()), removed: None };
            journal.write_all(&line(&entry)?)?;
        }
    }
    journal.into_inner()?.sync_all()
}

fn line(entry: &Entry) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    Ok(line)
}

fn apply(objects: &mut BTreeMap<String, Vec<Version>>, entry: Entry) -> Vec<String> {
    let versions = objects.entry(entry.key.clone()).or_default();
    let id = entry.put.as_ref().map(|version| version.id.clone()).or(entry.removed);
    // In a bucket without versions, a new one replaces the old one, because their ids are equal.
    let gone: Vec<_> = versions.extract_if(.., |version| Some(&version.id) == id.as_ref()).collect();
    versions.extend(entry.put);
    if versions.is_empty() {
        objects.remove(&entry.key);
    }
    gone.into_iter().filter_map(|version| Some(version.content?.file)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(id: &str, file: &str) -> Version {
        let content = Content {
            file: file.to_owned(),
            size: 1,
            etag: "e".to_owned(),
            parts: Vec::new(),
            headers: Headers { content_type: Some("text/csv".to_owned()), ..Headers::default() },
        };
        Version { id: id.to_owned(), modified: 5, sequencer: "0a".to_owned(), content: Some(content) }
    }

    #[test]
    fn what_was_put_and_removed_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = Index::open(folder.path()).unwrap();
        assert!(index.put("a", version(UNVERSIONED, "1")).unwrap().is_empty());
        assert_eq!(index.put("a", version(UNVERSIONED, "2")).unwrap(), ["1"]);
        assert!(index.put("b", version("v1", "3")).unwrap().is_empty());
        assert!(index.put("b", version("v2", "4")).unwrap().is_empty());
        assert_eq!(index.remove("b", "v2").unwrap(), ["4"]);
        assert!(index.put("c", version("v1", "5")).unwrap().is_empty());
        assert_eq!(index.remove("c", "v1").unwrap(), ["5"]);
        // An incomplete line, cut within a character.
        index.journal.write_all(b"{\"key\":\"d\xc3").unwrap();
        for _ in 0..2 {
            let mut index = Index::open(folder.path()).unwrap();
            assert_eq!(index.latest("a"), Some(&version(UNVERSIONED, "2")));
            assert_eq!(index.from("").map(|(key, _)| key).collect::<Vec<_>>(), ["a", "b"]);
            assert_eq!(index.files(), ["2".to_owned(), "3".to_owned()].into());
            assert!(index.next_sequencer(jiff::Timestamp::UNIX_EPOCH).as_str() > "000000000000000a");
        }
    }

    /// The keys after the journal is read again.
    fn keys(folder: &Path) -> Vec<String> {
        Index::open(folder).unwrap().from("").map(|(key, _)| key.to_owned()).collect()
    }

    #[test]
    fn what_a_failed_write_has_left_spoils_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = Index::open(folder.path()).unwrap();
        index.put("a", version(UNVERSIONED, "1")).unwrap();
        index.journal.write_all(b"{\"key\":\"b\",\"pu").unwrap();
        let journal = std::mem::replace(&mut index.journal, File::open(folder.path().join(JOURNAL)).unwrap());
        assert!(
            index.put("b", version(UNVERSIONED, "2")).is_err(),
            "a file that is opened read-only cannot be written"
        );
        assert_eq!(index.latest("b"), None);
        index.journal = journal;
        index.put("c", version(UNVERSIONED, "3")).unwrap();
        drop(index);
        assert_eq!(keys(folder.path()), ["a", "c"]);
    }

    #[test]
    fn a_journal_that_is_spoilt_is_not_read_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = Index::open(folder.path()).unwrap();
        for key in ["a", "b", "c"] {
            index.put(key, version(UNVERSIONED, key)).unwrap();
        }
        drop(index);
        let file = folder.path().join(JOURNAL);
        let whole = std::fs::read(&file).unwrap();
        let second = 1 + whole.iter().position(|byte| *byte == b'\n').unwrap();
        for spoilt in [b'x', b'\n', 0xff] {
            let mut bytes = whole.clone();
            bytes[second] = spoilt;
            std::fs::write(&file, &bytes).unwrap();
            let said = Index::open(folder.path()).unwrap_err().to_string();
            assert!(said.starts_with(&format!("{}:2: this is not a line of a journal", file.display())), "{said}");
            assert_eq!(std::fs::read(&file).unwrap(), bytes, "it is left as it was");
        }
        std::fs::write(&file, &whole).unwrap();
        assert_eq!(keys(folder.path()), ["a", "b", "c"]);
    }
}
