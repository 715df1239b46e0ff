//! Logs: one line per event, as text for people or JSON for machines, on standard error.

use serde::Deserialize;
use std::io::IsTerminal;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// Whose lines are wanted at the level that is set.
const OWN: [&str; 18] = [
    "domain",
    "formats",
    "telemetry",
    "table",
    "live",
    "engine",
    "web",
    "lambda",
    "embedded",
    "owsc",
    "ingest",
    "api",
    "health",
    "settle",
    "ws_message",
    "ws_connect",
    "ws_disconnect",
    "ws_broadcast",
];

/// Starts logging. Libraries are heard from `warn` on unless `level` is more severe still.
pub fn init(format: Format, level: LevelFilter) {
    // Not `EnvFilter`, whose patterns are regular expressions: they were a twentieth of a function's size.
    let wanted = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        // The embedded database warns of every conditional write that fails, which here is how writers learn of each
        // other.
        .with_target("dynoxide", level.min(LevelFilter::ERROR))
        // The span around an invocation, which carries its request and trace ids.
        .with_target("lambda_runtime::layers::trace", level)
        .with_targets(OWN.map(|name| (name, level)));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(wanted);
    match format {
        // Colours are for terminals; in a file or behind a pipe they are noise that searches stumble over.
        Format::Text => registry.with(lines.with_target(false).with_ansi(std::io::stderr().is_terminal())).init(),
        Format::Json => {
            registry.with(lines.json().flatten_event(true).with_current_span(true).with_span_list(false)).init();
        }
    }
}
