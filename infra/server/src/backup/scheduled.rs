//! Backups that the server makes on a schedule, into a folder or a bucket.

use super::copy;
use super::shelf::{Shelf, name_at, time_of};
use crate::metrics::{BACKUP_LAST, BACKUPS_FAILED};
use domain::time;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use web::config::Config;

/// The pause between a failure and the next try.
const RETRY: Duration = Duration::from_secs(300);

/// What is backed up, where to, and how often.
pub(crate) struct Backups {
    data: PathBuf,
    table: String,
    shelf: Shelf,
    every: Duration,
    keep: usize,
}

impl Backups {
    /// As configured; `None` if backups are not enabled.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Option<Self>> {
        let Some(place) = &config.backup else { return Ok(None) };
        Ok(Some(Self {
            data: config.data_dir.clone(),
            table: config.table.clone(),
            shelf: Shelf::open(place).await?,
            every: config.backup_every,
            keep: config.backup_keep,
        }))
    }

    /// Runs until the server stops. The first backup is due when the latest one, of whatever run, is old enough.
    pub(crate) async fn run(self, stopping: CancellationToken) {
        let mut wait = Duration::ZERO;
        loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stopping.cancelled() => return,
            }
            wait = self.next().await.unwrap_or_else(|error| {
                metrics::counter!(BACKUPS_FAILED).increment(1);
                tracing::error!(error = format!("{error:#}"), "the database could not be backed up; a retry follows");
                RETRY
            });
        }
    }

    /// Makes a backup if it is due, and returns the time until the next.
    async fn next(&self) -> anyhow::Result<Duration> {
        let names = self.shelf.names().await?;
        let last = names.iter().filter_map(|name| time_of(name)).max();
        metrics::gauge!(BACKUP_LAST).set(last.map_or(0.0, |micros| micros as f64 / 1e6));
        let now = time::now();
        let age = last.map(|last| Duration::from_micros((now - last).max(0).unsigned_abs()));
        if let Some(left) = age.and_then(|age| self.every.checked_sub(age)).filter(|left| !left.is_zero()) {
            return Ok(left);
        }
        let name = name_at(now);
        self.make(&name).await?;
        metrics::gauge!(BACKUP_LAST).set(now as f64 / 1e6);
        self.prune(names).await?;
        Ok(self.every)
    }

    async fn make(&self, name: &str) -> anyhow::Result<()> {
        let (data, table) = (self.data.clone(), self.table.clone());
        let directory = self.shelf.workplace()?;
        let file = directory.path().join(name);
        let target = file.clone();
        tokio::task::spawn_blocking(move || copy(&data, &table, &target)).await??;
        let bytes = std::fs::metadata(&file)?.len();
        self.shelf.put(&file, name).await?;
        tracing::info!(name, bytes, "the database was backed up");
        Ok(())
    }

    /// Removes the oldest of the earlier ones, so that the configured number remains with the new one.
    async fn prune(&self, names: Vec<String>) -> anyhow::Result<()> {
        let mut ours: Vec<_> = names.into_iter().filter(|name| time_of(name).is_some()).collect();
        ours.sort_unstable();
        let old = (ours.len() + 1).saturating_sub(self.keep);
        for name in ours.drain(..old) {
            self.shelf.remove(&name).await?;
            tracing::info!(name, "an old backup was removed");
        }
        Ok(())
    }
}
