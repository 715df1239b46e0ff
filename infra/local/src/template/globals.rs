//! `Globals`, merged into the resources as SAM does: maps by key, lists appended, and other values replaced.

use super::error::TemplateError;
use super::node::{Kind, Node};
use super::resolve::intrinsic;

/// The supported sections of `Globals`, and the resource type of each.
const SECTIONS: [(&str, &str); 3] = [
    ("Function", "AWS::Serverless::Function"),
    ("HttpApi", "AWS::Serverless::HttpApi"),
    ("WebSocketApi", "AWS::Serverless::WebSocketApi"),
];

/// The template with its `Globals` merged into the resources.
pub(super) fn merged(mut root: Node) -> Result<Node, TemplateError> {
    let Some(globals) = root.get("Globals").cloned() else { return Ok(root) };
    let Kind::Map(sections) = &mut root.kind else { return Ok(root) };
    let Some((.., resources)) = sections.iter_mut().find(|(name, ..)| name == "Resources") else { return Ok(root) };
    let Kind::Map(resources) = &mut resources.kind else { return Ok(root) };
    for (_, line, resource) in resources {
        let kind = resource.get("Type").and_then(Node::as_text);
        let section = SECTIONS.iter().find(|(_, of)| Some(*of) == kind).and_then(|(name, _)| globals.get(name));
        if let Some(defaults) = section {
            let own = resource.get("Properties").cloned().unwrap_or_else(|| Node::empty(*line));
            set(resource, "Properties", merge(defaults, &own));
        }
    }
    Ok(root)
}

fn set(map: &mut Node, key: &str, value: Node) {
    let Kind::Map(entries) = &mut map.kind else { return };
    match entries.iter_mut().find(|(name, ..)| name == key) {
        Some((.., old)) => *old = value,
        None => entries.push((key.to_owned(), value.line, value)),
    }
}

fn merge(defaults: &Node, own: &Node) -> Node {
    match (&defaults.kind, &own.kind) {
        (Kind::Map(_), Kind::Map(entries)) if intrinsic(defaults).is_none() && intrinsic(own).is_none() => {
            let mut merged = defaults.clone();
            for (key, line, value) in entries {
                match (defaults.get(key), &mut merged.kind) {
                    (Some(default), _) => set(&mut merged, key, merge(default, value)),
                    (None, Kind::Map(all)) => all.push((key.clone(), *line, value.clone())),
                    (None, _) => {}
                }
            }
            Node { line: own.line, kind: merged.kind }
        }
        (Kind::List(first), Kind::List(second)) => {
            Node { line: own.line, kind: Kind::List(first.iter().chain(second).cloned().collect()) }
        }
        _ => own.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::node::parse;
    use super::*;
    use serde_json::json;

    #[test]
    fn maps_merge_lists_append_and_the_rest_is_replaced() {
        let root = parse(
            "
Globals: {Function: {Timeout: 3, Layers: [a], Environment: {Variables: {A: 1, B: 2}}}}
Resources:
  F: {Type: AWS::Serverless::Function, Properties: {Timeout: 5, Layers: [b], Environment: {Variables: {B: 3}}}}
  G: {Type: AWS::Serverless::Function}
  T: {Type: AWS::DynamoDB::Table}",
        );
        let resources = merged(root.unwrap()).unwrap().get("Resources").unwrap().to_json();
        let expected = json!({"Timeout": 5, "Layers": ["a", "b"], "Environment": {"Variables": {"A": 1, "B": 3}}});
        assert_eq!(resources["F"]["Properties"], expected);
        assert_eq!(resources["G"]["Properties"]["Timeout"], 3);
        assert_eq!(resources["T"], json!({"Type": "AWS::DynamoDB::Table"}));
    }
}
