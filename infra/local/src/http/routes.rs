//! Selects the route of a request: a full match, otherwise the longest greedy one, otherwise `$default`.

use crate::template::HttpRoute;
use percent_encoding::percent_decode_str;

/// The routes of an API, the most specific first.
#[derive(Debug)]
pub struct Routes {
    ordered: Vec<(usize, Shape)>,
    default: Option<usize>,
}

#[derive(Debug)]
struct Shape {
    method: Option<String>,
    segments: Vec<Segment>,
}

/// A segment of a path. The order is that of precedence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Text(String),
    Parameter(String),
    Greedy(String),
}

/// A matching route.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// Its index in the list of routes.
    pub index: usize,
    /// The parameters of its path, by name, decoded.
    pub parameters: Vec<(String, String)>,
}

impl Routes {
    /// Sorts the routes of an API.
    pub fn new(routes: &[HttpRoute]) -> Self {
        let default = routes.iter().position(|route| route.path == "$default");
        let mut ordered: Vec<_> = routes
            .iter()
            .enumerate()
            .filter(|(_, route)| route.path != "$default")
            .map(|(index, route)| (index, Shape::new(route)))
            .collect();
        ordered.sort_by_key(|(_, shape)| shape.rank());
        Self { ordered, default }
    }

    /// The route for a method and an encoded path.
    pub fn find(&self, method: &str, path: &str) -> Option<Found> {
        let parts: Vec<_> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        let fitting = self.ordered.iter().filter(|(_, shape)| shape.method.as_deref().is_none_or(|own| own == method));
        let mut found = fitting.filter_map(|(index, shape)| {
            shape.parameters(&parts).map(|parameters| Found { index: *index, parameters })
        });
        found.next().or_else(|| self.default.map(|index| Found { index, parameters: Vec::new() }))
    }
}

impl Shape {
    fn new(route: &HttpRoute) -> Self {
        let path = route.path.strip_prefix('/').unwrap_or(&route.path);
        Self { method: route.method.clone(), segments: path.split('/').map(Segment::new).collect() }
    }

    /// Sorts by precedence: greedy routes last, the longest of them first; then text before parameters, from the left;
    /// then a method before `ANY`.
    fn rank(&self) -> (bool, usize, Vec<u8>, bool) {
        let greedy = matches!(self.segments.last(), Some(Segment::Greedy(_)));
        let kinds = self.segments.iter().map(|segment| match segment {
            Segment::Text(_) => 0,
            Segment::Parameter(_) => 1,
            Segment::Greedy(_) => 2,
        });
        let length = if greedy { usize::MAX - self.segments.len() } else { 0 };
        (greedy, length, kinds.collect(), self.method.is_none())
    }

    /// The values of the path's parameters, if it matches.
    fn parameters(&self, parts: &[&str]) -> Option<Vec<(String, String)>> {
        let mut parameters = Vec::new();
        for (at, segment) in self.segments.iter().enumerate() {
            let part = *parts.get(at)?;
            match segment {
                Segment::Text(text) if *text == decoded(part) => {}
                Segment::Parameter(name) if !part.is_empty() => parameters.push((name.clone(), decoded(part))),
                Segment::Greedy(name) => {
                    let rest = parts[at..].join("/");
                    return (!rest.is_empty()).then(|| {
                        parameters.push((name.clone(), decoded(&rest)));
                        parameters
                    });
                }
                _ => return None,
            }
        }
        (self.segments.len() == parts.len()).then_some(parameters)
    }
}

impl Segment {
    fn new(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Self::Greedy(name.to_owned()),
                None => Self::Parameter(name.to_owned()),
            },
            None => Self::Text(text.to_owned()),
        }
    }
}

/// Decodes percent signs. Invalid UTF-8 is replaced.
pub(crate) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(key: &str) -> HttpRoute {
        let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
        HttpRoute {
            method: (method != "ANY").then(|| method.to_owned()),
            path: path.to_owned(),
            function: String::new(),
            timeout: None,
            line: 1,
        }
    }

    #[test]
    fn the_most_specific_route_is_taken() {
        let keys = [
            "$default",
            "ANY /{proxy+}",
            "GET /pets/{proxy+}",
            "GET /pets/dog/{id}",
            "ANY /pets/dog/{id}",
            "GET /pets/dog/1",
            "GET /pets/{kind}/all",
            "ANY /",
        ];
        let routes = Routes::new(&keys.map(route));
        let cases = [
            ("GET", "/pets/dog/1", "GET /pets/dog/1", vec![]),
            ("GET", "/pets/dog/2", "GET /pets/dog/{id}", vec![("id", "2")]),
            ("PUT", "/pets/dog/1", "ANY /pets/dog/{id}", vec![("id", "1")]),
            ("GET", "/pets/dog/all", "GET /pets/dog/{id}", vec![("id", "all")]),
            ("GET", "/pets/cat/all", "GET /pets/{kind}/all", vec![("kind", "cat")]),
            ("GET", "/pets/cat/1/x%20y", "GET /pets/{proxy+}", vec![("proxy", "cat/1/x y")]),
            ("POST", "/pets/cat/1", "ANY /{proxy+}", vec![("proxy", "pets/cat/1")]),
            ("GET", "/pets/", "ANY /{proxy+}", vec![("proxy", "pets/")]),
            ("GET", "/pets/dog/1/", "GET /pets/{proxy+}", vec![("proxy", "dog/1/")]),
            ("GET", "/", "ANY /", vec![]),
        ];
        for (method, path, key, parameters) in cases {
            let found = routes.find(method, path).unwrap();
            assert_eq!(keys[found.index], key, "{method} {path}");
            let expected: Vec<_> = parameters.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            assert_eq!(found.parameters, expected, "{method} {path}");
        }
        let few = Routes::new(&["GET /a", "$default"].map(route));
        assert_eq!(few.find("POST", "/a").unwrap().index, 1);
        assert_eq!(Routes::new(&["GET /a/{b}"].map(route)).find("GET", "/a/"), None, "a parameter is never empty");
    }

    #[test]
    fn percent_signs() {
        let whole = [("a%20b", "a b"), ("%E2%82%AC", "€"), ("%ff", "\u{fffd}")];
        let cases =
            whole.into_iter().chain([("%", "%"), ("%zz%4", "%zz%4"), ("€%", "€%"), ("%2€", "%2€"), ("%+5", "%+5")]);
        for (from, to) in cases {
            assert_eq!(decoded(from), to);
        }
    }
}
