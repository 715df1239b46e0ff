//! Logs, on standard error.

use std::io::IsTerminal;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Messages of other crates are logged from a warning on only.
const OTHERS: LevelFilter = LevelFilter::WARN;

/// Starts logging. A second call does nothing.
pub(crate) fn init(level: LevelFilter) {
    // The embedded database warns of every refusal, such as a failed condition, which its client gets anyway.
    let database = LevelFilter::ERROR.min(level);
    // So does the S3 protocol, for every missing object.
    let own = [("dynoxide", database), ("s3s", LevelFilter::OFF), ("local_gateway", level)];
    let wanted = Targets::new().with_default(OTHERS.min(level)).with_targets(own);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let logs = tracing_subscriber::registry().with(wanted).with(lines.with_ansi(std::io::stderr().is_terminal()));
    // Already set: by a test in the same process.
    let _ = logs.try_init();
}
