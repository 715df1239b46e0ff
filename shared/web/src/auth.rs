//! Tokens.

use crate::config::Secret;
use axum::http::{HeaderMap, header};
use subtle::ConstantTimeEq;

/// The subprotocol that a browser offers beside the one that carries its token.
pub const SUBPROTOCOL: &str = "owsc";
/// What the subprotocol that carries a token begins with.
const TOKEN_SUBPROTOCOL: &str = "bearer.";

/// Whether what a client sent is the secret, in a time that does not depend on where the two differ.
pub fn matches(secret: &Secret, sent: &str) -> bool {
    secret.expose().as_bytes().ct_eq(sent.as_bytes()).into()
}

/// The token of an `Authorization: Bearer` header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The token that a WebSocket client brings: as a header, as the query's `token`, or, from browsers that can do
/// neither safely, as a subprotocol `bearer.<token>` beside the subprotocol `owsc`.
pub fn websocket_token<'a>(headers: &'a HeaderMap, query_token: Option<&'a str>) -> Option<&'a str> {
    bearer(headers).or(query_token).or_else(|| subprotocols(headers).find_map(|p| p.strip_prefix(TOKEN_SUBPROTOCOL)))
}

/// The subprotocol to answer with: never the one that carries the token.
pub fn chosen_subprotocol(headers: &HeaderMap) -> Option<&str> {
    subprotocols(headers).find(|protocol| *protocol == SUBPROTOCOL)
}

fn subprotocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lists = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',').map(str::trim))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(list: &[(HeaderName, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_the_whole_secret_matches() {
        let secret = Secret::from("correct");
        assert!(matches(&secret, "correct"));
        for wrong in ["", "correc", "correct ", "Correct", "correctly"] {
            assert!(!matches(&secret, wrong), "{wrong:?}");
        }
    }

    #[test]
    fn tokens_are_found_where_clients_can_put_them() {
        assert_eq!(bearer(&headers(&[(header::AUTHORIZATION, "Bearer abc")])), Some("abc"));
        assert_eq!(bearer(&headers(&[(header::AUTHORIZATION, "Basic abc")])), None);
        let browser = headers(&[(header::SEC_WEBSOCKET_PROTOCOL, "owsc, bearer.abc")]);
        assert_eq!(websocket_token(&browser, None), Some("abc"));
        assert_eq!(chosen_subprotocol(&browser), Some("owsc"));
        assert_eq!(websocket_token(&HeaderMap::new(), Some("q")), Some("q"));
        assert_eq!(chosen_subprotocol(&headers(&[(header::SEC_WEBSOCKET_PROTOCOL, "bearer.abc")])), None);
    }
}
