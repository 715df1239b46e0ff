//! The exceedances known to a client that follows the feed.

use serde_json::Value;
use std::collections::BTreeMap;

/// Raised and withdrawn alerts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) raised: u64,
    pub(crate) withdrawn: u64,
}

/// The sum of a site's events.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// The current alerts, and what each says.
    pub(crate) standing: BTreeMap<String, String>,
    /// All announced alerts, including those that an event only counts.
    pub(crate) told: Counts,
    /// Those that events only count.
    pub(crate) omitted: Counts,
    /// Announcements with the name of a file.
    pub(crate) by_file: BTreeMap<String, Counts>,
    /// Contradictions.
    pub(crate) problems: Vec<String>,
}

/// The contents of an alert: announcing the same again would be a repeat.
pub(crate) fn said(alert: &Value) -> String {
    ["value", "qualifier", "unit", "limit", "direction", "time"].map(|field| alert[field].to_string()).join(" ")
}

fn id(alert: &Value) -> String {
    alert["id"].as_str().unwrap_or("an alert without an id").to_owned()
}

impl Replay {
    pub(crate) fn of(feed: &[Value]) -> Self {
        let mut out = Self::default();
        for (event, seq) in feed.iter().zip(1..) {
            if event["seq"] != seq {
                out.problems.push(format!("{} stands where event {seq} is expected", event["seq"]));
                break;
            }
            out.take(event);
        }
        out
    }

    fn take(&mut self, event: &Value) {
        let list = |field: &str| event[field].as_array().cloned().unwrap_or_default();
        let number = |field: &str| event[field].as_u64().unwrap_or_default();
        let (raised, withdrawn, omitted) = match event["type"].as_str() {
            Some("alerts") => {
                let omitted = Counts { raised: number("omitted"), withdrawn: number("withdrawn_omitted") };
                (list("alerts"), list("withdrawn"), omitted)
            }
            Some("ingest") => {
                let withdrawn = number("withdrawn_omitted");
                (Vec::new(), Vec::new(), Counts { raised: number("alerts_omitted"), withdrawn })
            }
            Some("omitted") => {
                self.problems.push(format!("event {} is too long for a message", event["seq"]));
                return;
            }
            _ => return,
        };
        self.omitted.add(omitted);
        let told = Counts {
            raised: raised.len() as u64 + omitted.raised,
            withdrawn: withdrawn.len() as u64 + omitted.withdrawn,
        };
        self.told.add(told);
        if let Some(file) = event["ingest"].as_str() {
            self.by_file.entry(file.to_owned()).or_default().add(told);
        }
        for alert in &raised {
            self.raise(alert, &event["seq"]);
        }
        for id in withdrawn.iter().filter_map(Value::as_str) {
            // For alerts that were only counted, nobody knows which they were.
            if self.standing.remove(id).is_none() && self.omitted.raised == 0 {
                self.problems.push(format!("event {} withdraws {id}, which does not stand", event["seq"]));
            }
        }
    }

    fn raise(&mut self, alert: &Value, seq: &Value) {
        let (id, said) = (id(alert), said(alert));
        if self.standing.get(&id) == Some(&said) && self.omitted.withdrawn == 0 {
            self.problems.push(format!("event {seq} raises {id} again, which stands with {said}"));
        }
        self.standing.insert(id, said);
    }

    /// How the current alerts differ from a list, as far as events can tell.
    pub(crate) fn compare(&self, alerts: &[Value]) -> Vec<String> {
        let listed: BTreeMap<String, String> = alerts.iter().map(|alert| (id(alert), said(alert))).collect();
        let mut out = Vec::new();
        if listed.len() != alerts.len() {
            out.push(format!("{} of {} alerts have the id of another one", alerts.len() - listed.len(), alerts.len()));
        }
        let untold: Vec<_> = listed.keys().filter(|id| !self.standing.contains_key(*id)).collect();
        if untold.len() as u64 > self.omitted.raised {
            let only_counted = self.omitted.raised;
            out.push(format!("{} alerts stand untold ({only_counted} only counted): {:?}", untold.len(), few(&untold)));
        }
        let gone: Vec<_> = self.standing.keys().filter(|id| !listed.contains_key(*id)).collect();
        if gone.len() as u64 > self.omitted.withdrawn {
            let only_counted = self.omitted.withdrawn;
            out.push(format!("{} alerts are gone untold ({only_counted} only counted): {:?}", gone.len(), few(&gone)));
        }
        let differs = |(id, said): &(&String, &String)| self.standing.get(*id).is_some_and(|told| told != *said);
        let changed: Vec<_> = listed.iter().filter(differs).collect();
        if changed.len() as u64 > self.omitted.raised {
            out.push(format!("{} alerts say something else than was told: {:?}", changed.len(), few(&changed)));
        }
        out
    }
}

fn few<T>(all: &[T]) -> &[T] {
    &all[..all.len().min(3)]
}

impl Counts {
    pub(crate) fn add(&mut self, more: Self) {
        self.raised += more.raised;
        self.withdrawn += more.withdrawn;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn alert(id: &str, value: f64) -> Value {
        json!({"id": id, "value": value, "limit": 1.0})
    }

    fn feed(events: &[(&[Value], &[&str])]) -> Vec<Value> {
        let event = |((alerts, withdrawn), seq): (&(&[Value], &[&str]), u64)| json!({"type": "alerts", "seq": seq, "alerts": alerts, "withdrawn": withdrawn});
        events.iter().zip(1..).map(event).collect()
    }

    #[test]
    fn what_is_told_once_is_no_problem() {
        let told = feed(&[(&[alert("a", 2.0), alert("b", 2.0)], &[]), (&[alert("a", 3.0)], &["b"])]);
        let replay = Replay::of(&told);
        assert_eq!(replay.problems, [] as [&str; 0]);
        assert_eq!(replay.told, Counts { raised: 3, withdrawn: 1 });
        assert_eq!(replay.compare(&[alert("a", 3.0)]), [] as [&str; 0]);
        assert_eq!(replay.compare(&[alert("a", 2.0)]).len(), 1, "another value");
        assert_eq!(replay.compare(&[]).len(), 1, "gone untold");
        assert_eq!(replay.compare(&[alert("a", 3.0), alert("b", 1.0)]).len(), 1, "stands untold");
    }

    #[test]
    fn what_is_told_twice_is_one() {
        let twice = feed(&[(&[alert("a", 2.0)], &[]), (&[alert("a", 2.0)], &[])]);
        assert_eq!(Replay::of(&twice).problems.len(), 1);
        assert_eq!(Replay::of(&feed(&[(&[], &["a"])])).problems.len(), 1);
        let gap = &feed(&[(&[], &[]), (&[], &[]), (&[], &[])])[1..];
        assert_eq!(Replay::of(gap).problems.len(), 1);
    }

    #[test]
    fn what_is_only_counted_leaves_so_much_open() {
        let mut some = feed(&[(&[alert("a", 2.0)], &[])]);
        some[0]["omitted"] = json!(1);
        let replay = Replay::of(&some);
        assert_eq!(replay.told.raised, 2);
        assert_eq!(replay.compare(&[alert("a", 2.0), alert("b", 2.0)]), [] as [&str; 0]);
        assert_eq!(replay.compare(&["a", "b", "c"].map(|id| alert(id, 2.0))).len(), 1);
    }
}
