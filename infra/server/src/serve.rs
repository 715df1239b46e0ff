//! `owsc serve`: from settings to a running server, and back.

use crate::backup::Backups;
use crate::cli::LogFormat;
use crate::database::Database;
use crate::edge::{self, Places};
use crate::inbox::Origin;
use crate::live::{Hub, Live, Others, Redis};
use crate::{database, demo, proxies, ready, recorder, sources};
use anyhow::{Context, bail, ensure};
use api::Api;
use axum::Router;
use clap::Args;
use embedded::Embedded;
use engine::Engine;
use engine::record::{Ingestor, Limits};
use engine::settle::Settler;
use files::scheduled::{Allowed, Pulls};
use files::uploads::Uploads;
use fits::workers::Workers;
use live::metrics::STREAM_BUFFER;
use metrics_exporter_prometheus::PrometheusHandle;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use table::Store;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use web::config::Config;
use web::guard::Guard;
use web::{hosts, layers};
use ws_message::Messages;

/// How long a stopping server waits for requests and connections; orchestrators kill after 10 s or more.
const DRAIN: Duration = Duration::from_secs(8);

/// Options of `owsc serve`.
#[derive(Debug, Clone, Args)]
pub struct Serve {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: IpAddr,
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 8000)]
    pub(crate) port: u16,
    /// Which database; without it, AWS if AWS_ENDPOINT_URL_DYNAMODB is set, else the embedded one
    #[arg(long, value_enum)]
    database: Option<Database>,
    /// Load a demonstration file into an empty database
    #[arg(long)]
    demo: bool,
    /// Print one line of JSON instead of the greeting, once it listens: its addresses, for programs that start it
    #[arg(long)]
    ready_line: bool,
    /// Earlier versions loaded the demonstration file unless they were given this option
    #[arg(long, hide = true, conflicts_with = "demo")]
    no_demo: bool,
}

/// Serves until it is told to stop.
pub(crate) fn run(options: Serve, format: Option<LogFormat>) -> anyhow::Result<()> {
    let (config, unknown) = Config::from_env()?;
    telemetry::logs::init(format.map_or(config.log_format, Into::into), config.log_level);
    for name in unknown {
        tracing::warn!(name, "an unknown setting is ignored");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(serve(options, Arc::new(config)));
    // Whatever still runs, such as a parser on a blocking thread, must not block the exit.
    runtime.shutdown_timeout(Duration::from_millis(500));
    result
}

async fn serve(options: Serve, config: Arc<Config>) -> anyhow::Result<()> {
    ensure!(
        config.api_token.is_some() || config.allow_anonymous || options.host.is_loopback(),
        "--host {}: anybody who can reach it could read and write. Set OW_SC_API_TOKEN, or OW_SC_ALLOW_ANONYMOUS=1 if that is intended",
        options.host
    );
    let metrics = recorder::install()?;
    let redis = Redis::new(&config)?;
    let embedded = match database::choose(options.database) {
        Database::Embedded => Some(embedded(&config)?),
        Database::Aws => None,
    };
    let store = database::connect(&config, embedded.as_ref()).await;
    prepare(&store, embedded.is_some()).await.with_context(|| format!("cannot use the table {}", store.table()))?;
    let hub = hub(&store, embedded.is_some(), redis);
    let limits = Limits { bytes: config.max_csv_bytes, rows: config.max_csv_rows };
    let engine = Engine::new(store.clone(), Arc::new(hub.clone()));
    let ingestor = engine.ingestor(limits, std::env::temp_dir(), true);
    if options.demo {
        demo::load_if_empty(&engine).await?;
    }
    let beside = embedded.as_ref().map(|_| config.data_dir.join("inbox").display().to_string());
    let origin = match config.inbox.clone().or(beside) {
        Some(inbox) => Some(Origin::open(&inbox).await?),
        None => None,
    };
    let uploads = origin.as_ref().map(|origin| Uploads::new(store.clone(), origin.depot(), config.max_batch_bytes));
    let bucket = match (&config.upload_url, &uploads) {
        (None, Some(uploads)) => uploads.origin().await.and_then(|origin| origin.parse().ok()),
        (given, _) => given.clone(),
    };
    let listener = TcpListener::bind((options.host, options.port)).await;
    let listener = listener.with_context(|| format!("cannot listen on {}:{}", options.host, options.port))?;
    edge::make_room(&listener);
    let address = listener.local_addr()?;
    let stopping = CancellationToken::new();
    let guard = Guard::new(&config);
    let messages = Messages::new(engine.publisher(), &config);
    let workers = Workers::new(store.clone(), fits_at_once(), stopping.clone());
    let settler = engine.settler().clone();
    let sweeping = tokio::spawn(sweep(settler, workers.clone(), config.sweep_every, stopping.clone()));
    let backing_up =
        backups(&config, embedded.is_some()).await?.map(|backups| tokio::spawn(backups.run(stopping.clone())));
    let sources = origin.as_ref().map(|_| Arc::new(Allowed::new(&config.source_hosts)));
    let taking = origin.map(|origin| tokio::spawn(take_in(origin, engine.clone(), config.clone(), stopping.clone())));
    let live = Live::new(store.clone(), hub.clone(), messages, guard.clone(), stopping.clone());
    let api = Api { store: store.clone(), engine, sources };
    let app = router(&config, api, hub, ingestor, &guard, metrics)
        .merge(upload::router(uploads, &guard))
        .merge(chemistry_function::router(store.clone(), Arc::new(workers.clone()), &guard))
        .merge(dashboard::router(config.live_url.as_ref(), bucket.as_ref()))
        .merge(live.clone().router());
    let app = layers::wrap(hosts::known_alone(app, &config), &config);
    let app = proxies::see_through(app, &config.trusted_proxies);
    let places = Places::of_system(&config.trusted_proxies);
    let stop = told_to_stop().context("signals cannot be received")?;
    if options.ready_line {
        ready::tell(address)?
    } else {
        greet(address)
    }
    if config.api_token.is_none() && !address.ip().is_loopback() {
        tracing::warn!("OW_SC_API_TOKEN is not set: anybody who can reach {address} may read and write");
    }
    let server = tokio::spawn(edge::serve(listener, app, places, stopping.clone()));
    let broken = async {
        match &embedded {
            Some(embedded) => embedded.broken().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = stop => {}
        () = broken => bail!("the embedded database has failed: restart the server"),
    }
    tracing::info!("stopping");
    stopping.cancel();
    let taken = async {
        if let Some(taking) = taking {
            drop(taking.await)
        }
    };
    let backed_up = async {
        if let Some(backing_up) = backing_up {
            drop(backing_up.await)
        }
    };
    let drained = async { tokio::join!(server, live.ended(), sweeping, workers.ended(), taken, backed_up) };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::warn!("requests or connections were still open after {DRAIN:?} and are cut off");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Takes in files from the inbox, and fetches those of sources, until the server stops.
async fn take_in(origin: Origin, engine: Engine, config: Arc<Config>, stopping: CancellationToken) {
    let limits = Limits { bytes: config.max_batch_bytes, rows: u64::MAX };
    let ingestor = || engine.ingestor(limits, std::env::temp_dir(), true);
    let allowed = Allowed::new(&config.source_hosts);
    let pulls =
        Pulls::new(ingestor(), origin.depot(), allowed, config.source_secrets.clone(), limits.bytes, stopping.clone());
    let asking = sources::run(pulls, config.sweep_every, stopping.clone());
    tokio::join!(origin.run(ingestor(), config.sweep_every, stopping), asking);
}

fn embedded(config: &Config) -> anyhow::Result<Embedded> {
    let expected = "a folder that this process, and no other, writes to is expected";
    let directory = &config.data_dir;
    Embedded::start(directory).with_context(|| format!("OW_SC_DATA_DIR={directory:?}: {expected}"))
}

/// Makes sure that the table is usable, and logs what it lacked or lacks.
async fn prepare(store: &Store, is_embedded: bool) -> anyhow::Result<()> {
    let (table, prepared) = (store.table(), store.prepare_table(!is_embedded).await?);
    if prepared.created {
        tracing::info!(table, "a missing table was created");
    }
    for what in prepared.mended {
        tracing::warn!(table, "the table was repaired: {what}");
    }
    for what in prepared.wrong {
        tracing::error!(table, "the table is misconfigured: {what}");
    }
    Ok(())
}

/// Scheduled backups, if they are enabled. Other databases have their own.
async fn backups(config: &Config, is_embedded: bool) -> anyhow::Result<Option<Backups>> {
    if config.backup.is_some() && !is_embedded {
        tracing::warn!("OW_SC_BACKUP is ignored: it applies only to the embedded database");
        return Ok(None);
    }
    Backups::open(config).await
}

/// The hub of the live connections. On a shared table, it follows what others write.
fn hub(store: &Store, embedded: bool, redis: Option<Redis>) -> Hub {
    match redis {
        redis if embedded => {
            if redis.is_some() {
                tracing::warn!("OW_SC_REDIS_URL is ignored: the embedded database is not shared");
            }
            Hub::new(store.clone(), None)
        }
        None => Hub::new(store.clone(), Some(Others::silent())),
        Some(redis) => {
            let (others, told) = Others::told();
            let hub = Hub::new(store.clone(), Some(others));
            tokio::spawn(redis.run(hub.clone(), told));
            hub
        }
    }
}

/// Finishes what other processes left, at once and at every interval.
async fn sweep(settler: Settler, workers: Workers, every: Duration, stopping: CancellationToken) {
    loop {
        // Neither waits for the other, since settling may take long.
        let (settled, taken) = tokio::join!(settler.sweep(), workers.sweep());
        if let Err(error) = settled {
            tracing::warn!(%error, "unfinished work could not be looked for");
        }
        if let Err(error) = taken {
            tracing::warn!(%error, "abandoned fits could not be looked for");
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stopping.cancelled() => return,
        }
    }
}

/// Half of the processors, at least one. Fits run at the lowest priority.
fn fits_at_once() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1))
}

fn router(
    config: &Arc<Config>,
    api: Api,
    hub: Hub,
    ingestor: Ingestor,
    guard: &Guard,
    metrics: PrometheusHandle,
) -> Router {
    let waiting = hub.clone();
    let store = api.store.clone();
    let vitals =
        health::Vitals { store: store.clone(), buffer_size: Arc::new(move || waiting.waiting()), writes: true };
    let table = store;
    let render: metrics_function::Render = Arc::new(move || {
        metrics::gauge!(STREAM_BUFFER).set(hub.waiting() as f64);
        let (table, metrics) = (table.clone(), metrics.clone());
        Box::pin(async move {
            // If the table does not answer, the other metrics are still reported.
            if let Err(error) = engine::settle::report(&table).await {
                tracing::warn!(%error, "unsettled marks could not be counted");
            }
            Ok(metrics.render())
        })
    });
    Router::new()
        .merge(ingest::router(ingestor, api.engine.clone(), guard))
        .merge(api::router(api, guard))
        .merge(api::docs::router(config.api_token.is_some()))
        .merge(health::router(vitals))
        .merge(metrics_function::router(config.clone(), render))
}

/// Tells the user where to go and what to try.
#[expect(clippy::print_stdout, reason = "this is for the person at the terminal; logs go to standard error")]
fn greet(address: SocketAddr) {
    println!(
        "OpenWorld effluent monitor {version} is running.

  Start page  http://{address}/
  API         http://{address}/docs
  Live        ws://{address}/ws/effluent and ws://{address}/ws/alerts

Try it:

  printf 'time,species,concentration\\n1,SO4,200\\n2,SO4,900\\n3,SO4,200\\n' | \\
    curl -sS -H 'Content-Type: text/csv' --data-binary @- 'http://{address}/api/ingest?site=default'
",
        version = env!("CARGO_PKG_VERSION")
    );
}

/// Listens for stop signals from now on, and ends at the first. Otherwise they would end the process at once.
pub(crate) fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
