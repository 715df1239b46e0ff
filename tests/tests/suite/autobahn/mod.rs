//! The cases of the Autobahn test suite's fuzzing client, by its numbers, against both hosts.
//!
//! Autobahn expects an echo. This protocol answers instead: `{"type":"ping"}`, padded to the length of the case, with a
//! pong, and other text with an error. Like an echo, an answer shows that the message was received as one message.
//! Binary messages are refused with 1003. The cases about performance (9) and compression (12, 13), which is not
//! negotiated, are left out.

mod case;
mod closing;
mod control;
mod fragments;
mod messages;
mod utf8;

use case::Case;
use futures_util::StreamExt;
use tests::Server;
use tests::wire::Wire;

/// Connections at the same time.
const AT_ONCE: usize = 8;

async fn run(cases: Vec<Case>, expected: usize) -> anyhow::Result<()> {
    assert_eq!(cases.len(), expected, "the number of Autobahn's cases");
    let server = Server::options().env("OW_SC_WS_MAX_MESSAGE_BYTES", "131072").start().await?;
    let url = &server.ws_url("/ws/effluent");
    let outcomes = cases.iter().map(async |case| (&case.name, case.run(url).await));
    let failures: Vec<_> = futures_util::stream::iter(outcomes)
        .buffer_unordered(AT_ONCE)
        .filter_map(async |(name, outcome)| outcome.err().map(|error| format!("{name}: {error:#}")))
        .collect()
        .await;
    assert!(failures.is_empty(), "{failures:#?}");
    Ok(())
}

#[tokio::test]
async fn cases_1_and_10_messages_of_all_lengths() -> anyhow::Result<()> {
    run(messages::cases(), 17).await
}

#[tokio::test]
async fn cases_2_pings_and_pongs() -> anyhow::Result<()> {
    run(control::pings(), 11).await
}

#[tokio::test]
async fn cases_3_and_4_reserved_bits_and_opcodes() -> anyhow::Result<()> {
    run(control::reserved(), 17).await
}

#[tokio::test]
async fn cases_5_fragments() -> anyhow::Result<()> {
    run(fragments::cases(), 20).await
}

#[tokio::test]
async fn cases_6_texts() -> anyhow::Result<()> {
    run(utf8::cases(), 145).await
}

#[tokio::test]
async fn cases_7_closing() -> anyhow::Result<()> {
    run(closing::cases(), 37).await
}

#[tokio::test]
async fn what_autobahn_leaves_out() -> anyhow::Result<()> {
    run(control::more(), 3).await
}

#[tokio::test]
async fn compression_is_not_negotiated() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let offer = [("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")];
    let wire = Wire::connect(&server.ws_url("/ws/effluent"), &offer).await?.expect("an offer may be ignored");
    assert!(!wire.head.contains("sec-websocket-extensions"), "{}", wire.head);
    Ok(())
}
