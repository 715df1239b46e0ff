//! `owsc completions` and `owsc man`: generated from the definition of the command line.

use crate::cli::Cli;
use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io::Write;
use std::path::PathBuf;

/// Options of `owsc completions`.
#[derive(Debug, Clone, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Options of `owsc man`.
#[derive(Debug, Clone, Args)]
pub struct Man {
    /// The folder; it is created if it is missing
    #[arg(long, default_value = ".")]
    to: PathBuf,
}

/// Prints a shell's script.
pub(crate) fn completions(options: &Completions) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "owsc", &mut script);
    std::io::stdout().lock().write_all(&script).context("the script cannot be printed")
}

/// Writes a page for the program, and one for each command.
pub(crate) fn man(options: &Man) -> anyhow::Result<()> {
    let folder = &options.to;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("the pages cannot be written into {}", folder.display()))
}
