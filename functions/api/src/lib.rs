//! The API over what is stored: readings, series, alerts, permits, the latest events, advice, certificates.

mod advise;
mod alerts;
mod certificate;
pub mod docs;
mod downsample;
mod if_match;
mod live_event;
mod overview;
mod permits;

mod readings;
mod series;
mod sites;
mod sources;
mod statistics;
mod status;
mod streams;

pub use advise::{Action, Advice, advice};

use axum::Router;
use axum::middleware;
use axum::routing::{delete, get, post};
use engine::Engine;
use files::scheduled::Allowed;
use std::sync::Arc;
use table::Store;
use web::guard::Guard;

/// What the routes need.
#[derive(Clone)]
pub struct Api {
    /// The table.
    pub store: Store,
    /// Puts permits in force.
    pub engine: Engine,
    /// Private hosts that sources may name nevertheless; `None` if there is no inbox for what they bring.
    pub sources: Option<Arc<Allowed>>,
}

/// The routes.
pub fn router(api: Api, guard: &Guard) -> Router {
    let read_whole = middleware::from_fn_with_state(api.store.clone(), sites::read_whole);
    let routes = Router::new()
        .route("/api/readings", get(readings::get_readings))
        .route("/api/series", get(series::get_series))
        .route("/api/alerts", get(alerts::get_alerts))
        .route("/api/permits/{site}", get(permits::get_permit).put(permits::put_permit))
        .route("/api/permits/{site}/preview", post(permits::post_preview))
        .route("/api/overview", get(overview::get_overview))
        .route("/api/streams", get(streams::get_streams))
        .route("/api/status", get(status::get_status))
        .route("/api/certificate", get(certificate::get_certificate))
        .route_layer(read_whole)
        .route("/api/sites/{site}", delete(sites::delete_site))
        .route("/api/removals", get(sites::get_removals))
        .route("/api/statistics", get(statistics::get_statistics))
        .route("/api/advise", post(advise::post_advise))
        .route("/api/sources", get(sources::get_sources))
        .route("/api/sources/{name}", get(sources::get_source).put(sources::put_source).delete(sources::delete_source))
        .route("/api/sources/{name}/ask", post(sources::post_ask))
        .with_state(api);
    guard.protect(routes)
}
