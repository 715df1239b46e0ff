//! Resolves names in a template: parameters, mappings, conditions and the resources themselves.

use super::error::TemplateError;
use super::names;
use super::node::{Kind, Node};
use std::collections::HashMap;

type Result<T> = std::result::Result<T, TemplateError>;

/// Conditions may refer to each other; more steps than this mean a cycle.
const MOST_STEPS: usize = 64;

/// Where intrinsic functions look up their values.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    root: &'a Node,
    parameters: HashMap<String, String>,
    steps: std::cell::Cell<usize>,
}

impl<'a> Scope<'a> {
    /// The scope of a template with parameters from the command line.
    pub(super) fn new(root: &'a Node, given: &[(String, String)]) -> Result<Self> {
        let declared = root.get("Parameters");
        for (name, value) in given {
            let Some(parameter) = declared.and_then(|declared| declared.get(name)) else {
                let line = declared.map_or(1, |declared| declared.line);
                return Err(TemplateError::new(line, format!("there is no parameter {name} in the template")));
            };
            check_allowed(name, parameter, value)?;
        }
        Ok(Self { root, parameters: given.iter().cloned().collect(), steps: 0.into() })
    }

    /// A section of the template.
    pub(super) fn section(&self, name: &str) -> Option<&'a Node> {
        self.root.get(name)
    }

    /// A resource.
    pub(super) fn resource(&self, id: &str) -> Option<&'a Node> {
        self.section("Resources")?.get(id)
    }

    /// Whether a resource or output exists, by its `Condition`.
    pub(super) fn exists(&self, resource: &Node) -> Result<bool> {
        match resource.get("Condition") {
            Some(name) => self.condition(name),
            None => Ok(true),
        }
    }

    /// A property of a resource, with its intrinsic functions resolved.
    pub(super) fn property(&self, resource: &Node, name: &str) -> Result<Option<Node>> {
        match resource.property(name) {
            Some(node) => self.resolve(node),
            None => Ok(None),
        }
    }

    /// The value of `Ref`.
    pub(super) fn reference(&self, name: &Node) -> Result<Option<Node>> {
        let (line, name) = (name.line, name.expect_text("Ref's argument")?);
        if name == "AWS::NoValue" {
            return Ok(None);
        }
        if let Some(value) = names::pseudo(name) {
            return Ok(Some(Node::text(line, value)));
        }
        if let Some(parameter) = self.section("Parameters").and_then(|parameters| parameters.get(name)) {
            return self.parameter(line, name, parameter).map(Some);
        }
        names::reference(self, line, name).map(|value| Some(Node::text(line, value)))
    }

    fn parameter(&self, line: usize, name: &str, parameter: &Node) -> Result<Node> {
        let kind = parameter.get("Type").and_then(Node::as_text).unwrap_or("String");
        if kind.starts_with("AWS::SSM::Parameter::Value") && !self.parameters.contains_key(name) {
            let message =
                format!("the parameter {name} is read from SSM, which is not there; give --parameter {name}=...");
            return Err(TemplateError::new(parameter.line, message));
        }
        let default = parameter.get("Default").and_then(Node::as_text);
        let value = self.parameters.get(name).map(String::as_str).or(default).ok_or_else(|| {
            TemplateError::new(
                parameter.line,
                format!("the parameter {name} has no default; give --parameter {name}=..."),
            )
        })?;
        let list = kind.contains("List");
        let plain = kind == "Number" || matches!(value, "true" | "false");
        let kind = if list {
            Kind::List(value.split(',').map(|item| Node::text(line, item.trim())).collect())
        } else {
            Kind::Scalar { text: value.to_owned(), plain }
        };
        Ok(Node { line, kind })
    }

    /// The value of `Fn::GetAtt`.
    pub(super) fn attribute(&self, line: usize, id: &str, attribute: &str) -> Result<String> {
        names::attribute(self, line, id, attribute)
    }

    /// The value of `Fn::FindInMap`.
    pub(super) fn mapped(&self, line: usize, map: &str, top: &str, second: &str) -> Result<Node> {
        let found = self.section("Mappings").and_then(|maps| maps.get(map)?.get(top)?.get(second));
        let message = || format!("there is no {map}.{top}.{second} in Mappings");
        found.cloned().ok_or_else(|| TemplateError::new(line, message()))
    }

    /// The outcome of a named condition.
    pub(super) fn condition(&self, name: &Node) -> Result<bool> {
        let (line, name) = (name.line, name.expect_text("a condition's name")?);
        let condition = self.section("Conditions").and_then(|conditions| conditions.get(name));
        let condition = condition.ok_or_else(|| TemplateError::new(line, format!("there is no condition {name}")))?;
        if self.steps.get() >= MOST_STEPS {
            return Err(TemplateError::new(line, format!("the condition {name} depends on itself")));
        }
        self.steps.set(self.steps.get() + 1);
        let outcome = self.is_true(condition);
        self.steps.set(self.steps.get() - 1);
        outcome
    }
}

fn check_allowed(name: &str, parameter: &Node, value: &str) -> Result<()> {
    let Some(allowed) = parameter.get("AllowedValues") else { return Ok(()) };
    let values: Vec<_> = allowed.expect_list("AllowedValues")?.iter().filter_map(Node::as_text).collect();
    if values.contains(&value) {
        return Ok(());
    }
    let message = format!("{value:?} is not allowed for the parameter {name}; {} are", values.join(", "));
    Err(TemplateError::new(allowed.line, message))
}
