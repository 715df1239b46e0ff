//! Lists keys: by prefix, grouped at a delimiter, page by page.

use super::index::{Content, Index, Version};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The most keys of a page.
pub(super) const MOST: usize = 1000;
/// Characters that are not encoded for a client that requests encoded keys.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/').remove(b'*');

/// The request.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: Option<&'a str>,
    /// Only what follows this key; if it ends with the delimiter, only what follows all keys that begin with it.
    pub(super) after: &'a str,
    pub(super) most: usize,
}

/// A page of an answer.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) objects: Vec<(String, Version, Content)>,
    pub(super) prefixes: Vec<String>,
    /// The last key or prefix, if there are more.
    pub(super) next: Option<String>,
}

/// Lists current objects, not deleted ones.
pub(super) fn list(index: &Index, query: &Query<'_>) -> Page {
    let mut page = Page::default();
    let mut last = String::new();
    let mut from = beginning(query);
    'seek: loop {
        for (key, versions) in index.from(&from) {
            if !key.starts_with(query.prefix) {
                return page;
            }
            let folded = folded(key, query);
            let is_seen =
                |prefix: &str| prefix <= query.after || page.prefixes.last().is_some_and(|last| last == prefix);
            let is_past = key <= query.after || folded.is_some_and(is_seen);
            let Some(version) = versions.last().filter(|_| !is_past) else { continue };
            let Some(content) = version.content.clone() else { continue };
            if page.objects.len() + page.prefixes.len() == query.most {
                page.next = Some(last);
                return page;
            }
            let Some(prefix) = folded else {
                key.clone_into(&mut last);
                page.objects.push((key.to_owned(), version.clone(), content));
                continue;
            };
            prefix.clone_into(&mut last);
            page.prefixes.push(prefix.to_owned());
            from = behind(prefix);
            continue 'seek;
        }
        return page;
    }
}

/// Where a page begins. After a group, it begins after all keys of that group.
fn beginning(query: &Query<'_>) -> String {
    let folded = query.after.starts_with(query.prefix).then(|| folded(query.after, query)).flatten();
    folded.map_or_else(|| query.prefix.max(query.after).to_owned(), behind)
}

/// With the greatest character appended, so that it sorts after everything with the prefix.
fn behind(prefix: &str) -> String {
    format!("{prefix}{}", char::MAX)
}

/// The part of a key up to the first delimiter after the prefix.
fn folded<'a>(key: &'a str, query: &Query<'_>) -> Option<&'a str> {
    let delimiter = query.delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let rest = &key[query.prefix.len()..];
    rest.find(delimiter).map(|at| &key[..query.prefix.len() + at + delimiter.len()])
}

/// A position in a list, in the clients' format.
pub(super) fn token(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(place)
}

pub(super) fn place(token: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}

/// A key, encoded if the client requests it: XML cannot hold all keys.
pub(super) fn shown(key: &str, encoded: bool) -> String {
    if encoded { utf8_percent_encode(key, PLAIN).to_string() } else { key.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::index::Headers;

    fn index(keys: &[&str]) -> Index {
        let mut index = Index::open(tempfile::tempdir().unwrap().path()).unwrap();
        for key in keys {
            let content = (!key.starts_with("gone")).then(|| Content {
                file: String::new(),
                size: 0,
                etag: String::new(),
                parts: Vec::new(),
                headers: Headers::default(),
            });
            let version = Version { id: "null".to_owned(), modified: 0, sequencer: "1".to_owned(), content };
            index.put(key, version).unwrap();
        }
        index
    }

    /// All pages, objects and prefixes in turn.
    fn pages(index: &Index, prefix: &str, delimiter: Option<&str>, most: usize) -> Vec<(Vec<String>, Vec<String>)> {
        let (mut pages, mut after) = (Vec::new(), String::new());
        loop {
            let page = list(index, &Query { prefix, delimiter, after: &after, most });
            pages.push((page.objects.into_iter().map(|(key, ..)| key).collect(), page.prefixes));
            match page.next {
                Some(next) => after = place(&token(&next)).unwrap(),
                None => return pages,
            }
        }
    }

    #[test]
    fn keys_are_in_order_and_folded() {
        let keys = ["a/", "a/1", "a/2/x", "a/2/y", "a 1", "a+1", "a", "b/ü", "gone", "c"];
        let index = index(&keys);
        let all = [["a", "a 1", "a+1", "a/", "a/1", "a/2/x", "a/2/y", "b/ü", "c"]].concat();
        for most in 1..12 {
            let plain = pages(&index, "", None, most);
            assert!(plain.iter().all(|(objects, _)| objects.len() <= most));
            assert_eq!(plain.into_iter().flat_map(|(objects, _)| objects).collect::<Vec<_>>(), all, "{most}");
            let folded = pages(&index, "", Some("/"), most);
            assert!(folded.iter().all(|(objects, prefixes)| objects.len() + prefixes.len() <= most));
            let (objects, prefixes): (Vec<_>, Vec<_>) = folded.into_iter().unzip();
            assert_eq!(
                (objects.concat(), prefixes.concat()),
                (["a", "a 1", "a+1", "c"].map(str::to_owned).to_vec(), ["a/", "b/"].map(str::to_owned).to_vec())
            );
            let (objects, prefixes): (Vec<_>, Vec<_>) = pages(&index, "a/", Some("/"), most).into_iter().unzip();
            assert_eq!(
                (objects.concat(), prefixes.concat()),
                (["a/", "a/1"].map(str::to_owned).to_vec(), vec!["a/2/".to_owned()])
            );
        }
        assert!(pages(&index, "nothing", None, 5)[0].0.is_empty());
    }

    #[test]
    fn a_page_begins_behind_what_was_folded() {
        let beginning = |prefix, delimiter, after| beginning(&Query { prefix, delimiter, after, most: 1 });
        let behind = |prefix: &str| format!("{prefix}\u{10ffff}");
        assert_eq!(beginning("", Some("/"), "a/"), behind("a/"));
        assert_eq!(beginning("", Some("/"), "a/1"), behind("a/"));
        assert_eq!(beginning("a/", Some("/"), "a/2/"), behind("a/2/"));
        assert_eq!(beginning("a/", Some("/"), "a/1"), "a/1");
        assert_eq!(beginning("b/", Some("/"), "a/"), "b/");
        assert_eq!(beginning("", None, "a/"), "a/");
    }

    #[test]
    fn keys_can_be_encoded() {
        assert_eq!(shown("a b/c+d%é", true), "a%20b/c%2Bd%25%C3%A9");
        assert_eq!(shown("a b", false), "a b");
    }
}
