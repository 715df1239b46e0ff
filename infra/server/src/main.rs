//! The command line of the effluent monitor.

use clap::Parser;
use owsc::cli::{Cli, Command};

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Serve(options) => owsc::serve::run(options),
        Command::Health(options) => owsc::health::run(&options),
        Command::Backup(options) => owsc::backup::backup(&options),
        Command::Restore(options) => owsc::backup::restore(&options),
    }
}
