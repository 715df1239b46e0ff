//! `POST /api/advise`: what to do about alerts.

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::domain::alert::Severity;
use shared::domain::name;
use shared::domain::permit_json::FieldError;
use shared::http::error::ErrorEnvelope;
use shared::http::query::JsonBody;
use shared::http::{ApiError, ApiResult};
use utoipa::ToSchema;

/// The most alerts in one request.
const MAX_ALERTS: usize = 1000;

/// What operators of such plants do first, by parameter. The permit's own action text comes before it.
const ACTIONS: [(&str, &str); 3] = [
    ("SO4", "Check the sulfate dosing and the neutralisation step; divert to the equalisation basin if it stays high."),
    ("As", "Check the iron coprecipitation and its pH; hold the discharge until arsenic is below the limit."),
    ("Ni", "Check the hydroxide precipitation pH (9 to 10.5) and the filters for breakthrough."),
];
/// For every other parameter.
const ANY_ACTION: &str = "Take a confirmation sample and check the treatment step that removes this parameter.";

/// An alert, as far as advice needs it; everything else in it is ignored, so that alerts can be sent as they came.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Concern {
    /// What exceeds.
    #[serde(alias = "species")]
    parameter: String,
    /// How grave it is; `info` if absent.
    #[serde(alias = "level")]
    severity: Option<Severity>,
    /// What the permit says to do.
    #[serde(default)]
    action: String,
}

/// Advice.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Advice {
    alert_count: usize,
    /// What to do, the gravest first, one for each parameter.
    actions: Vec<Action>,
    /// What the number and gravity of the alerts call for.
    recommendations: Vec<String>,
}

/// What to do about a parameter.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Action {
    parameter: String,
    severity: Severity,
    alerts: usize,
    action: String,
}

/// What to do about alerts: the permit's own actions, or the usual ones.
#[utoipa::path(
    post, path = "/api/advise", tag = "alerts",
    request_body(content = Object, description = "`{\"alerts\": [...]}` with alerts as `GET /api/alerts` gives them"),
    responses(
        (status = 200, body = Advice),
        (status = 400, description = "Not JSON", body = ErrorEnvelope),
        (status = 422, description = "Not a list of alerts", body = ErrorEnvelope),
    )
)]
pub(crate) async fn post_advise(JsonBody(body): JsonBody<Value>) -> ApiResult<Json<Advice>> {
    let concerns = concerns(body).map_err(|error| ApiError::invalid(&[error]))?;
    Ok(Json(advice(&concerns)))
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

fn advice(concerns: &[Concern]) -> Advice {
    let mut actions: Vec<Action> = Vec::new();
    for concern in concerns {
        let severity = concern.severity.unwrap_or(Severity::Info);
        match actions.iter_mut().find(|action| name::same(&action.parameter, &concern.parameter)) {
            Some(action) => {
                action.alerts += 1;
                action.severity = action.severity.max(severity);
            }
            None => actions.push(Action {
                parameter: concern.parameter.trim().to_owned(),
                severity,
                alerts: 1,
                action: action_for(concern).to_owned(),
            }),
        }
    }
    actions.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.alerts.cmp(&a.alerts)));
    let recommendations = recommendations(&actions);
    Advice { alert_count: concerns.len(), actions, recommendations }
}

fn action_for(concern: &Concern) -> &str {
    if !concern.action.trim().is_empty() {
        return &concern.action;
    }
    let known = ACTIONS.iter().find(|(parameter, _)| name::same(parameter, &concern.parameter));
    known.map_or(ANY_ACTION, |(_, action)| action)
}

fn recommendations(actions: &[Action]) -> Vec<String> {
    let names = |least: Severity| {
        let grave = actions.iter().filter(|action| action.severity >= least);
        grave.map(|action| action.parameter.as_str()).collect::<Vec<_>>().join(", ")
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
        let advice = advice(&concerns(body).unwrap());
        assert_eq!(advice.alert_count, 3);
        let actions: Vec<_> = advice.actions.iter().map(|a| (a.parameter.as_str(), a.severity, a.alerts)).collect();
        assert_eq!(actions, [("so4", Severity::Critical, 1), ("Ni", Severity::Watch, 2)]);
        assert_eq!((advice.actions[0].action.as_str(), advice.actions[1].action.as_str()), (ACTIONS[0].1, "Call Jo"));
        assert_eq!(advice.recommendations.len(), 3);
    }

    #[test]
    fn no_alerts_no_advice() {
        let advice = advice(&concerns(json!([])).unwrap());
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
        ] {
            assert_eq!(concerns(body).unwrap_err().field, field);
        }
        assert!(concerns(json!(vec![json!({"parameter": "Ni"}); MAX_ALERTS])).is_ok());
        assert!(concerns(json!(vec![json!({"parameter": "Ni"}); MAX_ALERTS + 1])).is_err());
    }
}
