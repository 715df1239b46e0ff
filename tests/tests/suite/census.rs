//! The maximum number of sites.

use crate::support::{permitted, refused, taken, tidy};
use anyhow::ensure;
use serde_json::json;
use table::sites::MAX_SITES;
use tests::table::Table;
use tests::{Api, Server, Socket};

#[tokio::test]
async fn sites_on_both_sides_of_their_number() -> anyhow::Result<()> {
    let table = Table::new()?;
    let server = Server::options().table(table.endpoint(), table.name()).start().await?;
    let (api, store) = (Api::new(&server), table.store());
    let mut socket = Socket::ready(&server.ws_url("/ws/effluent?site=other")).await?;
    let known: Vec<_> = (0..MAX_SITES - 1).map(|number| format!("site {number}")).collect();
    for some in known.chunks(90) {
        store.note_sites(some).await?;
    }
    // With two more there is one too many; nothing of the file is stored.
    let two = "time,species,concentration,site\n1,SO4,100,last\n1,SO4,100,one more\n";
    let (code, error) = refused(&api, "", two, 409).await?;
    ensure!(code == "too_many_sites" && error["message"].as_str().is_some_and(|text| text.contains("5000")), "{error}");
    assert_eq!(store.sites().await?.len(), MAX_SITES - 1);
    taken(&api, "?site=last", tidy(&["1,SO4,1"])).await?;
    assert_eq!(store.sites().await?.len(), MAX_SITES);
    assert_eq!(refused(&api, "?site=one more", tidy(&["1,SO4,1"]), 409).await?.0, "too_many_sites");
    let limits = json!({"limits": [{"parameter": "SO4", "value": 1, "unit": "mg/L", "statistic": "instant"}]});
    let (status, body) = api.put("/api/permits/one%20more", &limits).await?;
    ensure!(status == 409 && body["error"]["code"] == "too_many_sites", "{status} {body}");
    socket.send(&json!({"site": "one more", "time": 1, "species": "SO4", "concentration": 1})).await?;
    let told = socket.next_of("error").await?;
    ensure!(told.to_string().contains("there are 5000 at most"), "{told}");
    // Known sites are not affected.
    taken(&api, "?site=site 7", tidy(&["2,SO4,1"])).await?;
    let (status, body) = api.delete("/api/sites/site%208?confirm=site%208&reason=room").await?;
    ensure!(status == 200, "{status} {body}");
    permitted(&api, "one%20more", &limits).await?;
    assert_eq!(refused(&api, "?site=site 8", tidy(&["1,SO4,1"]), 409).await?.0, "too_many_sites");
    // All sites fit into one answer.
    let status = api.json("/api/status").await?;
    assert_eq!(status["sites"].as_array().map(Vec::len), Some(MAX_SITES));
    Ok(())
}
