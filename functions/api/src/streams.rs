//! `GET /api/streams`.

use crate::Api;
use crate::live_event::LiveEvent;
use axum::Json;
use axum::extract::State;
use domain::name::{DEFAULT_SITE, Name};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use web::answer::Room;
use web::error::ErrorEnvelope;
use web::query::Query;
use web::{ApiError, ApiResult};

/// How many events are shown.
const LATEST: usize = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Options {
    /// The site; `default` if absent.
    site: Option<Name>,
    /// How many; 100 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// The latest events, as many as an answer has room for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Streams {
    count: usize,
    /// As subscribers received them, oldest first.
    #[schema(value_type = Vec<LiveEvent>)]
    data: Vec<Box<RawValue>>,
}

/// The last events of a site's feed.
#[utoipa::path(
    get, path = "/api/streams", tag = "live", params(Options),
    responses((status = 200, body = Streams), (status = 400, body = ErrorEnvelope))
)]
pub(crate) async fn get_streams(State(api): State<Api>, Query(options): Query<Options>) -> ApiResult<Json<Streams>> {
    let limit = options.limit.unwrap_or(LATEST);
    if !(1..=LATEST).contains(&limit) {
        return Err(ApiError::bad_request(format!("limit: a number from 1 to {LATEST} is expected")));
    }
    let site = options.site.as_deref().unwrap_or(DEFAULT_SITE);
    let entries = api.store.feed_latest(site, limit).await?;
    // Frames are stored as JSON and passed on as they are.
    let mut room = Room::default();
    let mut data: Vec<_> = entries
        .into_iter()
        .rev()
        .map(|entry| RawValue::from_string(entry.frame))
        .take_while(|frame| frame.as_ref().map_or(true, |frame| room.take(frame)))
        .collect::<Result<_, _>>()
        .map_err(ApiError::internal)?;
    data.reverse();
    Ok(Json(Streams { count: data.len(), data }))
}
