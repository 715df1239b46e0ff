//! Matches texts with gaps.

/// Whether a text has these parts in order, with anything in between.
pub(crate) fn fit<'a>(mut parts: impl Iterator<Item = &'a str>, text: &str) -> bool {
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
