//! Which names sites may have, and what removing one requires.

use crate::support::{refused, served, taken, tidy};
use anyhow::ensure;
use serde_json::json;
use tests::Socket;

#[tokio::test]
async fn a_new_site_may_not_look_like_another_one() -> anyhow::Result<()> {
    let (server, api) = served().await?;
    let mut socket = Socket::ready(&server.ws_url("/ws/effluent?site=other")).await?;
    taken(&api, "?site=Plant A", tidy(&["1,SO4,1"])).await?;
    for same in ["plant a", "PLANT\u{a0}A", " Plant A "] {
        taken(&api, &format!("?site={same}"), tidy(&[&format!("2,SO4,{}", same.len())])).await?;
    }
    for like in ["Plant  A", "\u{ff30}lant A"] {
        let (code, error) = refused(&api, &format!("?site={like}"), tidy(&["1,SO4,1"]), 409).await?;
        ensure!(code == "site_looks_like_another" && error["message"].to_string().contains("Plant A"), "{error}");
        let limits = json!({"limits": [{"parameter": "SO4", "value": 1, "unit": "mg/L", "statistic": "instant"}]});
        let (status, body) = api.put(&format!("/api/permits/{like}"), &limits).await?;
        ensure!(status == 409 && body["error"]["code"] == "site_looks_like_another", "{status} {body}");
        socket.send(&json!({"site": like, "time": 1, "species": "SO4", "concentration": 1})).await?;
        ensure!(socket.next_of("error").await?.to_string().contains("looks like"));
    }
    let both = "time,species,concentration,site\n1,SO4,1,Plant B\n1,SO4,1,Plant  B\n";
    assert_eq!(refused(&api, "", both, 409).await?.0, "site_looks_like_another");
    taken(&api, "?site=PlantA", tidy(&["1,SO4,1"])).await?;
    let sites = api.list("/api/status", "sites").await?;
    let names: Vec<_> = sites.iter().filter_map(|site| site["site"].as_str()).collect();
    assert_eq!(names, ["Plant A", "PlantA"]);
    Ok(())
}

#[tokio::test]
async fn a_site_is_removed_only_by_its_name_and_with_a_reason() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    taken(&api, "?site=Plant A", tidy(&["1,SO4,1"])).await?;
    let long = "x".repeat(601);
    for (query, expected, named) in [
        ("", 400, "confirm"),
        ("?reason=why", 400, "confirm"),
        ("?confirm=&reason=why", 400, "confirm"),
        ("?confirm=Plant%20B&reason=why", 422, "confirm"),
        ("?confirm=Plant%20A", 400, "reason"),
        ("?confirm=Plant%20A&reason=%20", 400, "reason"),
        (&format!("?confirm=Plant%20A&reason={long}"), 400, "reason"),
        ("?confirm=Plant%20A&reason=why&force=true", 400, "force"),
    ] {
        let (status, body) = api.delete(&format!("/api/sites/Plant%20A{query}")).await?;
        ensure!(status == expected && body.to_string().contains(named), "{query}: {status} {body}");
    }
    let (status, body) = api.delete("/api/sites/Plant%20B?confirm=Plant%20B&reason=why").await?;
    ensure!(status == 404, "{status} {body}");
    assert_eq!(api.list("/api/status", "sites").await?.len(), 1);
    let reason = &long[1..];
    let (status, body) = api.delete(&format!("/api/sites/plant%20a?confirm=plant%20a&reason={reason}")).await?;
    ensure!(status == 200 && body["site"] == "Plant A" && body["reason"] == reason, "{status} {body}");
    Ok(())
}
