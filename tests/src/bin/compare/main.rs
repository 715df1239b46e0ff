//! Compares two `owsc` programs in one run: the numbers of the new one beside those of the old one.
//!
//! Machines differ, and so do the minutes of a shared one: every round measures both, one after the other, each on a
//! new server with an embedded database in a temporary directory (`TMPDIR` says where), and medians are compared.
//! Clients, server and disk share the machine.

mod company;
mod files;
mod live;
mod measure;
mod memory;
mod report;

use anyhow::Context;
use clap::Parser;
use measure::Measure;
use report::{Bound, Line};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Compares two programs.
#[derive(Parser)]
struct Options {
    /// The `owsc` to compare with
    #[arg(long)]
    before: PathBuf,
    /// The `owsc` that is compared
    #[arg(long)]
    after: PathBuf,
    /// How many rounds each measure has
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Exit with 1 if a ratio is below this, or a number with its own bar is above it
    #[arg(long)]
    at_least: Option<f64>,
    /// What to measure; everything if absent
    #[arg(value_enum)]
    only: Vec<Measure>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let programs = [program(&options.before)?, program(&options.after)?];
    let measures = if options.only.is_empty() { Measure::ALL } else { &options.only };
    let mut out = std::io::stdout();
    let mut lines = Vec::new();
    writeln!(out, "{}", report::HEAD)?;
    for measure in measures {
        let rounds = rounds(*measure, &programs, options.rounds).await?;
        for (index, figure) in measure.figures().iter().enumerate() {
            let pairs: Vec<_> = rounds.iter().map(|[before, after]| (before[index], after[index])).collect();
            let line = Line::new(measure.name(), figure, &pairs);
            writeln!(out, "{line}")?;
            lines.push(line);
        }
    }
    Ok(verdict(&mut out, &lines, options.at_least)?)
}

fn program(path: &Path) -> anyhow::Result<PathBuf> {
    path.canonicalize().with_context(|| format!("there is no program {}", path.display()))
}

/// The numbers of both programs, round by round.
async fn rounds(measure: Measure, programs: &[PathBuf; 2], count: u32) -> anyhow::Result<Vec<[Vec<f64>; 2]>> {
    let mut rounds = Vec::new();
    for round in 1..=count {
        let mut taken = Vec::new();
        for (name, program) in std::iter::zip(["before", "after"], programs) {
            let told = || format!("{}, round {round}, the program {name}", measure.name());
            let numbers = measure.take(program).await.with_context(told)?;
            // A long run shows its progress, and an interrupted one what it has found.
            eprintln!("{}: {numbers:.3?}", told());
            taken.push(numbers);
        }
        rounds.extend(<[Vec<f64>; 2]>::try_from(taken));
    }
    Ok(rounds)
}

/// The lowest ratio, the bars that are missed, and whether that is a failure.
fn verdict(out: &mut impl Write, lines: &[Line], at_least: Option<f64>) -> std::io::Result<ExitCode> {
    if let Some(lowest) = report::lowest(lines) {
        writeln!(out, "\nThe lowest ratio is {:.3}: {}.", lowest.ratio, lowest.title())?;
    }
    let missed: Vec<_> = lines.iter().filter(|line| line.misses(at_least)).collect();
    for line in &missed {
        match line.bound {
            Bound::AtMost(bar) => writeln!(out, "Missed: {} is not at most {bar}.", line.title())?,
            _ => writeln!(out, "Missed: the ratio of {} is {:.3}.", line.title(), line.ratio)?,
        }
    }
    let failed = at_least.is_some() && !missed.is_empty();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
