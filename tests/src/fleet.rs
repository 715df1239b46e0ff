//! Several servers on one table, and clients that move between them.

use crate::server::Options;
use crate::table::Table;
use crate::{Api, Follower, Server, Socket};
use anyhow::{Context, ensure};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long a client looks for a server that accepts it.
const SEARCH: Duration = Duration::from_secs(15);
/// How long until all clients have everything.
const ARRIVAL: Duration = Duration::from_secs(60);

/// The live addresses of the running servers.
pub type Urls = Arc<Mutex<Vec<String>>>;

/// Servers that share a table.
pub struct Fleet {
    /// The running servers.
    pub servers: Vec<Server>,
    /// The addresses that clients try.
    pub urls: Urls,
    table: Table,
    env: Vec<(String, String)>,
}

/// The outcome of a subscriber.
pub struct Arrived {
    /// Everything that it received.
    pub follower: Follower,
    /// How long each connect took, including the first.
    pub away: Vec<Duration>,
}

impl Fleet {
    /// So many servers, all with these settings.
    pub async fn start(count: usize, env: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut fleet = Self {
            servers: Vec::new(),
            urls: Urls::default(),
            table: Table::new()?,
            env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        for _ in 0..count {
            fleet.add().await?;
        }
        Ok(fleet)
    }

    /// The table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Starts another server.
    pub async fn add(&mut self) -> anyhow::Result<()> {
        let options = Options::default().table(self.table.endpoint(), self.table.name());
        let options = options.env("OW_SC_WS_MSGS_PER_SEC", "100000");
        let options = self.env.iter().fold(options, |options, (name, value)| options.env(name, value));
        let server = options.start().await?;
        self.urls.lock().expect("nobody panics with it").push(server.ws_url("/ws/effluent"));
        self.servers.push(server);
        Ok(())
    }

    /// Removes the first server: clients no longer find it.
    pub fn take_first(&mut self) -> Server {
        self.urls.lock().expect("nobody panics with it").remove(0);
        self.servers.remove(0)
    }

    /// The API of a server.
    pub fn api(&self, index: usize) -> Api {
        Api::new(&self.servers[index])
    }

    /// Subscribers, spread over the servers. Each ends once it has all events up to `last`.
    pub fn subscribe(&self, count: usize, last: &watch::Sender<Option<u64>>) -> JoinSet<anyhow::Result<Arrived>> {
        let mut crowd = JoinSet::new();
        for number in 0..count {
            crowd.spawn(subscriber(self.urls.clone(), number, last.subscribe()));
        }
        crowd
    }
}

/// Waits until all subscribers have everything, and verifies it.
pub async fn arrived(
    mut crowd: JoinSet<anyhow::Result<Arrived>>,
    last: &watch::Sender<Option<u64>>,
    events: u64,
) -> anyhow::Result<Vec<Arrived>> {
    last.send_replace(Some(events));
    let all = async {
        let mut all = Vec::new();
        while let Some(one) = crowd.join_next().await {
            let one = one??;
            // `Follower::take` has checked that there is no gap and no repeat.
            ensure!(one.follower.last == events, "{} events instead of {events}", one.follower.last);
            all.push(one);
        }
        Ok(all)
    };
    tokio::time::timeout(ARRIVAL, all).await.context("not all subscribers have everything in time")?
}

async fn subscriber(urls: Urls, mut place: usize, mut last: watch::Receiver<Option<u64>>) -> anyhow::Result<Arrived> {
    let mut arrived = Arrived { follower: Follower::default(), away: Vec::new() };
    loop {
        let since = Instant::now();
        let mut socket = connected(&urls, &mut place, &arrived.follower).await?;
        arrived.away.push(since.elapsed());
        loop {
            if last.borrow_and_update().is_some_and(|last| arrived.follower.last >= last) {
                return Ok(arrived);
            }
            match socket.next_within(Duration::from_millis(200)).await {
                Ok(Some(event)) => arrived.follower.take(event),
                Ok(None) => {}
                // The server has ended; try the next.
                Err(_) => break,
            }
        }
    }
}

async fn connected(urls: &Urls, place: &mut usize, follower: &Follower) -> anyhow::Result<Socket> {
    let until = Instant::now() + SEARCH;
    loop {
        let url = {
            let urls = urls.lock().expect("nobody panics with it");
            urls[*place % urls.len()].clone()
        };
        // A client is connected once it has an answer.
        if let Ok(mut socket) = follower.reconnect(&url).await
            && let Ok(answer) = socket.next().await
        {
            ensure!(answer["type"] == "subscribed" && answer["lost"].is_null(), "{answer}");
            return Ok(socket);
        }
        ensure!(Instant::now() < until, "no server accepts the client");
        *place += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
