//! Passes on the output of functions, line by line.

use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::Child;
use tokio::task::JoinSet;

/// A longer line is passed on in pieces: a function that never ends its line must not fill the memory.
const LONGEST: u64 = 256 * 1024;

/// How long to wait for the last output of a process: a child that it started may keep its streams open for ever.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Passes both streams of a process on to standard error, prefixing each line with the environment's name.
pub(super) fn pass_on(name: &str, child: &mut Child) -> Output {
    let mut output = Output(JoinSet::new());
    if let Some(out) = child.stdout.take() {
        output.0.spawn(lines(name.to_owned(), out));
    }
    if let Some(error) = child.stderr.take() {
        output.0.spawn(lines(name.to_owned(), error));
    }
    output
}

/// The output of a process, for as long as this lives.
pub(super) struct Output(JoinSet<()>);

impl Output {
    /// Passes on what the process wrote before it ended.
    pub(super) async fn ended(mut self) {
        let all = async { while self.0.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_WORDS, all).await.is_err() {
            tracing::warn!("a child process outlives the function that started it; its output is not passed on");
        }
    }
}

async fn lines(name: String, source: impl AsyncRead + Unpin) {
    let mut source = BufReader::new(source);
    let mut line = Vec::new();
    // Either an error or the end means that the process is gone.
    while let Ok(1..) = (&mut source).take(LONGEST).read_until(b'\n', &mut line).await {
        eprintln!("{name} | {}", String::from_utf8_lossy(line.trim_ascii_end()));
        line.clear();
    }
}
