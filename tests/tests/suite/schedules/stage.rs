//! Plays a schedule: the host, which may be killed at any time, and the clients.

use super::plan::{Action, Client, Manner, Plan, Row, Step, csv};
use anyhow::{Context, ensure};
use domain::time::rfc3339;
use futures_util::future::try_join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::client::read;
use tests::host::{Host, under_test};
use tests::{Api, Server, Socket};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;

/// How often a request that was cut off is repeated.
const TRIES: usize = 4;
const REMOVED: &str = "the site was removed";

/// Rows that were sent together.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) rows: Vec<Row>,
    pub(super) start: Instant,
    /// When they were known to be stored; anything sent from then on is later.
    pub(super) end: Option<Instant>,
    /// The name of the file.
    pub(super) file: Option<String>,
}

/// A site that was removed.
#[derive(Debug)]
pub(super) struct Removed {
    pub(super) site: &'static str,
    pub(super) start: Instant,
    /// When its removal was known; `None`: nobody knows whether it was removed.
    pub(super) end: Option<Instant>,
}

/// What the clients know in the end.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) sent: Vec<Sent>,
    /// New and withdrawn alerts in the answer to each permit; `None` if unknown.
    pub(super) permits: Vec<Option<(u64, u64)>>,
    pub(super) readings_sent: bool,
    pub(super) removed: Vec<Removed>,
    /// Readings that were refused, and permits that were second.
    pub(super) refused: usize,
    /// Answers that no client should get.
    pub(super) wrong: Vec<String>,
}

/// The host's addresses.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) api: Api,
    address: String,
    socket: String,
}

/// The host, running or not, and what was recorded about it.
pub(super) struct Stage {
    data: TempDir,
    server: tokio::sync::Mutex<Server>,
    place: watch::Sender<Option<Place>>,
    kills: bool,
    pub(super) removes: bool,
    pub(super) notes: RefCell<Notes>,
}

async fn start(data: &TempDir) -> anyhow::Result<(Server, Place)> {
    let options = Server::options().data(data.path()).env("OW_SC_WS_MSGS_PER_SEC", "100000");
    let server = options.start().await?;
    let (address, socket) = (server.address().to_owned(), server.ws_url("/ws/effluent"));
    let place = Place { api: Api::new(&server), address, socket };
    Ok((server, place))
}

impl Place {
    /// A connection to a site; its events do not arrive before it subscribes.
    pub(super) async fn socket(&self, site: &str) -> anyhow::Result<Socket> {
        Socket::connect(&format!("{}?site={site}&wait=true", self.socket)).await
    }

    /// Sends a request, or part of its body, and disconnects without reading an answer.
    async fn send_and_leave(&self, request: &Request<'_>, manner: Manner) -> anyhow::Result<()> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: {}\r\n", request.method, request.path, self.address);
        for (name, value) in &request.headers {
            write!(head, "{name}: {value}\r\n")?;
        }
        write!(head, "content-length: {}\r\n\r\n", request.body.len())?;
        let (sent, stays) = match manner {
            Manner::BreaksOff(part) => ((request.body.len() as f64 * part) as usize, Duration::ZERO),
            Manner::Leaves(after) => (request.body.len(), after),
            Manner::Waits => (request.body.len(), Duration::ZERO),
        };
        let mut stream = TcpStream::connect(&self.address).await?;
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&request.body.as_bytes()[..sent]).await?;
        stream.flush().await?;
        // The moment at which the client disconnects, not a wait for something.
        tokio::time::sleep(stays).await;
        Ok(())
    }
}

struct Request<'a> {
    method: Method,
    path: &'a str,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// The outcome of a request.
enum Outcome {
    Answered(StatusCode, Value),
    /// Nobody knows whether it was carried out.
    Cut,
}

impl Stage {
    pub(super) async fn new(plan: &Plan) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let (server, place) = start(&data).await?;
        let (place, server) = (watch::Sender::new(Some(place)), tokio::sync::Mutex::new(server));
        let (kills, removes) = (plan.kills() > 0, plan.removes());
        Ok(Self { data, server, place, kills, removes, notes: RefCell::default() })
    }

    /// Runs all actions at their planned times, or one after the other and undisturbed.
    pub(super) async fn play(&self, plan: &Plan, serial: bool) -> anyhow::Result<()> {
        if !serial {
            let acts = plan.steps.iter().map(|Step { after, action }| async {
                tokio::time::sleep(*after).await;
                self.act(action, false).await
            });
            try_join_all(acts).await?;
            return Ok(());
        }
        for step in &plan.steps {
            self.act(&step.action, true).await?;
        }
        Ok(())
    }

    /// The host's addresses, once it is up.
    pub(super) async fn place(&self) -> anyhow::Result<Place> {
        let mut places = self.place.subscribe();
        let place = places.wait_for(Option::is_some).await?.clone();
        place.context("the host is down")
    }

    async fn act(&self, action: &Action, serial: bool) -> anyhow::Result<()> {
        let calm = |client: &Client| Client { manner: if serial { Manner::Waits } else { client.manner }, ..*client };
        match action {
            Action::File { name, rows, client } => self.file(name, rows, calm(client)).await,
            Action::Readings { rows, at_once } => self.readings(rows, *at_once).await,
            Action::Permit { site, document, client } => {
                let tag = self.tag(site).await?;
                self.permit(site, document, tag, calm(client)).await.map(drop)
            }
            Action::Rivals { site, documents } => self.rivals(site, documents, serial).await,
            Action::Remove { site } => self.remove(site).await,
            Action::Kill { function, which } => self.kill(function, *which).await,
        }
    }

    async fn kill(&self, function: &str, which: f64) -> anyhow::Result<()> {
        let mut server = self.server.lock().await;
        if under_test() == Host::Functions {
            let environments = server.environments(function)?;
            let victim = environments.get((environments.len() as f64 * which) as usize);
            if let Some(victim) = victim {
                tokio::process::Command::new("kill").args(["-9", &victim.to_string()]).status().await?;
            }
            return Ok(());
        }
        self.place.send_replace(None);
        server.kill().await?;
        let (started, place) = start(&self.data).await?;
        *server = started;
        self.place.send_replace(Some(place));
        Ok(())
    }

    /// The host's warnings and errors since it was last killed.
    pub(super) async fn troubles(&self) -> Vec<String> {
        let log = self.server.lock().await.log();
        let troubles = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR"));
        troubles.map(str::to_owned).collect()
    }

    /// Sends a request as its client does, and repeats it if it was cut off and the client cares.
    async fn request(&self, request: &Request<'_>, client: Client) -> anyhow::Result<Outcome> {
        if !matches!(client.manner, Manner::Waits) {
            // A host that dies meanwhile has the same effect as a client that disconnects.
            let _ = self.place().await?.send_and_leave(request, client.manner).await;
            if !client.again {
                return Ok(Outcome::Cut);
            }
        }
        for _ in 0..if client.again { TRIES } else { 1 } {
            let place = self.place().await?;
            let mut sending = place.api.request(request.method.clone(), request.path).body(request.body.clone());
            for (name, value) in &request.headers {
                sending = sending.header(*name, value);
            }
            let answered = match sending.send().await {
                Ok(response) => read(response).await,
                Err(error) => Err(error.into()),
            };
            match answered {
                Ok((status, _)) if status.is_server_error() && self.killing_functions() => {}
                Ok((status, body)) => return Ok(Outcome::Answered(status, body)),
                Err(error) if !self.kills => self.wrong(format!("{}: {error:#}", request.path)),
                Err(_) => {}
            }
        }
        Ok(Outcome::Cut)
    }

    /// If so, a failure may be the end of the process that would have answered; the gateway itself survives.
    fn killing_functions(&self) -> bool {
        self.kills && under_test() == Host::Functions
    }

    fn wrong(&self, what: String) {
        self.notes.borrow_mut().wrong.push(what);
    }

    async fn file(&self, name: &str, rows: &[Row], client: Client) -> anyhow::Result<()> {
        let path = format!("/api/ingest?source={name}");
        let headers = vec![("content-type", "text/csv".to_owned())];
        let (start, request) =
            (Instant::now(), Request { method: Method::POST, path: &path, headers, body: csv(rows) });
        let outcome = self.request(&request, client).await?;
        let end = match outcome {
            Outcome::Answered(StatusCode::OK | StatusCode::ACCEPTED, _) => Some(Instant::now()),
            Outcome::Answered(status, body) if self.meets_removal(status, &body) => {
                self.notes.borrow_mut().refused += 1;
                None
            }
            Outcome::Answered(status, body) => {
                self.wrong(format!("{name}: {status} {body}"));
                None
            }
            Outcome::Cut => None,
        };
        self.notes.borrow_mut().sent.push(Sent { rows: rows.to_owned(), start, end, file: Some(name.to_owned()) });
        Ok(())
    }

    /// The tag of a site's permit, if it has one.
    async fn tag(&self, site: &str) -> anyhow::Result<Option<String>> {
        let path = format!("/api/permits/{site}");
        for _ in 0..TRIES {
            match self.place().await?.api.get(&path).await {
                Ok(response) if response.status() == StatusCode::OK => {
                    let tag = response.headers().get("etag").and_then(|tag| tag.to_str().ok());
                    return Ok(tag.map(str::to_owned));
                }
                Ok(response) if self.removes && response.status() == StatusCode::CONFLICT => {}
                Ok(response) if !self.killing_functions() => {
                    self.wrong(format!("GET {path}: {}", response.status()));
                }
                Err(error) if !self.kills => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(None)
    }

    /// Whether it was accepted.
    async fn permit(&self, site: &str, document: &Value, tag: Option<String>, client: Client) -> anyhow::Result<bool> {
        let path = format!("/api/permits/{site}");
        let mut headers = vec![("content-type", "application/json".to_owned())];
        headers.extend(tag.map(|tag| ("if-match", tag)));
        let request = Request { method: Method::PUT, path: &path, headers, body: document.to_string() };
        let outcome = self.request(&request, client).await?;
        let mut notes = self.notes.borrow_mut();
        match outcome {
            Outcome::Answered(StatusCode::OK | StatusCode::ACCEPTED, body) => {
                let count = |name| body["alerts"][name].as_u64();
                notes.permits.push(count("new").zip(count("withdrawn")));
                Ok(true)
            }
            // The earlier version may be its own first attempt.
            Outcome::Answered(StatusCode::CONFLICT, _) => {
                if !matches!(client.manner, Manner::Waits) || self.kills || self.removes {
                    notes.permits.push(None);
                }
                notes.refused += 1;
                Ok(false)
            }
            Outcome::Answered(status, body) => {
                notes.permits.push(None);
                notes.wrong.push(format!("{path}: {status} {body}"));
                Ok(false)
            }
            Outcome::Cut => {
                notes.permits.push(None);
                Ok(false)
            }
        }
    }

    async fn rivals(&self, site: &str, [a, b]: &[Value; 2], serial: bool) -> anyhow::Result<()> {
        let client = Client { manner: Manner::Waits, again: false };
        let tag = self.tag(site).await?;
        let conditional = tag.is_some();
        let both = if serial {
            let first = self.permit(site, a, tag, client).await?;
            (first, self.permit(site, b, self.tag(site).await?, client).await?)
        } else {
            tokio::try_join!(self.permit(site, a, tag.clone(), client), self.permit(site, b, tag, client))?
        };
        if both == (true, true) && conditional && !serial && !self.removes {
            self.wrong(format!("two permits of {site} replaced the same one"));
        }
        Ok(())
    }

    /// Whether a request was refused because its site was being removed.
    fn meets_removal(&self, status: StatusCode, body: &Value) -> bool {
        self.removes && status == StatusCode::CONFLICT && body["error"]["code"] == "being_removed"
    }

    /// Removes a site, unless files are being recorded there at each attempt.
    async fn remove(&self, site: &'static str) -> anyhow::Result<()> {
        let path = format!("/api/sites/{site}?confirm={site}&reason=moved");
        let client = Client { manner: Manner::Waits, again: true };
        for _ in 0..TRIES {
            let (start, headers) = (Instant::now(), Vec::new());
            let request = Request { method: Method::DELETE, path: &path, headers, body: String::new() };
            let end = match self.request(&request, client).await? {
                Outcome::Answered(StatusCode::OK | StatusCode::ACCEPTED, _) => Some(Instant::now()),
                Outcome::Answered(StatusCode::CONFLICT, body) if body["error"]["code"] == "unfinished" => continue,
                // An earlier request may have been carried out although its connection was cut off.
                Outcome::Answered(StatusCode::NOT_FOUND, _) if !self.kills => return Ok(()),
                Outcome::Answered(StatusCode::NOT_FOUND, _) | Outcome::Cut => None,
                Outcome::Answered(status, body) => {
                    self.wrong(format!("{path}: {status} {body}"));
                    None
                }
            };
            self.notes.borrow_mut().removed.push(Removed { site, start, end });
            return Ok(());
        }
        Ok(())
    }

    /// A publisher, which knows that a reading is stored when another client has received it. If its connection ends,
    /// nobody knows; it reconnects once and continues with the next reading.
    async fn readings(&self, rows: &[Row], at_once: bool) -> anyhow::Result<()> {
        let Some(site) = rows.first().map(|row| row.site) else { return Ok(()) };
        self.notes.borrow_mut().readings_sent = true;
        let mut rest: Vec<&[Row]> = if at_once { vec![rows] } else { rows.chunks(1).collect() };
        for _ in 0..2 {
            let Ok(mut line) = Line::open(&self.place().await?, site).await else { continue };
            while !rest.is_empty() {
                let together = rest.remove(0);
                let (start, refused) = (Instant::now(), line.publish(together).await);
                let end = refused.as_ref().is_ok_and(|refused| *refused == 0).then(Instant::now);
                let mut notes = self.notes.borrow_mut();
                notes.sent.push(Sent { rows: together.to_owned(), start, end, file: None });
                match refused {
                    Ok(refused) => notes.refused += refused,
                    Err(error) if !self.kills && error.to_string() != REMOVED => {
                        notes.wrong.push(format!("a publisher: {error:#}"))
                    }
                    Err(_) => break,
                }
            }
        }
        Ok(())
    }
}

/// A publisher's connection, and one that receives the readings of the site's other publishers, which serves as the
/// acknowledgement.
struct Line {
    publisher: Socket,
    watcher: Socket,
}

impl Line {
    async fn open(place: &Place, site: &str) -> anyhow::Result<Self> {
        let publisher = place.socket("elsewhere").await?;
        let mut watcher = place.socket(site).await?;
        watcher.send(&json!({"type": "subscribe", "site": site})).await?;
        // After events that came before it, or the message that the function has failed.
        loop {
            let frame = watcher.next().await?;
            match frame["type"].as_str() {
                Some("subscribed") => return Ok(Self { publisher, watcher }),
                Some("error") | None => anyhow::bail!("no subscription: {frame}"),
                Some(_) => {}
            }
        }
    }

    /// Publishes and waits for the outcome. Returns how many were refused.
    async fn publish(&mut self, rows: &[Row]) -> anyhow::Result<usize> {
        let mut waiting = BTreeSet::new();
        for Row { site, outfall, parameter, time, value, unit, qualifier } in rows {
            let mark = format!("{:x}", rand::random::<u64>());
            let reading = json!({"site": site, "outfall": outfall, "species": parameter, "time": rfc3339(*time),
                                 "concentration": value, "unit": unit, "qualifier": qualifier, "mark": mark, "replaces": true});
            self.publisher.send(&reading).await?;
            waiting.insert(mark);
        }
        let mut refused = 0;
        while waiting.len() > refused {
            tokio::select! {
                event = self.watcher.next() => {
                    let event = event?;
                    // The earlier events were removed with the site.
                    ensure!(event["type"] != "removed", REMOVED);
                    waiting.remove(event["mark"].as_str().unwrap_or_default());
                }
                answer = self.publisher.next() => {
                    let answer = answer?;
                    ensure!(answer["code"] == "unavailable", "{answer}");
                    refused += 1;
                }
            }
        }
        Ok(refused)
    }
}
