//! From options to a running gateway and back.

use crate::asynchronous::Asynchronous;
use crate::cli::Options;
use crate::database::Database;
use crate::front::Front;
use crate::functions::{endpoints, pools};
use crate::permissions::{Permissions, Proxy};
use crate::runtime::Pool;
use crate::schedules::Schedules;
use crate::services::Services;
use crate::signing::Keys;
use crate::streams::{self, Feeds};
use crate::template::{Given, Template};
use crate::{data, fire, greet, logs, settings, signing};
use anyhow::Context;
use axum::serve::ListenerExt;
use embedded::Embedded;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long a stopping gateway waits for work in progress.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves until it is told to stop, or asks a running gateway to fire a schedule.
pub fn run(options: &Options) -> anyhow::Result<()> {
    logs::init(options.log_level);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Some(name) = &options.fire {
        return runtime.block_on(fire::fire(options, name));
    }
    let given = Given { parameters: parameters(options)?, secrets: options.secret.clone() };
    let template = Template::load(&options.template, &given)?;
    for warning in &template.warnings {
        tracing::warn!("{warning}");
    }
    if !template.passed_over.is_empty() {
        let kinds: Vec<_> = template.passed_over.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        tracing::info!("ignored, because they do nothing here: {}", kinds.join(", "));
    }
    let result = runtime.block_on(serve(options, &template));
    runtime.shutdown_timeout(Duration::from_millis(500));
    result
}

/// The template's parameters: from the file if requested, overridden by those of the command line.
fn parameters(options: &Options) -> anyhow::Result<Vec<(String, String)>> {
    let mut all = match (&options.config_file, &options.config_env) {
        (None, None) => Vec::new(),
        (file, environment) => {
            let beside = options.template.with_file_name("samconfig.toml");
            settings::parameters(file.as_ref().unwrap_or(&beside), environment.as_deref().unwrap_or("default"))?
        }
    };
    all.retain(|(name, _)| !options.parameter.iter().any(|(given, _)| given == name));
    all.extend(options.parameter.iter().cloned());
    Ok(all)
}

/// The database, if the template has tables: embedded, or at the address in the options.
fn database(options: &Options, template: &Template) -> anyhow::Result<(Option<Embedded>, Option<Database>)> {
    Ok(match &options.database {
        _ if template.tables.is_empty() => (None, None),
        Some(url) => {
            let keys = Keys { access_key: "local".to_owned(), secret: "local".to_owned() };
            (None, Some(Database::at(url.clone(), keys)?))
        }
        None => {
            let embedded = Embedded::start(&options.data_dir)?;
            let database = Database::embedded(embedded.caller());
            (Some(embedded), Some(database))
        }
    })
}

async fn serve(options: &Options, template: &Template) -> anyhow::Result<()> {
    let _lock = data::lock(&options.data_dir, template)?;
    let (_embedded, database) = database(options, template)?;
    let listener = TcpListener::bind((options.host, options.port)).await;
    let listener = listener.with_context(|| format!("cannot listen on {}:{}", options.host, options.port))?;
    let address = listener.local_addr()?;
    let permissions = (!options.all_permissions).then(|| Arc::new(Permissions::of(template)));
    let secret = signing::secret();
    let proxy = match &database {
        Some(database) => Some(Proxy::start(permissions.clone(), database.clone(), &secret).await?),
        None => None,
    };
    let endpoint = proxy.as_ref().map(Proxy::endpoint);
    let pools = pools(options, template, &endpoints(template, endpoint.as_deref(), address), address, &secret)?;
    let stopping = CancellationToken::new();
    let services = Services::open(options, template, &pools, permissions.clone(), &stopping)?;
    let (asynchronous, schedules) = (services.lambda.asynchronous.clone(), services.schedules.clone());
    let feeds = match &database {
        Some(database) => {
            streams::start(&options.data_dir, template, database, &pools, &asynchronous, &stopping).await?
        }
        None => Feeds::default(),
    };
    let stop = told_to_stop().context("signals cannot be received")?;
    schedules.start();
    let front = Arc::new(Front::new(options, template, &pools, permissions, services)?);
    if options.ready_line {
        greet::ready(template, address)?
    } else {
        greet::greet(template, address)
    }
    Running { front, feeds, schedules, asynchronous, pools, stopping }.until(stop, listener).await
}

/// Everything that must end before the gateway does.
struct Running {
    front: Arc<Front>,
    feeds: Feeds,
    schedules: Schedules,
    asynchronous: Asynchronous,
    pools: HashMap<String, Pool>,
    stopping: CancellationToken,
}

impl Running {
    /// Serves until it is told to stop, and then ends work in progress.
    async fn until(self, stop: impl Future<Output = ()>, listener: TcpListener) -> anyhow::Result<()> {
        let Self { front, feeds, schedules, asynchronous, pools, stopping } = self;
        let service = front.clone().router().into_make_service_with_connect_info::<SocketAddr>();
        let server =
            axum::serve(listener.tap_io(prepare), service).with_graceful_shutdown(stopping.clone().cancelled_owned());
        let mut server = std::pin::pin!(server.into_future());
        tokio::select! {
            ended = &mut server => return ended.context("the server has stopped"),
            () = stop => {}
        }
        tracing::info!("stopping");
        stopping.cancel();
        let ended = async { tokio::join!(server, front.end(), feeds.ended(), schedules.ended(), asynchronous.ended()) };
        if tokio::time::timeout(DRAIN, ended).await.is_err() {
            tracing::warn!("requests or connections were still open after {DRAIN:?} and are cut off");
        }
        end(&pools).await;
        // What was cut off has ended by now, successfully or not.
        let _ = tokio::time::timeout(Duration::from_secs(1), asynchronous.ended()).await;
        asynchronous.tell_lost();
        Ok(())
    }
}

async fn end(pools: &HashMap<String, Pool>) {
    futures_util::future::join_all(pools.values().map(Pool::stop)).await;
}

/// Listens for stop signals from now on, and ends at the first. Otherwise they would end the process at once.
fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Small frames are sent at once.
fn prepare(stream: &mut TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection could not be prepared");
    }
}
