//! The events that alerts make.

use domain::alert::Alert;
use serde_json::{Map, Value, json};
use table::feed::Event;

/// Alerts in one event, about 20 KB.
const ALERTS_PER_EVENT: usize = 50;

/// Events for alerts that are new or gone. `total`: how many new ones there are, should `alerts` not be all.
pub(crate) fn alert_events(alerts: &[Alert], withdrawn: &[String], total: u64, ingest: Option<&Value>) -> Vec<Event> {
    let omitted = total.saturating_sub(alerts.len() as u64);
    let mut events: Vec<Event> = alerts
        .chunks(ALERTS_PER_EVENT)
        .map(|chunk| event("alerts", json!({"alerts": chunk, "withdrawn": []})))
        .collect();
    if events.is_empty() && !withdrawn.is_empty() {
        events.push(event("alerts", json!({"alerts": [], "withdrawn": []})));
    }
    if let Some(last) = events.last_mut() {
        last.fields.insert("withdrawn".into(), json!(withdrawn));
        if omitted > 0 {
            last.fields.insert("omitted".into(), json!(omitted));
            last.fields.insert("all".into(), json!("/api/alerts"));
        }
    }
    if let Some(id) = ingest {
        events.iter_mut().for_each(|event| {
            event.fields.insert("ingest".into(), id.clone());
        });
    }
    events
}

/// An event of these fields, which are an object.
pub(crate) fn event(kind: &'static str, fields: Value) -> Event {
    let fields = if let Value::Object(fields) = fields { fields } else { Map::new() };
    Event { kind, fields, origin: None }
}
