//! Tokens.

use crate::config::Secret;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::borrow::Cow;
use subtle::ConstantTimeEq;

/// The subprotocol that a browser offers beside the one with its token.
pub const SUBPROTOCOL: &str = "owsc";
/// The prefix of a subprotocol that contains the plain token.
const PLAIN_TOKEN: &str = "bearer.";
/// The prefix of a subprotocol that contains the token in base64url without padding: a subprotocol cannot contain `=`,
/// `/` or `,`, but tokens may.
const ENCODED_TOKEN: &str = "owsc.bearer64.";

/// Compares a sent token with the secret in constant time.
pub fn matches(secret: &Secret, sent: &str) -> bool {
    secret.expose().as_bytes().ct_eq(sent.as_bytes()).into()
}

/// The token of an `Authorization: Bearer` header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The token of a WebSocket client: in a header, in the query's `token`, or, since browsers can do neither safely, in a
/// subprotocol `owsc.bearer64.<base64url of the token>` or `bearer.<token>` beside the subprotocol `owsc`.
pub fn websocket_token<'a>(headers: &'a HeaderMap, query_token: Option<&'a str>) -> Option<Cow<'a, str>> {
    let given = bearer(headers).or(query_token).map(Cow::Borrowed);
    given.or_else(|| subprotocols(headers).find_map(token_in))
}

fn token_in(subprotocol: &str) -> Option<Cow<'_, str>> {
    let Some(encoded) = subprotocol.strip_prefix(ENCODED_TOKEN) else {
        return subprotocol.strip_prefix(PLAIN_TOKEN).map(Cow::Borrowed);
    };
    let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// The subprotocol of the answer: never the one with the token.
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
        assert_eq!(websocket_token(&browser, None).as_deref(), Some("abc"));
        assert_eq!(chosen_subprotocol(&browser), Some("owsc"));
        assert_eq!(websocket_token(&HeaderMap::new(), Some("q")).as_deref(), Some("q"));
        assert_eq!(chosen_subprotocol(&headers(&[(header::SEC_WEBSOCKET_PROTOCOL, "bearer.abc")])), None);
    }

    #[test]
    fn a_subprotocol_carries_any_token_in_base64url() {
        let token = |subprotocols: &'static str| {
            let headers = headers(&[(header::SEC_WEBSOCKET_PROTOCOL, subprotocols)]);
            websocket_token(&headers, None).map(Cow::into_owned)
        };
        assert_eq!(token("owsc, owsc.bearer64.YStiL2M9LGQ").as_deref(), Some("a+b/c=,d"));
        assert_eq!(token("owsc, owsc.bearer64.w6Q_").as_deref(), Some("ä?"));
        for unreadable in ["owsc, owsc.bearer64.YStiL2M9LGQ=", "owsc, owsc.bearer64._w", "owsc, owsc.bearer64.!"] {
            assert_eq!(token(unreadable), None, "{unreadable}");
        }
    }

    #[test]
    fn subprotocols_may_come_in_several_lines() {
        let name = header::SEC_WEBSOCKET_PROTOCOL;
        let mut lines = headers(&[(name.clone(), "owsc")]);
        lines.append(name, HeaderValue::from_static("bearer.abc"));
        assert_eq!(websocket_token(&lines, None).as_deref(), Some("abc"));
        assert_eq!(chosen_subprotocol(&lines), Some("owsc"));
    }
}
