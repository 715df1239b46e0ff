//! Prints alerts for people.

use crate::outcome::Outcome;
use crate::terminal::coloured;
use serde_json::Value;

/// An alert as a line.
pub(super) fn alert(alert: &Value) -> String {
    let text = |name: &str| alert[name].as_str().unwrap_or_default();
    let number = |name: &str| alert[name].as_f64().map_or_else(String::new, |number| number.to_string());
    let sign = if text("direction") == "min" { "below" } else { "above" };
    let beyond = match (alert["percent"].as_i64(), alert["percent_at_least"].as_i64()) {
        (Some(percent), _) => format!(" by {percent} %"),
        (None, Some(percent)) => format!(" by {percent} % at least"),
        (None, None) => String::new(),
    };
    let qualifier = Some(text("qualifier")).filter(|qualifier| *qualifier != "=").unwrap_or_default();
    let unit = text("unit");
    let outfall = Some(text("outfall")).filter(|outfall| !outfall.is_empty());
    let place = outfall.map_or_else(|| text("site").to_owned(), |outfall| format!("{} {outfall}", text("site")));
    let is_benchmark = text("kind") == "benchmark";
    let severity = coloured(
        if is_benchmark { Outcome::Insufficient } else { Outcome::Exceedances },
        if is_benchmark { "benchmark" } else { text("severity") },
    );
    format!(
        "{}  {place}  {}  {qualifier}{} {unit} {sign} {} {unit}{beyond}  {}  {severity}",
        text("period"),
        text("parameter"),
        number("value"),
        number("limit"),
        text("statistic"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_alert_says_what_is_beyond_what_by_how_much() {
        let line = alert(&json!({
            "period": "2026-03", "site": "north", "outfall": "001", "parameter": "pH", "value": 5.5, "qualifier": "<",
            "unit": "SU", "limit": 6.0, "direction": "min", "percent": null, "severity": "watch",
            "statistic": "daily_min", "kind": "limit",
        }));
        assert!(line.starts_with("2026-03  north 001  pH  <5.5 SU below 6 SU  daily_min  "), "{line}");
    }
}
