//! The embedded DynamoDB: dynoxide on a SQLite file, served on a loopback port of its own.
//!
//! - It has its own threads and runtime, because its handlers block while the disk confirms a write.
//! - Its port is random and on the loopback only: it checks no signatures.
//! - Its stream records are indexed and trimmed here. It looks for the last one with every write, which without the
//!   index takes longer with every record kept.
//! - It expires items only when asked.

#![warn(missing_docs)]

use anyhow::{Context, bail};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_smithy_http_client::Builder;
use dynoxide::Database;
use rusqlite::Connection;
use std::fs::{File, OpenOptions, TryLockError};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};
use tokio::sync::oneshot;

/// The database's file in its directory.
pub const FILE: &str = "owsc.sqlite";
const LOCK: &str = "owsc.lock";
/// How often items are expired and stream records trimmed.
const JANITOR_PERIOD: Duration = Duration::from_secs(60);
/// How long stream records are kept, in seconds; DynamoDB keeps them for 24 hours too.
const STREAM_RETENTION: i64 = 24 * 3600;
/// Stream records that are trimmed under one lock.
const TRIM_AT_ONCE: i64 = 1000;

/// A running embedded database. It stops when dropped.
#[derive(Debug)]
pub struct Embedded {
    address: SocketAddr,
    stop_server: Option<oneshot::Sender<()>>,
    stop_janitor: Option<mpsc::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
    /// Two processes on one file would not see each other's writes. The lock ends with the process.
    _lock: File,
}

impl Embedded {
    /// Opens or creates the database in `directory` and serves it.
    pub fn start(directory: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
        let lock = lock(directory)?;
        let path = directory.join(FILE);
        let path = path.to_str().context("the data directory's name is not UTF-8")?;
        let database = Database::new(path).map_err(|error| anyhow::anyhow!("cannot open {path}: {error}"))?;
        let second = second_connection(path).context("cannot prepare the database")?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop_server, server_stopped) = oneshot::channel();
        let (stop_janitor, janitor_stopped) = mpsc::channel();
        let served = database.clone();
        let spawn = |name: &str| std::thread::Builder::new().name(name.into());
        let server = spawn("embedded-db").spawn(move || serve(listener, served, server_stopped))?;
        let janitor = spawn("embedded-janitor").spawn(move || tidy_up(&database, &second, &janitor_stopped))?;
        Ok(Self {
            address,
            stop_server: Some(stop_server),
            stop_janitor: Some(stop_janitor),
            threads: vec![server, janitor],
            _lock: lock,
        })
    }

    /// Where it is served.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        drop((self.stop_server.take(), self.stop_janitor.take()));
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the embedded database had panicked");
            }
        }
    }
}

/// Takes the directory for this process.
pub fn lock(directory: &Path) -> anyhow::Result<File> {
    let path = directory.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("another process uses the database in {}", directory.display()),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

/// A client of an endpoint that checks no signatures. There is no TLS to the loopback.
pub fn client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .credentials_provider(Credentials::new("embedded", "embedded", None, None, "embedded"))
        .endpoint_url(endpoint)
        .http_client(Builder::new().build_http());
    Client::from_conf(config.build())
}

fn second_connection(path: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.execute_batch(
        "CREATE INDEX IF NOT EXISTS owsc_stream_order
             ON _stream_records(table_name, CAST(sequence_number AS INTEGER));
         CREATE INDEX IF NOT EXISTS owsc_stream_age ON _stream_records(created_at);",
    )?;
    Ok(connection)
}

fn serve(listener: TcpListener, database: Database, stopped: oneshot::Receiver<()>) {
    // Two workers: one request can be parsed while the other one waits for the disk.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
            let shutdown = async { drop(stopped.await) };
            dynoxide::server::serve_with_shutdown(listener, database, shutdown).await
        })
    });
    if let Err(error) = outcome {
        tracing::error!(error, "the embedded database has stopped");
    }
}

fn tidy_up(database: &Database, second: &Connection, stopped: &mpsc::Receiver<()>) {
    loop {
        if let Err(error) = database.sweep_ttl() {
            tracing::warn!(%error, "items could not be expired");
        }
        if let Err(error) = trim(second) {
            tracing::warn!(%error, "stream records could not be trimmed");
        }
        match stopped.recv_timeout(JANITOR_PERIOD) {
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            _ => return,
        }
    }
}

/// Removes old stream records, a few at a time, so that no write waits long. The newest record of a table stays: the
/// next one gets its number from it.
fn trim(connection: &Connection) -> rusqlite::Result<()> {
    let horizon = now() - STREAM_RETENTION;
    let statement = "DELETE FROM _stream_records WHERE id IN (
        SELECT id FROM _stream_records WHERE created_at < ?1 AND id < (SELECT MAX(id) FROM _stream_records)
        ORDER BY created_at LIMIT ?2)";
    while connection.execute(statement, (horizon, TRIM_AT_ONCE))? > 0 {}
    Ok(())
}

/// Seconds since 1970.
fn now() -> i64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_secs() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let first = Embedded::start(directory.path()).unwrap();
        let error = Embedded::start(directory.path()).unwrap_err();
        assert!(error.to_string().contains("another process"), "{error}");
        drop(first);
        assert!(Embedded::start(directory.path()).is_ok());
    }

    #[test]
    fn old_stream_records_go_and_the_newest_stays() {
        let directory = tempfile::tempdir().unwrap();
        let _embedded = Embedded::start(directory.path()).unwrap();
        let connection = second_connection(directory.path().join(FILE).to_str().unwrap()).unwrap();
        for number in 1..=2500 {
            let created = if number <= 2400 || number == 2500 { 1 } else { i64::MAX / 2 };
            connection
                .execute(
                    "INSERT INTO _stream_records (table_name, event_name, keys_json, sequence_number, shard_id, created_at)
                     VALUES ('t', 'INSERT', '{}', ?1, 's', ?2)",
                    (number.to_string(), created),
                )
                .unwrap();
        }
        trim(&connection).unwrap();
        let left: i64 = connection.query_row("SELECT COUNT(*) FROM _stream_records", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 100);
    }
}
