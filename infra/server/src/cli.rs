//! The command line. Each command's options are in its own module.

use crate::advise::Advise;
use crate::backup::{Backup, Restore};
use crate::certificate::Certificate;
use crate::complete::{Completions, Man};
use crate::criteria::Criteria;
use crate::fit::FitCommand;
use crate::health::Health;
use crate::monitor::Monitor;
use crate::send::Ingest;
use crate::serve::Serve;
use crate::simulate::Simulate;
use clap::{Parser, Subcommand, ValueEnum};
use telemetry::logs::Format;

/// OpenWorld effluent monitor: readings in, permit verdicts out, live to everyone connected.
#[derive(Debug, Parser)]
#[command(name = "owsc", version, max_term_width = 100)]
pub struct Cli {
    /// Format of log lines, which go to standard error
    #[arg(long, global = true, value_enum)]
    pub log_format: Option<LogFormat>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// For programs: one JSON document per line
    Json,
}

impl From<LogFormat> for Format {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API and the live connections. Settings are environment variables; see docs/configure.md
    Serve(Serve),
    /// Judge files against a permit without a server, or watch a server's alerts as they come (--live)
    Monitor(Monitor),
    /// Send files to a server and wait for their verdicts, or account for their rows without one (--check)
    Ingest(Ingest),
    /// Invent readings of a plant's day and night, storms and upsets, into a file or to a server
    Simulate(Simulate),
    /// Fit decay kinetics and sorption isotherms, to a file or to a server's readings
    Fit(Box<FitCommand>),
    /// Compute water quality criteria that depend on hardness, or on pH and temperature
    Criteria(Criteria),
    /// Make a certificate of compliance, for a server's site or for files
    Certificate(Certificate),
    /// Say what to do about exceedances
    Advise(Advise),
    /// Ask a server whether it is ready: exits with 0 if it is, otherwise with 1 and the reason. For containers, whose
    /// images have no other program that could ask
    Health(Health),
    /// Copy the embedded database of OW_SC_DATA_DIR into a file, even while a server runs
    Backup(Backup),
    /// Restore a backup into OW_SC_DATA_DIR, which must have no database
    Restore(Restore),
    /// Print a script with which a shell completes commands and options
    Completions(Completions),
    /// Write the manual's pages into a folder
    Man(Man),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
        let Command::Serve(serve) = Cli::parse_from(["owsc", "serve"]).command else { panic!("another command") };
        assert_eq!((serve.host.to_string().as_str(), serve.port), ("127.0.0.1", 8000));
    }
}
