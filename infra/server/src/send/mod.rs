//! `owsc ingest`: sends files to a server, or accounts for them without one.

pub(crate) mod check;
mod parts;
mod sender;

use crate::outcome::{Outcome, STATUSES};
use crate::remote::{Address, Failure};
use crate::terminal::{self, Bar};
use clap::Args;
use sender::{Sender, name_of};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Options of `owsc ingest`.
#[derive(Debug, Clone, Args)]
#[command(after_help = STATUSES)]
pub struct Ingest {
    /// Files: CSV, or gzip of it
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The site of rows that name none, and of an effluent chart
    #[arg(long)]
    site: Option<String>,
    #[command(flatten)]
    address: Address,
    /// Report the outcome of each row, without a server
    #[arg(long)]
    check: bool,
    /// Refuse a whole file if one row is bad
    #[arg(long)]
    strict: bool,
    /// Ingest a file even if the same bytes were ingested before
    #[arg(long)]
    again: bool,
    /// Print one JSON document with every account
    #[arg(long)]
    json: bool,
}

/// Sends files, or checks them.
pub(crate) async fn run(options: &Ingest) -> anyhow::Result<Outcome> {
    let sender = if options.check { None } else { Some(Sender::new(options)?) };
    let (mut worst, mut documents) = (Outcome::Compliant, Vec::new());
    for file in &options.files {
        let bar = Bar::new(&name_of(file));
        let result = match &sender {
            Some(sender) => sender.send(file, &bar).await,
            None => check::check(file, options.site.as_deref()),
        };
        bar.end();
        let (outcome, document) = told(file, result);
        worst = worst.max(outcome);
        if options.json {
            documents.push(document);
        } else {
            terminal::print_account(&file.display().to_string(), &document);
        }
    }
    if options.json {
        terminal::print_json(&json!({ "files": documents, "outcome": worst.word(), "status": worst.status() }))?;
    }
    Ok(worst)
}

fn told(file: &Path, result: Result<Value, Failure>) -> (Outcome, Value) {
    let name = file.display().to_string();
    match result {
        Ok(answer) => {
            let outcome = Outcome::of(&answer);
            (outcome, json!({"file": name, "outcome": outcome.word(), "answer": answer}))
        }
        Err(failure) => (Outcome::Bad, json!({"file": name, "outcome": "bad input", "error": failure.envelope()})),
    }
}
