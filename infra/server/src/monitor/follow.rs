//! Watches a server's alerts live.

use super::{Monitor, shown};
use crate::outcome::Outcome;
use crate::remote::encoded;
use crate::remote::socket::{self, Socket};
use crate::serve::told_to_stop;
use crate::terminal::say;
use anyhow::{Context, ensure};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

/// How long a connection may be silent, and how often it is pinged.
const SILENCE: Duration = Duration::from_secs(30);
/// The pause before a broken connection is retried, at first and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(10)];

/// The alerts seen so far.
#[derive(Default)]
struct Seen {
    alerts: u64,
    /// The position in the site's feed up to which all were seen.
    after: Option<u64>,
}

/// Watches until interrupted, or until the time is up.
pub(super) async fn run(options: &Monitor) -> anyhow::Result<Outcome> {
    let mut seen = Seen::default();
    let stop = told_to_stop().context("signals cannot be received")?;
    let over = async {
        match options.during {
            Some(length) => tokio::time::sleep(length).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = watch(options, &mut seen) => ended?,
        () = stop => {}
        () = over => {}
    }
    Ok(if seen.alerts > 0 { Outcome::Exceedances } else { Outcome::Compliant })
}

/// Watches for ever; after a broken connection, the next one resumes where it ended. The first must succeed.
async fn watch(options: &Monitor, seen: &mut Seen) -> anyhow::Result<()> {
    let mut stream = connect(options).await?;
    let mut pause = PAUSES[0];
    loop {
        let ended = listen(options, stream, seen).await;
        loop {
            tracing::warn!(reason = %ended.as_ref().map_or_else(ToString::to_string, |()| "closed".into()), "reconnecting");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES[1]);
            if let Ok(next) = connect(options).await {
                stream = next;
                pause = PAUSES[0];
                break;
            }
        }
    }
}

async fn connect(options: &Monitor) -> anyhow::Result<Socket> {
    socket::connect(&options.address, &format!("/ws/alerts?{}", encoded(&[("site", &options.terms.site)]))).await
}

/// Handles events until the connection ends.
async fn listen(options: &Monitor, mut stream: Socket, seen: &mut Seen) -> anyhow::Result<()> {
    // The answer contains the position of the feed: the next connection resumes there.
    let mut subscribe = json!({"type": "subscribe", "site": options.terms.site});
    if let Some(after) = seen.after {
        subscribe["after"] = after.into();
    }
    stream.send(Message::text(subscribe.to_string())).await?;
    let mut asked = false;
    loop {
        let message = match tokio::time::timeout(SILENCE, stream.next()).await {
            Ok(Some(message)) => message?,
            Ok(None) => return Ok(()),
            Err(_) => {
                ensure!(!asked, "nothing arrived for {SILENCE:?}");
                asked = true;
                stream.send(Message::text(json!({"type": "ping"}).to_string())).await?;
                continue;
            }
        };
        asked = false;
        if let Message::Text(text) = message {
            let events: Value = serde_json::from_str(&text)?;
            let alone = std::slice::from_ref(&events);
            for event in events.as_array().map_or(alone, Vec::as_slice) {
                seen.take(event, options.json);
            }
        }
    }
}

impl Seen {
    fn take(&mut self, event: &Value, json: bool) {
        if let Some(seq) = event["seq"].as_u64() {
            self.after = Some(seq);
        }
        if event["type"] == "error" {
            tracing::warn!(%event, "the server reports an error");
        }
        if event["type"] != "alerts" {
            return;
        }
        let alerts = event["alerts"].as_array().map_or(&[][..], Vec::as_slice);
        self.alerts += alerts.len() as u64 + event["omitted"].as_u64().unwrap_or_default();
        if json {
            say(event);
            return;
        }
        alerts.iter().for_each(|alert| say(shown::alert(alert)));
        let number = |name: &str| event[name].as_u64().unwrap_or_default();
        if number("omitted") > 0 {
            say(format_args!("and {} more; GET /api/alerts has them", number("omitted")));
        }
        let withdrawn = event["withdrawn"].as_array().map_or(0, Vec::len) as u64 + number("withdrawn_omitted");
        if withdrawn > 0 {
            say(format_args!("{withdrawn} withdrawn: values or limits were corrected"));
        }
    }
}
