//! Handlers as Lambda functions: the common start of every `main.rs` in `functions/`.
//!
//! A [`Function`] holds what is created once per environment: settings, clients, and the recorder of metrics. An
//! invocation ends only once its counts are in the table, because an environment that is frozen or gone reports
//! nothing.

mod clients;
mod fault;
mod http;
mod itself;
pub mod push;
pub mod websocket;

pub use clients::s3;
pub use fault::Fault;
use futures_util::future::join_all;
pub use http::Http;
pub use itself::Itself;
pub use lambda_http::request::LambdaRequest;
use lambda_runtime::{Diagnostic, service_fn};
pub use lambda_runtime::{Error, LambdaEvent};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::sync::Arc;
use table::Store;
use telemetry::deltas::Deltas;
use telemetry::{Family, logs};
use web::config::Config;
pub use web::config::ConfigError;
use web::guard::Guard;
use web::metrics::FAMILIES;

/// Parses an event. Not left to the runtime, where a panic caused by an event's contents would end the process.
fn read<A: DeserializeOwned>(event: LambdaEvent<Box<RawValue>>) -> Result<LambdaEvent<A>, Fault> {
    let (payload, context) = event.into_parts();
    let event = serde_json::from_str(payload.get()).map_err(|error| Fault::BadEvent(error.to_string()))?;
    Ok(LambdaEvent::new(event, context))
}

/// The state of one environment of a function.
pub struct Function {
    config: Arc<Config>,
    store: Store,
    deltas: Deltas,
    /// Distinguishes this environment's counts from others'.
    origin: String,
    tells: bool,
}

impl Function {
    /// Reads the settings and creates the clients. Lambda reports an error, which names the setting, as a failed start
    /// of the environment.
    pub fn start() -> Result<Self, ConfigError> {
        Self::start_with(&[])
    }

    /// The same for a function that has more metrics than every host has.
    pub fn start_with(more: &[&'static Family]) -> Result<Self, ConfigError> {
        let families: Vec<_> = FAMILIES.into_iter().chain(more.iter().copied()).collect();
        let (config, unknown) = Config::from_env()?;
        logs::init(config.log_format, config.log_level);
        for name in unknown {
            tracing::warn!(name, "an unknown setting is ignored");
        }
        let store = Store::new(clients::dynamodb()?, &config.table);
        let deltas = Deltas::new(&families);
        // Fails only if there is one already, and this is the first.
        let _ = ::metrics::set_global_recorder(deltas.clone());
        telemetry::describe(&families);
        let origin = uuid::Uuid::new_v4().simple().to_string();
        Ok(Self { config: Arc::new(config), store, deltas, origin, tells: true })
    }

    /// The same for a function that may not write to the table: its counts are not reported.
    #[must_use]
    pub fn without_counters(self) -> Self {
        Self { tells: false, ..self }
    }

    /// The settings.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The table.
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// The counts of this environment.
    pub fn deltas(&self) -> Deltas {
        self.deltas.clone()
    }

    /// The token and the rate limits of the API, shared by all environments.
    pub fn guard(&self) -> Guard {
        Guard::shared(&self.config, self.store.clone())
    }

    /// Access to WebSocket clients.
    pub fn gateway(&self) -> Result<push::Gateway, ConfigError> {
        let missing = || ConfigError {
            name: "OW_SC_PUSH_URL".into(),
            value: String::new(),
            expected: "the URL of the WebSocket API's stage".into(),
        };
        push::Gateway::new(self.config.push_url.as_deref().ok_or_else(missing)?, self.store())
    }

    /// Wraps a router in the layers that every host has, for events of the HTTP API.
    pub fn http(&self, router: axum::Router) -> Http {
        Http::new(web::layers::wrap(router, &self.config))
    }

    /// Runs a router on the HTTP API's events.
    pub async fn serve(self, router: axum::Router) -> Result<(), Error> {
        let http = self.http(router);
        self.run(async |event: LambdaEvent<LambdaRequest>| Ok::<_, Fault>(http.answer(event).await)).await
    }

    /// Runs a handler of any event.
    pub async fn run<A, B, E>(self, handler: impl AsyncFn(LambdaEvent<A>) -> Result<B, E>) -> Result<(), Error>
    where
        A: DeserializeOwned,
        B: Serialize,
        E: Into<Diagnostic>,
    {
        let (function, handler) = (&self, &handler);
        let run = service_fn(|event: LambdaEvent<Box<RawValue>>| async move {
            // Boxed: the types of the handlers' futures are nested too deeply for the compiler.
            let result = match read(event) {
                Ok(event) => Box::pin(handler(event)).await.map_err(Into::into),
                Err(fault) => Err(fault.into()),
            };
            function.tell().await;
            result
        });
        lambda_runtime::run(run).await
    }

    /// Adds the counts to the table. Whatever cannot be added is kept for the next time.
    async fn tell(&self) {
        if !self.tells {
            return;
        }
        let deltas = self.deltas.take().into_iter().filter(|delta| delta.numbers.values().any(|n| *n != 0.0));
        let results = join_all(deltas.map(async |delta| {
            let told = self.store.add_to_counter(&self.origin, &delta).await;
            told.map_err(|error| (delta, error))
        }));
        let failures: Vec<_> = results.await.into_iter().filter_map(Result::err).collect();
        if let Some((_, error)) = failures.first() {
            tracing::warn!(%error, counters = failures.len(), "counters could not be written; they are kept for the next invocation");
        }
        failures.into_iter().for_each(|(delta, _)| self.deltas.keep(delta));
    }
}
