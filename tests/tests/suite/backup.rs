//! `owsc backup` while a server writes, and `owsc restore`.

use crate::support::{everything, until};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::{Api, Follower, Server, Socket};

/// Runs a command on a data directory: whether it succeeded, and its output.
async fn owsc(data: &Path, arguments: [&str; 2], file: &Path) -> anyhow::Result<(bool, String)> {
    let mut command = tests::server::owsc();
    let output = command.args(arguments).arg(file).env("OW_SC_DATA_DIR", data).output().await?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

async fn backup(data: &Path, file: &Path) -> anyhow::Result<(bool, String)> {
    owsc(data, ["backup", "--to"], file).await
}

async fn restore(data: &Path, file: &Path) -> anyhow::Result<(bool, String)> {
    owsc(data, ["restore", "--from"], file).await
}

#[tokio::test]
async fn a_backup_holds_all_that_had_been_acknowledged_while_more_is_written() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("backup.sqlite");
    let mut server = Server::options().env("OW_SC_WS_MSGS_PER_SEC", "100000").start().await?;
    let mut socket = Socket::ready(&server.ws_url("/ws/effluent")).await?;
    let mut publisher = Socket::ready(&server.ws_url("/ws/alerts")).await?;
    let enough = Arc::new(AtomicBool::new(false));
    let flood = tokio::spawn({
        let enough = enough.clone();
        async move {
            for time in 0..u32::MAX {
                // Never above a limit: an alert would confuse the barrier.
                publisher.publish(f64::from(time), "SO4", f64::from(time % 200)).await?;
                if time % 50 == 0 {
                    publisher.barrier().await?;
                }
                if enough.load(Ordering::Relaxed) {
                    break;
                }
            }
            publisher.barrier().await
        }
    });
    let mut follower = Follower::default();
    while follower.last < 200 {
        follower.take(socket.next().await?);
    }
    let delivered = follower.last;
    let (ended_well, said) = backup(server.data(), &file).await?;
    assert!(ended_well, "{said}");
    enough.store(true, Ordering::Relaxed);
    flood.await??;
    server.terminate().await?;

    let data = folder.path().join("data");
    let (ended_well, said) = restore(&data, &file).await?;
    assert!(ended_well, "{said}");
    let restored = Server::options().data(&data).start().await?;
    let api = Api::new(&restored);
    let stored = api.json("/api/overview").await?["seq"].as_u64().unwrap_or_default();
    let mut replay = Follower::default();
    let mut socket = replay.reconnect(&restored.ws_url("/ws/effluent")).await?;
    assert!(stored >= delivered, "{stored} of {delivered} are in the backup");
    while replay.last < stored {
        replay.take(socket.next().await?);
    }
    for (seq, event) in follower.events.range(..=delivered) {
        assert_eq!(replay.events.get(seq), Some(event));
    }
    // It continues from there.
    let mut publisher = Socket::ready(&restored.ws_url("/ws/alerts")).await?;
    publisher.publish(99_999.0, "SO4", 1.0).await?;
    assert_eq!(socket.next().await?["seq"], stored + 1);
    Ok(())
}

#[tokio::test]
async fn what_was_restored_is_what_was_backed_up() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("backup.sqlite");
    let mut server = Server::options().demo().start().await?;
    let before = everything(&Api::new(&server), "demo").await?;
    assert!(backup(server.data(), &file).await?.0);
    server.terminate().await?;
    let data = folder.path().join("data");
    assert!(restore(&data, &file).await?.0);
    let restored = Server::options().data(&data).start().await?;
    assert_eq!(everything(&Api::new(&restored), "demo").await?, before);
    Ok(())
}

#[tokio::test]
async fn nothing_is_overwritten_and_only_a_whole_backup_is_restored() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let refused = |(ended_well, said): (bool, String), why: &str| {
        assert!(!ended_well && said.contains(why), "{said}");
    };
    refused(backup(&at("nowhere"), &at("backup")).await?, "OW_SC_DATA_DIR has no database");
    let mut server = Server::options().demo().start().await?;
    assert!(backup(server.data(), &at("backup")).await?.0);
    refused(backup(server.data(), &at("backup")).await?, "is there already");
    refused(backup(server.data(), &at("no/folder")).await?, "cannot write");
    // A server holds the first directory, and the second contains a database.
    refused(restore(server.data(), &at("backup")).await?, "another process uses the database");
    server.terminate().await?;
    refused(restore(server.data(), &at("backup")).await?, "move it away first");
    // A journal of another database would be applied to it.
    std::fs::create_dir(at("journal"))?;
    std::fs::write(at("journal/owsc.sqlite-wal"), "")?;
    refused(restore(&at("journal"), &at("backup")).await?, "owsc.sqlite-wal is there");

    std::fs::write(at("text"), "time,species,concentration\n".repeat(1000))?;
    refused(restore(&at("new"), &at("text")).await?, "is not a backup");
    refused(restore(&at("new"), &at("missing")).await?, "is not a backup");
    let whole = std::fs::read(at("backup"))?;
    std::fs::write(at("half"), &whole[..whole.len() / 2])?;
    let (ended_well, said) = restore(&at("new"), &at("half")).await?;
    assert!(!ended_well && (said.contains("is damaged") || said.contains("is not a backup")), "{said}");
    assert!(!at("new/owsc.sqlite").exists());
    let other = tests::server::owsc()
        .args(["restore", "--from"])
        .arg(at("backup"))
        .env("OW_SC_DATA_DIR", at("new"))
        .env("OW_SC_TABLE", "other")
        .output()
        .await?;
    refused((other.status.success(), String::from_utf8_lossy(&other.stderr).into_owned()), "no table \"other\"");
    Ok(())
}

/// The names of the backups in a folder, the oldest first.
fn backups(folder: &Path) -> Vec<String> {
    let names =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("owsc-")).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_server_backs_its_database_up_by_itself_and_what_it_made_can_be_restored() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (shelf, data) = (folder.path().join("shelf"), folder.path().join("data"));
    std::fs::create_dir_all(&shelf)?;
    // From an earlier year, more than are kept; and an unrelated file.
    for old in ["owsc-2020-01-01T00-00-00Z.sqlite", "owsc-2020-01-02T00-00-00Z.sqlite", "owsc-notes.txt"] {
        std::fs::write(shelf.join(old), "old")?;
    }
    let options = || {
        let place = shelf.to_str().expect("a temporary folder is text");
        Server::options().data(&data).env("OW_SC_BACKUP", place).env("OW_SC_BACKUP_KEEP", "2")
    };
    let mut server = Server::options().data(&data).start().await?;
    let (status, _) = Api::new(&server).ingest("?site=plant", "time,species,concentration\n1,SO4,900\n").await?;
    assert_eq!(status, 200);
    server.terminate().await?;
    let mut server = options().start().await?;
    let names = until(
        async || Ok(backups(&shelf)),
        |names| names.len() == 3 && !names.iter().any(|name| name.contains("2020-01-01")),
    )
    .await?;
    assert_eq!(names[0], "owsc-2020-01-02T00-00-00Z.sqlite", "{names:?}");
    assert_eq!(names[2], "owsc-notes.txt");
    let metrics = Api::new(&server).get("/metrics").await?.text().await?;
    let last = metrics.lines().find_map(|line| line.strip_prefix("owsc_backup_last_success_timestamp_seconds "));
    assert!(last.is_some_and(|last| last.parse::<f64>().is_ok_and(|last| last > 1.7e9)), "{last:?}");
    server.terminate().await?;
    // Another start makes no further backup: the last one is recent.
    let mut server = options().start().await?;
    assert_eq!(Api::new(&server).get("/readyz").await?.status(), 200);
    server.terminate().await?;
    assert_eq!(backups(&shelf), names);

    let restored = folder.path().join("restored");
    let (ended_well, said) = restore(&restored, &shelf.join(&names[1])).await?;
    assert!(ended_well, "{said}");
    let server = Server::options().data(&restored).start().await?;
    assert_eq!(Api::new(&server).json("/api/status?site=plant").await?["sites"][0]["alerts"], 1);
    Ok(())
}

#[tokio::test]
async fn a_backup_that_fails_is_counted_and_told() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let shelf = folder.path().join("shelf");
    std::fs::create_dir_all(&shelf)?;
    let server =
        Server::options().env("OW_SC_BACKUP", "s3://plant/backups").env("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9");
    let server =
        server.env("AWS_REGION", "local").env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    let server = server.start().await?;
    let api = Api::new(&server);
    let failed = async || Ok(api.get("/metrics").await?.text().await?.contains("owsc_backups_failed_total 1"));
    until(failed, |failed| *failed).await?;
    assert!(server.log().contains("the database could not be backed up"), "{}", server.log());
    Ok(())
}
