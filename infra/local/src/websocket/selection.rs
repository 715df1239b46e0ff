//! Selects the route of a message.

use super::Live;
use serde_json::Value;

impl Live {
    /// The route key in a message's body, if such a route exists; otherwise `$default`, if that exists.
    pub(super) fn select(&self, text: &str) -> Option<String> {
        // `$connect` and `$disconnect` are not for messages.
        let named = named(&self.0.api.selection, text).filter(|key| !key.starts_with('$'));
        let known = |key: &String| self.0.routes.contains_key(key);
        named.filter(known).or_else(|| Some("$default".to_owned()).filter(known))
    }
}

/// The member of a JSON body that `$request.body.a.b` refers to, as text.
fn named(selection: &str, body: &str) -> Option<String> {
    let path = selection.strip_prefix("$request.body.")?;
    let body: Value = serde_json::from_str(body).ok()?;
    let member = path.split('.').try_fold(&body, |value, name| value.get(name))?;
    match member {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_bodies() {
        let cases = [
            (r#"{"action": "join"}"#, Some("join")),
            (r#"{"action": 7}"#, Some("7")),
            (r#"{"action": {"a": 1}}"#, None),
            (r#"{"other": "join"}"#, None),
            (r#"["action"]"#, None),
            ("not json", None),
        ];
        for (body, key) in cases {
            assert_eq!(named("$request.body.action", body).as_deref(), key, "{body}");
        }
        assert_eq!(named("$request.body.a.b", r#"{"a": {"b": "x"}}"#).as_deref(), Some("x"));
    }
}
