//! A large file: rows a second, memory, and disk space.

use ::tests::generate::{self, Exceeding};
use ::tests::inbox::client;
use ::tests::server::Options;
use ::tests::stores::gateway;
use ::tests::{Api, Server};
use anyhow::ensure;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const MILLION: usize = 1_000_000;
/// How often to check the size of temporary files, and whether the file is done.
const LOOK: Duration = Duration::from_millis(50);

/// Observations while a file is ingested.
struct Seen {
    rows: f64,
    file: u64,
    more_memory: u64,
    most_disk: u64,
    /// Rows a second of a posted file of a million rows, on the same server.
    posted: f64,
}

pub(crate) async fn folder(out: &mut impl Write, rows: usize) -> anyhow::Result<()> {
    let inbox = TempDir::new()?;
    let options = server().env("OW_SC_INBOX", &inbox.path().display().to_string());
    let part = inbox.path().join("long.csv.part");
    let file = write(&part, rows)?;
    let seen = measured(options, rows, file, async || Ok(fs::rename(&part, inbox.path().join("long.csv"))?)).await?;
    seen.tell(out, "a folder")
}

pub(crate) async fn bucket(out: &mut impl Write, rows: usize) -> anyhow::Result<()> {
    let (store, folder) = (gateway().await?, TempDir::new()?);
    let path = folder.path().join("long.csv");
    let file = write(&path, rows)?;
    let s3 = client(&store.endpoint);
    let environment =
        [("AWS_ENDPOINT_URL_S3", &*store.endpoint), ("AWS_REGION", "us-east-1"), ("OW_SC_INBOX", "s3://plant")];
    let keys = [("AWS_ACCESS_KEY_ID", "developer"), ("AWS_SECRET_ACCESS_KEY", "test")];
    let options = environment.into_iter().chain(keys).fold(server(), |options, (name, value)| options.env(name, value));
    let put = async || {
        let body = aws_sdk_s3::primitives::ByteStream::from_path(&path).await?;
        s3.put_object().bucket("plant").key("inbox/long.csv").body(body).send().await?;
        Ok(())
    };
    measured(options, rows, file, put).await?.tell(out, "a bucket")
}

fn server() -> Options {
    Server::options().env("LOG_LEVEL", "warn").env("OW_SC_SWEEP_EVERY", "1").env("OW_SC_MAX_CSV_BYTES", "100000000")
}

fn write(path: &Path, rows: usize) -> anyhow::Result<u64> {
    let mut file = std::io::BufWriter::new(fs::File::create(path)?);
    for piece in generate::tidy_pieces(rows, Exceeding::Some) {
        file.write_all(piece.as_bytes())?;
    }
    file.flush()?;
    Ok(fs::metadata(path)?.len())
}

async fn measured(
    options: Options,
    rows: usize,
    file: u64,
    put: impl AsyncFn() -> anyhow::Result<()>,
) -> anyhow::Result<Seen> {
    let temporary = TempDir::new()?;
    let server = options.env("TMPDIR", &temporary.path().display().to_string()).start().await?;
    let api = Api::new(&server);
    let began = Instant::now();
    let (status, answer) = api.ingest("?site=posted", generate::tidy(MILLION, Exceeding::Some)).await?;
    ensure!(status == 200 && answer["rows_taken"] == MILLION, "{status} {answer}");
    let posted = MILLION as f64 / began.elapsed().as_secs_f64();
    let (before, _) = server.memory()?;
    let began = Instant::now();
    put().await?;
    let (mut most_disk, mut most_memory) = (0, before);
    loop {
        // Spooled data has no name: the process holds it open.
        most_disk = most_disk.max(open_in(server.pid(), temporary.path())?);
        most_memory = most_memory.max(server.memory()?.0);
        let ledger = api.json("/api/ingests?limit=1").await?;
        let last = &ledger["ingests"][0];
        if last["answer"]["rows_taken"] == rows && last["state"] == "done" {
            break;
        }
        ensure!(last["error"] == Value::Null, "{last}");
        tokio::time::sleep(LOOK).await;
    }
    let rows = rows as f64 / began.elapsed().as_secs_f64();
    Ok(Seen { rows, file, more_memory: most_memory - before, most_disk, posted })
}

/// The size of the files below a folder that a process has open, with or without a name.
fn open_in(process: u32, folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(format!("/proc/{process}/fd"))? {
        let link = entry?.path();
        // It may have been closed by now.
        let Ok(target) = fs::read_link(&link) else { continue };
        if target.starts_with(folder) {
            bytes += fs::metadata(&link).map_or(0, |metadata| metadata.len());
        }
    }
    Ok(bytes)
}

impl Seen {
    fn tell(&self, out: &mut impl Write, from: &str) -> anyhow::Result<()> {
        let Self { rows, file, more_memory, most_disk, posted } = self;
        writeln!(
            out,
            "{:.2} GB from {from}: {rows:.0} rows/s, {:.2} of a posted file's {posted:.0}; {:.1} MB more memory; {:.2} of the file's length in temporary files",
            *file as f64 / 1e9,
            rows / posted,
            *more_memory as f64 / 1e6,
            *most_disk as f64 / *file as f64,
        )?;
        Ok(())
    }
}
