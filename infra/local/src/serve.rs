//! From options to a running gateway and back.

use crate::cli::Options;
use crate::database::Database;
use crate::front::Front;
use crate::functions::{pools, reachable};
use crate::permissions::{Permissions, Proxy};
use crate::runtime::Pool;
use crate::template::{Given, Template};
use crate::{logs, schedules, streams};
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

/// How long a stopping gateway waits for what is under way.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves until it is told to stop.
pub fn run(options: &Options) -> anyhow::Result<()> {
    logs::init(options.log_level);
    let given = Given { parameters: options.parameter.clone(), secrets: options.secret.clone() };
    let template = Template::load(&options.template, &given)?;
    for warning in &template.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(serve(options, &template));
    runtime.shutdown_timeout(Duration::from_millis(500));
    result
}

async fn serve(options: &Options, template: &Template) -> anyhow::Result<()> {
    let (_embedded, database) = match &options.database {
        _ if template.tables.is_empty() => (None, None),
        Some(url) => (None, Some(Database::new(url.clone())?)),
        None => {
            let embedded = Embedded::start(&options.data_dir)?;
            let database = Database::new(embedded.endpoint())?;
            (Some(embedded), Some(database))
        }
    };
    let listener = TcpListener::bind((options.host, options.port)).await;
    let listener = listener.with_context(|| format!("cannot listen on {}:{}", options.host, options.port))?;
    let address = listener.local_addr()?;
    let permissions = (!options.all_permissions).then(|| Arc::new(Permissions::of(template)));
    let proxy = match (&permissions, &database) {
        (Some(permissions), Some(database)) => Some(Proxy::start(permissions.clone(), database.endpoint()).await?),
        _ => None,
    };
    let direct = database.as_ref().map(|database| database.endpoint().to_owned());
    let endpoint = proxy.as_ref().map(Proxy::endpoint).or(direct);
    let pools = pools(options, template, endpoint.as_deref(), address)?;
    let stopping = CancellationToken::new();
    let feeds = match &database {
        Some(database) => streams::start(&options.data_dir, template, database, &pools, &stopping).await?,
        None => streams::Feeds::default(),
    };
    let front = Arc::new(Front::new(options, template, &pools, permissions)?);
    let service = front.clone().router().into_make_service_with_connect_info::<SocketAddr>();
    let stop = told_to_stop().context("signals cannot be received")?;
    let schedules = schedules::start(template, &pools, options.minute, &stopping)?;
    greet(template, address);
    let server =
        axum::serve(listener.tap_io(prepare), service).with_graceful_shutdown(stopping.clone().cancelled_owned());
    let mut server = std::pin::pin!(server.into_future());
    tokio::select! {
        ended = &mut server => return ended.context("the server has stopped"),
        () = stop => {}
    }
    tracing::info!("stopping");
    stopping.cancel();
    if tokio::time::timeout(DRAIN, async { tokio::join!(server, front.end(), feeds.ended(), schedules.ended()) })
        .await
        .is_err()
    {
        tracing::warn!("requests or connections were still open after {DRAIN:?} and are cut off");
    }
    end(&pools).await;
    Ok(())
}

async fn end(pools: &HashMap<String, Pool>) {
    futures_util::future::join_all(pools.values().map(Pool::stop)).await;
}

/// Listens for the signals to stop from now on, and ends at the first. Without it, they would end the process at once.
fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Small frames leave at once.
fn prepare(stream: &mut TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection could not be prepared");
    }
}

/// Tells a person where to go.
#[expect(clippy::print_stdout, reason = "this is for the person at the terminal; logs go to standard error")]
fn greet(template: &Template, address: SocketAddr) {
    let address = reachable(address);
    println!("The local API Gateway is running.\n");
    if let Some(api) = template.http_apis.first() {
        let stage = if api.stage == "$default" { "" } else { &api.stage };
        println!("  Start page  http://{address}/{stage}");
    }
    for api in &template.web_socket_apis {
        println!("  WebSockets  ws://{address}/{}", api.stage);
        println!("  Management  http://{address}/{}/@connections/<id>", api.stage);
    }
    println!();
    for route in template.http_apis.iter().flat_map(|api| &api.routes) {
        println!("  {:<36}  {}", route.key(), route.function);
    }
    for api in &template.web_socket_apis {
        for route in &api.routes {
            println!("  {:<36}  {}", format!("{} {}", api.stage, route.key), route.function);
        }
    }
    for function in &template.functions {
        for source in &function.streams {
            let table = template.tables.iter().find(|table| table.stream_arn == source.stream_arn);
            println!("  {:<36}  {}", format!("stream of {}", table.map_or("?", |table| &table.name)), function.id);
        }
        for schedule in &function.schedules {
            println!("  {:<36}  {}", schedule.rate.expression, function.id);
        }
    }
    println!();
}
