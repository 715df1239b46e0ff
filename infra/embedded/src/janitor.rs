//! Maintenance that the database does not do by itself: expiring items, and trimming stream records.
//!
//! With every write it looks for the last stream record; without an index, that gets slower with every record kept.

use dynoxide::Database;
use rusqlite::Connection;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

/// How often items are expired and stream records trimmed.
const PERIOD: Duration = Duration::from_secs(60);
/// How long stream records are kept, in seconds; DynamoDB keeps them for 24 hours too.
const STREAM_RETENTION: i64 = 24 * 3600;
/// Stream records that are trimmed under one lock.
const TRIM_AT_ONCE: i64 = 1000;

/// Opens a second connection to the database's file, and creates the index on stream records.
pub(super) fn connect(path: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.execute_batch(
        "CREATE INDEX IF NOT EXISTS owsc_stream_order
             ON _stream_records(table_name, CAST(sequence_number AS INTEGER));
         CREATE INDEX IF NOT EXISTS owsc_stream_age ON _stream_records(created_at);",
    )?;
    Ok(connection)
}

/// Runs until it is told to stop.
pub(super) fn tidy_up(database: &Database, second: &Connection, stopped: &mpsc::Receiver<()>) {
    loop {
        if let Err(error) = database.sweep_ttl() {
            tracing::warn!(%error, "items could not be expired");
        }
        if let Err(error) = trim(second) {
            tracing::warn!(%error, "stream records could not be trimmed");
        }
        match stopped.recv_timeout(PERIOD) {
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            _ => return,
        }
    }
}

/// Removes old stream records, a few at a time, so that no write waits long. The newest record of a table stays: the
/// next one's number follows from it.
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
    use crate::{Embedded, FILE};

    #[test]
    fn old_stream_records_go_and_the_newest_stays() {
        let directory = tempfile::tempdir().unwrap();
        let _embedded = Embedded::start(directory.path()).unwrap();
        let connection = connect(directory.path().join(FILE).to_str().unwrap()).unwrap();
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
