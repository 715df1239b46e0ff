//! Logs, on standard error.

use std::io::IsTerminal;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What is said by others than this program only counts from a warning on.
const OTHERS: LevelFilter = LevelFilter::WARN;

/// Begins to log. A second call does nothing.
pub(crate) fn init(level: LevelFilter) {
    // The embedded database warns of every refusal, such as that of a condition, which its client is told anyway.
    let database = LevelFilter::ERROR.min(level);
    // So does S3's protocol, of every object that is not there.
    let own = [("dynoxide", database), ("s3s", LevelFilter::OFF), ("local_gateway", level)];
    let wanted = Targets::new().with_default(OTHERS.min(level)).with_targets(own);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let logs = tracing_subscriber::registry().with(wanted).with(lines.with_ansi(std::io::stderr().is_terminal()));
    // Set already: a test in the same process did.
    let _ = logs.try_init();
}
