//! `owsc certificate`: a certificate of compliance, for a server's site or for files.

use crate::apart::{Apart, Terms};
use crate::outcome::{Outcome, STATUSES};
use crate::remote::{Address, Failure, Remote, encoded};
use crate::terminal::{self, say};
use anyhow::Context;
use axum::http::Method;
use bytes::Bytes;
use clap::Args;
use serde_json::Value;
use std::path::PathBuf;

/// Options of `owsc certificate`.
#[derive(Debug, Clone, Args)]
#[command(after_help = STATUSES)]
pub struct Certificate {
    /// Files to judge without a server; without any, the server is asked. - is standard input
    files: Vec<PathBuf>,
    #[command(flatten)]
    terms: Terms,
    /// The first time, a date or RFC 3339; if absent, the first reading
    #[arg(long)]
    from: Option<String>,
    /// The last time, included; if absent, the last reading
    #[arg(long)]
    to: Option<String>,
    /// The file for the page, to be printed and signed
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    address: Address,
    /// Print a summary as one JSON document
    #[arg(long)]
    json: bool,
}

/// Where the readings are.
enum Holder {
    Server(Remote),
    Files(Apart),
}

impl Holder {
    async fn page(&self, path: &str) -> Result<Bytes, Failure> {
        match self {
            Self::Server(remote) => remote.get(path).await,
            Self::Files(apart) => apart.ask(Method::GET, path, None).await,
        }
    }
}

/// Makes a certificate.
pub(crate) async fn run(options: &Certificate) -> anyhow::Result<Outcome> {
    let (holder, unread) = holder(options).await?;
    let mut query = vec![("site", options.terms.site.as_str())];
    query.extend(options.from.as_deref().map(|from| ("from", from)));
    query.extend(options.to.as_deref().map(|to| ("to", to)));
    let path = format!("/api/certificate?{}", encoded(&query));
    let summary: Value = serde_json::from_slice(&holder.page(&format!("{path}&format=json")).await?)?;
    if let Some(out) = &options.out {
        let page = holder.page(&path).await?;
        std::fs::write(out, &page).with_context(|| format!("{} cannot be written", out.display()))?;
    }
    let outcome = match summary["status"].as_str() {
        Some("compliant") => Outcome::Compliant,
        Some("non_compliant") => Outcome::Exceedances,
        _ => Outcome::Insufficient,
    };
    if options.json {
        terminal::print_json(&summary)?;
    } else {
        print(&summary, outcome, options);
    }
    Ok(if unread { Outcome::Bad } else { outcome })
}

/// The holder of the readings, and whether a file could not be used.
async fn holder(options: &Certificate) -> anyhow::Result<(Holder, bool)> {
    if options.files.is_empty() {
        anyhow::ensure!(options.terms.permit.is_none(), "--permit is for files: a server has its own permits");
        return Ok((Holder::Server(Remote::new(&options.address)?), false));
    }
    let apart = Apart::start().await?;
    let mut unread = false;
    for file in apart.judge(&options.files, &options.terms).await? {
        if let Err(failure) = file.result {
            tracing::error!(file = file.name, "{failure}");
            unread = true;
        }
    }
    Ok((Holder::Files(apart), unread))
}

fn print(summary: &Value, outcome: Outcome, options: &Certificate) {
    let text = |name: &str| summary[name].as_str().unwrap_or_default();
    let status = match outcome {
        Outcome::Compliant => "COMPLIANT",
        Outcome::Exceedances => "NON-COMPLIANT",
        _ => "INSUFFICIENT DATA",
    };
    say(format_args!("{}: {}", text("site"), terminal::coloured(outcome, status)));
    say(format_args!("{} readings, {} exceedances", summary["readings"], summary["exceedances"]));
    for reason in summary["reasons"].as_array().into_iter().flatten() {
        say(format_args!("  {}", reason.as_str().unwrap_or_default()));
    }
    if let Some(out) = &options.out {
        say(format_args!("The page is {}", out.display()));
    }
}
