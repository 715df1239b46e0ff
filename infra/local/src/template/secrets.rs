//! `{{resolve:secretsmanager:...}}`, with values from the command line.

use super::error::TemplateError;
use super::names;
use super::scope::Scope;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const START: &str = "{{resolve:";

/// The given secrets.
pub(super) struct Secrets<'a> {
    scope: &'a Scope<'a>,
    given: &'a [(String, String, String)],
    missing: BTreeSet<(String, String)>,
}

impl<'a> Secrets<'a> {
    pub(super) fn new(scope: &'a Scope<'a>, given: &'a [(String, String, String)]) -> Self {
        Self { scope, given, missing: BTreeSet::new() }
    }

    /// Warnings about secrets that were needed but not given.
    pub(super) fn warnings(&self) -> Vec<String> {
        let line = |(id, key): &(String, String)| {
            format!("the secret {id} has no value for {key:?} and is empty; give --secret {id}:{key}=...")
        };
        self.missing.iter().map(line).collect()
    }

    /// The text with every reference replaced.
    pub(super) fn fill_in(&mut self, line: usize, text: &str) -> Result<String, TemplateError> {
        let Some((before, rest)) = text.split_once(START) else { return Ok(text.to_owned()) };
        let Some((reference, after)) = rest.split_once("}}") else {
            return Err(TemplateError::new(line, "a {{resolve: has no }}"));
        };
        let Some(reference) = reference.strip_prefix("secretsmanager:") else {
            let service = reference.split(':').next().unwrap_or_default();
            let message = format!("a reference to {service} is not supported here; secretsmanager is");
            return Err(TemplateError::new(line, message));
        };
        let value = self.value(reference);
        Ok(format!("{before}{value}{}", self.fill_in(line, after)?))
    }

    fn value(&mut self, reference: &str) -> String {
        let (name, rest) = split(reference);
        let key = rest.split(':').nth(1).unwrap_or_default();
        let found: Vec<_> = self.given.iter().filter(|(id, ..)| self.is_named(id, name)).collect();
        if key.is_empty() && !found.is_empty() {
            let all: Map<_, _> =
                found.iter().map(|(_, key, value)| (key.clone(), Value::from(value.as_str()))).collect();
            return Value::Object(all).to_string();
        }
        if let Some((.., value)) = found.iter().find(|(_, of, _)| of == key) {
            return value.clone();
        }
        let own = name.strip_prefix(&format!("{}-", names::STACK)).unwrap_or(name);
        self.missing.insert((own.to_owned(), key.to_owned()));
        String::new()
    }

    /// Whether the command line's id is the name, or the logical id of the resource with that name.
    fn is_named(&self, id: &str, name: &str) -> bool {
        let resource = self.scope.resource(id);
        let own = resource.and_then(|resource| names::name(self.scope, Some(resource), id).ok());
        id == name || own.is_some_and(|own| own == name)
    }
}

/// The secret's name and what follows it: `SecretString:key:stage:version`. An ARN has colons of its own.
fn split(reference: &str) -> (&str, &str) {
    let reference = match reference.starts_with("arn:") {
        true => reference.splitn(7, ':').last().unwrap_or_default(),
        false => reference,
    };
    reference.split_once(':').unwrap_or((reference, ""))
}
