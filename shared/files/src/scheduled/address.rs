//! Which addresses may be fetched. A client that sets a source could otherwise make this program fetch what only it can
//! reach: other machines of its network, the cloud's address for credentials (cheatsheetseries.owasp.org, "Server Side
//! Request Forgery Prevention"). Private addresses and connections without TLS are therefore only for hosts that the
//! installation names.

use http::uri::Authority;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// The hosts that may have private addresses, and no TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed(Vec<(String, Option<u16>)>);

/// Why an address is not fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not a URL.
    #[error("{0}: an address such as https://lab.example/results.csv is expected")]
    NoUrl(String),
    /// Another scheme, or a name or password in it.
    #[error("the address has {0}")]
    Has(&'static str),
    /// Without TLS.
    #[error("only https is allowed, unless OW_SC_SOURCE_HOSTS names {0}")]
    Plain(String),
    /// An address that is not public.
    #[error("{0} is an address of a private network, and OW_SC_SOURCE_HOSTS does not name its host")]
    Private(IpAddr),
}

impl Allowed {
    /// These hosts, each with its port or on all of them.
    pub fn new(hosts: &[Authority]) -> Self {
        Self(hosts.iter().map(|host| (host.host().to_ascii_lowercase(), host.port_u16())).collect())
    }

    /// Whether the host of an address is in the list.
    pub fn has(&self, url: &Url) -> bool {
        let port = url.port_or_known_default();
        self.0.iter().any(|(host, of)| url.host_str() == Some(host) && (of.is_none() || *of == port))
    }

    /// Parses an address, and refuses it if the address alone shows that it may not be fetched.
    pub fn check(&self, text: &str) -> Result<Url, AddressError> {
        let url = Url::parse(text).map_err(|error| AddressError::NoUrl(error.to_string()))?;
        self.check_url(&url)?;
        Ok(url)
    }

    /// The same for a parsed address.
    pub fn check_url(&self, url: &Url) -> Result<(), AddressError> {
        if !["http", "https"].contains(&url.scheme()) {
            return Err(AddressError::Has("a scheme that is neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::Has("a name or a password in it; use a secret of the source instead"));
        }
        if self.has(url) {
            return Ok(());
        }
        if url.scheme() != "https" {
            return Err(AddressError::Plain(url.host_str().unwrap_or_default().to_owned()));
        }
        match url.host() {
            Some(Host::Ipv4(ip)) if !is_public_v4(ip) => Err(AddressError::Private(ip.into())),
            Some(Host::Ipv6(ip)) if !is_public(ip.into()) => Err(AddressError::Private(ip.into())),
            _ => Ok(()),
        }
    }
}

/// Whether an address is on the public Internet, by IANA's registries of special addresses (RFC 6890).
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let is_special = a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 88, 99)
        || (a == 198 && (18..20).contains(&b));
    let is_local = ip.is_private() || ip.is_loopback() || ip.is_link_local();
    !(is_special || is_local || ip.is_documentation() || ip.is_multicast())
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    let [.., c, d] = ip.segments();
    let last = Ipv4Addr::from((u32::from(c) << 16) | u32::from(d));
    // IPv4 in another form.
    if let Some(ip) = ip.to_ipv4_mapped() {
        return is_public_v4(ip);
    }
    if (a, b) == (0x64, 0xff9b) && ip.segments()[2..6] == [0; 4] {
        return is_public_v4(last);
    }
    // 2000::/3 is allocated; in it, Teredo and other protocols, documentation, and 6to4 lead elsewhere.
    let is_given_out = a & 0xe000 == 0x2000;
    let is_special = (a == 0x2001 && b < 0x200) || (a, b) == (0x2001, 0xdb8) || a == 0x2002 || a == 0x3fff;
    is_given_out && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_internet_and_others() {
        let public = [
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.32.0.1",
            "198.20.0.1",
            "2606:4700::1111",
            "64:ff9b::808:808",
        ];
        let private = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.19.9.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2001::1",
            "2001:db8::1",
            "2002:a9fe:a9fe::",
            "::a9fe:a9fe",
        ];
        for ip in public {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in private {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn addresses_that_are_asked() {
        let allowed =
            Allowed::new(&["LIMS.plant.example", "127.0.0.1:8080", "[::1]:90"].map(|host| host.parse().unwrap()));
        for url in [
            "https://lab.example/a.csv?month=7",
            "https://8.8.8.8/",
            "http://lims.plant.example/a",
            "http://LIMS.plant.example:81/a",
            "http://127.0.0.1:8080/a",
            "http://127.1:8080/",
            "https://[::1]:90/",
        ] {
            assert!(allowed.check(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "lab.example/a.csv",
            "ftp://lab.example/a",
            "file:///etc/passwd",
            "http://lab.example/a",
            "https://name:pass@lab.example/",
            "https://name@lims.plant.example/",
            "http://127.0.0.1:8081/",
            "https://127.0.0.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00:ec2::254]/",
            "http://lims.plant.example.evil/",
        ] {
            assert!(allowed.check(url).is_err(), "{url}");
        }
    }
}
