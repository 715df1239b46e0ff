//! A11: a call that meets a transaction, or is throttled, is retried, and no client has to send anything twice.

use super::{Plant, hourly};
use anyhow::ensure;
use serde_json::json;
use tests::Socket;
use tests::faults::{Fault, Kind, Reason};

const WRITES: [&str; 3] = ["PutItem", "UpdateItem", "DeleteItem"];

/// A permit, a file, readings and a subscription, each sent once.
async fn everything_once(plant: &Plant, site: &str) -> anyhow::Result<()> {
    plant.faults.on();
    plant.permit(site, &[("instant", 250.0)]).await?;
    plant.file(site, hourly(0..50, |hour| f64::from(hour * 10))).await?;
    let mut socket = plant.publisher().await?;
    for hour in 50..60 {
        socket.send(&json!({"time": hour, "species": "SO4", "concentration": 900, "site": site})).await?;
    }
    socket.barrier().await?;
    let mut reader = Socket::connect(&plant.server.ws_url("/ws/effluent?site=elsewhere")).await?;
    reader.send(&json!({"type": "subscribe", "site": site, "after": 0})).await?;
    let begin = reader.next_of("subscribed").await?;
    ensure!(begin["seq"] == 0, "{begin}");
    ensure!(reader.next().await?["seq"] == 1, "the feed begins");
    plant.faults.off();
    plant.faults.forget_rules();
    // 24 of the file, and all published ones.
    assert_eq!(plant.rested(site).await?.alerts, 34, "{site}");
    Ok(())
}

#[tokio::test]
async fn writes_that_meet_a_transaction_and_transactions_that_are_cancelled_are_tried_again() -> anyhow::Result<()> {
    let plant = Plant::start().await?;
    // Two of three.
    plant
        .faults
        .rule(|call| (WRITES.contains(&call.operation.as_str()) && call.count % 3 != 0).then_some(Fault::Conflict));
    everything_once(&plant, "writes").await?;
    ensure!(plant.faults.count(Kind::Conflict) > 10, "{}", plant.faults.report());
    for reason in [Reason::Conflict, Reason::Throttling, Reason::Exceeded] {
        let before = plant.faults.count(Kind::Cancelled);
        plant.faults.rule(move |call| {
            (call.operation == "TransactWriteItems" && call.count % 4 != 0).then_some(Fault::Cancelled(reason))
        });
        everything_once(&plant, reason.code()).await?;
        ensure!(plant.faults.count(Kind::Cancelled) > before + 10, "{}", plant.faults.report());
    }
    Ok(())
}
