//! The command line of the effluent monitor.

use clap::Parser;
use owsc::cli::{Cli, Command};

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Serve(options) => owsc::serve::run(options)?,
        Command::Health(options) => owsc::health::run(&options)?,
        Command::Ingest(options) => return owsc::send::run(&options),
        Command::Backup(options) => owsc::backup::backup(&options)?,
        Command::Restore(options) => owsc::backup::restore(&options)?,
    }
    Ok(ExitCode::SUCCESS)
}
