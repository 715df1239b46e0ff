//! YAML as a tree with line numbers.

use super::error::TemplateError;
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// A value of the template and the line it begins on.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The line, counted from 1.
    pub line: usize,
    /// The value.
    pub kind: Kind,
}

/// The contents of a [`Node`]. Short forms of intrinsic functions are already expanded, to a map of one key.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Text, number, boolean or null.
    Scalar {
        /// As written.
        text: String,
        /// Written without quotes, so that `5` is a number and `true` a boolean.
        plain: bool,
    },
    /// Values in order.
    List(Vec<Node>),
    /// Keys with the line of each, and values.
    Map(Vec<(String, usize, Node)>),
}

impl Node {
    /// Text on a line.
    pub fn text(line: usize, text: impl Into<String>) -> Self {
        Self { line, kind: Kind::Scalar { text: text.into(), plain: false } }
    }

    /// An empty map on a line.
    pub fn empty(line: usize) -> Self {
        Self { line, kind: Kind::Map(Vec::new()) }
    }

    /// The value of a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, ..)| name == key).map(|(_, _, value)| value)
    }

    /// The properties of a resource, as they are written; empty if it has none.
    pub fn properties(&self) -> &[(String, usize, Node)] {
        self.get("Properties").map_or(&[], Node::entries)
    }

    /// Refuses a resource that has a property not listed here.
    pub(super) fn expect_properties(&self, id: &str, known: &[&str]) -> Result<(), TemplateError> {
        match self.properties().iter().find(|(name, ..)| !known.contains(&name.as_str())) {
            Some((name, line, _)) => Err(TemplateError::unknown(*line, name, id)),
            None => Ok(()),
        }
    }

    /// A property of a resource, as it is written.
    pub fn property(&self, name: &str) -> Option<&Node> {
        self.get("Properties")?.get(name)
    }

    /// The keys and values of a map; empty for other kinds.
    pub fn entries(&self) -> &[(String, usize, Node)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The scalar's text.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The text, or an error that says what was expected.
    pub fn expect_text(&self, what: &str) -> Result<&str, TemplateError> {
        self.as_text().ok_or_else(|| TemplateError::new(self.line, format!("{what} must be text")))
    }

    /// The whole number, or an error.
    pub fn expect_number(&self, what: &str) -> Result<i64, TemplateError> {
        let number = self.as_text().and_then(|text| text.parse().ok());
        number.ok_or_else(|| TemplateError::new(self.line, format!("{what} must be a whole number")))
    }

    /// The number, with or without a fraction, or an error.
    pub fn expect_decimal(&self, what: &str) -> Result<f64, TemplateError> {
        let number = self.as_text().and_then(|text| text.parse().ok());
        number.ok_or_else(|| TemplateError::new(self.line, format!("{what} must be a number")))
    }

    /// The truth value, or an error.
    pub fn expect_bool(&self, what: &str) -> Result<bool, TemplateError> {
        match self.as_text() {
            Some("true" | "True" | "TRUE") => Ok(true),
            Some("false" | "False" | "FALSE") => Ok(false),
            _ => Err(TemplateError::new(self.line, format!("{what} must be true or false"))),
        }
    }

    /// The list, or an error.
    pub fn expect_list(&self, what: &str) -> Result<&[Node], TemplateError> {
        match &self.kind {
            Kind::List(items) => Ok(items),
            _ => Err(TemplateError::new(self.line, format!("{what} must be a list"))),
        }
    }

    /// The map's entries, or an error.
    pub fn expect_map(&self, what: &str) -> Result<&[(String, usize, Node)], TemplateError> {
        match &self.kind {
            Kind::Map(entries) => Ok(entries),
            _ => Err(TemplateError::new(self.line, format!("{what} must be a map"))),
        }
    }

    /// How many values there are in it, itself among them, and how many lists and maps lie in each other.
    fn extent(&self) -> (usize, usize) {
        let of = |(values, depth): (usize, usize), inner: &Node| {
            let (more, deep) = inner.extent();
            (values + more, depth.max(deep))
        };
        let (values, depth) = match &self.kind {
            Kind::Scalar { .. } => return (1, 0),
            Kind::List(items) => items.iter().fold((1, 0), of),
            Kind::Map(entries) => entries.iter().map(|(_, _, value)| value).fold((1 + entries.len(), 0), of),
        };
        (values, depth + 1)
    }

    /// The same as JSON; plain scalars become numbers, truth values and null where they read as such.
    pub fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Scalar { text, plain: true } => match text.as_str() {
                "" | "~" | "null" => Value::Null,
                "true" | "True" | "TRUE" => Value::Bool(true),
                "false" | "False" | "FALSE" => Value::Bool(false),
                text => number(text).unwrap_or_else(|| Value::String(text.to_owned())),
            },
            Kind::Scalar { text, plain: false } => Value::String(text.clone()),
            Kind::List(items) => items.iter().map(Node::to_json).collect(),
            Kind::Map(entries) => entries.iter().map(|(key, _, value)| (key.clone(), value.to_json())).collect(),
        }
    }
}

fn number(text: &str) -> Option<Value> {
    text.parse::<i64>().map(Value::from).ok().or_else(|| {
        let begins = text.starts_with(|first: char| first.is_ascii_digit() || first == '-');
        text.parse::<f64>().ok().filter(|number| begins && number.is_finite()).map(Value::from)
    })
}

/// How deep lists and maps may lie in each other: what reads them calls itself for each level.
const MAX_DEPTH: usize = 100;
/// The most values of a template. An alias counts as much as what it stands for, or a page of text could be gigabytes.
const MAX_VALUES: usize = 200_000;

/// Reads the one document of a file.
pub(super) fn parse(source: &str) -> Result<Node, TemplateError> {
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(source);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let message = error.to_string();
            TemplateError::new(error.marker().line(), format!("this is not YAML: {message}"))
        })?;
        builder.take(event, span.start.line())?;
    }
    builder.root.ok_or_else(|| TemplateError::new(1, "the file is empty"))
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    values: usize,
    root: Option<Node>,
}

/// What aliases stand for.
struct Anchored {
    node: Node,
    values: usize,
    depth: usize,
}

/// A list or map that has not ended.
struct Open {
    line: usize,
    anchor: usize,
    tag: Option<String>,
    items: Vec<Node>,
    is_map: bool,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), TemplateError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.count(line, 1, 0)?;
                let plain = style == ScalarStyle::Plain;
                let node = Node { line, kind: Kind::Scalar { text: text.into_owned(), plain } };
                let node = long_form(node, short_tag(tag.as_deref()))?;
                self.add(node, anchor)
            }
            Event::SequenceStart(anchor, tag) => self.open(line, anchor, tag.as_deref(), false),
            Event::MappingStart(anchor, tag) => self.open(line, anchor, tag.as_deref(), true),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor);
                let known = known.ok_or_else(|| TemplateError::new(line, "an alias refers to itself"))?;
                let (node, values, depth) = (known.node.clone(), known.values, known.depth);
                self.count(line, values, depth)?;
                self.add(node, 0)
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(TemplateError::new(line, "a second document begins here; a template is one"))
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, line: usize, anchor: usize, tag: Option<&Tag>, is_map: bool) -> Result<(), TemplateError> {
        self.count(line, 1, 1)?;
        self.open.push(Open { line, anchor, tag: short_tag(tag), items: Vec::new(), is_map });
        Ok(())
    }

    /// Takes account of values that come here, which lie so deep in each other.
    fn count(&mut self, line: usize, values: usize, depth: usize) -> Result<(), TemplateError> {
        self.values += values;
        if self.values > MAX_VALUES {
            return Err(TemplateError::new(line, format!("there are more than {MAX_VALUES} values up to here")));
        }
        if self.open.len() + depth > MAX_DEPTH {
            return Err(TemplateError::new(line, format!("more than {MAX_DEPTH} lists and maps lie in each other")));
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), TemplateError> {
        // The parser's events are balanced.
        let Some(open) = self.open.pop() else { return Ok(()) };
        let kind = if open.is_map { Kind::Map(pairs(open.items)?) } else { Kind::List(open.items) };
        let node = long_form(Node { line: open.line, kind }, open.tag)?;
        self.add(node, open.anchor)
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), TemplateError> {
        if anchor > 0 {
            let (values, depth) = node.extent();
            self.anchors.insert(anchor, Anchored { node: node.clone(), values, depth });
        }
        match self.open.last_mut() {
            Some(open) => open.items.push(node),
            None => self.root = Some(node),
        }
        Ok(())
    }
}

/// Keys and values follow each other. A key that comes twice is a mistake that YAML forbids and some readers let pass.
fn pairs(items: Vec<Node>) -> Result<Vec<(String, usize, Node)>, TemplateError> {
    let mut entries: Vec<(String, usize, Node)> = Vec::with_capacity(items.len() / 2);
    let (mut items, mut names) = (items.into_iter(), HashSet::new());
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        let name = key.expect_text("a key")?.to_owned();
        if !names.insert(name.clone()) {
            return Err(TemplateError::new(key.line, format!("the key {name} is here twice")));
        }
        entries.push((name, key.line, value));
    }
    Ok(entries)
}

/// The name after `!`, for tags that are not YAML's own.
fn short_tag(tag: Option<&Tag>) -> Option<String> {
    tag.filter(|tag| tag.handle == "!").map(|tag| tag.suffix.clone())
}

/// `!Sub x` as `{Fn::Sub: x}`, `!GetAtt a.b` as `{Fn::GetAtt: [a, b]}`.
fn long_form(node: Node, tag: Option<String>) -> Result<Node, TemplateError> {
    let Some(tag) = tag else { return Ok(node) };
    let line = node.line;
    let (name, argument) = match tag.as_str() {
        "Ref" | "Condition" => (tag, node),
        "GetAtt" => {
            let parts = node
                .as_text()
                .and_then(|text| text.split_once('.'))
                .map(|(name, attribute)| Kind::List(vec![Node::text(line, name), Node::text(line, attribute)]));
            ("Fn::GetAtt".to_owned(), parts.map_or(node, |kind| Node { line, kind }))
        }
        _ => (format!("Fn::{tag}"), node),
    };
    Ok(Node { line, kind: Kind::Map(vec![(name, line, argument)]) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines_and_short_forms() {
        let node = parse("A: 1\nB:\n  C: !GetAtt X.Y.Z\n  D: !Sub\n    - a\n    - {b: 'true'}\n").unwrap();
        assert_eq!(
            node.to_json(),
            json!({"A": 1, "B": {"C": {"Fn::GetAtt": ["X", "Y.Z"]}, "D": {"Fn::Sub": ["a", {"b": "true"}]}}})
        );
        assert_eq!(node.get("B").and_then(|b| b.get("C")).map(|c| c.line), Some(3));
    }

    #[test]
    fn anchors_are_repeated() {
        let node = parse("A: &x [1, ~]\nB: *x\n").unwrap();
        assert_eq!(node.to_json(), json!({"A": [1, null], "B": [1, null]}));
    }

    #[test]
    fn depth_is_limited_on_both_sides() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        let error = parse(&nested(MAX_DEPTH + 1)).unwrap_err().to_string();
        assert_eq!(error, "1: more than 100 lists and maps lie in each other");
        assert!(parse(&nested(100_000)).is_err());
        // Aliases put together what is flat in the file.
        let chain = |length: usize| {
            let links = (1..length).map(|link| format!("k{link}: &a{link} [*a{}]\n", link - 1));
            format!("k0: &a0 []\n{}", links.collect::<String>())
        };
        assert!(parse(&chain(MAX_DEPTH - 1)).is_ok());
        assert!(parse(&chain(MAX_DEPTH)).is_err());
    }

    #[test]
    fn values_are_limited_on_both_sides() {
        let list = |values: usize| format!("[{}]", "a,".repeat(values));
        assert!(parse(&list(MAX_VALUES - 1)).is_ok());
        assert_eq!(
            parse(&list(MAX_VALUES)).unwrap_err().to_string(),
            "1: there are more than 200000 values up to here"
        );
        // Ten to the tenth, of 600 bytes.
        let bomb = (1..10).map(|line| format!("k{line}: &a{line} [{}]\n", format!("*a{},", line - 1).repeat(10)));
        let bomb = format!("k0: &a0 [x,x,x,x,x,x,x,x,x,x]\n{}", bomb.collect::<String>());
        assert!(parse(&bomb).unwrap_err().to_string().contains("values"));
    }

    #[test]
    fn mistakes_have_lines() {
        assert_eq!(parse("A: 1\nA: 2\n").unwrap_err().to_string(), "2: the key A is here twice");
        let error = parse("A: [1\nB: 2\n").unwrap_err().to_string();
        assert!(error.contains("not YAML"), "{error}");
    }
}
