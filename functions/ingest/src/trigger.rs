//! What triggers an ingest: an HTTP request today. Each further source of files is one more variant and its arm.

use lambda::{Fault, Http, LambdaEvent};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Where an event comes from, recognised by its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trigger {
    /// The HTTP API: payload format 2.0.
    Http,
    /// None of the known sources.
    Unknown,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Probe {
    request_context: Option<Context>,
}

#[derive(Deserialize)]
struct Context {
    http: Option<serde::de::IgnoredAny>,
}

impl Trigger {
    fn of(event: &str) -> Self {
        let probe = serde_json::from_str::<Probe>(event).ok();
        let http = probe.and_then(|probe| probe.request_context).and_then(|context| context.http);
        if http.is_some() { Self::Http } else { Self::Unknown }
    }
}

/// Acts on an event of any source.
pub async fn handle(http: &Http, event: LambdaEvent<Box<RawValue>>) -> Result<impl Serialize + use<>, Fault> {
    let (payload, context) = event.into_parts();
    match Trigger::of(payload.get()) {
        Trigger::Http => {
            let request = serde_json::from_str(payload.get()).map_err(|error| Fault::BadEvent(error.to_string()))?;
            Ok(http.answer(LambdaEvent::new(request, context)).await)
        }
        Trigger::Unknown => Err(Fault::BadEvent("neither an HTTP request nor another source of files".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_apart_by_what_the_event_holds() {
        let http = r#"{"version": "2.0", "requestContext": {"http": {"method": "POST"}}, "body": "a"}"#;
        assert_eq!(Trigger::of(http), Trigger::Http);
        for other in ["{}", "null", "[]", r#"{"requestContext": null}"#, r#"{"requestContext": {"routeKey": "x"}}"#] {
            assert_eq!(Trigger::of(other), Trigger::Unknown, "{other}");
        }
    }
}
