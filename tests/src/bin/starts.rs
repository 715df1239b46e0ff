//! The start time and size of the functions, compared with a minimal one.
//!
//! A start is the time from `exec` to the first request for work. Functions create their clients before that, as in
//! AWS: with TLS, and the certificates for it.

use anyhow::{Context, ensure};
use clap::Parser;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Starts functions and compares them with the smallest.
#[derive(Parser)]
struct Options {
    /// Where `cargo lambda build` has put the functions
    #[arg(long, default_value = "target/lambda")]
    functions: PathBuf,
    /// Starts of each function
    #[arg(long, default_value_t = 20)]
    starts: usize,
}

const BASE: &str = "hello";
const FUNCTIONS: [&str; 10] = [
    "api",
    "dashboard",
    "health",
    "ingest",
    "metrics",
    "settle",
    "ws-broadcast",
    "ws-connect",
    "ws-disconnect",
    "ws-message",
];

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let binary = |name: &str| options.functions.join(name).join("bootstrap");
    let mut times = vec![Vec::new(); FUNCTIONS.len() + 1];
    let names: Vec<_> = std::iter::once(BASE).chain(FUNCTIONS).collect();
    // In turn, so that a busy moment of the machine affects all of them alike.
    for _ in 0..options.starts {
        for (name, times) in names.iter().zip(&mut times) {
            times.push(start(&binary(name)).with_context(|| format!("{name} did not start"))?);
        }
    }
    let medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
    let mut out = std::io::stdout();
    writeln!(out, "| function | start, ms | times `{BASE}` | MB | MB zipped |\n|---|---|---|---|---|")?;
    for (name, ms) in names.iter().zip(&medians) {
        let bytes = std::fs::read(binary(name))?;
        let (mb, zipped) = (bytes.len() as f64 / 1e6, zipped(&bytes)? as f64 / 1e6);
        writeln!(out, "| {name} | {ms:.1} | {:.1} | {mb:.1} | {zipped:.2} |", ms / medians[0])?;
    }
    Ok(())
}

/// Milliseconds from starting a function to its first request for work.
fn start(binary: &Path) -> anyhow::Result<f64> {
    let runtime = TcpListener::bind("127.0.0.1:0")?;
    let started = Instant::now();
    let mut child = Command::new(binary)
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", runtime.local_addr()?.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "function")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("OW_SC_PUSH_URL", "https://api.execute-api.eu-central-1.amazonaws.com/ws")
        .stdin(Stdio::null())
        .spawn()?;
    let (mut connection, _) = runtime.accept()?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut line = [0; 40];
    connection.read_exact(&mut line)?;
    let took = started.elapsed().as_secs_f64() * 1000.0;
    child.kill()?;
    child.wait()?;
    ensure!(line.starts_with(b"GET /2018-06-01/runtime/invocation/next"), "{}", String::from_utf8_lossy(&line));
    Ok(took)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

fn zipped(bytes: &[u8]) -> anyhow::Result<usize> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}
