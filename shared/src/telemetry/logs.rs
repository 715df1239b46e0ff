//! Logs: one line per event, as text for people or JSON for machines, on standard error.

use serde::Deserialize;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

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

/// Starts logging. Libraries are heard from `warn` on unless `level` is more severe still.
pub fn init(format: Format, level: LevelFilter) {
    let own =
        ["shared", "owsc", "ingest", "api", "health", "ws_message", "ws_connect", "ws_disconnect", "ws_broadcast"];
    let others = level.min(LevelFilter::WARN);
    // The embedded database warns of every conditional write that fails, which here is how writers learn of each other.
    let others = format!("{others},dynoxide={}", level.min(LevelFilter::ERROR));
    let directives = own.iter().fold(others, |all, name| format!("{all},{name}={level}"));
    let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(directives)).with_writer(std::io::stderr);
    match format {
        // Colours are for terminals; in a file or behind a pipe they are noise that searches stumble over.
        Format::Text => builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).init(),
        Format::Json => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).init(),
    }
}
