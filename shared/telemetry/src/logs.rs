//! Logs: one line per event, as text for people or JSON for machines, on standard error.

use serde::Deserialize;
use std::io::IsTerminal;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// Crates whose lines appear at the configured level.
const OWN: [&str; 26] = [
    "domain",
    "chemistry",
    "formats",
    "telemetry",
    "table",
    "live",
    "engine",
    "files",
    "fits",
    "web",
    "lambda",
    "embedded",
    "owsc",
    "ingest",
    "batch",
    "chemistry_function",
    "upload",
    "api",
    "dashboard",
    "health",
    "metrics_function",
    "settle",
    "ws_message",
    "ws_connect",
    "ws_disconnect",
    "ws_broadcast",
];

/// Starts logging. Libraries log from `warn` up, unless `level` is more severe still.
pub fn init(format: Format, level: LevelFilter) {
    // Not `EnvFilter`: its regular expressions were a twentieth of a function's size. Not `Targets`, which match
    // prefixes: `lambda` would include `lambda_runtime`, which logs events with their tokens.
    let wanted = filter_fn(move |metadata| *metadata.level() <= level_of(metadata.target(), level));
    let wanted = wanted.with_max_level_hint(level);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(wanted);
    match format {
        // Colours are for terminals; in a file or a pipe they break searches.
        Format::Text => registry.with(lines.with_target(false).with_ansi(std::io::stderr().is_terminal())).init(),
        Format::Json => {
            registry.with(lines.json().flatten_event(true).with_current_span(true).with_span_list(false)).init();
        }
    }
}

/// The lowest level at which a target logs.
fn level_of(target: &str, level: LevelFilter) -> LevelFilter {
    let name = target.split("::").next().unwrap_or_default();
    match name {
        _ if OWN.contains(&name) => level,
        // The span around an invocation, which carries its request and trace ids.
        _ if target.starts_with("lambda_runtime::layers::trace") => level,
        // The embedded database warns of every conditional write that fails. Here that is normal: writers find
        // conflicts that way.
        "dynoxide" => level.min(LevelFilter::ERROR),
        _ => level.min(LevelFilter::WARN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_of_ours_is_heard() {
        let manifest = include_str!("../../../Cargo.toml");
        let ours = manifest.lines().filter_map(|line| line.split_once(" = { path = ").map(|(name, _)| name));
        // A separate tool, which prints.
        let expected: Vec<String> =
            ours.filter(|name| *name != "local-gateway").map(|name| name.replace('-', "_")).collect();
        assert!(expected.len() > 15, "{expected:?}");
        for name in expected {
            assert!(OWN.contains(&&*name), "{name} does not log");
        }
    }

    #[test]
    fn only_our_own_crates_are_heard_below_warnings() {
        let heard = |target| level_of(target, LevelFilter::TRACE);
        assert_eq!(heard("lambda::push"), LevelFilter::TRACE);
        assert_eq!(heard("lambda_runtime::layers::trace"), LevelFilter::TRACE);
        // These begin like a crate of ours; the first one logs events with their tokens.
        assert_eq!(heard("lambda_runtime::layers::api_client"), LevelFilter::WARN);
        assert_eq!(heard("webpki::verify"), LevelFilter::WARN);
        assert_eq!(heard("dynoxide::actions"), LevelFilter::ERROR);
        assert_eq!(level_of("engine", LevelFilter::ERROR), LevelFilter::ERROR);
    }
}
