//! Files that processes of this machine have open for writing, by `/proc`.
//!
//! The kernel's events miss files that were opened before the watch began: before a start, and in a new folder.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The access mode bits of an open file's flags; 0 is read-only.
const ACCESS: u32 = 0o3;

/// The files that were open at the first call.
#[derive(Debug, Default)]
pub(super) struct Writing(OnceCell<HashSet<PathBuf>>);

impl Writing {
    /// Whether a visible process has a file open for writing.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.0.get_or_init(open).contains(path)
    }
}

fn open() -> HashSet<PathBuf> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found = HashSet::new();
    for process in entries(Path::new("/proc")) {
        // Processes of others are hidden, and some end meanwhile.
        for descriptor in entries(&process.join("fd")) {
            let (Ok(path), Some(number)) = (fs::read_link(&descriptor), descriptor.file_name()) else { continue };
            if path.is_absolute() && is_for_writing(&process.join("fdinfo").join(number)) {
                found.insert(path);
            }
        }
    }
    found
}

fn is_for_writing(info: &Path) -> bool {
    let info = fs::read_to_string(info).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok()).is_some_and(|flags| flags & ACCESS != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_open_for_writing_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let [written, read] = ["written", "read"].map(|name| folder.path().join(name));
        let writer = fs::File::create(&written).unwrap();
        fs::write(&read, "").unwrap();
        let _reader = fs::File::open(&read).unwrap();
        let writing = Writing::default();
        assert!(writing.has(&written) && !writing.has(&read));
        drop(writer);
        assert!(!Writing::default().has(&written));
    }
}
