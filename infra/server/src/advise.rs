//! `owsc advise`: what to do about exceedances.

use crate::outcome::Outcome;
use crate::terminal::{self, say};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Options of `owsc advise`.
#[derive(Debug, Clone, Args)]
pub struct Advise {
    /// The parameter that exceeds its limit, such as pH or SO4
    #[arg(required_unless_present = "alerts")]
    parameters: Vec<String>,
    /// The side of the limit on which it is
    #[arg(long, value_enum)]
    direction: Option<Side>,
    /// Alerts as JSON, as answered by GET /api/alerts or printed by `owsc monitor --json`; - is standard input
    #[arg(long, conflicts_with_all = ["parameters", "direction"])]
    alerts: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// The forbidden side of a limit.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Side {
    /// Values above it
    Max,
    /// Values below it
    Min,
}

/// Gives advice.
pub(crate) fn run(options: &Advise) -> anyhow::Result<Outcome> {
    let alerts = match &options.alerts {
        Some(path) => read(path)?,
        None => concerns(options),
    };
    let advice = match api::advice(alerts) {
        Ok(advice) => advice,
        Err(error) => bail!("{}: {}", error.field, error.reason),
    };
    if options.json {
        terminal::print_json(&json!(advice))?;
        return Ok(Outcome::Compliant);
    }
    for action in &advice.actions {
        say(format_args!("{}: {}", action.parameter, action.action));
    }
    // Parameters alone call for no recommendations.
    if options.alerts.is_some() {
        advice.recommendations.iter().for_each(say);
    }
    Ok(Outcome::Compliant)
}

fn concerns(options: &Advise) -> Value {
    let direction = options.direction.map(|side| match side {
        Side::Max => "max",
        Side::Min => "min",
    });
    let concern = |parameter: &String| json!({"parameter": parameter, "direction": direction});
    options.parameters.iter().map(concern).collect()
}

fn read(path: &Path) -> anyhow::Result<Value> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    read.with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is not JSON", path.display()))
}
