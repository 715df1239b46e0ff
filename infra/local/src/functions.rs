//! The pools of a template's functions.

use crate::cli::Options;
use crate::runtime::{Pool, PoolConfig, variables};
use crate::settings::Variables;
use crate::template::{ACCOUNT, Function, Template, api_host};
use anyhow::bail;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A pool for each function, by logical id. No process is started yet.
pub fn pools(
    options: &Options,
    template: &Template,
    endpoints: &[(&str, String)],
    address: SocketAddr,
    secret: &str,
) -> anyhow::Result<HashMap<String, Pool>> {
    if let Some((id, ..)) = options.env_for.iter().find(|(id, ..)| template.function(id).is_none()) {
        bail!("--env-for names {id}, which is no function of the template");
    }
    let file = options.env_vars.as_deref().map(Variables::read).transpose()?.unwrap_or_default();
    let known = |id: &str| template.functions.iter().any(|function| function.id == id || function.name == id);
    if let Some((id, ..)) = file.own.iter().find(|(id, ..)| !known(id)) {
        bail!("--env-vars names {id}, which is no function of the template");
    }
    let missing: Vec<_> = template.functions.iter().filter(|function| program(options, function).is_none()).collect();
    if let Some(function) = missing.first() {
        let names: Vec<_> = missing.iter().map(|function| function.binary.as_str()).collect();
        let (template, line) = (options.template.display(), function.line);
        bail!("{template}:{line}: {} has no binary for {}", options.binaries.display(), names.join(", "));
    }
    let pool = |function: &Function| {
        let own = options.env_for.iter().filter(|(id, ..)| *id == function.id);
        let own = own.map(|(_, name, value)| (name.clone(), value.clone()));
        let of_file = file.own.iter().filter(|(id, ..)| *id == function.id || *id == function.name);
        let of_file = of_file.map(|(_, name, value)| (name.clone(), value.clone()));
        let given: Vec<_> =
            file.all.iter().cloned().chain(of_file).chain(options.env.iter().cloned()).chain(own).collect();
        let mut variables = variables(function, endpoints, secret, &given);
        for (_, value) in &mut variables {
            *value = local_address(template, address, value);
        }
        let pool = Pool::new(PoolConfig {
            id: function.id.clone(),
            arn: function.arn.clone(),
            program: program(options, function)?,
            variables,
            timeout: function.timeout,
            maximum: function.reserved.map_or(options.max_environments, |own| own.min(options.max_environments)),
            idle: options.environment_idle,
        });
        Some((function.id.clone(), pool))
    };
    Ok(template.functions.iter().filter_map(pool).collect())
}

/// Where functions find AWS's services: those that the template needs.
pub fn endpoints(template: &Template, database: Option<&str>, address: SocketAddr) -> Vec<(&'static str, String)> {
    let (mut all, own) = (Vec::new(), format!("http://{}", reachable(address)));
    if let Some(database) = database {
        all.extend([("DYNAMODB", database.to_owned()), ("DYNAMODB_STREAMS", database.to_owned())]);
    }
    if !template.buckets.is_empty() {
        all.push(("S3", own.clone()));
    }
    if !template.queues.is_empty() {
        all.push(("SQS", own.clone()));
    }
    all.extend([("LAMBDA", own.clone()), ("EVENTBRIDGE", own)]);
    all
}

fn program(options: &Options, function: &Function) -> Option<PathBuf> {
    let plain = options.binaries.join(&function.binary);
    let found = [plain.join("bootstrap"), plain].into_iter().find(|path| path.is_file())?;
    // A process may run in another directory; its path must not depend on it.
    std::path::absolute(found).ok()
}

/// Replaces the AWS address of one of the template's APIs or queues, at the beginning of a value, with its local one.
fn local_address(template: &Template, address: SocketAddr, value: &str) -> String {
    if let Some(queue) = template.queues.iter().find(|queue| queue.url == value) {
        return format!("http://{}/{ACCOUNT}/{}", reachable(address), queue.name);
    }
    let http = template.http_apis.iter().map(|api| &api.api_id);
    for id in http.chain(template.web_socket_apis.iter().map(|api| &api.api_id)) {
        for (scheme, local) in [("https", "http"), ("wss", "ws")] {
            let rest = value.strip_prefix(&format!("{scheme}://{}", api_host(id)));
            if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with(['/', '?', ':'])) {
                return format!("{local}://{}{rest}", reachable(address));
            }
        }
    }
    value.to_owned()
}

/// An address that listens on all interfaces is reached over loopback.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(all) if all.ip().is_unspecified() => ([127, 0, 0, 1], all.port()).into(),
        SocketAddr::V6(all) if all.ip().is_unspecified() => ([127, 0, 0, 1], all.port()).into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Given;

    #[test]
    fn addresses_of_the_templates_own_apis_become_local() {
        let source = "
Resources:
  Live: {Type: AWS::Serverless::WebSocketApi, Properties: {StageName: ws}}
  Web: {Type: AWS::Serverless::HttpApi}
  Jobs: {Type: AWS::SQS::Queue}";
        let template = Template::parse(source, &Given::default()).unwrap();
        let address = SocketAddr::from(([0, 0, 0, 0], 9000));
        let cases = [
            ("https://live.execute-api.us-east-1.amazonaws.com/ws", "http://127.0.0.1:9000/ws"),
            ("wss://live.execute-api.us-east-1.amazonaws.com/ws?a=b", "ws://127.0.0.1:9000/ws?a=b"),
            ("https://web.execute-api.us-east-1.amazonaws.com", "http://127.0.0.1:9000"),
            (
                "https://web.execute-api.us-east-1.amazonaws.com.evil",
                "https://web.execute-api.us-east-1.amazonaws.com.evil",
            ),
            (
                "https://other.execute-api.us-east-1.amazonaws.com/",
                "https://other.execute-api.us-east-1.amazonaws.com/",
            ),
            (
                "https://sqs.us-east-1.amazonaws.com/123456789012/local-Jobs",
                "http://127.0.0.1:9000/123456789012/local-Jobs",
            ),
            ("x", "x"),
        ];
        for (from, to) in cases {
            assert_eq!(local_address(&template, address, from), to);
        }
    }
}
