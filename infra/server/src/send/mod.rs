//! `owsc ingest`: files to a server, or accounted for without one.

mod check;
mod client;
mod parts;
mod shown;

use crate::cli::Ingest;
use anyhow::Context;
use client::{Client, Failure};
use serde_json::{Value, json};
use shown::Bar;
use std::path::Path;
use std::process::ExitCode;

/// What came of a file, and of a command that was given several: the worst of them. Scripts go by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Every row was taken, and nothing is beyond its limit.
    Compliant = 0,
    /// Something is beyond its limit.
    Exceedances = 1,
    /// Rows were refused, or readings could not be judged.
    Insufficient = 2,
    /// The file was refused, or could not be sent.
    Bad = 3,
}

impl Outcome {
    /// What an answer to a file says.
    fn of(answer: &Value) -> Self {
        let number = |pointer: &str| answer.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
        if number("/rows_refused") + number("/readings_inconclusive") > 0 {
            Self::Insufficient
        } else if number("/alerts/total") > 0 {
            Self::Exceedances
        } else {
            Self::Compliant
        }
    }
}

/// Sends files, or checks them.
pub fn run(options: &Ingest) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.context("threads cannot be started")?.block_on(all(options))
}

async fn all(options: &Ingest) -> anyhow::Result<ExitCode> {
    let client = if options.check { None } else { Some(Client::new(options)?) };
    let (mut worst, mut documents) = (Outcome::Compliant, Vec::new());
    for file in &options.files {
        let bar = Bar::new(file);
        let result = match &client {
            Some(client) => client.send(file, &bar).await,
            None => check::check(file, options.site.as_deref()),
        };
        bar.end();
        let (outcome, document) = told(file, result);
        worst = worst.max(outcome);
        if options.json {
            documents.push(document);
        } else {
            shown::print(file, &document);
        }
    }
    if options.json {
        shown::print_json(&json!({ "files": documents, "outcome": worst as u8 }));
    }
    Ok(ExitCode::from(worst as u8))
}

fn told(file: &Path, result: Result<Value, Failure>) -> (Outcome, Value) {
    let name = file.display().to_string();
    match result {
        Ok(answer) => {
            let outcome = Outcome::of(&answer);
            (outcome, json!({"file": name, "outcome": outcome as u8, "answer": answer}))
        }
        Err(failure) => {
            (Outcome::Bad, json!({"file": name, "outcome": Outcome::Bad as u8, "error": failure.envelope()}))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_is_the_worst_that_the_answer_says() {
        let of = |alerts: u64, refused: u64, inconclusive: u64| {
            let answer =
                json!({"alerts": {"total": alerts}, "rows_refused": refused, "readings_inconclusive": inconclusive});
            Outcome::of(&answer)
        };
        assert_eq!(of(0, 0, 0), Outcome::Compliant);
        assert_eq!((of(1, 0, 0), of(1, 1, 0)), (Outcome::Exceedances, Outcome::Insufficient));
        assert_eq!((of(0, 1, 0), of(0, 0, 1)), (Outcome::Insufficient, Outcome::Insufficient));
        assert!(Outcome::Bad > Outcome::Insufficient && Outcome::Insufficient > Outcome::Exceedances);
    }
}
