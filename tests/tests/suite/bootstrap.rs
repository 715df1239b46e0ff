//! The table at the start: created, checked, repaired; and a full disk.

use crate::support::until;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndexDescription, IndexStatus, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use reqwest::StatusCode;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use table::bootstrap::{PrepareError, Prepared};
use tests::table::{Table, client};
use tests::{Api, Server, host};

/// A table that somebody created by hand, with nothing but its keys.
async fn bare(table: &Table, keys: [&str; 2]) -> anyhow::Result<()> {
    let client = client(table.endpoint());
    let mut request = client.create_table().table_name(table.name()).billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in keys.into_iter().zip([KeyType::Hash, KeyType::Range]) {
        let text =
            AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()?;
        let key = KeySchemaElement::builder().attribute_name(name).key_type(kind).build()?;
        request = request.attribute_definitions(text).key_schema(key);
    }
    request.send().await?;
    Ok(())
}

#[tokio::test]
async fn a_table_that_lacks_something_is_mended_once() -> anyhow::Result<()> {
    let table = Table::new()?;
    bare(&table, ["pk", "sk"]).await?;
    let prepared = table.store().prepare_table(false).await?;
    let mended = vec!["its stream was off", "items did not expire", "its index was missing"];
    assert_eq!(prepared, Prepared { created: false, mended, wrong: Vec::new() });
    assert_eq!(table.store().prepare_table(false).await?, Prepared::default());
    // DynamoDB Local answers writes with InternalFailure while it fills an index.
    let client = client(table.endpoint());
    let described = async || {
        let described = client.describe_table().table_name(table.name()).send().await?;
        Ok(described.table.and_then(|table| table.global_secondary_indexes))
    };
    let is_filled = |index: &GlobalSecondaryIndexDescription| index.index_status() == Some(&IndexStatus::Active);
    let indexes = until(described, |indexes| indexes.as_ref().is_some_and(|all| all.iter().all(is_filled))).await?;
    assert!(indexes.iter().flatten().any(is_filled), "{indexes:?}");
    // The repaired table works.
    let server = Server::options().table(table.endpoint(), table.name()).start().await?;
    let api = Api::new(&server);
    let (status, _) = api.ingest("?site=plant", "time,species,concentration\n1,SO4,900\n").await?;
    assert_eq!(status, StatusCode::OK);
    // An index exists some time after it was requested, and has the items some time after that.
    let ledger = async || tests::client::read(api.get("/api/ingests").await?).await;
    let files = |ledger: &serde_json::Value| ledger["ingests"].as_array().map(Vec::len);
    let (status, ledger) = until(ledger, |(_, ledger)| files(ledger) == Some(1)).await?;
    assert_eq!((status, files(&ledger)), (StatusCode::OK, Some(1)), "{ledger}");
    Ok(())
}

#[tokio::test]
async fn a_table_of_another_program_stops_the_start() -> anyhow::Result<()> {
    let table = Table::new()?;
    bare(&table, ["id", "sk"]).await?;
    let refused = table.store().prepare_table(false).await;
    assert!(matches!(refused, Err(PrepareError::Keys)), "{refused:?}");
    let (status, log) = Server::options().table(table.endpoint(), table.name()).run_to_end().await?;
    assert!(!status.success() && log.contains("other keys than pk and sk"), "{log}");
    Ok(())
}

/// A process that may write no files behaves like one with a full disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_disk_is_full_is_not_ready_until_it_has_room() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let script = directory.path().join("limited");
    let program = host::binaries().join("owsc");
    std::fs::write(&script, format!("#!/bin/sh\ntrap '' XFSZ\nexec {} \"$@\"\n", program.display()))?;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
    let server = Server::options().program(&script).start().await?;
    let api = Api::new(&server);
    assert_eq!(api.get("/readyz").await?.status(), StatusCode::OK);
    let pid = server.pid().to_string();
    let may_write = |bytes: &str| Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:")]).status();
    assert!(may_write("0")?.success());
    // Not a file, which would be refused before it reaches the database.
    let permit = json!({"limits": [{"parameter": "Zn", "value": 5, "unit": "mg/L", "statistic": "instant"}]});
    let refused = api.put("/api/permits/plant", &permit).await?.0;
    assert!(refused.is_server_error(), "{refused}");
    assert_eq!(api.get("/livez").await?.status(), StatusCode::OK);
    assert_eq!(api.get("/readyz").await?.status(), StatusCode::SERVICE_UNAVAILABLE, "{}", server.log());
    assert!(may_write("unlimited")?.success());
    let ready = until(async || Ok(api.get("/readyz").await?.status()), |status| status.is_success()).await?;
    assert_eq!(ready, StatusCode::OK, "{}", server.log());
    let (status, answer) = api.ingest("?site=plant", "time,species,concentration\n1,Zn,1\n").await?;
    assert_eq!(status, StatusCode::OK, "{answer}");
    Ok(())
}
