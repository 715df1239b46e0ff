//! Logs, on standard error.

use std::io::IsTerminal;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// What is said by others than this program only counts from a warning on.
const OTHERS: LevelFilter = LevelFilter::WARN;

/// Begins to log. A second call does nothing.
pub(crate) fn init(level: LevelFilter) {
    let filter = EnvFilter::new(format!("{},local_gateway={level}", OTHERS.min(level)));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let logs = logs.with_ansi(std::io::stderr().is_terminal()).with_target(false);
    // Set already: a test in the same process did.
    let _ = logs.try_init();
}
