//! Backups of the embedded database: one file, taken while a server writes, and restored where there is no database.

mod scheduled;
mod shelf;

use anyhow::{Context, bail, ensure};
use clap::Args;
use embedded::FILE;
use rusqlite::{Connection, OpenFlags};
pub(crate) use scheduled::Backups;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;
use web::config::Config;

/// How long a backup waits for a lock on the database; a server holds it for milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Options of `owsc backup`.
#[derive(Debug, Clone, Args)]
pub struct Backup {
    /// The file to write; it must not exist yet
    #[arg(long)]
    to: PathBuf,
}

/// Options of `owsc restore`.
#[derive(Debug, Clone, Args)]
pub struct Restore {
    /// The backup
    #[arg(long)]
    from: PathBuf,
}

/// Copies the database in `OW_SC_DATA_DIR` as it is at one moment. Writers do not wait.
pub(crate) fn backup(options: &Backup) -> anyhow::Result<()> {
    let config = Config::from_env()?.0;
    copy(&config.data_dir, &config.table, &options.to)?;
    tell(&format!("{} is a backup of {}", options.to.display(), config.data_dir.join(FILE).display()));
    Ok(())
}

/// Copies the database of a data directory, checks the copy, and renames it.
fn copy(data: &Path, table: &str, target: &Path) -> anyhow::Result<()> {
    let source = data.join(FILE);
    ensure!(source.is_file(), "OW_SC_DATA_DIR has no database: there is no {}", source.display());
    ensure!(!target.exists(), "{} is there already", target.display());
    let partial = with_suffix(target, ".partial");
    write(&partial, |partial| {
        let database = open(&source, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let name = partial.to_str().context("the file's name is not UTF-8")?;
        database.execute("VACUUM INTO ?1", [name]).context("the database cannot be copied")?;
        check(partial, table)
    })?;
    put(&partial, target)
}

/// Restores a backup into `OW_SC_DATA_DIR`, which must have no database.
pub(crate) fn restore(options: &Restore) -> anyhow::Result<()> {
    let config = Config::from_env()?.0;
    let (source, target) = (&options.from, config.data_dir.join(FILE));
    check(source, &config.table)?;
    fs::create_dir_all(&config.data_dir).with_context(|| format!("cannot create {}", config.data_dir.display()))?;
    let _lock = embedded::lock(&config.data_dir)?;
    // A leftover journal would be applied to the restored database.
    for taken in ["", "-wal", "-shm", "-journal"].map(|suffix| with_suffix(&target, suffix)) {
        ensure!(!taken.exists(), "{} is there: move it away first", taken.display());
    }
    let partial = with_suffix(&target, ".partial");
    write(&partial, |partial| {
        fs::copy(source, partial)?;
        Ok(())
    })?;
    put(&partial, &target)?;
    tell(&format!("{} is restored from {}", target.display(), source.display()));
    Ok(())
}

/// Overwrites what an earlier try has left, and removes what a failed one leaves.
fn write(partial: &Path, fill: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    if partial.exists() {
        fs::remove_file(partial)?;
    }
    let written = fill(partial).and_then(|()| Ok(File::open(partial)?.sync_all()?));
    if written.is_err() {
        // There may be none; the error to report is why the backup failed.
        let _ = fs::remove_file(partial);
    }
    written.with_context(|| format!("cannot write {}", partial.display()))
}

/// Renames a file once it is complete and on disk.
fn put(partial: &Path, target: &Path) -> anyhow::Result<()> {
    fs::rename(partial, target)?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(File::open(folder)?.sync_all()?)
}

/// Fails unless a file is an undamaged database that has the table.
fn check(path: &Path, table: &str) -> anyhow::Result<()> {
    let not_one = || format!("{} is not a backup", path.display());
    let database = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY).with_context(not_one)?;
    let text = |row: &rusqlite::Row| row.get::<_, String>(0);
    let damage = database.query_row("PRAGMA quick_check(1)", [], text).with_context(not_one)?;
    ensure!(damage == "ok", "{} is damaged: {damage}", path.display());
    let mut statement = database.prepare("SELECT table_name FROM _tables").with_context(not_one)?;
    let tables = statement.query_map([], text)?.collect::<Result<Vec<_>, _>>()?;
    if !tables.iter().any(|known| known == table) {
        bail!("{} has no table {table:?}, which OW_SC_TABLE names, but {tables:?}", path.display());
    }
    Ok(())
}

fn open(path: &Path, mode: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, mode)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

#[expect(clippy::print_stdout, reason = "this is for the person at the terminal")]
fn tell(text: &str) {
    println!("{text}");
}
