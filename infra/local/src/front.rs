//! The single port: which API a request belongs to.

use crate::cli::Options;
use crate::http::{Http, plain, read_away};
use crate::permissions::Permissions;
use crate::runtime::Pool;
use crate::services::Services;
use crate::template::Template;
use crate::websocket::Live;
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// All APIs of a template.
pub struct Front {
    http: Vec<Http>,
    live: Vec<Live>,
    services: Services,
}

impl Front {
    /// The APIs, and the functions they call.
    pub fn new(
        options: &Options,
        template: &Template,
        pools: &HashMap<String, Pool>,
        permissions: Option<Arc<Permissions>>,
        services: Services,
    ) -> anyhow::Result<Self> {
        let http = template.http_apis.iter().map(|api| Http::new(api, pools)).collect::<anyhow::Result<_>>()?;
        let live = |api| Live::new(options, api, pools, permissions.clone());
        let live = template.web_socket_apis.iter().map(live).collect::<anyhow::Result<_>>()?;
        Ok(Self { http, live, services })
    }

    /// The router for everything.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new().fallback(answer).with_state(self)
    }

    /// Ends all connections.
    pub async fn end(&self) {
        futures_util::future::join_all(self.live.iter().map(Live::end)).await;
    }
}

async fn answer(
    State(front): State<Arc<Front>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let request = match front.services.answer(request, peer).await {
        Ok(response) => return response,
        Err(request) => request,
    };
    let path = request.uri().path().to_owned();
    // A WebSocket API owns only its path and its management endpoint: in AWS, any other path with the same beginning
    // belongs to another host.
    let live = front.live.iter().find_map(|api| Some((api, within(&path, api.stage())?)));
    if let Some((api, path)) = live.filter(|(_, path)| *path == "/" || path.starts_with("/@connections/")) {
        return api.answer(request, path, peer).await;
    }
    // An API with a stage of its own gets the paths that begin with it; `$default` gets the rest.
    let staged = front.http.iter().find_map(|api| Some((api, within(&path, api.stage())?)));
    let default = || front.http.iter().find(|api| api.stage() == "$default").map(|api| (api, path.as_str()));
    match staged.or_else(default) {
        Some((api, path)) => api.answer(request, path, peer).await,
        None => {
            read_away(request.into_body());
            plain(StatusCode::NOT_FOUND, "Not Found")
        }
    }
}

/// The path after a stage; `None` if it does not begin with the stage.
fn within<'a>(path: &'a str, stage: &str) -> Option<&'a str> {
    let rest = path.strip_prefix('/')?.strip_prefix(stage)?;
    if rest.is_empty() { Some("/") } else { Some(rest).filter(|rest| rest.starts_with('/')) }
}
