//! What functions write, line by line.

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// A longer line is passed on in pieces: a function that never ends its line must not fill the memory.
const LONGEST: u64 = 256 * 1024;

/// Passes both streams of a process on to standard error, with the environment's name before each line.
pub(super) fn pass_on(name: &str, out: Option<impl Source>, error: Option<impl Source>) {
    if let Some(out) = out {
        tokio::spawn(lines(name.to_owned(), out));
    }
    if let Some(error) = error {
        tokio::spawn(lines(name.to_owned(), error));
    }
}

/// A stream of a process.
pub(super) trait Source: AsyncRead + Unpin + Send + 'static {}
impl<T: AsyncRead + Unpin + Send + 'static> Source for T {}

async fn lines(name: String, source: impl Source) {
    let mut source = BufReader::new(source);
    let mut line = Vec::new();
    // An error means that the process is gone, as does the end.
    while let Ok(1..) = (&mut source).take(LONGEST).read_until(b'\n', &mut line).await {
        eprintln!("{name} | {}", String::from_utf8_lossy(line.trim_ascii_end()));
        line.clear();
    }
}
