//! Parses the values of settings; `None` for invalid ones.

use axum::http::uri::Authority;
use axum::http::{HeaderValue, Uri};
use ipnet::{IpNet, Ipv4Net};
use std::collections::BTreeMap;
use std::net::IpAddr;

pub(super) fn is_visible(byte: u8) -> bool {
    (0x21..0x7f).contains(&byte)
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

pub(super) fn origins(text: &str) -> Option<Vec<HeaderValue>> {
    let origin = |text: &str| {
        let text = text.trim();
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        (!host.is_empty() && !host.contains('/')).then(|| HeaderValue::from_str(text).ok())?
    };
    text.split(',').map(origin).collect()
}

pub(super) fn hosts(text: &str) -> Option<Vec<Authority>> {
    // Anything after the host must be a valid port.
    let is_host = |host: &Authority| host.as_str() == host.host() || host.port_u16().is_some();
    let host = |text: &str| text.trim().parse().ok().filter(|host| is_host(host) && !host.as_str().contains('@'));
    text.split(',').map(host).collect()
}

pub(super) fn source_secrets(text: &str) -> Option<BTreeMap<String, (String, HeaderValue)>> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        host: String,
        authorization: String,
    }
    let written: BTreeMap<String, Written> = serde_json::from_str(text).ok()?;
    let secret = |(name, Written { host, authorization }): (String, Written)| {
        let mut authorization = HeaderValue::from_str(&authorization).ok().filter(|value| !value.is_empty())?;
        authorization.set_sensitive(true);
        (!host.is_empty()).then(|| (name, (host.to_ascii_lowercase(), authorization)))
    };
    written.into_iter().map(secret).collect()
}

pub(super) fn networks(text: &str) -> Option<Vec<IpNet>> {
    text.split(',').map(|part| network(part.trim())).collect()
}

/// A single address is a network of one. IPv4 within IPv6 counts as IPv4, as in the addresses that are compared.
pub(super) fn network(text: &str) -> Option<IpNet> {
    let network = text.parse().or_else(|_| text.parse().map(|address: IpAddr| IpNet::from(address))).ok()?;
    let IpNet::V6(long) = network else { return Some(network) };
    match (long.addr().to_ipv4_mapped(), long.prefix_len().checked_sub(96)) {
        (Some(address), Some(bits)) => Ipv4Net::new(address, bits).ok().map(IpNet::V4),
        _ => Some(network),
    }
}

pub(super) fn url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    (!rest.is_empty()).then(|| text.into())
}

/// Refuses characters that would end an attribute of a page, or a part of a policy.
pub(super) fn of_page(text: &str, schemes: [&str; 2]) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let is_one = schemes.contains(&uri.scheme_str()?) && uri.authority().is_some();
    (is_one && !text.contains(['"', '\'', '<', '>', '&', ';', ','])).then_some(uri)
}

pub(super) fn table_name(text: &str) -> Option<String> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    ((3..=255).contains(&text.len()) && text.bytes().all(known)).then(|| text.into())
}

/// Names without ports, in lower case; `*` is any.
pub(super) fn host_names(text: &str) -> Option<Vec<String>> {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    let name = |text: &str| {
        let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
        (name == "*" || is_name(&name)).then_some(name)
    };
    text.split(',').map(name).collect()
}

/// `off`, or the value of the header.
pub(super) fn hsts(text: &str) -> Option<Option<HeaderValue>> {
    if text.eq_ignore_ascii_case("off") {
        return Some(None);
    }
    text.starts_with("max-age=").then(|| HeaderValue::from_str(text).ok().map(Some))?
}

/// A folder, or a place in a bucket.
pub(super) fn place(text: &str) -> Option<String> {
    (text.starts_with("s3://") || !text.contains("://")).then(|| text.to_owned())
}
