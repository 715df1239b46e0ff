//! Event patterns, by which a stream's records are chosen.

use serde_json::{Map, Value};

const SUPPORTED: &str = "prefix, suffix, equals-ignore-case, anything-but, exists, numeric and $or are";

/// A pattern of `FilterCriteria`.
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
    /// Reads a pattern's JSON.
    pub fn parse(text: &str) -> Result<Self, String> {
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) => Self::of(members),
            Ok(_) => Err("it must be a JSON object".to_owned()),
            Err(error) => Err(format!("it is not JSON: {error}")),
        }
    }

    fn of(members: Map<String, Value>) -> Result<Self, String> {
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

    /// Whether an event fits.
    pub fn fits(&self, event: &Value) -> bool {
        self.0.iter().all(|rule| match rule {
            Rule::Within(name, pattern) => event.get(name).map_or_else(
                // Only the absence of what is deeper can be asked for.
                || pattern.fits(&Value::Null),
                |value| pattern.fits(value),
            ),
            Rule::Member(name, matchers) => {
                let value = event.get(name);
                matchers.iter().any(|matcher| matcher.fits(value))
            }
            Rule::Either(patterns) => patterns.iter().any(|pattern| pattern.fits(event)),
        })
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
        ("exists", Value::Bool(wanted)) => Matcher::Exists(wanted),
        ("anything-but", Value::Array(values)) => {
            Matcher::AnythingBut(values.into_iter().map(matcher).collect::<Result<_, _>>()?)
        }
        ("anything-but", value) => Matcher::AnythingBut(vec![matcher(value)?]),
        ("numeric", Value::Array(parts)) => Matcher::Numeric(comparisons(&parts)?),
        ("prefix" | "suffix" | "equals-ignore-case" | "exists" | "numeric", _) => {
            return Err(format!("{name} has an argument of the wrong type"));
        }
        _ => return Err(format!("the operator {name} is not supported here; {SUPPORTED}")),
    })
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
            (Self::AnythingBut(_), Some(Value::Array(values))) => values.iter().all(|value| self.is(value)),
            (_, Some(Value::Array(values))) => values.iter().any(|value| self.is(value)),
            (_, Some(value)) => self.is(value),
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
    use serde_json::json;

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
        ];
        for pattern in others {
            assert!(!fits(pattern.clone(), &event), "{pattern}");
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
        ];
        for (pattern, message) in cases {
            let error = Pattern::parse(pattern).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }
}
