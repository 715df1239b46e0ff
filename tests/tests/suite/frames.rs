//! Frames that end a connection, counted by the server. API Gateway counts its own.

use crate::support::until;
use tests::wire::{BINARY, Frame, Seen, TEXT, Wire};
use tests::{Api, Server};

#[tokio::test]
async fn a_refused_frame_is_counted() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let api = Api::new(&server);
    for (frame, code) in [(Frame::new(3, ""), 1002), (Frame::new(BINARY, ""), 1003), (Frame::new(TEXT, b"\xff"), 1007)]
    {
        let mut wire = Wire::connect(&server.ws_url("/ws/effluent"), &[]).await?.expect("no token is wanted");
        wire.write(&frame.bytes()).await;
        assert_eq!(wire.next().await?, Seen::Close(Some(code)));
    }
    let counted =
        async || Ok(api.get("/metrics").await?.text().await?.contains("ws_errors_total{code=\"bad_message\"} 3\n"));
    assert!(until(counted, |counted| *counted).await?);
    Ok(())
}
