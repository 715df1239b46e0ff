//! `--fire NAME`: asks a running gateway to fire a schedule at once.

use crate::cli::Options;
use crate::functions::reachable;
use crate::services::{ASKED, FIRE};
use anyhow::{Context, bail};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::net::SocketAddr;

/// Asks the gateway that listens where the options say.
#[expect(clippy::print_stdout, reason = "this is for the person at the terminal")]
pub(crate) async fn fire(options: &Options, name: &str) -> anyhow::Result<()> {
    let address = reachable(SocketAddr::from((options.host, options.port)));
    let url = format!("http://{address}{FIRE}{}", utf8_percent_encode(name, NON_ALPHANUMERIC));
    let client = reqwest::Client::builder().no_proxy().build()?;
    let answer = client.post(url).header(ASKED, "fire").send().await;
    let answer = answer.with_context(|| format!("no gateway answers on {address}; --port says which one to ask"))?;
    let status = answer.status();
    let said: Value = answer.json().await.with_context(|| format!("who answers on {address} is no gateway"))?;
    if !status.is_success() {
        bail!("{}", said["message"].as_str().unwrap_or("it was refused"));
    }
    println!("fired {name}");
    Ok(())
}
