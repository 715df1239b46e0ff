//! The ready line of programs that listen.

use crate::PATIENCE;
use anyhow::Context;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

/// The address of a program.
#[derive(Debug)]
pub struct Ready {
    /// The API.
    pub url: String,
    /// Kept open, so that the program never writes to a closed pipe.
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Ready {
    /// Waits until a program that was started with `--ready-line` listens.
    pub async fn of(child: &mut Child) -> anyhow::Result<Self> {
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.context("it does not listen")??;
        let line = line.context("it ended before it was listening")?;
        let said: Value = serde_json::from_str(&line).with_context(|| format!("{line:?} is not a ready line"))?;
        let url = said["ready"].as_str().with_context(|| format!("{line:?} has no address"))?;
        Ok(Self { url: url.to_owned(), _stdout: lines })
    }

    /// Host and port.
    pub fn address(&self) -> anyhow::Result<&str> {
        let rest = self.url.strip_prefix("http://").and_then(|rest| rest.split('/').next());
        rest.with_context(|| format!("{} is no address", self.url))
    }
}
