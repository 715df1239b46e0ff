//! A database that misbehaves as DynamoDB occasionally does: a proxy in front of a well-behaved one.
//!
//! ```ignore
//! let table = Table::new()?;
//! let faults = Faults::before(table.endpoint(), 7)?;
//! let server = Server::options().table(faults.endpoint(), table.name()).start().await?;
//! faults.set(Chances::every(0.3));
//! faults.rule(|call| (call.mentions("FEED#") && call.count == 3).then_some(Fault::Lost));
//! faults.on();
//! ```

mod answers;
mod hold;
mod kinds;
mod line;

use answers::Answer;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
pub use hold::Hold;
use hold::{Gate, Place};
pub use kinds::{Call, Chances, Fault, Kind, Reason};
use line::{Cut, Lines};
use rand::rngs::StdRng;
use reqwest::Client;
use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Returns the fault of a call, if the rule applies to it.
type Rule = Box<dyn Fn(&Call) -> Option<Fault> + Send + Sync>;

/// A proxy in front of a database, on its own threads. At first, it passes everything on. It ends when dropped.
#[derive(Debug)]
pub struct Faults {
    endpoint: String,
    proxy: Arc<Proxy>,
    runtime: Option<Runtime>,
}

struct Proxy {
    client: Client,
    database: String,
    seed: u64,
    on: AtomicBool,
    chances: Mutex<Chances>,
    rules: Mutex<Vec<Rule>>,
    gates: Mutex<Vec<Arc<Gate>>>,
    calls: Mutex<BTreeMap<String, u64>>,
    done: Mutex<BTreeMap<(Kind, String), u64>>,
}

impl Faults {
    /// A proxy for the database at this address. Its randomness depends only on the seed.
    pub fn before(database: &str, seed: u64) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let proxy = Arc::new(Proxy {
            client: Client::builder().no_proxy().build()?,
            database: database.to_owned(),
            seed,
            on: AtomicBool::new(false),
            chances: Mutex::default(),
            rules: Mutex::default(),
            gates: Mutex::default(),
            calls: Mutex::default(),
            done: Mutex::default(),
        });
        // Neither must slow the other down: tests run on one thread, and measure calls through this proxy.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let router = Router::new().fallback(pass).layer(DefaultBodyLimit::disable()).with_state(proxy.clone());
        runtime.spawn(async move {
            let lines = Lines(TcpListener::from_std(listener)?);
            axum::serve(lines, router.into_make_service_with_connect_info::<Cut>()).await
        });
        Ok(Self { endpoint, proxy, runtime: Some(runtime) })
    }

    /// The proxy's address.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Sets the probabilities from now on. Nothing happens while it is off.
    pub fn set(&self, chances: Chances) {
        *held(&self.proxy.chances) = chances;
    }

    /// Adds a rule. The first rule that applies decides; if none does, chance decides. Nothing happens while it is off.
    pub fn rule(&self, rule: impl Fn(&Call) -> Option<Fault> + Send + Sync + 'static) {
        held(&self.proxy.rules).push(Box::new(rule));
    }

    /// Forgets all rules.
    pub fn forget_rules(&self) {
        held(&self.proxy.rules).clear();
    }

    /// Switches it on.
    pub fn on(&self) {
        self.proxy.on.store(true, Ordering::SeqCst);
    }

    /// Switches it off: everything is passed on. Held calls stay held.
    pub fn off(&self) {
        self.proxy.on.store(false, Ordering::SeqCst);
    }

    /// Holds the next matching call, on or off, before it is passed on.
    pub fn hold(&self, is_meant: impl Fn(&Call) -> bool + Send + Sync + 'static) -> Hold {
        self.gate(Gate::new(Place::Call, Box::new(is_meant)))
    }

    /// Holds the answer to the next matching call, on or off: it has been carried out, but nobody knows yet.
    pub fn hold_answer(&self, is_meant: impl Fn(&Call) -> bool + Send + Sync + 'static) -> Hold {
        self.gate(Gate::new(Place::Answer, Box::new(is_meant)))
    }

    /// How many faults of this kind have happened.
    pub fn count(&self, kind: Kind) -> u64 {
        held(&self.proxy.done).iter().filter(|((of, _), _)| *of == kind).map(|(_, count)| count).sum()
    }

    /// How many faults of this kind have happened to an operation.
    pub fn count_of(&self, kind: Kind, operation: &str) -> u64 {
        held(&self.proxy.done).get(&(kind, operation.to_owned())).copied().unwrap_or_default()
    }

    /// How many calls of an operation have arrived.
    pub fn calls(&self, operation: &str) -> u64 {
        held(&self.proxy.calls).get(operation).copied().unwrap_or_default()
    }

    /// A summary for a test's log.
    pub fn report(&self) -> String {
        let done: Vec<_> = held(&self.proxy.done).iter().map(|((k, o), n)| format!("{k:?} {o} {n}")).collect();
        let calls: u64 = held(&self.proxy.calls).values().sum();
        format!("{calls} calls; {}", done.join(", "))
    }

    fn gate(&self, gate: Gate) -> Hold {
        let gate = Arc::new(gate);
        let mut gates = held(&self.proxy.gates);
        gates.retain(|gate| !gate.is_done());
        gates.push(gate.clone());
        Hold { gate }
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A runtime must not be dropped within another one.
            runtime.shutdown_background();
        }
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().expect("nobody panics with it")
}

async fn pass(
    State(proxy): State<Arc<Proxy>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // In a task of its own: a received call is carried out, even if the caller gives up or is killed meanwhile.
    match tokio::spawn(proxy.answer(headers, body)).await {
        Ok(Some(answer)) => answer.into_response(),
        Ok(None) | Err(_) => {
            cut.cut();
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}

impl Proxy {
    /// The answer to a call, or `None` if it is lost.
    async fn answer(self: Arc<Self>, headers: HeaderMap, body: Bytes) -> Option<Answer> {
        let call = self.call(&headers, body);
        let mut dice = kinds::dice(self.seed, &call);
        let (slow, fault) = self.fate(&call, &mut dice);
        self.wait_at(Place::Call, &call).await;
        if let Some(fault @ Fault::Slow(delay)) = slow {
            self.note(fault, &call);
            tokio::time::sleep(delay).await;
        }
        let answer = self.carry_out(fault, headers, &call, &mut dice).await;
        self.wait_at(Place::Answer, &call).await;
        answer
    }

    fn call(&self, headers: &HeaderMap, bytes: Bytes) -> Call {
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        let (service, operation) = target.split_once('.').unwrap_or_default();
        let mut calls = held(&self.calls);
        let count = calls.entry(operation.to_owned()).or_default();
        *count += 1;
        Call { operation: operation.to_owned(), count: *count, of_stream: service.contains("Streams"), bytes }
    }

    /// The delay of a call, and its other fault.
    fn fate(&self, call: &Call, dice: &mut StdRng) -> (Option<Fault>, Option<Fault>) {
        if !self.on.load(Ordering::SeqCst) {
            return (None, None);
        }
        match held(&self.rules).iter().find_map(|rule| rule(call)) {
            Some(slow @ Fault::Slow(_)) => (Some(slow), None),
            Some(fault) => (None, Some(fault)),
            None => held(&self.chances).roll(call, dice),
        }
    }

    async fn carry_out(
        &self,
        fault: Option<Fault>,
        headers: HeaderMap,
        call: &Call,
        dice: &mut StdRng,
    ) -> Option<Answer> {
        let Some(fault) = fault else { return self.forward(headers, call.bytes.clone()).await };
        if let Some(refusal) = answers::refusal(fault, call, dice) {
            self.note(fault, call);
            return Some(refusal);
        }
        if fault == Fault::Lost {
            self.forward(headers, call.bytes.clone()).await;
            self.note(fault, call);
            return None;
        }
        let Some((rest, taken)) = answers::divided(call, dice) else {
            return self.forward(headers, call.bytes.clone()).await;
        };
        self.note(fault, call);
        let answer = self.forward(headers, rest).await?;
        Some(answers::with_unprocessed(answer, taken))
    }

    /// Passes a call on. The signature, which a changed body invalidates, is not verified.
    async fn forward(&self, mut headers: HeaderMap, body: Bytes) -> Option<Answer> {
        for name in [header::HOST, header::CONTENT_LENGTH, header::CONNECTION] {
            headers.remove(name);
        }
        let answer = self.client.post(&self.database).headers(headers).body(body).send().await.ok()?;
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        for name in [header::TRANSFER_ENCODING, header::CONTENT_LENGTH, header::CONNECTION] {
            headers.remove(name);
        }
        Some((status, headers, answer.bytes().await.ok()?))
    }

    async fn wait_at(&self, place: Place, call: &Call) {
        let gate = held(&self.gates).iter().find(|gate| gate.takes(place, call)).cloned();
        if let Some(gate) = gate {
            gate.wait().await;
        }
    }

    fn note(&self, fault: Fault, call: &Call) {
        *held(&self.done).entry((fault.kind(), call.operation.clone())).or_default() += 1;
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("database", &self.database).field("seed", &self.seed).finish_non_exhaustive()
    }
}
