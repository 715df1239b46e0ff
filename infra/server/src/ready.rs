//! The ready line, for programs that start a server: its address, once it listens.

use anyhow::Context;
use serde_json::json;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};

/// Writes the line to standard output.
pub(crate) fn tell(address: SocketAddr) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{}", line(address)).context("cannot write the ready line")
}

fn line(address: SocketAddr) -> String {
    // A server that listens on all addresses is reached over loopback.
    let is_everywhere = address.ip().is_unspecified();
    let address = if is_everywhere { (Ipv4Addr::LOCALHOST, address.port()).into() } else { address };
    json!({"ready": format!("http://{address}"), "live": format!("ws://{address}/ws/effluent")}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_json_with_addresses_that_can_be_reached() {
        let of = |text: &str| line(text.parse().unwrap());
        let local = r#"{"ready":"http://127.0.0.1:8000","live":"ws://127.0.0.1:8000/ws/effluent"}"#;
        for address in ["127.0.0.1:8000", "0.0.0.0:8000", "[::]:8000"] {
            assert_eq!(of(address), local);
        }
        assert_eq!(of("[::1]:80"), r#"{"ready":"http://[::1]:80","live":"ws://[::1]:80/ws/effluent"}"#);
    }
}
