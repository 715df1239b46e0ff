//! WebSocket upgrades: where a token may be.

use tests::Server;
use tests::wire::{Frame, Seen, TEXT, Wire};

/// Output of `openssl rand -base64`, and more: a subprotocol cannot carry it unencoded.
const TOKEN: &str = "q5Jr/xT4+kL0sRfYc8HnWg==,;\"";
const ENCODED: &str = "owsc.bearer64.cTVKci94VDQra0wwc1JmWWM4SG5XZz09LDsi";
const NAME: &str = "Sec-WebSocket-Protocol";

#[tokio::test]
async fn a_subprotocol_carries_any_token_in_one_line_or_two() -> anyhow::Result<()> {
    let server = Server::options().env("OW_SC_API_TOKEN", TOKEN).start().await?;
    let url = server.ws_url("/ws/effluent");
    let one_line = format!("owsc, {ENCODED}");
    for lines in
        [&[(NAME, one_line.as_str())][..], &[(NAME, "owsc"), (NAME, ENCODED)], &[(NAME, ENCODED), (NAME, "owsc")]]
    {
        let mut wire = Wire::connect(&url, lines).await?.map_err(|status| anyhow::anyhow!("{status}: {lines:?}"))?;
        assert!(wire.head.contains("sec-websocket-protocol: owsc\r\n"), "the token does not come back: {}", wire.head);
        wire.write(&Frame::new(TEXT, r#"{"type":"ping"}"#).bytes()).await;
        assert_eq!(wire.next().await?, Seen::Text(r#"{"type":"pong"}"#.to_owned()));
    }
    for wrong in ["owsc.bearer64.d3Jvbmc", "owsc.bearer64.", "owsc.bearer64.!", "owsc.bearer64", "bearer.wrong"] {
        let refused = Wire::connect(&url, &[(NAME, "owsc"), (NAME, wrong)]).await?;
        assert_eq!(refused.err(), Some(401), "{wrong}");
    }
    Ok(())
}

#[tokio::test]
async fn a_plain_token_is_still_understood_in_two_lines() -> anyhow::Result<()> {
    let server = Server::options().env("OW_SC_API_TOKEN", "plain-token").start().await?;
    let url = server.ws_url("/ws/effluent");
    for lines in [&[(NAME, "owsc, bearer.plain-token")][..], &[(NAME, "owsc"), (NAME, "bearer.plain-token")]] {
        assert!(Wire::connect(&url, lines).await?.is_ok(), "{lines:?}");
    }
    Ok(())
}
