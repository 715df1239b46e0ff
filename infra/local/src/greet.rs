//! What is printed at the start.

use crate::functions::reachable;
use crate::template::{Receiver, Template};
use std::net::SocketAddr;

/// Tells a person where to go.
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

fn named(receiver: &Receiver) -> &str {
    match receiver {
        Receiver::Function(name) | Receiver::Queue(name) | Receiver::Elsewhere(name) => name,
    }
}
