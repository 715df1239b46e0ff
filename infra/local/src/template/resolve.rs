//! Intrinsic functions.

use super::error::TemplateError;
use super::node::{Kind, Node};
use super::scope::Scope;
use std::borrow::Cow;

type Result<T> = std::result::Result<T, TemplateError>;

const SUPPORTED: &str = "Ref, Sub, GetAtt, If, Equals, Not, And, Or, Condition, Join, Select, Split and FindInMap are";

impl Scope<'_> {
    /// The node with its intrinsic functions replaced by their values; `None` if it is `AWS::NoValue`.
    pub(super) fn resolve(&self, node: &Node) -> Result<Option<Node>> {
        let line = node.line;
        match &node.kind {
            Kind::Scalar { .. } => Ok(Some(node.clone())),
            Kind::List(items) => {
                let items = items.iter().filter_map(|item| self.resolve(item).transpose()).collect::<Result<_>>()?;
                Ok(Some(Node { line, kind: Kind::List(items) }))
            }
            Kind::Map(entries) => match intrinsic(node) {
                Some((name, argument)) => self.call(line, name, argument),
                None => {
                    let mut resolved = Vec::with_capacity(entries.len());
                    for (key, line, value) in entries {
                        if let Some(value) = self.resolve(value)? {
                            resolved.push((key.clone(), *line, value));
                        }
                    }
                    Ok(Some(Node { line, kind: Kind::Map(resolved) }))
                }
            },
        }
    }

    /// Resolves the node itself, but not its contents.
    pub(super) fn resolve_shallow<'n>(&self, node: &'n Node) -> Result<Option<Cow<'n, Node>>> {
        match intrinsic(node) {
            Some(_) => Ok(self.resolve(node)?.map(Cow::Owned)),
            None => Ok(Some(Cow::Borrowed(node))),
        }
    }

    /// The outcome of a condition function.
    pub(super) fn is_true(&self, node: &Node) -> Result<bool> {
        match intrinsic(node) {
            Some(("Condition", name)) => self.condition(name),
            Some(("Fn::Equals", argument)) => {
                let [left, right] = self.arguments("Equals", argument)?;
                Ok(left.to_json() == right.to_json() || (left.as_text().is_some() && left.as_text() == right.as_text()))
            }
            Some(("Fn::Not", argument)) => match argument.expect_list("Not's argument")? {
                [one] => Ok(!self.is_true(one)?),
                _ => Err(TemplateError::new(argument.line, "Not takes one condition")),
            },
            Some(("Fn::And", all)) => self.every(all, true),
            Some(("Fn::Or", any)) => Ok(!self.every(any, false)?),
            Some((name, _)) => Err(TemplateError::new(
                node.line,
                format!("{name} is not a condition; Equals, Not, And, Or and Condition are"),
            )),
            None => node.expect_bool("a condition"),
        }
    }

    fn every(&self, conditions: &Node, wanted: bool) -> Result<bool> {
        for condition in conditions.expect_list("the conditions")? {
            if self.is_true(condition)? != wanted {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn call(&self, line: usize, name: &str, argument: &Node) -> Result<Option<Node>> {
        let value = match name {
            "Ref" => return self.reference(argument),
            "Fn::If" => return self.choose(argument),
            "Fn::Sub" => Node::text(line, self.substitute(argument)?),
            "Fn::GetAtt" => self.get_attribute(argument)?,
            "Fn::Join" => {
                let [between, list] = self.arguments("Join", argument)?;
                let parts: Result<Vec<_>> = texts(&list, "Join's list");
                Node::text(line, parts?.join(between.expect_text("Join's delimiter")?))
            }
            "Fn::Split" => {
                let [between, text] = self.arguments("Split", argument)?;
                let parts = text.expect_text("Split's text")?.split(between.expect_text("Split's delimiter")?);
                Node { line, kind: Kind::List(parts.map(|part| Node::text(line, part)).collect()) }
            }
            "Fn::Select" => {
                let [index, list] = self.arguments("Select", argument)?;
                let index = usize::try_from(index.expect_number("Select's index")?).unwrap_or(usize::MAX);
                let item = list.expect_list("Select's list")?.get(index);
                item.cloned().ok_or_else(|| TemplateError::new(line, "Select's index is outside its list"))?
            }
            "Fn::FindInMap" => {
                let [map, top, second] = self.arguments("FindInMap", argument)?;
                let key = |node: &Node| node.expect_text("FindInMap's arguments").map(str::to_owned);
                self.mapped(line, &key(&map)?, &key(&top)?, &key(&second)?)?
            }
            "Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or" | "Condition" => {
                let text =
                    self.is_true(&Node { line, kind: Kind::Map(vec![(name.to_owned(), line, argument.clone())]) })?;
                Node { line, kind: Kind::Scalar { text: text.to_string(), plain: true } }
            }
            _ => return Err(TemplateError::new(line, format!("{name} is not supported here; {SUPPORTED}"))),
        };
        Ok(Some(value))
    }

    fn choose(&self, argument: &Node) -> Result<Option<Node>> {
        let [condition, yes, no] = argument.expect_list("If's arguments")? else {
            return Err(TemplateError::new(argument.line, "If takes a condition and two values"));
        };
        self.resolve(if self.condition(condition)? { yes } else { no })
    }

    fn get_attribute(&self, argument: &Node) -> Result<Node> {
        let line = argument.line;
        let (id, attribute) = match &argument.kind {
            Kind::Scalar { text, .. } => text.split_once('.').map(|(id, name)| (id.to_owned(), name.to_owned())),
            _ => match argument.expect_list("GetAtt's arguments")? {
                [id, attribute] => {
                    let attribute = self.resolve(attribute)?;
                    let attribute = attribute.as_ref().and_then(Node::as_text);
                    id.as_text().map(str::to_owned).zip(attribute.map(str::to_owned))
                }
                _ => None,
            },
        }
        .ok_or_else(|| TemplateError::new(line, "GetAtt takes a resource and an attribute"))?;
        Ok(Node::text(line, self.attribute(line, &id, &attribute)?))
    }

    /// The expected number of arguments, resolved.
    fn arguments<const N: usize>(&self, name: &str, argument: &Node) -> Result<[Node; N]> {
        let line = argument.line;
        let items = argument.expect_list(&format!("{name}'s arguments"))?;
        let resolved = items.iter().filter_map(|item| self.resolve(item).transpose()).collect::<Result<Vec<_>>>()?;
        resolved.try_into().map_err(|_| TemplateError::new(line, format!("{name} takes {N} arguments")))
    }

    fn substitute(&self, argument: &Node) -> Result<String> {
        let (template, extra) = match &argument.kind {
            Kind::List(items) => match items.as_slice() {
                [template, extra] => (template, self.resolve(extra)?),
                _ => return Err(TemplateError::new(argument.line, "Sub takes a text, or a text and a map")),
            },
            _ => (argument, None),
        };
        let line = template.line;
        let mut rest = template.expect_text("Sub's text")?;
        let mut result = String::with_capacity(rest.len());
        while let Some(start) = rest.find("${") {
            result.push_str(&rest[..start]);
            let end = rest[start..].find('}').map(|end| start + end);
            let end = end.ok_or_else(|| TemplateError::new(line, "a ${ in Sub has no }"))?;
            let name = rest[start + 2..end].trim();
            result.push_str(&self.variable(line, name, extra.as_ref())?);
            rest = &rest[end + 1..];
        }
        result.push_str(rest);
        Ok(result)
    }

    fn variable(&self, line: usize, name: &str, extra: Option<&Node>) -> Result<String> {
        if let Some(literal) = name.strip_prefix('!') {
            return Ok(format!("${{{literal}}}"));
        }
        let node = match extra.and_then(|extra| extra.get(name)) {
            Some(value) => Some(value.clone()),
            None => match name.split_once('.') {
                Some((id, attribute)) => return self.attribute(line, id, attribute),
                None => self.reference(&Node::text(line, name))?,
            },
        };
        let text = node.as_ref().and_then(Node::as_text).map(str::to_owned);
        text.ok_or_else(|| TemplateError::new(line, format!("${{{name}}} is not text")))
    }
}

/// The function and its argument, if this is a call.
pub(super) fn intrinsic(node: &Node) -> Option<(&str, &Node)> {
    match node.entries() {
        [(name, _, argument)]
            if name == "Ref" || name.starts_with("Fn::") || (name == "Condition" && argument.as_text().is_some()) =>
        {
            Some((name, argument))
        }
        _ => None,
    }
}

fn texts<'a>(list: &'a Node, what: &str) -> Result<Vec<&'a str>> {
    list.expect_list(what)?.iter().map(|item| item.expect_text(what)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::node::parse;
    use super::*;
    use serde_json::{Value, json};

    const TEMPLATE: &str = "
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
  Names: {Type: CommaDelimitedList, Default: 'a, b'}
  Needed: {Type: String}
Mappings:
  Sizes: {prod: {memory: 512}, dev: {memory: 128}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsNot: !Not [!Condition IsProd]
  Both: !And [!Condition IsProd, !Condition IsNot]
  Circle: !Condition Circle
Resources:
  Api: {Type: AWS::Serverless::WebSocketApi}
  Items: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Sub '${Stage}-items'}}
";

    fn resolve(yaml: &str, parameters: &[(&str, &str)]) -> Result<Value> {
        let root = parse(TEMPLATE).unwrap();
        let given: Vec<_> = parameters.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let scope = Scope::new(&root, &given)?;
        Ok(scope.resolve(&parse(yaml).unwrap())?.map_or(Value::Null, |node| node.to_json()))
    }

    #[test]
    fn functions_give_their_values() {
        let cases = [
            ("!Ref Stage", json!("dev")),
            ("!Ref Items", json!("dev-items")),
            ("!Ref AWS::NoValue", Value::Null),
            ("[1, !Ref AWS::NoValue]", json!([1])),
            ("!Select [1, !Ref Names]", json!("b")),
            ("!Join ['-', !Split [',', 'x,y']]", json!("x-y")),
            ("!FindInMap [Sizes, !Ref Stage, memory]", json!(128)),
            ("!If [IsProd, 1, !If [IsNot, 2, 3]]", json!(2)),
            ("!If [Both, 1, 2]", json!(2)),
            ("!Sub ['${x}/${!y}/${Stage}', {x: !Ref Stage}]", json!("dev/${y}/dev")),
            ("{'Fn::Sub': 'https://${Api}/ws'}", json!("https://api/ws")),
            ("!GetAtt Items.StreamArn", json!("arn:aws:dynamodb:us-east-1:123456789012:table/dev-items/stream/local")),
        ];
        for (yaml, value) in cases {
            assert_eq!(resolve(yaml, &[]).unwrap(), value, "{yaml}");
        }
        assert_eq!(resolve("!If [IsProd, 1, 2]", &[("Stage", "prod")]).unwrap(), json!(1));
    }

    #[test]
    fn mistakes_say_where_and_what() {
        let cases = [
            ("\n!ImportValue x", "2: Fn::ImportValue is not supported here; Ref, Sub"),
            ("!Ref Nobody", "1: there is no parameter or resource Nobody"),
            ("!Ref Needed", "5: the parameter Needed has no default; give --parameter Needed=..."),
            ("!If [Circle, 1, 2]", "the condition Circle depends on itself"),
            ("!GetAtt Items.Colour", "the attribute Colour of Items (AWS::DynamoDB::Table) is not known here"),
            ("!Sub '${Stage'", "a ${ in Sub has no }"),
        ];
        for (yaml, message) in cases {
            let error = resolve(yaml, &[]).unwrap_err().to_string();
            assert!(error.contains(message), "{yaml}: {error}");
        }
        let error = resolve("1", &[("Stage", "test")]).unwrap_err().to_string();
        assert_eq!(error, "3: \"test\" is not allowed for the parameter Stage; dev, prod are");
        let error = resolve("1", &[("Stag", "test")]).unwrap_err().to_string();
        assert!(error.contains("no parameter Stag "), "{error}");
    }
}
