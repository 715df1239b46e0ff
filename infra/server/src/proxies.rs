//! The client's address behind proxies, for limits and the access log.
//!
//! It is determined once, before every route, and stored where a request without a proxy has its peer.

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::{self, Next};
use axum::response::Response;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Wraps a complete router, so that it sees through proxies in these networks.
pub(crate) fn see_through(router: Router, trusted: &[IpNet]) -> Router {
    router.layer(middleware::from_fn_with_state(Arc::from(trusted), with_client))
}

async fn with_client(
    State(trusted): State<Arc<[IpNet]>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let client = client(peer.ip(), request.headers(), &trusted);
    // Only the address of the peer is used.
    request.extensions_mut().insert(ConnectInfo(SocketAddr::new(client, 0)));
    next.run(request).await
}

/// The first address on the way back from us that is not a trusted proxy's. Each proxy appends the address it was
/// called from: the entry of a trusted proxy is true, but anything before the entry of an untrusted one may be forged.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    // Bytes, since an entry that is not text must not hide those that proxies have appended to its line.
    let mut way = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    let mut client = peer.to_canonical();
    while is_trusted(&client)
        && let Some(before) = way.next().and_then(address)
    {
        client = before;
    }
    client
}

/// An address as proxies write it, some with the port of the request.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let with_port = |_| text.parse().map(|address: SocketAddr| address.ip());
    bare.parse().or_else(with_port).ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use web::config::Config;

    fn found(trusted: &str, peer: &str, lines: &[&[u8]]) -> String {
        let vars = [("OW_SC_TRUSTED_PROXIES".to_owned(), trusted.to_owned())];
        let (config, _) = Config::from_vars(vars).unwrap();
        let line = |line: &&[u8]| (FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap());
        client(peer.parse().unwrap(), &lines.iter().map(line).collect(), &config.trusted_proxies).to_string()
    }

    #[test]
    fn who_is_not_behind_a_trusted_proxy_cannot_choose() {
        for trusted in ["", "10.0.0.0/8", "203.0.113.6, 203.0.113.8", "2001:db8::/32"] {
            assert_eq!(found(trusted, "203.0.113.7", &[b"198.51.100.1"]), "203.0.113.7", "{trusted}");
        }
        // The ends of a network, and addresses just outside.
        for (peer, client) in [
            ("10.0.0.0", "198.51.100.1"),
            ("10.255.255.255", "198.51.100.1"),
            ("9.255.255.255", "9.255.255.255"),
            ("11.0.0.0", "11.0.0.0"),
        ] {
            assert_eq!(found("10.0.0.0/8", peer, &[b"198.51.100.1"]), client);
        }
    }

    #[test]
    fn what_a_client_says_of_itself_stands_before_what_the_proxy_says() {
        for claim in ["192.0.2.9", "10.0.0.9", "10.0.0.9, 10.0.0.8", "unknown", "", "\"", "192.0.2.9:", ",,"] {
            let line = format!("{claim}, 198.51.100.1");
            assert_eq!(found("10.0.0.0/8", "10.0.0.1", &[line.as_bytes()]), "198.51.100.1", "{claim}");
            assert_eq!(found("10.0.0.0/8", "10.0.0.1", &[claim.as_bytes(), b"198.51.100.1"]), "198.51.100.1");
        }
        assert_eq!(found("10.0.0.0/8", "10.0.0.1", &[b"\xff\xfe, 198.51.100.1"]), "198.51.100.1");
    }

    #[test]
    fn a_chain_is_followed_as_far_as_it_is_trusted() {
        let chain: &[&[u8]] = &[b"192.0.2.9,  198.51.100.1 ,10.0.0.3", b"10.0.0.2"];
        assert_eq!(found("10.0.0.0/8", "10.0.0.1", chain), "198.51.100.1");
        assert_eq!(found("10.0.0.1, 10.0.0.2", "10.0.0.1", chain), "10.0.0.3");
        assert_eq!(found("10.0.0.1", "10.0.0.1", chain), "10.0.0.2");
        assert_eq!(found("10.0.0.0/8,198.51.100.0/24", "10.0.0.1", chain), "192.0.2.9");
        // Trusted proxies all the way: the farthest one.
        assert_eq!(found("0.0.0.0/0", "10.0.0.1", chain), "192.0.2.9");
    }

    #[test]
    fn what_is_no_address_ends_the_search_at_the_last_good_one() {
        for garbage in ["unknown", "", " ", "198.51.100", "198.51.100.1:70000", "[::1", "_hidden", "a.example"] {
            assert_eq!(found("10.0.0.0/8", "10.0.0.1", &[garbage.as_bytes()]), "10.0.0.1", "{garbage}");
            let line = format!("198.51.100.1, {garbage}, 10.0.0.2");
            assert_eq!(found("10.0.0.0/8", "10.0.0.1", &[line.as_bytes()]), "10.0.0.2", "{garbage}");
        }
        assert_eq!(found("10.0.0.0/8", "10.0.0.1", &[b"198.51.100.1, \xff"]), "10.0.0.1");
        assert_eq!(found("10.0.0.0/8", "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn ports_and_ipv6_are_read() {
        for (entry, client) in [
            ("1.2.3.4:567", "1.2.3.4"),
            ("[::1]:5", "::1"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("[::ffff:1.2.3.4]:567", "1.2.3.4"),
        ] {
            assert_eq!(found("fd00::/8", "fd00::1", &[entry.as_bytes()]), client, "{entry}");
        }
        assert_eq!(found("fd00::/8", "fd00::1", &[b"2001:db8::7, [fd00::2]:443"]), "2001:db8::7");
        assert_eq!(found("fd00::/8", "fe00::1", &[b"2001:db8::7"]), "fe00::1");
    }

    #[test]
    fn ipv4_is_the_same_however_it_is_written() {
        // A server that listens on `::` sees its IPv4 peers like this.
        for trusted in ["10.0.0.0/8", "10.0.0.1", "::ffff:10.0.0.0/104", "::ffff:10.0.0.1", "::ffff:0:0/96"] {
            for peer in ["10.0.0.1", "::ffff:10.0.0.1"] {
                let line: &[u8] = if trusted == "::ffff:0:0/96" { b"2001:db8::7" } else { b"198.51.100.1" };
                assert_ne!(found(trusted, peer, &[line]), "10.0.0.1", "{trusted} {peer}");
            }
        }
        assert_eq!(found("10.0.0.0/8", "::ffff:11.0.0.1", &[b"198.51.100.1"]), "11.0.0.1");
        assert_eq!(found("::/0", "10.0.0.1", &[b"198.51.100.1"]), "10.0.0.1");
    }
}
