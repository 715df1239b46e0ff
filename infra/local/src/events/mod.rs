//! EventBridge: delivers events of buckets and of `PutEvents` to the targets of matching rules.

mod api;

use crate::asynchronous::Asynchronous;
use crate::permissions::Permissions;
use crate::signature::Signature;
use crate::template::{ACCOUNT, Input, Rule, Target, Template, region};
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;

/// All buses of a template with their rules. Clones share them.
#[derive(Clone)]
pub(crate) struct Buses(Arc<Inner>);

struct Inner {
    names: Vec<String>,
    rules: Vec<Rule>,
    asynchronous: Asynchronous,
}

impl Buses {
    pub(crate) fn new(template: &Template, asynchronous: Asynchronous) -> Self {
        Self(Arc::new(Inner { names: template.buses.clone(), rules: template.rules.clone(), asynchronous }))
    }

    /// Delivers an event to the targets of all matching rules.
    pub(crate) fn publish(&self, bus: &str, event: &Value) {
        let (kind, source) = (&event["detail-type"], &event["source"]);
        if !self.0.names.iter().any(|name| name == bus) && !self.0.rules.iter().any(|rule| rule.bus == bus) {
            tracing::warn!(bus, %source, %kind, "an event names a bus that is not in the template");
        }
        let fitting = self.0.rules.iter().filter(|rule| rule.bus == bus && rule.pattern.fits(event));
        let mut count = 0;
        for target in fitting.flat_map(|rule| &rule.targets) {
            self.0.asynchronous.bring(target, payload(target, event));
            count += 1;
        }
        tracing::debug!(bus, %source, %kind, targets = count, "an event");
    }

    /// Answers a request that is signed for EventBridge.
    pub(crate) async fn answer(
        &self,
        request: Request,
        signature: &Signature,
        permissions: Option<&Permissions>,
    ) -> Response {
        api::answer(self, request, signature, permissions).await
    }
}

/// An event in EventBridge's format.
pub(crate) fn event(source: &str, kind: &str, time: Timestamp, resources: Value, detail: Value) -> Value {
    json!({
        "version": "0",
        "id": uuid::Uuid::new_v4().to_string(),
        "detail-type": kind,
        "source": source,
        "account": ACCOUNT,
        "time": format!("{time:.0}"),
        "region": region(),
        "resources": resources,
        "detail": detail,
    })
}

/// The payload that a target receives for an event.
pub(crate) fn payload(target: &Target, event: &Value) -> Bytes {
    let text = match &target.input {
        Input::Event => event.to_string(),
        Input::Constant(text) => text.clone(),
        Input::Part(names) => names.iter().fold(event, |value, name| &value[name]).to_string(),
    };
    Bytes::from(text)
}
