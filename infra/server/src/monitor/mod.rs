//! `owsc monitor`: judges files against a permit without a server, or watches a server's alerts live.

mod files;
mod follow;
mod shown;

use crate::apart::Terms;
use crate::duration;
use crate::outcome::{Outcome, STATUSES};
use crate::remote::Address;
use clap::Args;
use std::path::PathBuf;

/// Options of `owsc monitor`.
#[derive(Debug, Clone, Args)]
#[command(after_help = STATUSES)]
pub struct Monitor {
    /// Files: CSV, or gzip of it; - is standard input
    #[arg(required_unless_present = "live")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    terms: Terms,
    /// Watch the alerts of a server's site live, until interrupted
    #[arg(long, conflicts_with_all = ["files", "permit"])]
    live: bool,
    /// With --live, how long: 90s, 10m, 8h
    #[arg(long = "for", value_parser = duration::parse, requires = "live")]
    during: Option<std::time::Duration>,
    #[command(flatten)]
    address: Address,
    /// The most exceedances to list; all are counted
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Print one JSON document with everything; with --live, one per line
    #[arg(long)]
    json: bool,
}

impl Monitor {
    /// Whether it runs until it is interrupted, and has its outcome then.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }
}

/// Judges files, or watches a server.
pub(crate) async fn run(options: &Monitor) -> anyhow::Result<Outcome> {
    if options.live { follow::run(options).await } else { files::run(options).await }
}
