//! The limits of requests and answers: the same on both hosts.

use crate::support::served;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tests::Api;
use tests::client::read;

/// What Lambda passes on: an answer is a JSON string in it.
const LAMBDA_BYTES: usize = 6 * 1024 * 1024;
const ROWS: usize = 100_000;

fn rows() -> String {
    let row = |row| format!("{row},SO4,{}.5\n", row % 1000);
    std::iter::once("time,species,concentration\n".to_owned()).chain((0..ROWS).map(row)).collect()
}

async fn page(api: &Api, query: &str) -> anyhow::Result<Value> {
    let response = api.get(&format!("/api/readings?site=long&max_points={ROWS}{query}")).await?;
    assert_eq!(response.status(), 200, "{query}");
    let text = response.text().await?;
    let sent = json!(text).to_string().len();
    assert!(sent < LAMBDA_BYTES, "{sent} bytes");
    Ok(serde_json::from_str(&text)?)
}

#[tokio::test]
async fn readings_come_in_pages_that_have_room_in_an_answer() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let (status, taken) = api.ingest("?site=long", rows()).await?;
    assert_eq!((status.as_u16(), &taken["readings"]), (200, &json!(ROWS)), "{taken}");
    let series = api.json("/api/series?site=long").await?["series"][0]["id"].as_str().unwrap_or_default().to_owned();
    // More than an answer has room for: thinned further than requested.
    let thinned = page(&api, &format!("&series={series}")).await?;
    let points = thinned["readings"].as_array().map_or(0, Vec::len);
    assert!(thinned["downsampled"] == true && (ROWS / 2..ROWS).contains(&points), "{points}");
    assert_eq!(thinned["total"], ROWS);
    // In pages, none is left out.
    let (mut times, mut cursor) = (Vec::new(), String::new());
    loop {
        let part = page(&api, &format!("&series={series}&every=true{cursor}")).await?;
        times.extend(part["readings"].as_array().into_iter().flatten().filter_map(|reading| reading["time"].as_f64()));
        let Some(next) = part["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert!(!cursor.is_empty(), "there was room for all");
    assert!(times.iter().copied().eq((0..ROWS).map(|time| time as f64)), "{} readings", times.len());
    Ok(())
}

#[tokio::test]
async fn what_names_nothing_is_refused_before_the_table_is_asked() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let long = "x".repeat(3000);
    for path in ["alerts", "series", "overview", "status", "streams", "certificate"] {
        for bad in [long.as_str(), "", "%20", "a%00b", "a%0Ab"] {
            let (status, answer) = read(api.get(&format!("/api/{path}?site={bad}")).await?).await?;
            assert_eq!((status.as_u16(), &answer["error"]["code"]), (400, &json!("bad_request")), "{path} {bad:.9}");
        }
    }
    for query in ["readings?series=a&site=", "alerts?outfall=", "alerts?parameter="] {
        assert_eq!(api.get(&format!("/api/{query}{long}")).await?.status(), 400, "{query}");
    }
    // There is no id of that length.
    for path in ["ingests", "chemistry/fit", "readings?site=a&series="] {
        let slash = if path.contains('?') { "" } else { "/" };
        assert_eq!(api.get(&format!("/api/{path}{slash}{long}")).await?.status(), 404, "{path}");
    }
    assert_eq!(api.get(&format!("/api/permits/{long}")).await?.status(), 400);
    Ok(())
}

#[tokio::test]
async fn a_site_has_one_name_in_files_queries_and_paths() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    for site in ["Werk Süd", "50% ?#&+=;", "%2F", "a\\b", "..."] {
        let encoded = utf8_percent_encode(site, NON_ALPHANUMERIC).to_string();
        let limits = json!({"limits": [{"parameter": "SO4", "value": 250, "statistic": "instant"}]});
        let (status, saved) = api.put(&format!("/api/permits/{encoded}"), &limits).await?;
        assert_eq!((status.as_u16(), &saved["site"]), (200, &json!(site)), "{saved}");
        let quoted = site.replace('"', "\"\"");
        let csv = format!("time,species,concentration,site\n1,SO4,251.2,\"{quoted}\"\n");
        let (status, taken) = api.ingest("", csv).await?;
        assert_eq!((status.as_u16(), &taken["sites"]), (200, &json!([site])), "{taken}");
        let alerts = api.json(&format!("/api/alerts?site={encoded}")).await?;
        assert_eq!(alerts["alerts"][0]["site"], site, "{alerts}");
    }
    // Such a name would be two segments of a path, or none.
    for bad in ["a/b", "..", "."] {
        let csv = format!("time,species,concentration,site\n1,SO4,251.2,{bad}\n2,SO4,1,fine\n");
        let (status, taken) = api.ingest("", csv).await?;
        assert_eq!((status.as_u16(), &taken["rows_refused"]), (200, &json!(1)), "{taken}");
        let encoded = utf8_percent_encode(bad, NON_ALPHANUMERIC).to_string();
        assert_eq!(
            api.ingest(&format!("?site={encoded}"), "time,species,concentration\n1,SO4,1\n").await?.0,
            400,
            "{bad}"
        );
    }
    let status = api.get("/api/permits/a%2Fb").await?.status();
    assert!([400, 404].contains(&status.as_u16()), "{status}");
    Ok(())
}

#[tokio::test]
async fn json_is_demanded_where_json_is_meant() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let permit = json!({"limits": []}).to_string();
    for (method, path) in [
        ("PUT", "/api/permits/a"),
        ("POST", "/api/permits/a/preview"),
        ("POST", "/api/advise"),
        ("POST", "/api/chemistry/fit"),
        ("POST", "/api/ingests/a/resolution"),
        ("PUT", "/api/sources/a"),
    ] {
        // Requests that a page of another origin may send without a preflight, and an empty one.
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
            let request = api.request(method.parse()?, path).body(permit.clone());
            let request = if kind.is_empty() { request } else { request.header("content-type", kind) };
            let (status, answer) = read(request.send().await?).await?;
            let code = &answer["error"]["code"];
            assert_eq!((status.as_u16(), code), (415, &json!("unsupported_media_type")), "{method} {path} {kind}");
        }
    }
    assert_eq!(api.post("/api/permits/a/preview", &json!({"limits": []})).await?.0, 200);
    Ok(())
}
