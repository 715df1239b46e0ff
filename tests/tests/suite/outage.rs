//! The database goes away and comes back.

use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::client::read;
use tests::table::Table;
use tests::{Api, Server, Socket};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// A connection to a database that can be cut.
struct Line {
    address: String,
    up: Arc<AtomicBool>,
    cut: Arc<Notify>,
}

impl Line {
    async fn to(endpoint: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let target = endpoint.trim_start_matches("http://").to_owned();
        let (up, cut) = (Arc::new(AtomicBool::new(true)), Arc::new(Notify::new()));
        let line = Self { address, up: up.clone(), cut: cut.clone() };
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (target, cut) = (target.clone(), cut.clone());
                if up.load(Ordering::SeqCst) {
                    tokio::spawn(async move {
                        let mut far = TcpStream::connect(target).await?;
                        tokio::select! {
                            copied = tokio::io::copy_bidirectional(&mut near, &mut far) => copied.map(drop),
                            () = cut.notified() => Ok(()),
                        }
                    });
                }
            }
        });
        Ok(line)
    }

    fn cut(&self) {
        self.up.store(false, Ordering::SeqCst);
        self.cut.notify_waiters();
    }

    fn mend(&self) {
        self.up.store(true, Ordering::SeqCst);
    }
}

const FILE: &str = "time,species,concentration\n1,SO4,200\n2,SO4,900\n";

#[tokio::test]
async fn without_its_database_the_server_says_so_and_recovers_by_itself() -> anyhow::Result<()> {
    let table = Table::new()?;
    let line = Line::to(table.endpoint()).await?;
    let server = Server::options().table(&format!("http://{}", line.address), table.name()).start().await?;
    let api = Api::new(&server);
    let mut publisher = Socket::ready(&server.ws_url("/ws/effluent")).await?;
    let mut watcher = Socket::ready(&server.ws_url("/ws/effluent")).await?;
    publisher.publish(1.0, "Before", 1.0).await?;
    assert_eq!(watcher.next().await?["seq"], 1);

    line.cut();
    let (status, body) = read(api.get("/readyz").await?).await?;
    assert_eq!((status.as_u16(), &body["status"]), (503, &json!("unavailable")));
    assert!(body["buffer_size"].is_u64(), "{body}");
    assert_eq!(api.get("/livez").await?.status(), 200);
    let response = api.get("/api/status").await?;
    assert!(response.headers().contains_key("retry-after"));
    let (status, body) = read(response).await?;
    assert_eq!((status.as_u16(), &body["error"]["code"]), (503, &json!("unavailable")));
    // What went wrong, and where, is only in the log.
    assert!(!body.to_string().contains(&line.address), "{body}");
    assert!(server.log().contains("cause="), "{}", server.log());
    let (status, _) = api.ingest("", FILE).await?;
    assert_eq!(status, 503);
    // The publisher is told which reading was not stored, and its connection stays open.
    publisher.publish(2.0, "Lost", 1.0).await?;
    assert_eq!(publisher.next().await?["code"], "unavailable");
    publisher.barrier().await?;

    line.mend();
    assert_eq!(api.get("/readyz").await?.status(), 200);
    publisher.publish(2.0, "After", 1.0).await?;
    let event = watcher.next().await?;
    assert_eq!((&event["species"], &event["seq"]), (&json!("After"), &json!(2)));
    let (status, answer) = api.ingest("", FILE).await?;
    assert_eq!((status.as_u16(), &answer["status"], &answer["alerts"]["total"]), (200, &json!("stored"), &json!(1)));
    Ok(())
}
