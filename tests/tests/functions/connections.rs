//! Connections as API Gateway may treat them: not known yet when they are posted to, or gone without $disconnect.

use crate::support::until;
use std::time::Duration;
use tests::faults::{Call, Fault, Reason};
use tests::table::Table;
use tests::{Api, Faults, Server, Socket};
use tokio::process::Command;
use tokio::time::sleep;

/// The age from which a sweep checks a connection, and a moment more.
const OLD: Duration = Duration::from_secs(11);

async fn active(api: &Api) -> anyhow::Result<f64> {
    let text = api.get("/metrics").await?.text().await?;
    let line = text.lines().find_map(|line| line.strip_prefix("ws_active_connections "));
    Ok(line.ok_or_else(|| anyhow::anyhow!("no such line in\n{text}"))?.parse()?)
}

/// Fires the schedule.
async fn sweep(server: &Server) -> anyhow::Result<()> {
    let (host, port) = server.address().split_once(':').unwrap_or_default();
    let mut fire = Command::new(tests::host::binaries().join("local-gateway"));
    fire.args(["--host", host, "--port", port, "--fire", "WsDisconnectFunctionSweep"]);
    anyhow::ensure!(fire.status().await?.success(), "the schedule was not fired");
    Ok(())
}

#[tokio::test]
async fn a_connection_that_is_not_known_yet_gets_what_is_posted_meanwhile() -> anyhow::Result<()> {
    let server = Server::options().argument("--connect-delay").argument("3s").start().await?;
    let (api, url) = (Api::new(&server), server.ws_url("/ws/effluent"));
    let mut publisher = Socket::ready(&url).await?;
    let (mut late, ()) = tokio::try_join!(Socket::connect(&url), async {
        // It is registered now, but API Gateway does not know it yet.
        anyhow::ensure!(until(async || active(&api).await, |count| *count == 2.0).await? == 2.0);
        publisher.publish(1.0, "SO4", 1.0).await?;
        publisher.barrier().await
    })?;
    publisher.publish(2.0, "SO4", 2.0).await?;
    for seq in [1, 2] {
        assert_eq!(late.next().await?["seq"], seq, "neither lost nor out of order");
    }
    assert_eq!(active(&api).await?, 2.0);
    late.barrier().await
}

#[tokio::test]
async fn connections_that_end_without_a_word_are_found_and_others_stay() -> anyhow::Result<()> {
    let server = Server::options().argument("--lose-disconnects").start().await?;
    let (api, url) = (Api::new(&server), server.ws_url("/ws/effluent"));
    let mut stays = Socket::ready(&url).await?;
    for _ in 0..3 {
        Socket::ready(&url).await?.close().await?;
    }
    drop(Socket::connect(&server.ws_url("/ws/effluent?site=quiet&wait=true")).await?);
    assert_eq!(active(&api).await?, 5.0, "nobody was told");
    sleep(OLD).await;
    sweep(&server).await?;
    assert_eq!(until(async || active(&api).await, |count| *count == 1.0).await?, 1.0);
    stays.barrier().await
}

#[tokio::test]
async fn who_is_posted_to_and_gone_is_removed_at_once() -> anyhow::Result<()> {
    let server = Server::options().argument("--lose-disconnects").start().await?;
    let (api, url) = (Api::new(&server), server.ws_url("/ws/effluent"));
    let mut publisher = Socket::ready(&url).await?;
    Socket::ready(&url).await?.close().await?;
    sleep(OLD).await;
    publisher.publish(1.0, "SO4", 1.0).await?;
    assert_eq!(until(async || active(&api).await, |count| *count == 1.0).await?, 1.0);
    Ok(())
}

#[tokio::test]
async fn a_disconnect_that_is_killed_leaves_nothing_for_good() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let (api, url) = (Api::new(&server), server.ws_url("/ws/effluent"));
    let killing = async {
        loop {
            for victim in server.environments("ws-disconnect")? {
                Command::new("kill").args(["-9", &victim.to_string()]).status().await?;
            }
            sleep(Duration::from_millis(5)).await;
        }
        #[expect(unreachable_code)]
        anyhow::Ok(())
    };
    let coming_and_going = async {
        for _ in 0..20 {
            Socket::ready(&url).await?.close().await?;
        }
        sleep(Duration::from_secs(2)).await;
        anyhow::Ok(())
    };
    tokio::select! {
        done = coming_and_going => done?,
        killer = killing => anyhow::bail!("the killer has ended: {killer:?}"),
    }
    let left = active(&api).await?;
    assert!(left > 0.0, "some invocations were killed");
    sleep(OLD).await;
    sweep(&server).await?;
    assert_eq!(until(async || active(&api).await, |count| *count == 0.0).await?, 0.0);
    Ok(())
}

/// Every second call about connections fails, in a way that is possible for it.
fn busy(call: &Call) -> Option<Fault> {
    if !call.mentions("CONNECT") || call.count.is_multiple_of(2) {
        return None;
    }
    Some(match (call.operation.as_str(), call.count % 4) {
        ("TransactWriteItems", 1) => Fault::Cancelled(Reason::Conflict),
        ("TransactWriteItems", _) => Fault::Cancelled(Reason::Throttling),
        ("DeleteItem" | "PutItem" | "UpdateItem", 1) => Fault::Conflict,
        _ => Fault::Throttled,
    })
}

#[tokio::test]
async fn connecting_and_leaving_go_on_while_the_table_is_busy() -> anyhow::Result<()> {
    let table = Table::of_template()?;
    let faults = Faults::before(table.endpoint(), 7)?;
    let server = Server::options().argument("--database").argument(faults.endpoint()).start().await?;
    let (api, url) = (Api::new(&server), server.ws_url("/ws/effluent"));
    faults.rule(busy);
    faults.on();
    let mut sockets = Vec::new();
    for _ in 0..6 {
        sockets.push(Socket::ready(&url).await?);
    }
    assert_eq!(active(&api).await?, 6.0);
    sockets[0].publish(1.0, "SO4", 1.0).await?;
    for socket in &mut sockets[1..] {
        assert_eq!(socket.next().await?["seq"], 1);
    }
    for socket in sockets.drain(3..) {
        socket.close().await?;
    }
    assert_eq!(until(async || active(&api).await, |count| *count == 3.0).await?, 3.0);
    for socket in &mut sockets {
        socket.barrier().await?;
    }
    Ok(())
}
