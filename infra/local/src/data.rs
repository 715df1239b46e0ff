//! The data folder, which one gateway uses at a time.

use crate::template::Template;
use anyhow::{Context, bail};
use std::fs::{self, File, TryLockError};
use std::path::Path;

/// No name that a template can produce in this folder.
const LOCK: &str = "gateway.lock";

/// Creates the folder and locks it against other gateways until the lock is dropped: two would not see each other's
/// writes. A template that stores nothing needs no folder.
pub(crate) fn lock(folder: &Path, template: &Template) -> anyhow::Result<Option<File>> {
    if template.tables.is_empty() && template.buckets.is_empty() && template.queues.is_empty() {
        return Ok(None);
    }
    let trouble = || format!("cannot use {}", folder.display());
    fs::create_dir_all(folder).with_context(trouble)?;
    let lock = File::create(folder.join(LOCK)).with_context(trouble)?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => bail!("another gateway uses {}", folder.display()),
        Err(TryLockError::Error(error)) => Err(error).with_context(trouble),
    }
}
