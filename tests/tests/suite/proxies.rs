//! Clients behind proxies: `OW_SC_TRUSTED_PROXIES`.

use crate::support::tidy;
use reqwest::Client;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;
use tests::{Api, Server, Socket};

const TOKEN: &str = "correct-horse-battery";
/// Requests a second.
const LIMIT: f64 = 5.0;
/// More than the limit lets through in the time they take.
const TRIES: u8 = 60;
/// Another address of this machine, which no server here trusts.
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// A server that trusts clients from 127.0.0.1, and proxies in a network.
async fn served(token: &str) -> anyhow::Result<Server> {
    let options = Server::options().env("OW_SC_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8");
    options.env("OW_SC_RL_PER_SEC", &LIMIT.to_string()).env("OW_SC_API_TOKEN", token).start().await
}

async fn ask(client: &Client, server: &Server, way: &[&str]) -> anyhow::Result<u16> {
    let request = client.get(server.url("/api/status"));
    let request = way.iter().fold(request, |request, line| request.header("x-forwarded-for", *line));
    Ok(request.send().await?.status().as_u16())
}

/// How many requests with differing headers are let through, and the most for a single client.
async fn through(client: &Client, server: &Server, way: impl Fn(u8) -> String) -> anyhow::Result<(usize, usize)> {
    let (started, mut through) = (Instant::now(), 0);
    for number in 0..TRIES {
        match ask(client, server, &[&way(number)]).await? {
            200 => through += 1,
            status => anyhow::ensure!(status == 429, "{status}"),
        }
    }
    Ok((through, (LIMIT + LIMIT * started.elapsed().as_secs_f64()).ceil() as usize))
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_have_limits_of_their_own() -> anyhow::Result<()> {
    let (server, proxy) = (served("").await?, Client::new());
    let (one, most) = through(&proxy, &server, |number| format!("198.51.100.{number}, 192.0.2.1")).await?;
    assert!((5..=most).contains(&one), "{one} of at most {most}: what it claims to be makes no new client");
    assert_eq!(ask(&proxy, &server, &["192.0.2.2"]).await?, 200, "the other one has asked nothing yet");
    // Each its own client, also through another proxy and in two lines.
    let (all, _) = through(&proxy, &server, |number| format!("198.51.100.{number}:4{number}, 10.0.0.3")).await?;
    assert_eq!(all, usize::from(TRIES));
    assert_eq!(ask(&proxy, &server, &["2001:db8::1", "[::ffff:10.0.0.4]:80"]).await?, 200);
    for client in ["192.0.2.1", "192.0.2.2", "198.51.100.7", "2001:db8::1"] {
        assert!(server.log().contains(&format!("client={client} ")), "{client} is not in {}", server.log());
    }
    Ok(())
}

#[tokio::test]
async fn the_ledger_says_who_posted_a_file() -> anyhow::Result<()> {
    let server = served("").await?;
    let post = Client::new().post(server.url("/api/ingest")).header("content-type", "text/csv");
    let posted = post.header("x-forwarded-for", "192.0.2.1").body(tidy(&["1,Zn,1"])).send().await?;
    assert_eq!(posted.status(), 200);
    let ledger = Api::new(&server).list("/api/ingests", "ingests").await?;
    assert_eq!(ledger[0]["who"], "192.0.2.1");
    Ok(())
}

#[tokio::test]
async fn from_an_untrusted_peer_the_header_changes_nothing() -> anyhow::Result<()> {
    let (server, stranger) = (served("").await?, Client::builder().local_address(STRANGER).build()?);
    let (one, most) = through(&stranger, &server, |number| format!("192.0.2.{number}")).await?;
    assert!((5..=most).contains(&one), "{one} of at most {most}");
    // Nor does it use up the limits of the clients it claims to be.
    assert_eq!(ask(&Client::new(), &server, &["192.0.2.59"]).await?, 200);
    let log = server.log();
    assert_eq!(log.matches("client=127.0.0.2 ").count(), usize::from(TRIES), "{log}");
    Ok(())
}

#[tokio::test]
async fn who_guesses_tokens_of_websockets_is_told_from_others_behind_the_proxy() -> anyhow::Result<()> {
    let server = served(TOKEN).await?;
    let connect = async |client: &str, token: &str| {
        let url = server.ws_url(&format!("/ws/effluent?token={token}"));
        Socket::connect_with(&url, &[("x-forwarded-for", client)]).await.map(drop).err()
    };
    let mut refused = 0;
    while connect("192.0.2.1", "guess").await != Some(429) {
        refused += 1;
        assert!(refused < 1000, "guessing is not limited");
    }
    assert_eq!(connect("192.0.2.2", "guess").await, Some(401));
    assert_eq!(connect("192.0.2.2", TOKEN).await, None);
    Ok(())
}
