//! `POST /api/advise`: what to do about alerts.

use axum::Json;
use domain::alert::Severity;
use domain::name;
use domain::permit_json::FieldError;
use domain::reading::Direction;
use domain::remedy::remedy;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use utoipa::ToSchema;
use web::error::ErrorEnvelope;
use web::query::JsonBody;
use web::{ApiError, ApiResult};

/// The most alerts in one request.
const MAX_ALERTS: usize = 1000;

/// The fields of an alert that advice needs. Others are ignored, so alerts can be sent as they came.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Concern {
    /// The parameter that exceeds. `species`, its older name, is accepted too.
    #[serde(alias = "species")]
    parameter: String,
    /// Its severity; `info` if absent.
    #[serde(alias = "level")]
    severity: Option<Severity>,
    /// The forbidden side of the limit: what helps against too high a pH does not help against too low a one.
    direction: Option<Direction>,
    /// The permit's action.
    #[serde(default)]
    action: String,
}

/// Alerts, as an object or a bare list.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the schema of what is read by hand, so that what is wrong is named")]
pub(crate) enum Concerns {
    /// As `GET /api/alerts` answers them.
    Object {
        #[schema(max_items = 1000)]
        alerts: Vec<Concern>,
    },
    /// The bare list.
    List(Vec<Concern>),
}

/// Advice.
#[derive(Debug, Serialize, ToSchema)]
pub struct Advice {
    /// How many alerts the request had.
    pub alert_count: usize,
    /// What to do, the gravest first: one entry for each parameter, more if several actions apply.
    pub actions: Vec<Action>,
    /// What the number and gravity of the alerts call for.
    pub recommendations: Vec<String>,
}

/// The action for a parameter.
#[derive(Debug, Serialize, ToSchema)]
pub struct Action {
    /// The parameter.
    pub parameter: String,
    /// The severity of its gravest alert.
    pub severity: Severity,
    /// How many alerts call for it.
    pub alerts: usize,
    /// What is to be done.
    pub action: String,
}

/// What to do about alerts: the permit's own actions, or the usual ones.
#[utoipa::path(
    post, path = "/api/advise", tag = "alerts",
    request_body(content = Concerns, description = "Alerts as `GET /api/alerts` gives them"),
    responses(
        (status = 200, body = Advice),
        (status = 400, description = "Not JSON", body = ErrorEnvelope),
        (status = 422, description = "Not a list of alerts", body = ErrorEnvelope),
    )
)]
pub(crate) async fn post_advise(JsonBody(body): JsonBody<Value>) -> ApiResult<Json<Advice>> {
    advice(body).map(Json).map_err(|error| ApiError::invalid(&[error]))
}

/// Advice on alerts: `{"alerts": [...]}`, or a bare list.
pub fn advice(alerts: Value) -> Result<Advice, FieldError> {
    Ok(about(&concerns(alerts)?))
}

fn concerns(body: Value) -> Result<Vec<Concern>, FieldError> {
    let error = |field: String, reason: String| FieldError { field, reason };
    let list = match body {
        Value::Object(mut object) => object.remove("alerts").unwrap_or_default(),
        other => other,
    };
    let Value::Array(list) = list else { return Err(error("alerts".into(), "a list is expected".into())) };
    if list.len() > MAX_ALERTS {
        return Err(error("alerts".into(), format!("at most {MAX_ALERTS} at once")));
    }
    let read = |(index, value)| {
        let concern = serde_json::from_value::<Concern>(value);
        concern.map_err(|reason| error(format!("alerts[{index}]"), reason.to_string()))
    };
    list.into_iter().enumerate().map(read).collect()
}

fn about(concerns: &[Concern]) -> Advice {
    let permitted = permit_actions(concerns);
    let mut actions: Vec<Action> = Vec::new();
    for concern in concerns {
        let severity = concern.severity.unwrap_or(Severity::Info);
        let text = text_for(concern, &permitted);
        let same = |action: &&mut Action| name::same(&action.parameter, &concern.parameter) && action.action == text;
        match actions.iter_mut().find(same) {
            Some(action) => {
                action.alerts += 1;
                action.severity = action.severity.max(severity);
            }
            None => actions.push(Action {
                parameter: concern.parameter.trim().to_owned(),
                severity,
                alerts: 1,
                action: text.to_owned(),
            }),
        }
    }
    actions.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.alerts.cmp(&a.alerts)));
    let recommendations = recommendations(&actions);
    Advice { alert_count: concerns.len(), actions, recommendations }
}

/// The permit's own action for each parameter and side of its limit: the first one in the request.
type PermitActions<'a> = HashMap<(String, Option<Direction>), &'a str>;

fn permit_actions(concerns: &[Concern]) -> PermitActions<'_> {
    let mut actions = PermitActions::new();
    for concern in concerns.iter().filter(|concern| !concern.action.trim().is_empty()) {
        actions.entry(concern.key()).or_insert(concern.action.trim());
    }
    actions
}

/// The permit's action, from this alert or from another of the same parameter and direction; otherwise the usual one.
fn text_for<'a>(concern: &'a Concern, permitted: &PermitActions<'a>) -> &'a str {
    match concern.action.trim() {
        "" => permitted.get(&concern.key()).copied().unwrap_or_else(|| remedy(&concern.parameter, concern.direction)),
        own => own,
    }
}

impl Concern {
    fn key(&self) -> (String, Option<Direction>) {
        (name::key(&self.parameter), self.direction)
    }
}

fn recommendations(actions: &[Action]) -> Vec<String> {
    let names = |least: Severity| {
        let mut names: Vec<&str> = Vec::new();
        for action in actions.iter().filter(|action| action.severity >= least) {
            if !names.iter().any(|known| name::same(known, &action.parameter)) {
                names.push(&action.parameter);
            }
        }
        names.join(", ")
    };
    let mut out = Vec::new();
    let critical = names(Severity::Critical);
    if !critical.is_empty() {
        // 40 CFR 122.41(l)(6): noncompliance that may endanger health or the environment is reported within 24 hours.
        out.push(format!("{critical}: at twice the limit or more. Find out today whether the 24-hour report applies."));
    }
    if actions.iter().any(|action| action.alerts > 1) {
        out.push("Exceedances repeat: look for a cause that lasts, not for a single event.".into());
    }
    if !actions.is_empty() {
        out.push("Record cause and remedy of each exceedance for the discharge monitoring report.".into());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn advice_by_parameter_the_gravest_first() {
        let body = json!({"alerts": [
            {"parameter": "Ni", "severity": "info", "action": "Call Jo"},
            {"species": "so4", "level": "critical"},
            {"parameter": "ni ", "severity": "watch"},
        ]});
        let advice = advice(body).unwrap();
        assert_eq!(advice.alert_count, 3);
        let actions: Vec<_> = advice.actions.iter().map(|a| (a.parameter.as_str(), a.severity, a.alerts)).collect();
        assert_eq!(actions, [("so4", Severity::Critical, 1), ("Ni", Severity::Watch, 2)]);
        let sulfate = remedy("Sulfate", None);
        assert_eq!((advice.actions[0].action.as_str(), advice.actions[1].action.as_str()), (sulfate, "Call Jo"));
        assert_eq!(advice.recommendations.len(), 3);
    }

    #[test]
    fn what_asks_for_different_things_is_not_merged() {
        let body = json!({"alerts": [
            {"parameter": "pH", "severity": "critical", "direction": "max"},
            {"parameter": "PH", "severity": "critical", "direction": "min"},
            {"parameter": "pH", "direction": "max"},
            {"parameter": "Zn", "action": "Stop line 1"},
            {"parameter": "Zn", "action": "Stop line 2"},
            {"parameter": "Zn"},
        ]});
        let advice = advice(body).unwrap();
        let actions: Vec<_> = advice.actions.iter().map(|a| (a.action.as_str(), a.alerts)).collect();
        let [high, low] = [Direction::Max, Direction::Min].map(|side| remedy("pH", Some(side)));
        assert_eq!(actions, [(high, 2), (low, 1), ("Stop line 1", 2), ("Stop line 2", 1)]);
        assert!(advice.recommendations[0].starts_with("pH: "), "named once: {:?}", advice.recommendations);
    }

    #[test]
    fn no_alerts_no_advice() {
        let advice = advice(json!([])).unwrap();
        assert!(advice.actions.is_empty() && advice.recommendations.is_empty());
    }

    #[test]
    fn what_is_no_list_of_alerts_is_refused() {
        for (body, field) in [
            (json!(null), "alerts"),
            (json!(5), "alerts"),
            (json!({}), "alerts"),
            (json!({"alerts": null}), "alerts"),
            (json!({"alerts": 7}), "alerts"),
            (json!([1]), "alerts[0]"),
            (json!([{"parameter": "Ni"}, {"severity": "info"}]), "alerts[1]"),
            (json!([{"parameter": "Ni", "severity": "loud"}]), "alerts[0]"),
            (json!([{"parameter": "Ni", "direction": "up"}]), "alerts[0]"),
        ] {
            assert_eq!(concerns(body).unwrap_err().field, field);
        }
        assert!(concerns(json!(vec![json!({"parameter": "Ni"}); MAX_ALERTS])).is_ok());
        assert!(concerns(json!(vec![json!({"parameter": "Ni"}); MAX_ALERTS + 1])).is_err());
    }
}
