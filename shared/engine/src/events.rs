//! The events for subscribers.

use domain::alert::Alert;
use live::protocol::{MAX_WIRE_BYTES, Published};
use serde::Serialize;
use serde_json::{Map, Value, json};
use table::feed::Draft;

/// Alerts in one event, about 20 KB.
const ALERTS_PER_EVENT: usize = 50;
/// The most bytes of alerts in one event, if names and actions are long: a message needs room for the rest.
const ALERTS_BYTES: usize = MAX_WIRE_BYTES / 2;

/// Events for new and withdrawn alerts. `totals`: the numbers of new and withdrawn ones, in case the lists are
/// incomplete; `ingest`: the file that they come from.
pub(crate) fn alert_events(
    alerts: &[Alert],
    withdrawn: &[String],
    totals: (u64, u64),
    ingest: Option<&str>,
) -> Vec<Draft> {
    let mut events = Vec::new();
    let mut rest = alerts;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(fitting(rest, ALERTS_PER_EVENT, ALERTS_BYTES));
        events.push(event("alerts", json!({"alerts": now, "withdrawn": []})));
        rest = later;
    }
    // An id has 24 bytes with its quotes and comma.
    for (index, ids) in withdrawn.chunks(ALERTS_BYTES / 32).enumerate() {
        if index > 0 || events.is_empty() {
            events.push(event("alerts", json!({"alerts": [], "withdrawn": []})));
        }
        if let Some(last) = events.last_mut() {
            last.fields.insert("withdrawn".into(), json!(ids));
        }
    }
    let omitted = (totals.0.saturating_sub(alerts.len() as u64), totals.1.saturating_sub(withdrawn.len() as u64));
    if omitted != (0, 0) {
        if events.is_empty() {
            events.push(event("alerts", json!({"alerts": [], "withdrawn": []})));
        }
        if let Some(last) = events.last_mut() {
            for (name, count) in [("omitted", omitted.0), ("withdrawn_omitted", omitted.1)] {
                if count > 0 {
                    last.fields.insert(name.into(), json!(count));
                }
            }
            last.fields.insert("all".into(), json!("/api/alerts"));
        }
    }
    if let Some(id) = ingest {
        events.iter_mut().for_each(|event| {
            event.fields.insert("ingest".into(), id.into());
        });
    }
    events
}

/// How many entries fit into so many bytes of JSON, counted from the first; at least one.
fn fitting<T: Serialize>(list: &[T], most: usize, bytes: usize) -> usize {
    let mut room = bytes;
    let fits = |entry: &&T| {
        // Our own types always serialise.
        let size = serde_json::to_vec(entry).map_or(0, |json| json.len() + 1);
        let fits = size <= room;
        room = room.saturating_sub(size);
        fits
    };
    list.iter().take(most).take_while(fits).count().max(1)
}

/// The event of a published reading. It is not sent back to its own connection.
pub(crate) fn reading_event(reading: &Published, origin: &str) -> Draft {
    Draft { kind: "reading", fields: reading.fields.clone(), origin: Some(origin.to_owned()) }
}

/// An event with these fields, which are a JSON object.
pub(crate) fn event(kind: &'static str, fields: Value) -> Draft {
    let fields = if let Value::Object(fields) = fields { fields } else { Map::new() };
    Draft { kind, fields, origin: None }
}
