//! `owsc backup` beside a server that writes, and `owsc restore`.

use crate::support::everything;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::{Api, Follower, Server, Socket};

/// Runs a command on a data directory: whether it ended well, and what it said.
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
                // Never beyond a limit: an alert would be in the way of the barrier.
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
    // It goes on from there.
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
    // A server holds the one, and a database is in the other.
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
