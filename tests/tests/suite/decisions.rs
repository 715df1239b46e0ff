//! Decisions about files: withdrawn, sent again, refused rows dealt with.

use crate::support::{alerts, permitted, readings, served, stored, taken, tidy};
use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tests::Api;

/// The longest reason, in bytes.
const REASON: usize = 600;

async fn withdraw(api: &Api, id: &str, reason: &str) -> anyhow::Result<(u16, Value)> {
    let path = format!("/api/ingests/{id}?reason={}", reason.replace(' ', "+"));
    let response = api.request(Method::DELETE, &path).send().await?;
    Ok((response.status().as_u16(), response.json().await?))
}

fn id(answer: &Value) -> anyhow::Result<&str> {
    answer["id"].as_str().context("no id")
}

async fn limited(api: &Api) -> anyhow::Result<()> {
    let limit = json!({"parameter": "SO4", "value": 250.0, "unit": "mg/L", "statistic": "instant"});
    permitted(api, "default", &json!({"limits": [limit]})).await.map(drop)
}

#[tokio::test]
async fn of_a_withdrawn_file_nothing_counts_and_what_it_replaced_counts_again() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    limited(&api).await?;
    taken(&api, "", tidy(&["1,SO4,900", "2,SO4,100"])).await?;
    let before = alerts(&api, "default").await?;
    let file = tidy(&["1,SO4,90", "3,SO4,950"]);
    let corrected = taken(&api, "", file.clone()).await?;
    assert_eq!(corrected["readings_replaced"], 1, "{corrected}");
    assert_eq!(corrected["replacements"][0]["old"], "900");
    let (status, answer) = withdraw(&api, id(&corrected)?, "of another plant").await?;
    assert_eq!((status, &answer["alerts"]), (200, &json!({"new": 1, "withdrawn": 1})), "{answer}");
    assert_eq!(stored(&api, "default", "SO4").await?, ["1.0 900.0 mg/L =", "2.0 100.0 mg/L ="]);
    assert_eq!(alerts(&api, "default").await?.len(), before.len());
    let record = api.json(&format!("/api/ingests/{}", id(&corrected)?)).await?;
    assert_eq!(record["withdrawn"]["reason"], "of another plant", "the ledger keeps both: {record}");
    // Repeating it changes nothing; the same bytes are a new file now.
    assert_eq!(withdraw(&api, id(&corrected)?, "again").await?.0, 200);
    let again = taken(&api, "", file).await?;
    assert_eq!((&again["status"], &again["readings_replaced"]), (&json!("stored"), &json!(1)), "{again}");
    ensure!(id(&again)? != id(&corrected)?, "{again}");
    assert_eq!(readings(&api, "default", "SO4", "").await?["total"], 3);
    Ok(())
}

#[tokio::test]
async fn the_same_bytes_are_a_new_file_where_that_is_asked_for() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let file = tidy(&["1,SO4,900"]);
    let first = taken(&api, "", file.clone()).await?;
    taken(&api, "", tidy(&["1,SO4,90"])).await?;
    assert_eq!(taken(&api, "", file.clone()).await?["status"], "known");
    let again = taken(&api, "?again=true", file).await?;
    ensure!(again["status"] == "stored" && id(&again)? != id(&first)?, "{again}");
    assert_eq!(stored(&api, "default", "SO4").await?, ["1.0 900.0 mg/L ="]);
    Ok(())
}

#[tokio::test]
async fn refused_rows_stand_in_the_way_of_a_certificate_until_a_person_has_dealt_with_them() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    limited(&api).await?;
    let answer = taken(&api, "", tidy(&["1,SO4,100", "2,SO4,x"])).await?;
    let status = async || -> anyhow::Result<String> {
        let page = api.get("/api/certificate?site=default").await?.text().await?;
        let (_, rest) = page.split_once(r#"<p class="status">"#).context("no status")?;
        Ok(rest.split('<').next().unwrap_or_default().to_owned())
    };
    assert_eq!(status().await?, "INSUFFICIENT DATA");
    let path = format!("/api/ingests/{}/resolution", id(&answer)?);
    let (code, refused) = api.post(&path, &json!({"reason": " "})).await?;
    assert_eq!((code.as_u16(), &refused["error"]["code"]), (400, &json!("bad_request")));
    let (code, record) = api.post(&path, &json!({"reason": "a footer"})).await?;
    assert_eq!(code, 200, "{record}");
    assert_eq!(status().await?, "COMPLIANT");
    Ok(())
}

#[tokio::test]
async fn a_decision_wants_a_reason_and_a_file_that_is_there() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let file = taken(&api, "", tidy(&["1,SO4,100"])).await?;
    for (reason, status) in [(String::new(), 400), ("x".repeat(REASON + 1), 400), ("x".repeat(REASON), 200)] {
        assert_eq!(withdraw(&api, id(&file)?, &reason).await?.0, status, "{} bytes", reason.len());
    }
    assert_eq!(withdraw(&api, "none", "why").await?.0, 404);
    let clean = taken(&api, "", tidy(&["2,SO4,100"])).await?;
    let path = format!("/api/ingests/{}/resolution", id(&clean)?);
    let (status, answer) = api.post(&path, &json!({"reason": "nothing to do"})).await?;
    assert_eq!((status.as_u16(), &answer["error"]["code"]), (409, &json!("nothing_refused")));
    Ok(())
}
