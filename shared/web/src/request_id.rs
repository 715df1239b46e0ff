//! Request ids.

use axum::http::{HeaderName, HeaderValue};

/// The header that carries them, in both directions.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// The longest accepted id of a client.
const MAX_LENGTH: usize = 128;

tokio::task_local! {
    /// The id of the request that this task answers.
    static CURRENT: String;
}

/// The id of the current request; empty outside one.
pub fn current() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}

/// Runs work on behalf of the request with this id.
pub async fn scope<F: Future>(id: String, work: F) -> F::Output {
    CURRENT.scope(id, work).await
}

/// The client's id if it is sane, otherwise a new one. Sane ids are short and need no quoting in logs.
pub(crate) fn accept(sent: Option<&HeaderValue>) -> String {
    let sane = |id: &&str| {
        (1..=MAX_LENGTH).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&b))
    };
    let sent = sent.and_then(|value| value.to_str().ok()).filter(sane);
    sent.map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sane_ids_are_kept_and_others_replaced() {
        let kept = |id: &str| accept(HeaderValue::from_str(id).ok().as_ref()) == id;
        assert!(kept("req-1") && kept(&"x".repeat(MAX_LENGTH)));
        assert!(!kept(&"x".repeat(MAX_LENGTH + 1)) && !kept("a b") && !kept("a\"b") && !kept(""));
        assert_eq!(accept(None).len(), 36);
    }
}
