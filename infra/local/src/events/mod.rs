//! EventBridge: events of buckets and of whoever puts some, brought to the targets of the rules that they fit.

mod api;

use crate::asynchronous::Asynchronous;
use crate::permissions::Permissions;
use crate::signature::Signature;
use crate::template::{Input, Rule, Target, Template};
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;

/// All buses of a template with their rules. Clones are the same.
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

    /// Brings an event to the targets of all rules that it fits.
    pub(crate) fn publish(&self, bus: &str, event: &Value) {
        let (kind, source) = (&event["detail-type"], &event["source"]);
        if !self.0.names.iter().any(|name| name == bus) && !self.0.rules.iter().any(|rule| rule.bus == bus) {
            tracing::warn!(bus, %source, %kind, "an event is for a bus that the template does not have");
        }
        let fitting = self.0.rules.iter().filter(|rule| rule.bus == bus && rule.pattern.fits(event));
        let mut count = 0;
        for target in fitting.flat_map(|rule| &rule.targets) {
            self.0.asynchronous.bring(target, payload(target, event));
            count += 1;
        }
        tracing::debug!(bus, %source, %kind, targets = count, "an event");
    }

    /// Answers a request whose signature is for EventBridge.
    pub(crate) async fn answer(
        &self,
        request: Request,
        signature: &Signature,
        permissions: Option<&Permissions>,
    ) -> Response {
        api::answer(self, request, signature, permissions).await
    }
}

/// What a target gets of an event.
pub(crate) fn payload(target: &Target, event: &Value) -> Bytes {
    let text = match &target.input {
        Input::Event => event.to_string(),
        Input::Constant(text) => text.clone(),
        Input::Part(names) => names.iter().fold(event, |value, name| &value[name]).to_string(),
    };
    Bytes::from(text)
}
