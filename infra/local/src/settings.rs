//! Settings in the files that `sam` reads: `--env-vars` and `samconfig.toml`.

use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::path::Path;

/// Variables of all functions, and of single ones by logical id or name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Variables {
    /// For all functions.
    pub all: Vec<(String, String)>,
    /// Function, variable, value.
    pub own: Vec<(String, String, String)>,
}

impl Variables {
    /// Reads a file in the format of `sam local`: `{"Parameters": {...}, "Function": {...}}`.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("{} is not in the format of --env-vars", file.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let sections: BTreeMap<String, BTreeMap<String, serde_json::Value>> = serde_json::from_str(text)?;
        let mut variables = Self::default();
        for (section, values) in sections {
            for (name, value) in values {
                let value = match value {
                    serde_json::Value::String(text) => text,
                    serde_json::Value::Null => continue,
                    other => other.to_string(),
                };
                match section.as_str() {
                    "Parameters" => variables.all.push((name, value)),
                    function => variables.own.push((function.to_owned(), name, value)),
                }
            }
        }
        Ok(variables)
    }
}

/// The template's parameters for an environment in `samconfig.toml`: those of `deploy`, with which the functions are
/// deployed, or else those of `global`. As in `sam`, one of the two is used as a whole.
pub fn parameters(file: &Path, environment: &str) -> anyhow::Result<Vec<(String, String)>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let all = parse(&text, environment);
    all.with_context(|| format!("{} does not say what the parameters are", file.display()))
}

fn parse(text: &str, environment: &str) -> anyhow::Result<Vec<(String, String)>> {
    let environments: BTreeMap<String, toml::Value> = toml::from_str(text)?;
    let Some(environment) = environments.get(environment).filter(|value| value.is_table()) else {
        bail!("there is no environment {environment}");
    };
    let of = |command: &str| environment.get(command)?.get("parameters")?.get("parameter_overrides");
    of("deploy").or_else(|| of("global")).map_or(Ok(Vec::new()), overrides)
}

/// A text of pairs, a list of them, or a table.
fn overrides(value: &toml::Value) -> anyhow::Result<Vec<(String, String)>> {
    match value {
        toml::Value::String(text) => words(text).iter().map(|word| pair(word)).collect(),
        toml::Value::Array(items) => {
            let text = |item: &toml::Value| item.as_str().map(str::to_owned).context("a parameter is not text");
            items.iter().map(|item| pair(&text(item)?)).collect()
        }
        toml::Value::Table(entries) => entries.iter().map(|(name, value)| Ok((name.clone(), scalar(value)?))).collect(),
        _ => bail!("parameter_overrides is neither text nor a list nor a table"),
    }
}

fn scalar(value: &toml::Value) -> anyhow::Result<String> {
    Ok(match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(truth) => truth.to_string(),
        _ => bail!("a parameter is neither text nor a number"),
    })
}

/// `Name=Value`, or `ParameterKey=Name,ParameterValue=Value`.
fn pair(word: &str) -> anyhow::Result<(String, String)> {
    let long = word.strip_prefix("ParameterKey=").and_then(|rest| rest.split_once(",ParameterValue="));
    let (name, value) = long.or_else(|| word.split_once('=')).with_context(|| format!("{word} is not Name=Value"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Splits words as a shell does: at blanks, unless quoted or escaped.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\\', None | Some('"')) => word.extend(letters.next()),
            (letter, Some(open)) if letter == open => quote = None,
            (letter, Some(_)) => word.push(letter),
            ('\'' | '"', None) => quote = Some(letter),
            (letter, None) if letter.is_whitespace() => {
                if std::mem::take(&mut begun) {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            (letter, None) => word.push(letter),
        }
        begun = true;
    }
    if begun {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn variables_are_of_all_functions_or_of_one() {
        let text = r#"{"Parameters": {"A": "1", "N": 2}, "Main": {"A": "3", "NONE": null}}"#;
        let variables = Variables::parse(text).unwrap();
        assert_eq!(variables.all, owned(&[("A", "1"), ("N", "2")]));
        assert_eq!(variables.own, [("Main".to_owned(), "A".to_owned(), "3".to_owned())]);
        assert!(Variables::parse(r#"{"A": "flat"}"#).is_err());
    }

    #[test]
    fn parameters_are_those_that_are_deployed() {
        let text = r#"
            version = 0.1
            [default.global.parameters]
            stack_name = "x"
            parameter_overrides = "A=1 B=\"two words\" C='it''s' D=a\\ b"
            [default.deploy.parameters]
            stack_name = "y"
            [both.global.parameters]
            parameter_overrides = "A=1 B=2"
            [both.deploy.parameters]
            parameter_overrides = ["B=3", "ParameterKey=E,ParameterValue=a=b"]
            [prod.deploy.parameters]
            parameter_overrides = {A = "5", N = 7}
            [none.build.parameters]
            cached = false
        "#;
        let all = [("A", "1"), ("B", "two words"), ("C", "its"), ("D", "a b")];
        assert_eq!(parse(text, "default").unwrap(), owned(&all));
        assert_eq!(parse(text, "both").unwrap(), owned(&[("B", "3"), ("E", "a=b")]));
        assert_eq!(parse(text, "prod").unwrap(), owned(&[("A", "5"), ("N", "7")]));
        assert_eq!(parse(text, "none").unwrap(), owned(&[]));
        for environment in ["version", "test"] {
            let error = parse(text, environment).unwrap_err().to_string();
            assert_eq!(error, format!("there is no environment {environment}"));
        }
        assert!(parse("[default.deploy.parameters]\nparameter_overrides = 'A'", "default").is_err());
    }
}
