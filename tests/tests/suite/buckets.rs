//! A server whose inbox is a bucket, on two independent stores.

use serde_json::json;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tests::inbox::{Inbox, client};
use tests::stores::{self, Store};
use tests::{Api, Server};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

const HEADER: &str = "time,species,concentration";

/// A server whose inbox is below a prefix of the store's bucket.
async fn served(endpoint: &str) -> anyhow::Result<(Server, Api)> {
    let options = Server::options().env("OW_SC_INBOX", "s3://plant").env("OW_SC_SWEEP_EVERY", "1");
    let options = options.env("AWS_ENDPOINT_URL_S3", endpoint).env("AWS_REGION", "us-east-1");
    let options = options.env("OW_SC_MAX_CSV_BYTES", "50000000");
    let options = options.env("AWS_ACCESS_KEY_ID", "developer").env("AWS_SECRET_ACCESS_KEY", "test");
    let server = options.start().await?;
    let api = Api::new(&server);
    Ok((server, api))
}

async fn works_on(store: &Store) -> anyhow::Result<()> {
    let inbox = Inbox::Bucket(client(&store.endpoint), "plant".into());
    let (_server, api) = served(&store.endpoint).await?;
    let odd = "plant two/lab results, 1+1 %41 &=ü.csv";
    inbox.put(odd, format!("{HEADER}\n1,SO4,200\n2,SO4,900\n")).await?;
    inbox.put("north/report.pdf", "%PDF-1.7").await?;
    inbox.put("north/empty.csv", "").await?;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(format!("{HEADER}\n1,SO4,2\n").as_bytes())?;
    inbox.put("north/packed", gzip.finish()?).await?;
    // More than one range: nothing of it is on disk, and nothing is lost where two ranges meet.
    let rows: String = (0..300).map(|row| format!("{row},SO4,2,{}\n", "x".repeat(60_000))).collect();
    inbox.put("south/long.csv", format!("{HEADER},talk\n{rows}")).await?;
    assert_eq!(inbox.account(&format!("done/{odd}")).await?["answer"]["rows_taken"], 2);
    assert_eq!(inbox.account("refused/north/report.pdf").await?["error"]["code"], "unknown_columns");
    assert_eq!(inbox.account("refused/north/empty.csv").await?["error"]["code"], "empty_file");
    assert_eq!(inbox.account("done/north/packed").await?["answer"]["rows_taken"], 1);
    assert_eq!(inbox.account("done/south/long.csv").await?["answer"]["rows_taken"], 300);
    for place in [odd, "north/report.pdf", "north/packed", "south/long.csv"] {
        assert!(!inbox.waits(place).await?, "{place}");
    }
    // The same name with other bytes is another file, and both are kept.
    inbox.put("north/packed", format!("{HEADER}\n1,SO4,3\n")).await?;
    assert_eq!(inbox.account("done/north/packed (2)").await?["answer"]["readings_replaced"], 1);
    let states: Vec<_> =
        api.list("/api/ingests", "ingests").await?.iter().map(|record| record["state"].clone()).collect();
    assert_eq!(states.iter().filter(|state| **state == json!("done")).count(), 4, "{states:?}");
    Ok(())
}

#[tokio::test]
async fn an_inbox_is_a_bucket_of_moto() -> anyhow::Result<()> {
    works_on(&stores::moto().await?).await
}

#[tokio::test]
async fn an_inbox_is_a_bucket_of_the_local_gateway() -> anyhow::Result<()> {
    works_on(&stores::gateway().await?).await
}

#[tokio::test]
async fn backups_go_to_a_bucket_and_old_ones_leave_it() -> anyhow::Result<()> {
    let store = stores::moto().await?;
    let objects = client(&store.endpoint);
    for old in ["2020-01-01", "2020-01-02"] {
        let key = format!("backups/owsc-{old}T00-00-00Z.sqlite");
        objects.put_object().bucket("plant").key(key).body(b"old".to_vec().into()).send().await?;
    }
    let options = Server::options().env("OW_SC_BACKUP", "s3://plant/backups").env("OW_SC_BACKUP_KEEP", "2");
    let options = options.env("AWS_ENDPOINT_URL_S3", &store.endpoint).env("AWS_REGION", "us-east-1");
    let options = options.env("AWS_ACCESS_KEY_ID", "developer").env("AWS_SECRET_ACCESS_KEY", "test");
    let _server = options.start().await?;
    let keys = async || {
        let listed = objects.list_objects_v2().bucket("plant").prefix("backups/").send().await?;
        anyhow::Ok(listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect::<Vec<_>>())
    };
    let keys = crate::support::until(keys, |keys| !keys.iter().any(|key| key.contains("2020-01-01"))).await?;
    assert_eq!(keys.len(), 2, "{keys:?}");
    let made = objects.get_object().bucket("plant").key(&keys[1]).send().await?.body.collect().await?.into_bytes();
    assert!(made.starts_with(b"SQLite format 3"));
    Ok(())
}

/// A proxy for a store that cuts connections in the middle of an answer.
async fn cutting(endpoint: &str, after: u64) -> anyhow::Result<(String, Arc<AtomicUsize>)> {
    let (store, cuts) = (endpoint.trim_start_matches("http://").to_owned(), Arc::new(AtomicUsize::new(0)));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (address, counted) = (listener.local_addr()?, cuts.clone());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (store, counted) = (store.clone(), counted.clone());
            tokio::spawn(async move {
                let there = TcpStream::connect(store).await?;
                let ((mut asked, mut answers), (from, mut to)) = (client.into_split(), there.into_split());
                let asking = tokio::spawn(async move { tokio::io::copy(&mut asked, &mut to).await });
                let came = tokio::io::copy(&mut from.take(after), &mut answers).await?;
                asking.abort();
                counted.fetch_add(usize::from(came == after), Ordering::Relaxed);
                std::io::Result::Ok(())
            });
        }
    });
    Ok((format!("http://{address}"), cuts))
}

#[tokio::test]
async fn an_object_is_read_on_from_where_a_connection_has_broken() -> anyhow::Result<()> {
    let store = stores::gateway().await?;
    let (broken, cuts) = cutting(&store.endpoint, 5_000_000).await?;
    let (_server, api) = served(&broken).await?;
    let inbox = Inbox::Bucket(client(&store.endpoint), "plant".into());
    let rows: String = (0..300).map(|row| format!("{row},SO4,{row},{}\n", "x".repeat(60_000))).collect();
    inbox.put("south/long.csv", format!("{HEADER},talk\n{rows}")).await?;
    let account = inbox.account("done/south/long.csv").await?;
    assert_eq!(account["answer"]["rows_taken"], 300, "{account}");
    let digest = account["answer"]["digest"].clone();
    // A file posted over intact connections has the same bytes.
    let (status, answer) = api.ingest("?site=south", format!("{HEADER},talk\n{rows}")).await?;
    assert_eq!((status.as_u16(), &answer["status"], &answer["digest"]), (200, &json!("known"), &digest));
    assert!(cuts.load(Ordering::Relaxed) >= 6, "{cuts:?} connections were cut");
    Ok(())
}

#[tokio::test]
async fn a_store_that_is_not_there_is_said_and_keeps_nothing_else_back() -> anyhow::Result<()> {
    let (server, api) = served("http://127.0.0.1:9").await?;
    let said =
        crate::support::until(async || Ok(server.log()), |log| log.contains("the inbox could not be looked through"))
            .await?;
    assert!(said.contains("the inbox could not be looked through"), "{said}");
    assert_eq!(api.ingest("?site=north", format!("{HEADER}\n1,SO4,2\n")).await?.0, 200, "everything else works");
    Ok(())
}
