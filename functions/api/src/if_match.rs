//! `If-Match` (RFC 9110, 13.1.1): the versions that a change may replace.

use axum::http::{HeaderMap, header};
use web::{ApiError, ApiResult};

/// What `If-Match` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// `*`, or no header.
    Any,
    /// The versions among its tags. Weak tags and foreign tags match nothing.
    OneOf(Vec<u64>),
}

impl IfMatch {
    /// Reads the header, or says what is wrong with it.
    pub(crate) fn of(headers: &HeaderMap) -> ApiResult<Self> {
        let lines: Vec<_> = headers.get_all(header::IF_MATCH).iter().map(|line| line.as_bytes()).collect();
        if lines.is_empty() {
            return Ok(Self::Any);
        }
        // Several lines are one list.
        Self::parse(&lines.join(&b',')).ok_or_else(|| {
            ApiError::bad_request(
                "If-Match: a version in quotes, as `ETag` gives it, a list of such, or `*` is expected",
            )
        })
    }

    fn parse(list: &[u8]) -> Option<Self> {
        if list.trim_ascii() == b"*" {
            return Some(Self::Any);
        }
        let elements: Vec<_> = elements(list).filter(|element| !element.is_empty()).collect();
        if elements.is_empty() {
            return None;
        }
        let versions = elements.into_iter().map(version).collect::<Option<Vec<_>>>()?;
        Some(Self::OneOf(versions.into_iter().flatten().collect()))
    }

    /// Whether the change may replace this version.
    pub(crate) fn allows(&self, version: u64) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&version),
        }
    }

    /// The version that was edited, if the client names one.
    pub(crate) fn edited(&self) -> Option<u64> {
        match self {
            Self::Any => None,
            Self::OneOf(versions) => versions.iter().max().copied(),
        }
    }
}

/// The elements of a list. Commas in quotes do not separate.
fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    let ends = move |byte: &u8| {
        is_quoted ^= *byte == b'"';
        *byte == b',' && !is_quoted
    };
    list.split(ends).map(<[u8]>::trim_ascii)
}

/// The version that an entity tag names, or `Some(None)` for a foreign tag; `None` if it is no entity tag.
fn version(tag: &[u8]) -> Option<Option<u64>> {
    let (is_weak, tag) = tag.strip_prefix(b"W/").map_or((false, tag), |tag| (true, tag));
    let opaque = tag.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if !opaque.iter().all(|byte| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..)) {
        return None;
    }
    let number = || str::from_utf8(opaque).ok()?.parse::<u64>().ok();
    // "+4" and "04" are valid tags, but not ours.
    Some(number().filter(|number| !is_weak && number.to_string().as_bytes() == opaque))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_lists_and_the_star() {
        let one_of = |versions: &[u64]| Some(IfMatch::OneOf(versions.into()));
        for (text, expected) in [
            ("*", Some(IfMatch::Any)),
            (" * ", Some(IfMatch::Any)),
            ("\"0\"", one_of(&[0])),
            ("\"3\",\"4\" ,\t\"5\"", one_of(&[3, 4, 5])),
            (", \"3\",,", one_of(&[3])),
            ("W/\"3\"", one_of(&[])),
            ("W/\"3\", \"4\"", one_of(&[4])),
            ("\"a,b\"", one_of(&[])),
            ("\"a,\", \"4\"", one_of(&[4])),
            ("\"\"", one_of(&[])),
            ("\"+3\", \"03\", \" \u{e9}\"", None),
            ("\"+3\", \"03\", \"\u{e9}\"", one_of(&[])),
            ("\"99999999999999999999\"", one_of(&[])),
        ] {
            assert_eq!(IfMatch::parse(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        for text in
            ["", " , ", "3", "\"3", "3\"", "\"", "\"3\" \"4\"", "\"3\"4", "*, \"3\"", "w/\"3\"", "W/3", "\"a b\""]
        {
            assert_eq!(IfMatch::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn several_lines_are_one_list() {
        let mut headers = HeaderMap::new();
        assert_eq!(IfMatch::of(&headers).unwrap(), IfMatch::Any);
        headers.append(header::IF_MATCH, "\"3\"".parse().unwrap());
        headers.append(header::IF_MATCH, "\"4\"".parse().unwrap());
        let found = IfMatch::of(&headers).unwrap();
        assert_eq!((found.allows(3), found.allows(4), found.allows(5), found.edited()), (true, true, false, Some(4)));
        headers.append(header::IF_MATCH, "*".parse().unwrap());
        assert_eq!(IfMatch::of(&headers).unwrap_err().status(), 400);
    }
}
