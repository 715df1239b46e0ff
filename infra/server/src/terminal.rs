//! Output for people: a progress bar, and an account at the end. A program gets a single document.

use crate::outcome::Outcome;
use anstyle::{AnsiColor, Style};
use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use std::io::Write;

/// The most rows that are listed with their errors.
const LISTED: usize = 10;

/// A progress bar on a terminal; nothing elsewhere.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new(name: &str) -> Self {
        let bar = ProgressBar::new(0).with_prefix(name.to_owned());
        let style = ProgressStyle::with_template("{prefix} {msg} {wide_bar} {bytes}/{total_bytes} {eta}");
        Self(if let Ok(style) = style { bar.with_style(style) } else { bar })
    }

    /// Begins a step of so many bytes.
    pub(crate) fn begin(&self, what: &str, bytes: u64) {
        self.0.set_message(what.to_owned());
        self.0.set_length(bytes);
        self.0.set_position(0);
    }

    /// Begins a step that is not counted in bytes.
    pub(crate) fn count(&self, most: u64) {
        if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {eta}") {
            self.0.set_style(style);
        }
        self.0.set_length(most);
    }

    pub(crate) fn more(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    pub(crate) fn reached(&self, bytes: u64) {
        self.0.set_position(bytes);
    }

    /// Shows the server's progress.
    pub(crate) fn far(&self, state: &str, progress: &Value) {
        self.0.set_message(state.to_owned());
        if let (Some(read), Some(of)) = (progress["read"].as_u64(), progress["of"].as_u64()) {
            self.0.set_length(of);
            self.0.set_position(read);
        }
    }

    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}

/// Prints a line. Colours are left out in a file, in a pipe, or with `NO_COLOR`. If the reader has stopped, that is
/// fine.
pub(crate) fn say(line: impl std::fmt::Display) {
    let _ = writeln!(anstream::stdout().lock(), "{line}");
}

/// Reports on standard error why a command failed.
pub(crate) fn complain(error: &anyhow::Error) {
    let _ = writeln!(anstream::stderr().lock(), "{} {error:#}", coloured(Outcome::Bad, "error:"));
}

/// Prints a note to standard error.
pub(crate) fn hint(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Prints the single document for a program. It must be complete, unless the reader has stopped.
pub(crate) fn print_json(document: &Value) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{document:#}").and_then(|()| std::io::stdout().flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("the document cannot be printed")
        }
        _ => Ok(()),
    }
}

/// Text in the colour of an outcome.
pub(crate) fn coloured(outcome: Outcome, text: &str) -> String {
    let colour = match outcome {
        Outcome::Compliant => AnsiColor::Green,
        Outcome::Insufficient => AnsiColor::Yellow,
        Outcome::Exceedances | Outcome::Bad => AnsiColor::Red,
    };
    let style = Style::new().bold().fg_color(Some(colour.into()));
    format!("{style}{text}{style:#}")
}

/// Prints the outcome of a file: its answer, or its error.
pub(crate) fn print_account(file: &str, document: &Value) {
    let (answer, error) = (&document["answer"], &document["error"]);
    let account = if error.is_null() { answer } else { &error["details"] };
    let message = if error.is_null() { &answer["message"] } else { &error["message"] };
    say(format_args!("{file}: {}", message.as_str().unwrap_or("no answer")));
    for row in account["errors"].as_array().into_iter().flatten().take(LISTED) {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        say(format_args!("  line {}, {}: {:?}: {}", row["line"], text("column"), text("text"), text("reason")));
    }
    let more = account["errors_total"].as_u64().unwrap_or_default().saturating_sub(LISTED as u64);
    if more > 0 {
        say(format_args!("  and {more} more; --json has a hundred of them"));
    }
}
