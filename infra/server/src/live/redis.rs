//! Hints between processes by Redis pub/sub: which site has new events.
//!
//! Redis carries the hint, the feed carries the truth. Nothing waits for Redis: a hint that cannot be sent is dropped,
//! and the next query makes up for a hint that is lost. Each process hears its own heartbeat. If it does not, Redis
//! counts as down, whatever the connection looks like, and the table is queried as often as without it.

use super::hub::Hub;
use futures_util::StreamExt;
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, AsyncConnectionConfig, Client, Msg, RedisError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use web::config::{Config, ConfigError};

/// How long Redis may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often each process sends a heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// After so long without any message, not even its own, Redis counts as down.
const SILENCE: Duration = Duration::from_secs(4);
/// The first and the longest pause before a retry.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// The exchange of hints through Redis.
pub(crate) struct Redis {
    client: Client,
    channel: String,
    /// Distinguishes this process's hints from others'.
    own: String,
}

/// A hint, or a heartbeat without a site.
#[derive(Debug, Serialize, Deserialize)]
struct Hint {
    from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<String>,
}

#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("{0}")]
    Redis(#[from] RedisError),
    #[error("no answer within {PATIENCE:?}")]
    NoAnswer(#[from] tokio::time::error::Elapsed),
    #[error("nothing heard for {SILENCE:?}")]
    Silent,
    #[error("the connection was closed")]
    Closed,
}

impl Redis {
    /// As configured; `None` without an address.
    pub(crate) fn new(config: &Config) -> Result<Option<Self>, ConfigError> {
        let Some(url) = &config.redis_url else { return Ok(None) };
        let client = Client::open(url.expose()).map_err(|_| ConfigError {
            name: "OW_SC_REDIS_URL".into(),
            value: "(not shown)".into(),
            expected: "redis://[user:password@]host[:port][/database], or rediss://... for TLS,".into(),
        })?;
        let own = uuid::Uuid::new_v4().simple().to_string();
        Ok(Some(Self { client, channel: config.redis_channel.clone(), own }))
    }

    /// Carries hints until the process ends. `sites` are the keys of sites that this process has written to.
    pub(crate) async fn run(self, hub: Hub, mut sites: mpsc::Receiver<String>) {
        let mut pause = PAUSES.0;
        let mut told = false;
        loop {
            let begun = Instant::now();
            let Err(lost) = self.session(&hub, &mut sites, &mut told).await else { return };
            if let Some(others) = hub.others() {
                others.set_hint(false);
            }
            metrics::gauge!(crate::metrics::REDIS_UP).set(0.0);
            if !std::mem::replace(&mut told, true) {
                tracing::warn!(error = %lost, "Redis is lost; events of other processes are found by querying the table");
            }
            pause = if begun.elapsed() > SILENCE * 2 { PAUSES.0 } else { (pause * 2).min(PAUSES.1) };
            sleep(pause).await;
        }
    }

    /// Ends without an error when the process itself ends and has no more hints.
    async fn session(&self, hub: &Hub, sites: &mut mpsc::Receiver<String>, told: &mut bool) -> Result<(), Lost> {
        let mut pubsub = timeout(PATIENCE, self.client.get_async_pubsub()).await??;
        timeout(PATIENCE, pubsub.subscribe(&self.channel)).await??;
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = timeout(PATIENCE, connecting).await??;
        let mut messages = pubsub.into_on_message();
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut heard, mut up) = (Instant::now(), false);
        loop {
            tokio::select! {
                message = messages.next() => {
                    self.hear(hub, &message.ok_or(Lost::Closed)?);
                    heard = Instant::now();
                    if !std::mem::replace(&mut up, true) {
                        self.is_up(hub, std::mem::take(told));
                    }
                }
                site = sites.recv() => {
                    let Some(site) = site else { return Ok(()) };
                    // Hints that queued up while the last one was being sent are merged.
                    let mut keys = BTreeSet::from([site]);
                    while let Ok(site) = sites.try_recv() {
                        keys.insert(site);
                    }
                    for site in keys {
                        self.say(&mut connection, Some(site)).await?;
                    }
                }
                _ = heartbeat.tick() => {
                    if heard.elapsed() > SILENCE {
                        return Err(Lost::Silent);
                    }
                    self.say(&mut connection, None).await?;
                }
            }
        }
    }

    fn is_up(&self, hub: &Hub, again: bool) {
        if let Some(others) = hub.others() {
            others.set_hint(true);
        }
        metrics::gauge!(crate::metrics::REDIS_UP).set(1.0);
        tracing::info!(channel = self.channel, "{}", if again { "Redis is back" } else { "Redis carries hints" });
        // Find what was written since the last hint that arrived.
        hub.wake(None);
    }

    /// Any unknown message in the channel makes every site query the table: an unknown hint is still a hint.
    fn hear(&self, hub: &Hub, message: &Msg) {
        match serde_json::from_slice::<Hint>(message.get_payload_bytes()) {
            Ok(hint) if hint.from == self.own => {}
            Ok(Hint { site: Some(site), .. }) => hub.wake(Some(&site)),
            Ok(Hint { site: None, .. }) => {}
            Err(_) => hub.wake(None),
        }
    }

    async fn say(&self, connection: &mut MultiplexedConnection, site: Option<String>) -> Result<(), Lost> {
        let hint = Hint { from: self.own.clone(), site };
        // Two strings always serialise.
        let payload = serde_json::to_string(&hint).unwrap_or_default();
        Ok(timeout(PATIENCE, connection.publish::<_, _, ()>(&self.channel, payload)).await??)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(url: &str) -> Result<bool, String> {
        let config = Config { redis_url: Some(url.into()), ..Config::defaults() };
        Redis::new(&config).map(|redis| redis.is_some()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_that_is_none_is_refused_without_showing_it() {
        for good in
            ["redis://host", "redis://user:hidden@host:6379/0", "rediss://:hidden@[::1]:6380", "redis://h:65535"]
        {
            assert_eq!(opened(good), Ok(true), "{good}");
        }
        for bad in
            ["redis://:hidden@host:notaport", "redis://h:65536", "redis://:hidden@", "redis://:hidden@host/first"]
        {
            let said = opened(bad).unwrap_err();
            assert!(said.starts_with("OW_SC_REDIS_URL=") && said.contains("host[:port]"), "{said}");
            assert!(!said.contains("hidden") && !said.contains(bad), "{said}");
        }
        assert!(Redis::new(&Config::defaults()).is_ok_and(|redis| redis.is_none()));
    }
}
