//! The output at the start.

use crate::functions::reachable;
use crate::template::{Receiver, Template};
use anyhow::Context;
use serde_json::json;
use std::io::Write;
use std::net::SocketAddr;

/// Tells the user the addresses.
#[expect(clippy::print_stdout, reason = "this is for the person at the terminal; logs go to standard error")]
pub(crate) fn greet(template: &Template, address: SocketAddr) {
    let address = reachable(address);
    println!("The local API Gateway is running.\n");
    if let Some(api) = template.http_apis.first() {
        let stage = if api.stage == "$default" { "" } else { &api.stage };
        println!("  Start page  http://{address}/{stage}");
    }
    for api in &template.web_socket_apis {
        println!("  WebSockets  ws://{address}/{}", api.stage);
        println!("  Management  http://{address}/{}/@connections/<id>", api.stage);
    }
    println!("  AWS CLI     --endpoint-url http://{address}");
    for bucket in &template.buckets {
        println!("  Bucket      s3://{}", bucket.name);
    }
    println!();
    for route in template.http_apis.iter().flat_map(|api| &api.routes) {
        println!("  {:<36}  {}", route.key(), route.function);
    }
    for api in &template.web_socket_apis {
        for route in &api.routes {
            println!("  {:<36}  {}", format!("{} {}", api.stage, route.key), route.function);
        }
    }
    for function in &template.functions {
        for source in &function.streams {
            let table = template.tables.iter().find(|table| table.stream_arn == source.stream_arn);
            println!("  {:<36}  {}", format!("stream of {}", table.map_or("?", |table| &table.name)), function.id);
        }
    }
    for rule in &template.rules {
        for target in &rule.targets {
            println!("  {:<36}  {}", format!("events of {}", rule.id), named(&target.receiver));
        }
    }
    for schedule in template.schedules.iter().filter(|schedule| schedule.enabled) {
        for target in &schedule.targets {
            println!("  {:<36}  {}", schedule.timing.expression, named(&target.receiver));
        }
    }
    println!();
}

/// Tells a program the addresses: the first HTTP API, or the bare port if there is none, and the first WebSocket API.
pub(crate) fn ready(template: &Template, address: SocketAddr) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{}", ready_line(template, address)).context("cannot write the ready line")
}

fn ready_line(template: &Template, address: SocketAddr) -> String {
    let address = reachable(address);
    let stage = template.http_apis.first().map(|api| api.stage.as_str()).filter(|stage| *stage != "$default");
    let live = template.web_socket_apis.first().map(|api| format!("ws://{address}/{}", api.stage));
    let path = stage.map(|stage| format!("/{stage}")).unwrap_or_default();
    json!({"ready": format!("http://{address}{path}"), "live": live}).to_string()
}

fn named(receiver: &Receiver) -> &str {
    match receiver {
        Receiver::Function(name) | Receiver::Queue(name) | Receiver::Elsewhere(name) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Given;

    #[test]
    fn the_ready_line_is_json() {
        let of = |resources: &str| {
            let template = Template::parse(&format!("Resources:\n{resources}"), &Given::default()).unwrap();
            ready_line(&template, ([0, 0, 0, 0], 9000).into())
        };
        let bucket = "  Plant: {Type: AWS::S3::Bucket}\n";
        assert_eq!(of(bucket), r#"{"ready":"http://127.0.0.1:9000","live":null}"#);
        let http = "  Api: {Type: AWS::Serverless::HttpApi}\n";
        assert_eq!(of(http), r#"{"ready":"http://127.0.0.1:9000","live":null}"#);
        let staged = "  Api: {Type: AWS::Serverless::HttpApi, Properties: {StageName: v1}}\n";
        assert_eq!(of(staged), r#"{"ready":"http://127.0.0.1:9000/v1","live":null}"#);
        let live = "  Live: {Type: AWS::Serverless::WebSocketApi, Properties: {StageName: ws, \
                    RouteSelectionExpression: $request.body.action}}\n";
        assert_eq!(of(live), r#"{"ready":"http://127.0.0.1:9000","live":"ws://127.0.0.1:9000/ws"}"#);
    }
}
