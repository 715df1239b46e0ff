//! Event patterns, which select stream records and events.

use crate::wildcard::fit;
use serde_json::{Map, Value, json};

const SUPPORTED: &str = "prefix, suffix, wildcard, equals-ignore-case, anything-but, exists, numeric and $or are";

static NOTHING: Value = Value::Null;

/// A pattern of `FilterCriteria`, or of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern(Vec<Rule>);

#[derive(Debug, Clone, PartialEq)]
enum Rule {
    /// A member that is an object.
    Within(String, Pattern),
    /// A member with one of these values.
    Member(String, Vec<Matcher>),
    /// One of several patterns.
    Either(Vec<Pattern>),
}

#[derive(Debug, Clone, PartialEq)]
enum Matcher {
    Equals(Value),
    IgnoringCase(String),
    Prefix(String),
    Suffix(String),
    /// The text between the stars.
    Wildcard(Vec<String>),
    Exists(bool),
    AnythingBut(Vec<Matcher>),
    Numeric(Vec<(Comparison, f64)>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

impl Pattern {
    /// Parses a pattern in JSON.
    pub fn parse(text: &str) -> Result<Self, String> {
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) => Self::of(members),
            Ok(_) => Err("it must be a JSON object".to_owned()),
            Err(error) => Err(format!("it is not JSON: {error}")),
        }
    }

    /// A pattern that was written as YAML.
    pub fn of(members: Map<String, Value>) -> Result<Self, String> {
        let rules = members.into_iter().map(|(name, value)| match value {
            Value::Array(patterns) if name == "$or" => {
                let parse = |pattern| match pattern {
                    Value::Object(members) => Self::of(members),
                    _ => Err("$or takes a list of objects".to_owned()),
                };
                Ok(Rule::Either(patterns.into_iter().map(parse).collect::<Result<_, _>>()?))
            }
            Value::Array(values) => Ok(Rule::Member(name, values.into_iter().map(matcher).collect::<Result<_, _>>()?)),
            Value::Object(members) => Ok(Rule::Within(name, Self::of(members)?)),
            _ => Err(format!("{name} must be a list of values, or an object")),
        });
        Ok(Self(rules.collect::<Result<_, String>>()?))
    }

    /// Whether an event matches.
    pub fn fits(&self, event: &Value) -> bool {
        self.fits_one_of(&[event])
    }

    /// Whether one of several values, the elements of a list, matches. As in EventBridge, a required member must be in
    /// one of them, and an excluded member in none.
    fn fits_one_of(&self, values: &[&Value]) -> bool {
        values.iter().any(|value| self.0.iter().all(|rule| rule.fits(value, values)))
    }
}

impl Rule {
    fn fits(&self, value: &Value, all: &[&Value]) -> bool {
        match self {
            Self::Within(name, pattern) => {
                let inner = value.get(name).map(elements).filter(|inner| !inner.is_empty());
                // A missing member can only match patterns about absence.
                pattern.fits_one_of(&inner.unwrap_or_else(|| vec![&NOTHING]))
            }
            Self::Member(name, matchers) => matchers.iter().any(|matcher| match matcher {
                Matcher::Exists(false) => all.iter().all(|value| matcher.fits(value.get(name))),
                matcher => matcher.fits(value.get(name)),
            }),
            Self::Either(patterns) => patterns.iter().any(|pattern| pattern.fits(value)),
        }
    }
}

/// The elements of a list, including nested lists, or the single value.
fn elements(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().flat_map(elements).collect(),
        value => vec![value],
    }
}

fn matcher(value: Value) -> Result<Matcher, String> {
    let Value::Object(members) = value else { return Ok(Matcher::Equals(value)) };
    let mut members = members.into_iter();
    let (Some((name, argument)), None) = (members.next(), members.next()) else {
        return Err("a rule has one operator".to_owned());
    };
    Ok(match (name.as_str(), argument) {
        ("prefix", Value::String(text)) => Matcher::Prefix(text),
        ("suffix", Value::String(text)) => Matcher::Suffix(text),
        ("equals-ignore-case", Value::String(text)) => Matcher::IgnoringCase(text),
        ("wildcard", Value::String(text)) => Matcher::Wildcard(between_stars(&text)?),
        ("exists", Value::Bool(wanted)) => Matcher::Exists(wanted),
        ("anything-but", Value::Array(values)) => {
            Matcher::AnythingBut(values.into_iter().map(matcher).collect::<Result<_, _>>()?)
        }
        ("anything-but", value) => Matcher::AnythingBut(several(value)?),
        ("numeric", Value::Array(parts)) => Matcher::Numeric(comparisons(&parts)?),
        ("prefix" | "suffix" | "wildcard" | "equals-ignore-case" | "exists" | "numeric", _) => {
            return Err(format!("{name} has an argument of the wrong type"));
        }
        _ => return Err(format!("the operator {name} is not supported here; {SUPPORTED}")),
    })
}

/// The text between the stars of a wildcard, where `\*` is a star and `\\` a backslash.
fn between_stars(text: &str) -> Result<Vec<String>, String> {
    let (mut parts, mut part, mut letters) = (Vec::new(), String::new(), text.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '*' => parts.push(std::mem::take(&mut part)),
            '\\' => match letters.next() {
                Some(letter @ ('*' | '\\')) => part.push(letter),
                _ => {
                    return Err(format!(
                        "the wildcard {text} has a backslash before something other than a star or a backslash"
                    ));
                }
            },
            letter => part.push(letter),
        }
    }
    parts.push(part);
    Ok(parts)
}

/// The excluded values: a value, or an operator with one argument or a list of them.
fn several(value: Value) -> Result<Vec<Matcher>, String> {
    match value {
        Value::Object(members) => {
            let arguments = members.into_iter().flat_map(|(name, argument)| match argument {
                Value::Array(arguments) if name != "numeric" => {
                    arguments.into_iter().map(|argument| json!({name.as_str(): argument})).collect()
                }
                argument => vec![json!({name: argument})],
            });
            arguments.map(matcher).collect()
        }
        value => Ok(vec![matcher(value)?]),
    }
}

fn comparisons(parts: &[Value]) -> Result<Vec<(Comparison, f64)>, String> {
    let wrong = || "numeric takes operators and numbers in turn, such as [\">\", 0, \"<=\", 5]".to_owned();
    if parts.is_empty() || !parts.len().is_multiple_of(2) {
        return Err(wrong());
    }
    let pair = |pair: &[Value]| {
        let comparison = match pair[0].as_str() {
            Some("<") => Comparison::Less,
            Some("<=") => Comparison::LessOrEqual,
            Some("=") => Comparison::Equal,
            Some(">=") => Comparison::GreaterOrEqual,
            Some(">") => Comparison::Greater,
            _ => return Err(wrong()),
        };
        Ok((comparison, pair[1].as_f64().ok_or_else(wrong)?))
    };
    parts.chunks(2).map(pair).collect()
}

impl Matcher {
    fn fits(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Exists(wanted), value) => value.is_some_and(|value| !value.is_object()) == *wanted,
            (_, None) => false,
            (Self::AnythingBut(_), Some(value)) => elements(value).into_iter().all(|value| self.is(value)),
            (_, Some(value)) => elements(value).into_iter().any(|value| self.is(value)),
        }
    }

    fn is(&self, value: &Value) -> bool {
        match self {
            Self::Equals(wanted) => match (wanted.as_f64(), value.as_f64()) {
                (Some(wanted), Some(value)) => wanted == value,
                _ => wanted == value,
            },
            Self::IgnoringCase(wanted) => {
                value.as_str().is_some_and(|text| text.to_lowercase() == wanted.to_lowercase())
            }
            Self::Prefix(wanted) => value.as_str().is_some_and(|text| text.starts_with(wanted)),
            Self::Suffix(wanted) => value.as_str().is_some_and(|text| text.ends_with(wanted)),
            Self::Wildcard(parts) => value.as_str().is_some_and(|text| fit(parts.iter().map(String::as_str), text)),
            Self::AnythingBut(matchers) => !matchers.iter().any(|matcher| matcher.is(value)),
            Self::Exists(wanted) => *wanted,
            Self::Numeric(comparisons) => value.as_f64().is_some_and(|number| {
                comparisons.iter().all(|(comparison, limit)| match comparison {
                    Comparison::Less => number < *limit,
                    Comparison::LessOrEqual => number <= *limit,
                    Comparison::Equal => number == *limit,
                    Comparison::GreaterOrEqual => number >= *limit,
                    Comparison::Greater => number > *limit,
                })
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: Value, event: &Value) -> bool {
        Pattern::parse(&pattern.to_string()).unwrap().fits(event)
    }

    #[test]
    fn each_operator() {
        let event = json!({"eventName": "INSERT", "n": 5, "list": ["a", "b"],
            "dynamodb": {"Keys": {"pk": {"S": "FEED#x"}, "sk": {"S": "E#1"}}}});
        let fitting = [
            json!({"eventName": ["MODIFY", "INSERT"]}),
            json!({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "FEED#"}]}, "sk": {"S": [{"prefix": "E#"}]}}}}),
            json!({"dynamodb": {"Keys": {"sk": {"S": [{"suffix": "1"}]}}}}),
            json!({"eventName": [{"anything-but": ["REMOVE"]}]}),
            json!({"eventName": [{"anything-but": {"prefix": "REM"}}]}),
            json!({"eventName": [{"anything-but": {"suffix": ["X", "Y"]}}]}),
            json!({"eventName": [{"wildcard": "I*R*"}]}),
            json!({"eventName": [{"equals-ignore-case": "insert"}]}),
            json!({"userIdentity": [{"exists": false}]}),
            json!({"dynamodb": {"OldImage": {"x": [{"exists": false}]}}}),
            json!({"n": [{"numeric": [">", 0, "<=", 5]}]}),
            json!({"n": [5.0]}),
            json!({"list": ["b"]}),
            json!({"$or": [{"n": [1]}, {"eventName": ["INSERT"]}]}),
            json!({}),
        ];
        for pattern in fitting {
            assert!(fits(pattern.clone(), &event), "{pattern}");
        }
        let others = [
            json!({"eventName": ["insert"]}),
            json!({"eventName": ["INSERT"], "n": [6]}),
            json!({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "E#"}]}}}}),
            json!({"missing": [{"anything-but": ["x"]}]}),
            json!({"eventName": [{"exists": false}]}),
            json!({"n": [{"numeric": [">", 5]}]}),
            json!({"list": [{"anything-but": ["b"]}]}),
            json!({"eventName": [{"anything-but": {"prefix": ["X", "INS"]}}]}),
            json!({"eventName": [{"wildcard": "I*X"}]}),
        ];
        for pattern in others {
            assert!(!fits(pattern.clone(), &event), "{pattern}");
        }
    }

    #[test]
    fn lists_are_looked_into() {
        let event =
            json!({"items": [{"kind": "a", "size": 1}, [{"kind": "b", "size": 2}]], "none": [], "all": [["x"]]});
        let fitting = [
            json!({"items": {"kind": ["b"]}}),
            json!({"items": {"kind": ["b"], "size": [2]}}),
            json!({"items": {"colour": [{"exists": false}]}}),
            json!({"items": {"kind": [{"exists": true}]}}),
            json!({"none": {"kind": [{"exists": false}]}}),
            json!({"all": ["x"]}),
        ];
        for pattern in fitting {
            assert!(fits(pattern.clone(), &event), "{pattern}");
        }
        let others = [
            json!({"items": {"kind": ["c"]}}),
            json!({"items": {"kind": ["b"], "size": [1]}}),
            json!({"items": {"kind": [{"exists": false}]}}),
            json!({"none": {"kind": ["a"]}}),
        ];
        for pattern in others {
            assert!(!fits(pattern.clone(), &event), "{pattern}");
        }
        let half = json!({"items": [{"kind": "a"}, {"size": 1}]});
        assert!(!fits(json!({"items": {"kind": [{"exists": false}]}}), &half), "one of them has it");
    }

    #[test]
    fn stars_can_be_meant() {
        for (wildcard, text, expected) in [
            (r"a\*c", "a*c", true),
            (r"a\*c", "abc", false),
            (r"*\*", "ab*", true),
            (r"*\*", "ab", false),
            (r"C:\\*", r"C:\x", true),
            (r"C:\\*", "C:x", false),
            ("a*c*", "abcd", true),
        ] {
            assert_eq!(
                fits(json!({"a": [{"wildcard": wildcard}]}), &json!({"a": text})),
                expected,
                "{wildcard} {text}"
            );
        }
    }

    #[test]
    fn what_is_not_supported_is_said() {
        let cases = [
            (r#"{"a": [{"cidr": "10.0.0.0/24"}]}"#, "the operator cidr is not supported here; prefix"),
            (r#"{"a": "x"}"#, "a must be a list of values"),
            (r#"{"a": [{"prefix": 1}]}"#, "prefix has an argument of the wrong type"),
            (r#"{"a": [{"numeric": [">"]}]}"#, "numeric takes operators"),
            ("[", "it is not JSON"),
            (r#"{"a": [{"wildcard": "a\\b"}]}"#, "the wildcard a\\b has a backslash before"),
        ];
        for (pattern, message) in cases {
            let error = Pattern::parse(pattern).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }
}
