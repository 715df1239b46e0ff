//! `/api/sources`: sources whose files are fetched on a schedule.

use crate::Api;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::name::SiteName;
use domain::permit_json::FieldError;
use domain::schedule::Schedule;
use domain::{name, time};
use files::scheduled::{Allowed, calendar_of, due_at, url_of};
use files::uploads::check_place;
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use table::arrivals::Arrival;
use table::ingests::{Refusal, Stage};
use table::scheduled::{Asked, Definition, Origin, Outcome, Received, ScheduledSource};
use table::{Store, StoreError};
use utoipa::ToSchema;
use web::error::ErrorEnvelope;
use web::guard::Client;
use web::query::{JsonBody, Path};
use web::{ApiError, ApiResult};

/// The most sources: every sweep checks each of them.
const MAX_SOURCES: usize = 200;
const MAX_NAME: usize = 64;
const MAX_URL: usize = 2000;

/// The settings of a source.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = SourceWanted, example = json!({
    "url": "https://lab.example/results.csv", "site": "north", "schedule": "0 6 * * *"
}))]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// `address`, or `echo` for EPA's effluent charts.
    #[serde(default)]
    kind: Kind,
    #[schema(max_length = 2000)]
    /// The https URL of the file. With `echo`, the URL of the service if it is not EPA's.
    url: Option<String>,
    /// With `echo`: the NPDES permit whose reported values are fetched.
    permit: Option<String>,
    /// The site of rows that name none, and of an effluent chart. Without it, the schedule uses UTC.
    #[schema(value_type = Option<SiteName>)]
    site: Option<String>,
    /// When to fetch, in the site's time zone: a crontab line such as `0 6 * * *`.
    schedule: String,
    #[schema(min_length = 1, max_length = 64)]
    /// The name of one of the installation's secrets (`OW_SC_SOURCE_SECRETS`), which is sent with the request.
    secret: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SourceKind)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// A file at a URL.
    #[default]
    Address,
    /// EPA's effluent charts.
    Echo,
}

/// A source that is fetched on a schedule.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Source {
    name: String,
    kind: Kind,
    /// The URL that is fetched.
    url: String,
    permit: Option<String>,
    site: Option<String>,
    schedule: String,
    /// The time zone of the schedule.
    zone: String,
    secret: Option<String>,
    set_at: String,
    set_by: String,
    /// When it is fetched next.
    next_at: Option<String>,
    /// The result of the last fetch.
    last: Option<Last>,
}

/// The last fetch of a source.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SourceLast)]
struct Last {
    at: String,
    outcome: Outcome,
    /// For programs: why no file came.
    code: Option<String>,
    message: String,
    /// Since when the result has been the same, and how often in a row.
    since: String,
    times: u64,
    /// The last file that it brought.
    file: Option<SourceFile>,
}

/// A file that came from a source.
#[derive(Debug, Serialize, ToSchema)]
struct SourceFile {
    at: String,
    /// SHA-256 of the bytes that came.
    digest: String,
    /// The id of its ingest, once it is known.
    ingest: Option<String>,
    /// Its state; null while it waits in the inbox.
    state: Option<Stage>,
    /// Why it was refused.
    error: Option<Refusal>,
}

/// A source that is about to be fetched.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SourceWished)]
pub(crate) struct Wished {
    name: String,
}

/// All sources, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sources {
    sources: Vec<Source>,
}

/// The sources that are fetched on a schedule, with the result of each one's last fetch.
#[utoipa::path(
    get, path = "/api/sources", tag = "sources",
    responses((status = 200, body = Sources), (status = 404, description = "This host has no inbox", body = ErrorEnvelope))
)]
pub(crate) async fn get_sources(State(api): State<Api>) -> ApiResult<Json<Sources>> {
    open(&api)?;
    let found = api.store.scheduled_sources().await?;
    let shown = (0..found.len()).map(|index| shown(&api.store, &found[index]));
    Ok(Json(Sources { sources: try_join_all(shown).await? }))
}

/// One source.
#[utoipa::path(
    get, path = "/api/sources/{name}", tag = "sources", params(("name" = String, Path, min_length = 1, description = "The source")),
    responses((status = 200, body = Source), (status = 404, description = "No such source", body = ErrorEnvelope))
)]
pub(crate) async fn get_source(State(api): State<Api>, Path(name): Path<String>) -> ApiResult<Json<Source>> {
    open(&api)?;
    let source = api.store.scheduled_source(&name).await?.ok_or_else(unknown)?;
    Ok(Json(shown(&api.store, &source).await?))
}

/// Sets a source. It is fetched at once, and then on its schedule; the file goes into the inbox. Setting the same
/// values again changes nothing.
#[utoipa::path(
    put, path = "/api/sources/{name}", tag = "sources",
    params(("name" = String, Path, pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$", description = "1 to 64 letters, digits, `.`, `_` and `-`, the first no `.`")), request_body = Wanted,
    responses(
        (status = 200, description = "It is set", body = Source),
        (status = 201, description = "It is set, and new", body = Source),
        (status = 404, description = "This host has no inbox", body = ErrorEnvelope),
        (status = 409, description = "There are too many", body = ErrorEnvelope),
        (status = 422, description = "Fields that are not as they should be, named in `details.fields`", body = ErrorEnvelope),
    )
)]
pub(crate) async fn put_source(
    State(api): State<Api>,
    Path(name): Path<String>,
    Client(who): Client,
    JsonBody(wanted): JsonBody<Wanted>,
) -> ApiResult<Response> {
    let definition = read(&name, wanted, open(&api)?, who.to_string()).map_err(|errors| ApiError::invalid(&errors))?;
    let before = api.store.scheduled_source(&name).await?;
    if before.is_none() && api.store.scheduled_sources().await?.len() >= MAX_SOURCES {
        let message = format!("there are {MAX_SOURCES} sources, which is the maximum");
        return Err(ApiError::new(StatusCode::CONFLICT, "too_many_sources", message));
    }
    let is_same = |before: &ScheduledSource| {
        let Definition { set_at, set_by, .. } = &before.definition;
        before.definition == Definition { set_at: *set_at, set_by: set_by.clone(), ..definition.clone() }
    };
    let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    let source = match before {
        Some(before) if is_same(&before) => before,
        _ => {
            api.store.set_source(&name, &definition).await?;
            ScheduledSource { name, definition, asked: None, wanted_at: None }
        }
    };
    Ok((status, Json(shown(&api.store, &source).await?)).into_response())
}

/// Fetches a source soon, whatever its schedule says.
#[utoipa::path(
    post, path = "/api/sources/{name}/ask", tag = "sources", params(("name" = String, Path, min_length = 1, description = "The source")),
    responses(
        (
            status = 202, body = Wished, description = "It is fetched with the next sweep, within a minute; `Location` shows the result",
            headers(("Location" = String, description = "The source"))
        ),
        (status = 404, description = "No such source", body = ErrorEnvelope),
    )
)]
pub(crate) async fn post_ask(State(api): State<Api>, Path(name): Path<String>) -> ApiResult<Response> {
    open(&api)?;
    api.store.scheduled_source(&name).await?.ok_or_else(unknown)?;
    match api.store.want_source(&name, time::now()).await {
        Err(StoreError::Conflict) => return Err(unknown()),
        done => done?,
    }
    let location = [(header::LOCATION, format!("/api/sources/{name}"))];
    Ok((StatusCode::ACCEPTED, location, Json(Wished { name })).into_response())
}

/// Removes a source. Files that it brought stay.
#[utoipa::path(
    delete, path = "/api/sources/{name}", tag = "sources", params(("name" = String, Path, min_length = 1, description = "The source")),
    responses((status = 204, description = "It is gone"), (status = 404, description = "No such source", body = ErrorEnvelope))
)]
pub(crate) async fn delete_source(State(api): State<Api>, Path(name): Path<String>) -> ApiResult<StatusCode> {
    open(&api)?;
    api.store.scheduled_source(&name).await?.ok_or_else(unknown)?;
    api.store.remove_source(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The private hosts that sources may name; an error if there is no inbox.
fn open(api: &Api) -> ApiResult<&Allowed> {
    let no_inbox = || ApiError::new(StatusCode::NOT_FOUND, "no_inbox", "this host has no inbox to put files into");
    api.sources.as_deref().ok_or_else(no_inbox)
}

fn unknown() -> ApiError {
    ApiError::not_found("no source has this name")
}

/// Reads the settings of a source, and reports all errors at once.
fn read(name: &str, wanted: Wanted, allowed: &Allowed, set_by: String) -> Result<Definition, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut wrong = |field: &str, reason: String| errors.push(FieldError { field: field.to_owned(), reason });
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || name.len() > MAX_NAME || name.starts_with('.') || !name.chars().all(is_plain) {
        wrong("name", format!("1 to {MAX_NAME} letters, digits, '.', '_' and '-' are expected, the first no '.'"));
    }
    let Wanted { kind, url, permit, site, schedule, secret } = wanted;
    match (kind, &permit) {
        (Kind::Address, Some(_)) => wrong("permit", "it belongs to the kind \"echo\"".into()),
        (Kind::Address, None) if url.is_none() => wrong("url", "an address is expected".into()),
        (Kind::Echo, permit) if !permit.as_deref().is_some_and(is_permit) => {
            wrong("permit", "an NPDES permit such as TX0119407 is expected".into());
        }
        _ => {}
    }
    if let Some(url) = &url {
        if url.len() > MAX_URL {
            wrong("url", format!("at most {MAX_URL} bytes are expected"));
        } else if let Err(error) = allowed.check(url) {
            wrong("url", error.to_string());
        }
    }
    if let Some(site) = &site {
        let checked = name::check_site(site).map_err(|error| error.to_string());
        if let Err(reason) =
            checked.and_then(|site| check_place(Some(site), "a.csv").map_err(|error| error.to_string()))
        {
            wrong("site", reason);
        }
    }
    if let Err(error) = Schedule::parse(&schedule) {
        wrong("schedule", error.to_string());
    }
    if secret.as_ref().is_some_and(|secret| secret.is_empty() || secret.len() > MAX_NAME) {
        wrong("secret", format!("a name of 1 to {MAX_NAME} bytes is expected"));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let origin = match (kind, permit) {
        (Kind::Echo, Some(permit)) => Origin::Echo { permit, url },
        _ => Origin::Address { url: url.unwrap_or_default() },
    };
    let site = site.and_then(|site| name::check_site(&site).ok().map(str::to_owned));
    Ok(Definition { origin, site, schedule, secret, set_at: time::now(), set_by })
}

/// Two letters of a state, and seven more characters (EPA's ICIS-NPDES).
fn is_permit(text: &str) -> bool {
    text.len() == 9
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().take(2).all(|byte| byte.is_ascii_alphabetic())
}

async fn shown(store: &Store, source: &ScheduledSource) -> Result<Source, StoreError> {
    let calendar = calendar_of(store, source).await?;
    let next_at = due_at(source, &calendar).map(time::rfc3339);
    let last = match &source.asked {
        Some(asked) => Some(last(store, asked).await?),
        None => None,
    };
    let Definition { origin, site, schedule, secret, set_at, set_by } = source.definition.clone();
    let url = url_of(&origin);
    let (kind, permit) = match origin {
        Origin::Address { .. } => (Kind::Address, None),
        Origin::Echo { permit, .. } => (Kind::Echo, Some(permit)),
    };
    let (name, zone, set_at) = (source.name.clone(), calendar.zone_name().to_owned(), time::rfc3339(set_at));
    Ok(Source { name, kind, url, permit, site, schedule, zone, secret, set_at, set_by, next_at, last })
}

async fn last(store: &Store, asked: &Asked) -> Result<Last, StoreError> {
    let file = match &asked.last {
        Some(received) => Some(file(store, received).await?),
        None => None,
    };
    Ok(Last {
        at: time::rfc3339(asked.at),
        outcome: asked.outcome,
        code: (!asked.code.is_empty()).then(|| asked.code.clone()),
        message: asked.message.clone(),
        since: time::rfc3339(asked.since),
        times: asked.times,
        file,
    })
}

async fn file(store: &Store, received: &Received) -> Result<SourceFile, StoreError> {
    let (ingest, state, error) = match store.arrival(&received.inbox, &received.place).await? {
        None => (None, None, None),
        Some(Arrival::Refused(refusal)) => (None, Some(Stage::Refused), Some(refusal)),
        Some(Arrival::Ingest { id, .. }) => {
            let stage = store.ingest(&id).await?.map_or(Stage::Recording, |ingest| ingest.state);
            (Some(id), Some(stage), None)
        }
    };
    Ok(SourceFile { at: time::rfc3339(received.at), digest: received.digest.clone(), ingest, state, error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn fields(name: &str, wanted: Value) -> Vec<String> {
        let wanted = serde_json::from_value(wanted).unwrap();
        let read = read(name, wanted, &Allowed::default(), "somebody".into());
        read.map_or_else(|errors| errors.into_iter().map(|error| error.field).collect(), |_| Vec::new())
    }

    #[test]
    fn what_is_wrong_is_named() {
        let daily = "0 6 * * *";
        let fine = json!({"url": "https://lab.example/a.csv", "schedule": daily, "site": "north", "secret": "lims"});
        assert_eq!(fields("lab.north_1-a", fine.clone()), Vec::<String>::new());
        assert_eq!(fields(&"x".repeat(MAX_NAME), fine.clone()), Vec::<String>::new());
        for name in ["", ".a", "a/b", "a b", "süd", &"x".repeat(MAX_NAME + 1)] {
            assert_eq!(fields(name, fine.clone()), ["name"], "{name}");
        }
        assert_eq!(
            fields("a", json!({"kind": "echo", "permit": "TX0119407", "schedule": daily})),
            Vec::<String>::new()
        );
        for permit in ["", "TX011940", "0X0119407", "TX0119407&", "TX01194071"] {
            assert_eq!(
                fields("a", json!({"kind": "echo", "permit": permit, "schedule": daily})),
                ["permit"],
                "{permit}"
            );
        }
        assert_eq!(fields("a", json!({"kind": "echo", "schedule": daily})), ["permit"]);
        assert_eq!(
            fields("a", json!({"permit": "TX0119407", "url": "https://a.example/", "schedule": daily})),
            ["permit"]
        );
        let wrong = json!({"url": "https://10.0.0.1/", "schedule": "daily", "site": "a/b", "secret": ""});
        assert_eq!(fields("a", wrong), ["url", "site", "schedule", "secret"]);
        let long = |bytes: usize| format!("https://a.example/{}", "x".repeat(bytes - "https://a.example/".len()));
        assert_eq!(fields("a", json!({"url": long(MAX_URL), "schedule": daily})), Vec::<String>::new());
        assert_eq!(fields("a", json!({"url": long(MAX_URL + 1), "schedule": daily})), ["url"]);
    }
}
