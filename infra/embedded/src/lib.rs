//! The embedded DynamoDB: dynoxide on a SQLite file, called within the process.
//!
//! It listens on no port: it has no access control, so anybody who found the port could read and write everything. To
//! serve it to others, take a [`Caller`], and check them. It has its own threads and runtime, because calls block while
//! the disk confirms a write.

#![warn(missing_docs)]

mod janitor;
mod operations;
mod transport;

use anyhow::{Context, bail, ensure};
use aws_sdk_dynamodb::Client;
use bytes::Bytes;
use dynoxide::Database;
pub use operations::Answer;
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{oneshot, watch};

/// The database's file, in its directory.
pub const FILE: &str = "owsc.sqlite";
const LOCK: &str = "owsc.lock";
/// The magic bytes of a SQLite database: <https://www.sqlite.org/fileformat.html#magic_header_string>.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// A running embedded database. It stops when dropped.
#[derive(Debug)]
pub struct Embedded {
    caller: Caller,
    stop_calls: Option<oneshot::Sender<()>>,
    stop_janitor: Option<mpsc::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
    /// Two processes on one file would not see each other's writes. The lock ends with the process.
    _lock: File,
}

/// A handle for calls to a running embedded database. Clones share it.
#[derive(Clone)]
pub struct Caller {
    database: Database,
    runtime: Handle,
    /// Whether a call has panicked, after which the engine's state is unknown.
    is_broken: Arc<watch::Sender<bool>>,
}

impl Embedded {
    /// Opens or creates the database in `directory`.
    pub fn start(directory: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
        let lock = lock(directory)?;
        let path = directory.join(FILE);
        check(&path)?;
        let path = path.to_str().context("the data directory's name is not UTF-8")?;
        let database = Database::new(path).map_err(|error| anyhow::anyhow!("cannot open {path}: {error}"))?;
        let second = janitor::connect(path).context("cannot prepare the database")?;
        // Two workers: one call can be parsed while the other waits for the disk.
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("embedded-db").build()?;
        let caller =
            Caller { database: database.clone(), runtime: runtime.handle().clone(), is_broken: Arc::default() };
        let (stop_calls, calls_stopped) = oneshot::channel();
        let (stop_janitor, janitor_stopped) = mpsc::channel();
        let spawn = |name: &str| std::thread::Builder::new().name(name.into());
        // Dropping a runtime waits for its calls, which must not happen on another runtime's thread.
        let calls = spawn("embedded-calls").spawn(move || drop(runtime.block_on(calls_stopped)))?;
        let janitor =
            spawn("embedded-janitor").spawn(move || janitor::tidy_up(&database, &second, &janitor_stopped))?;
        Ok(Self {
            caller,
            stop_calls: Some(stop_calls),
            stop_janitor: Some(stop_janitor),
            threads: vec![calls, janitor],
            _lock: lock,
        })
    }

    /// A handle for calls in DynamoDB's JSON.
    pub fn caller(&self) -> Caller {
        self.caller.clone()
    }

    /// Ends when the database can no longer serve: the process must be restarted.
    pub fn broken(&self) -> impl Future<Output = ()> + use<> {
        let mut is_broken = self.caller.is_broken.subscribe();
        async move {
            // The sender lives as long as any caller does; without callers, nothing can break.
            if is_broken.wait_for(|is_broken| *is_broken).await.is_err() {
                std::future::pending().await
            }
        }
    }

    /// An SDK client of the database.
    pub fn client(&self) -> Client {
        transport::client(self.caller())
    }
}

impl Caller {
    /// Executes a call: `target` is, for example, `DynamoDB_20120810.GetItem`, and `body` its JSON. It is carried out
    /// even if nobody waits for it any more.
    pub async fn call(&self, target: String, body: Bytes) -> Answer {
        let database = self.database.clone();
        self.run(move || operations::call(&database, &target, &body)).await
    }

    async fn run(&self, call: impl FnOnce() -> Answer + Send + 'static) -> Answer {
        self.runtime.spawn(async move { call() }).await.unwrap_or_else(|error| {
            if error.is_panic() {
                tracing::error!(%error, "a call to the embedded database panicked");
                self.is_broken.send_replace(true);
            }
            Answer::failed()
        })
    }
}

/// Fails if the database's file exists but is not a database: otherwise a new, empty one would silently replace it.
fn check(path: &Path) -> anyhow::Result<()> {
    let mut begin = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(MAGIC.len() as u64).read_to_end(&mut begin).map(drop),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => Err(error),
    }
    .with_context(|| format!("cannot read {}", path.display()))?;
    let advice = "move it away for a new database, or restore a backup with owsc restore";
    ensure!(begin == MAGIC, "{} is not a database: {advice}", path.display());
    Ok(())
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Caller")
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        drop((self.stop_calls.take(), self.stop_janitor.take()));
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the embedded database had panicked");
            }
        }
    }
}

/// Locks the directory for this process.
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

#[cfg(test)]
mod tests;
