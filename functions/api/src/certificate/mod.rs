//! `GET /api/certificate`: the results of a site over a period, as a page that a person signs.
//!
//! The page is self-contained: no script, nothing loaded, and one `<style>` that its own policy names by digest.
//! [`range`] reads the period, [`facts`] asks the table, [`status`] decides, [`page`] and [`chart`] show.

mod chart;
mod exceeding;
mod facts;
mod ledger;
mod page;
mod range;
mod scan;
mod status;
mod summary;
mod text;

use crate::Api;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::name::{self, Name};
use range::Range;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;
use summary::Summary;
use utoipa::{IntoParams, ToSchema};
use web::error::ErrorEnvelope;
use web::moment::Moment;
use web::query::Query;
use web::{ApiError, ApiResult};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Options {
    /// The site.
    site: Name,
    /// The first time; if absent, the first reading.
    #[param(value_type = Option<Moment>)]
    from: Option<String>,
    /// The last time, included; a date means until the end of that day; if absent, the last reading.
    #[param(value_type = Option<Moment>)]
    to: Option<String>,
    /// `html`, the page, if absent; `json`: a summary for programs.
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    #[default]
    Html,
    Json,
}

/// What the page may load: nothing but its one style.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(page::STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    // Letters, digits and quotes always make a valid header; if they ever did not, the page may load nothing at all.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// A certificate of compliance for a site and a period, to be printed and signed.
///
/// The status is NON-COMPLIANT if there is any violation. It is COMPLIANT if every limit of every version of the permit
/// that was in force has as many values as expected, each clearly within the limit, and no file is unfinished, no row
/// was refused and no verdict is pending. Otherwise it is INSUFFICIENT DATA, with what is missing. Periods that touch
/// the range are judged whole.
#[utoipa::path(
    get, path = "/api/certificate", tag = "alerts", params(Options),
    responses(
        (
            status = 200, description = "A page complete in itself, without scripts; or what it comes to",
            content((String = "text/html"), (Summary = "application/json"))
        ),
        (status = 400, description = "A parameter is missing or not as expected, or `from` is after `to`", body = ErrorEnvelope),
        (status = 404, description = "No such site", body = ErrorEnvelope),
    )
)]
pub(crate) async fn get_certificate(State(api): State<Api>, Query(options): Query<Options>) -> ApiResult<Response> {
    let sites = api.store.sites().await?;
    let site = sites.into_iter().find(|site| name::same(site, &options.site));
    let site = site.ok_or_else(|| ApiError::not_found("there is no such site; GET /api/status lists them"))?;
    let permit = api.store.permit(&site).await?;
    let range = Range::read(options.from.as_deref(), options.to.as_deref(), &permit.history.calendar)?;
    let facts = facts::gather(&api.store, site, permit, range).await?;
    Ok(match options.format {
        Format::Html => respond(&facts),
        Format::Json => ([(header::CACHE_CONTROL, "no-store")], Json(Summary::from(&facts))).into_response(),
    })
}

fn respond(facts: &facts::Facts) -> Response {
    let name = format!("inline; filename=\"{}\"", file_name(&facts.site, &facts.range));
    let disposition = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("inline"));
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Html(page::page(facts).into_string())).into_response()
}

/// A name that every file system accepts: ASCII letters, digits and hyphens.
fn file_name(site: &str, range: &Range) -> String {
    let parts = [Some("certificate".to_owned()), Some(site.to_owned()), range.shown_from(), range.shown_to()];
    let text = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let words = text.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = words.collect::<Vec<_>>().join("-");
    name.truncate(100);
    name + ".html"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_style_by_its_digest() {
        let policy = POLICY.to_str().unwrap();
        let digest = STANDARD.encode(Sha256::digest(page::STYLE.as_bytes()));
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && policy.contains(&digest), "{policy}");
        assert!(!page::STYLE.contains("</") && !page::STYLE.contains("url(") && !page::STYLE.contains("@import"));
    }

    #[test]
    fn file_names_are_plain_whatever_the_site_is_called() {
        let read = |from, to| Range::read(from, to, &domain::calendar::Calendar::default()).unwrap();
        let range = &read(Some("2026-01-01"), Some("2026-03-31"));
        assert_eq!(file_name("TX0119407", range), "certificate-TX0119407-2026-01-01-2026-03-31.html");
        let whole = &read(None, None);
        assert_eq!(file_name("../\"a\"\r\nb; x=é", whole), "certificate-a-b-x.html");
        assert_eq!(file_name("日本", whole), "certificate.html");
        assert!(file_name(&"x".repeat(256), whole).len() <= 105);
    }
}
