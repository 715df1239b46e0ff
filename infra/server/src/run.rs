//! From the command line to an exit status.

use crate::cli::{Cli, Command, LogFormat};
use crate::outcome::Outcome;
use crate::serve::told_to_stop;
use crate::{
    advise, backup, certificate, complete, criteria, fit, former, health, monitor, send, serve, simulate, terminal,
};
use anyhow::Context;
use clap::Parser;
use std::process::ExitCode;
use std::time::Duration;
use web::config::{Config, environment};

/// How long a command may take to reach its outcome after it was told to stop.
const GRACE: Duration = Duration::from_millis(300);
/// A shell's exit status for an interrupted command.
const INTERRUPTED: u8 = 130;

/// Runs the command line.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse_from(former::renamed(std::env::args_os().collect())) {
        Ok(cli) => cli,
        // Help, or an error in the command line. If it cannot be printed, there is nobody left to tell.
        Err(told) => {
            let _ = told.print();
            return if told.use_stderr() { Outcome::Bad.into() } else { ExitCode::SUCCESS };
        }
    };
    let format = cli.log_format;
    let done = match cli.command {
        Command::Ingest(options) => return finished(format, async move { send::run(&options).await }),
        Command::Monitor(options) => {
            let grace = options.is_live().then_some(GRACE);
            return finished_within(grace, format, async move { monitor::run(&options).await });
        }
        Command::Simulate(options) => return finished(format, async move { simulate::run(&options).await }),
        Command::Fit(options) => return finished(format, async move { fit::run(&options).await }),
        Command::Criteria(options) => return finished(format, async move { criteria::run(&options) }),
        Command::Certificate(options) => return finished(format, async move { certificate::run(&options).await }),
        Command::Advise(options) => return finished(format, async move { advise::run(&options) }),
        Command::Serve(options) => serve::run(options, format),
        Command::Health(options) => health::run(&options),
        Command::Backup(options) => backup::backup(&options),
        Command::Restore(options) => backup::restore(&options),
        Command::Completions(options) => complete::completions(&options),
        Command::Man(options) => complete::man(&options),
    };
    done.map_or_else(|error| failed(&error, ExitCode::FAILURE), |()| ExitCode::SUCCESS)
}

fn failed(error: &anyhow::Error, status: ExitCode) -> ExitCode {
    terminal::complain(error);
    status
}

/// Runs a command that has an outcome.
fn finished<C>(format: Option<LogFormat>, command: C) -> ExitCode
where
    C: Future<Output = anyhow::Result<Outcome>> + Send + 'static,
{
    finished_within(None, format, command)
}

/// Runs a command that has an outcome, with a grace period after it was told to stop.
fn finished_within<C>(grace: Option<Duration>, format: Option<LogFormat>, command: C) -> ExitCode
where
    C: Future<Output = anyhow::Result<Outcome>> + Send + 'static,
{
    log(format).and_then(|()| ended(grace, command)).unwrap_or_else(|error| failed(&error, Outcome::Bad.into()))
}

/// Runs a command to its end, or until it is interrupted; either way, its temporary files are removed. It runs in a
/// task of its own, because it cannot be interrupted while it reads a pipe or fits a million points.
fn ended<C>(grace: Option<Duration>, command: C) -> anyhow::Result<ExitCode>
where
    C: Future<Output = anyhow::Result<Outcome>> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("threads cannot be started")?;
    let ended = runtime.block_on(async {
        let stop = told_to_stop().context("signals cannot be received")?;
        let mut task = tokio::spawn(command);
        tokio::select! {
            // If the previous program in a pipe was stopped as well, half a file must not be judged.
            biased;
            () = stop => {}
            outcome = &mut task => return anyhow::Ok(outcome??.into()),
        }
        let Some(grace) = grace else { return Ok(ExitCode::from(INTERRUPTED)) };
        match tokio::time::timeout(grace, &mut task).await {
            Ok(outcome) => Ok(outcome??.into()),
            Err(_) => Ok(ExitCode::from(INTERRUPTED)),
        }
    });
    // Tasks that the command has started end with the runtime, and must not block the exit.
    runtime.shutdown_timeout(Duration::from_millis(500));
    ended
}

/// Starts logging for a command that ends: it reports its own success.
fn log(format: Option<LogFormat>) -> anyhow::Result<()> {
    let usual = [("LOG_LEVEL".to_owned(), "warn".to_owned())];
    let set = environment().filter(|(name, value)| name.starts_with("LOG_") && !value.trim().is_empty());
    let (config, _) = Config::from_vars(usual.into_iter().chain(set))?;
    telemetry::logs::init(format.map_or(config.log_format, Into::into), config.log_level);
    Ok(())
}
