//! What can be typed. Each command's options stand with what it does.

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
    /// How log lines look, which go to standard error
    #[arg(long, global = true, value_enum)]
    pub log_format: Option<LogFormat>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// For machines: one JSON document a line
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
    /// Make readings up, of a plant's day and night, storms and upsets, into a file or to a server
    Simulate(Simulate),
    /// Fit decay kinetics and sorption isotherms, of a file or of a server's readings
    Fit(Box<FitCommand>),
    /// Say what water quality criteria come to that depend on hardness, or on pH and temperature
    Criteria(Criteria),
    /// Make a certificate of compliance, of a server's site or of files
    Certificate(Certificate),
    /// Say what to do about exceedances
    Advise(Advise),
    /// Ask a server whether it is ready: ends with 0 if it is, else with 1 and the reason. For containers, whose images
    /// have no other program that could ask
    Health(Health),
    /// Copy the embedded database of OW_SC_DATA_DIR into a file. A server may run meanwhile
    Backup(Backup),
    /// Put a backup into OW_SC_DATA_DIR, which must have no database
    Restore(Restore),
    /// Print what a shell needs to complete commands and options
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
