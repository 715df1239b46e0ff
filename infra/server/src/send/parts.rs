//! Sending a file in parts.

use super::sender::{Sender, name_of};
use crate::remote::{Asked, Failure, Remote, encoded};
use crate::terminal::Bar;
use axum::http::Method;
use bytes::Bytes;
use serde_json::Value;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often to check a file that waits in the inbox.
const LOOK: Duration = Duration::from_millis(500);

/// How long the URLs of parts are used before new ones are requested: a store signs them for an hour, much of which a
/// part on a slow line may need.
const SIGNED: Duration = Duration::from_secs(600);

/// Sends a file, and waits for its outcome.
pub(super) async fn send(sender: &Sender, file: &Path, bytes: u64, bar: &Bar) -> Result<Value, Failure> {
    let client = &sender.remote;
    let open = File::open(file).map_err(|error| Failure::io(&error))?;
    let (name, length) = (name_of(file), bytes.to_string());
    let mut query = vec![("name", name.as_str()), ("bytes", length.as_str())];
    query.extend(sender.site.as_deref().map(|site| ("site", site)));
    let mut upload = client.json(Method::POST, &format!("/api/uploads?{}", encoded(&query))).await?;
    let path = format!("/api/uploads/{}", upload["id"].as_str().unwrap_or_default());
    bar.begin("sending", bytes);
    while upload["missing"].as_array().is_some_and(|missing| !missing.is_empty()) {
        bar.reached(upload["received"].as_u64().unwrap_or_default());
        let asked = Instant::now();
        let missing = upload["missing"].as_array().into_iter().flatten();
        for part in missing.take_while(|_| asked.elapsed() < SIGNED) {
            put(client, &open, part).await?;
            bar.more(length_of(part));
        }
        upload = client.json(Method::GET, &path).await?;
    }
    upload = client.json(Method::POST, &format!("{path}/complete")).await?;
    loop {
        match upload["state"].as_str().unwrap_or_default() {
            "refused" => return Err(Failure::from(upload["error"].take())),
            "done" => {
                let ingest = upload["ingest"].as_str().unwrap_or_default();
                return sender.settled(&format!("/api/ingests/{ingest}"), bar).await;
            }
            state => bar.far(state, &upload["progress"]),
        }
        tokio::time::sleep(LOOK).await;
        upload = client.json(Method::GET, &path).await?;
    }
}

fn at(part: &Value, name: &str) -> u64 {
    part[name].as_u64().unwrap_or_default()
}

fn length_of(part: &Value) -> u64 {
    (at(part, "to") + 1).saturating_sub(at(part, "from"))
}

async fn put(client: &Remote, file: &File, part: &Value) -> Result<(), Failure> {
    let mut bytes = vec![0; usize::try_from(length_of(part)).unwrap_or_default()];
    file.read_exact_at(&mut bytes, at(part, "from")).map_err(|error| Failure::io(&error))?;
    let url = part["url"].as_str().unwrap_or_default();
    client.ask(&Asked { method: Method::PUT, url, kind: None, body: Bytes::from(bytes) }).await.map(drop)
}
