//! `--fire NAME`: asks a running gateway to fire a schedule at once.

use crate::cli::Options;
use crate::functions::reachable;
use crate::services::{ASKED, FIRE};
use anyhow::{Context, bail};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

/// How long a gateway may take to answer; it does not wait for the function.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the gateway at the address in the options.
#[expect(clippy::print_stdout, reason = "this is for the person at the terminal")]
pub(crate) async fn fire(options: &Options, name: &str) -> anyhow::Result<()> {
    ask(reachable(SocketAddr::from((options.host, options.port))), name, PATIENCE).await?;
    println!("fired {name}");
    Ok(())
}

async fn ask(address: SocketAddr, name: &str, patience: Duration) -> anyhow::Result<()> {
    let url = format!("http://{address}{FIRE}{}", utf8_percent_encode(name, NON_ALPHANUMERIC));
    let client = reqwest::Client::builder().no_proxy().timeout(patience).build()?;
    let answer = client.post(url).header(ASKED, "fire").send().await;
    let answer = answer.with_context(|| format!("no gateway answers on {address}; --port says which one to ask"))?;
    let status = answer.status();
    let said: Value = answer.json().await.with_context(|| format!("the server on {address} is not a gateway"))?;
    if !status.is_success() {
        bail!("{}", said["message"].as_str().unwrap_or("it was refused"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_never_answers_is_given_up() {
        // The kernel accepts the connection, but nothing answers.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let error = ask(address, "Nightly", Duration::from_millis(50)).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("no gateway answers on {address}")), "{error}");
    }
}
