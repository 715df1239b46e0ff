//! Configuration from environment variables.
//!
//! The error for a value that cannot be parsed names the variable, the value and what was expected.

use axum::http::uri::Authority;
use axum::http::{HeaderValue, Uri};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use telemetry::logs::Format;
use tracing_subscriber::filter::LevelFilter;
use values::{
    boolean, host_names, hosts, hsts, is_visible, networks, of_page, origins, place, source_secrets, table_name, url,
};

mod values;

/// A secret. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(...)")
    }
}

/// All settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// `OW_SC_API_TOKEN`: required of `/api/*` and WebSockets if set.
    pub api_token: Option<Secret>,
    /// `OW_SC_ALLOW_ANONYMOUS`, server only, default 0: whether to serve other machines without a token.
    pub allow_anonymous: bool,
    /// `OW_SC_HOSTS`, server only, comma list, default none: host names, besides this machine's own, that are served
    /// without a token; `*` is any.
    pub hosts: Vec<String>,
    /// `OW_SC_METRICS_PROTECT`: whether `/metrics` requires a token; if unset, it does if there is one.
    pub metrics_protect: Option<bool>,
    /// `OW_SC_METRICS_TOKEN`: the token for `/metrics`; the API token if unset.
    pub metrics_token: Option<Secret>,
    /// `OW_SC_RL_PER_SEC`, default 10: requests a second per client and path on `/api/*`.
    pub requests_per_second: u32,
    /// `OW_SC_WS_MSGS_PER_SEC`, default 20: messages a second per connection.
    pub ws_messages_per_second: u32,
    /// `OW_SC_WS_MAX_MESSAGE_BYTES`, default 8192: the longest message, in bytes received.
    pub ws_max_message_bytes: usize,
    /// `OW_SC_MAX_CSV_BYTES`, default 10485760: the largest file, after decompression.
    pub max_csv_bytes: u64,
    /// `OW_SC_MAX_CSV_ROWS`, default 1000000: the longest file, in data rows.
    pub max_csv_rows: u64,
    /// `OW_SC_MAX_BATCH_BYTES`, default 5368709120: the largest file of the inbox, after decompression.
    pub max_batch_bytes: u64,
    /// `OW_SC_INBOX`: the inbox: a folder, on the server, or `s3://BUCKET/PREFIX`.
    pub inbox: Option<String>,
    /// `OW_SC_SOURCE_HOSTS`, comma list, default none: hosts, optionally with a port, that sources may name even if
    /// their addresses are private or they have no TLS.
    pub source_hosts: Vec<Authority>,
    /// `OW_SC_SOURCE_SECRETS`: by the name used in sources, a host and the `Authorization` that only this host is sent.
    pub source_secrets: BTreeMap<String, (String, HeaderValue)>,
    /// `OW_SC_SWEEP_EVERY`, server only, seconds, default 30: how often to look for unfinished work, and into the inbox
    /// if the system does not report changes.
    pub sweep_every: Duration,
    /// `OW_SC_BACKUP`, server only: where scheduled backups of the embedded database go: a folder, or
    /// `s3://BUCKET/PREFIX`.
    pub backup: Option<String>,
    /// `OW_SC_BACKUP_EVERY`, hours, default 24: how often.
    pub backup_every: Duration,
    /// `OW_SC_BACKUP_KEEP`, default 14: how many backups are kept.
    pub backup_keep: usize,
    /// `OW_SC_HSTS`, default `max-age=31536000`: the header `Strict-Transport-Security`; none if `off`.
    pub hsts: Option<HeaderValue>,
    /// `OW_SC_CORS_ORIGINS`, comma list, default none: origins whose pages may call the API.
    pub cors_origins: Vec<HeaderValue>,
    /// `OW_SC_TRUSTED_PROXIES`, server only, comma list, default none: proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// `OW_SC_TABLE`, default `owsc`: the table.
    pub table: String,
    /// `OW_SC_DATA_DIR`, default `./data`: the folder of the embedded database.
    pub data_dir: PathBuf,
    /// `OW_SC_PUSH_URL`, functions only: the stage of the WebSocket API, for posts to connections.
    pub push_url: Option<String>,
    /// `OW_SC_LIVE_URL`: where the dashboard connects for live events; `/ws/effluent` of its own host if unset.
    pub live_url: Option<Uri>,
    /// `OW_SC_UPLOAD_URL`: the bucket into which pages put files, if not the dashboard's own host.
    pub upload_url: Option<Uri>,
    /// `OW_SC_REDIS_URL`, server only: a Redis through which instances on one table wake each other.
    pub redis_url: Option<Secret>,
    /// `OW_SC_REDIS_CHANNEL`, default `owsc:effluent`: its channel.
    pub redis_channel: String,
    /// `LOG_FORMAT`, default `text`: `text` or `json`.
    pub log_format: Format,
    /// `LOG_LEVEL`, default `info`: `off`, `error`, `warn`, `info`, `debug` or `trace`.
    pub log_level: LevelFilter,
}

/// A variable whose value is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value:?}: {expected} is expected")]
pub struct ConfigError {
    /// The variable.
    pub name: String,
    /// Its value; a secret's is not shown.
    pub value: String,
    /// What was expected.
    pub expected: String,
}

/// The environment of this process. No setting has a valid value that is not UTF-8.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    // `vars` would panic on it.
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
}

impl Config {
    /// Reads the environment of this process. Also returns unknown names that look like settings.
    pub fn from_env() -> Result<(Self, Vec<String>), ConfigError> {
        Self::from_vars(environment())
    }

    /// Reads settings from names and values. An empty value counts as unset.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Result<(Self, Vec<String>), ConfigError> {
        let mut vars = Vars(
            vars.into_iter()
                .filter(|(name, value)| {
                    (name.starts_with("OW_SC_") || name.starts_with("LOG_")) && !value.trim().is_empty()
                })
                .collect(),
        );
        let config = Self {
            api_token: vars.secret("OW_SC_API_TOKEN")?,
            allow_anonymous: vars.parse("OW_SC_ALLOW_ANONYMOUS", false, "0, 1, true or false", boolean)?,
            hosts: vars.parse(
                "OW_SC_HOSTS",
                Vec::new(),
                "a comma list of host names without ports, or *",
                host_names,
            )?,
            metrics_protect: vars
                .parse("OW_SC_METRICS_PROTECT", None, "0, 1, true or false", |text| boolean(text).map(Some))?,
            metrics_token: vars.secret("OW_SC_METRICS_TOKEN")?,
            requests_per_second: vars.whole("OW_SC_RL_PER_SEC", 10, 1..=1_000_000)? as u32,
            ws_messages_per_second: vars.whole("OW_SC_WS_MSGS_PER_SEC", 20, 1..=10_000_000)? as u32,
            ws_max_message_bytes: vars.whole("OW_SC_WS_MAX_MESSAGE_BYTES", 8192, 64..=131_072)? as usize,
            max_csv_bytes: vars.whole("OW_SC_MAX_CSV_BYTES", 10_485_760, 1..=1 << 40)?,
            max_csv_rows: vars.whole("OW_SC_MAX_CSV_ROWS", 1_000_000, 1..=1 << 40)?,
            max_batch_bytes: vars.whole("OW_SC_MAX_BATCH_BYTES", 5_368_709_120, 1..=1 << 40)?,
            inbox: vars.parse("OW_SC_INBOX", None, "a folder or s3://BUCKET/PREFIX", |text| place(text).map(Some))?,
            source_hosts: vars.parse(
                "OW_SC_SOURCE_HOSTS",
                Vec::new(),
                "a comma list of hosts such as lims.plant.example:8443",
                hosts,
            )?,
            source_secrets: vars.source_secrets("OW_SC_SOURCE_SECRETS")?,
            sweep_every: Duration::from_secs(vars.whole("OW_SC_SWEEP_EVERY", 30, 1..=3600)?),
            backup: vars.parse("OW_SC_BACKUP", None, "a folder or s3://BUCKET/PREFIX", |text| place(text).map(Some))?,
            backup_every: Duration::from_secs(3600 * vars.whole("OW_SC_BACKUP_EVERY", 24, 1..=8760)?),
            backup_keep: vars.whole("OW_SC_BACKUP_KEEP", 14, 1..=10_000)? as usize,
            hsts: vars.parse(
                "OW_SC_HSTS",
                Some(HeaderValue::from_static("max-age=31536000")),
                "off, or max-age=SECONDS with what else the header may have",
                hsts,
            )?,
            cors_origins: vars.parse("OW_SC_CORS_ORIGINS", Vec::new(), "a comma list of origins", origins)?,
            trusted_proxies: vars.parse(
                "OW_SC_TRUSTED_PROXIES",
                Vec::new(),
                "a comma list of addresses and networks such as 10.0.0.0/8",
                networks,
            )?,
            table: vars.parse("OW_SC_TABLE", "owsc".into(), "3 to 255 of a-z A-Z 0-9 _ . -", table_name)?,
            data_dir: vars.parse("OW_SC_DATA_DIR", "./data".into(), "a folder", |text| Some(text.into()))?,
            push_url: vars.parse("OW_SC_PUSH_URL", None, "an http or https URL", |text| url(text).map(Some))?,
            live_url: vars
                .parse("OW_SC_LIVE_URL", None, "a ws or wss URL", |text| of_page(text, ["ws", "wss"]).map(Some))?,
            upload_url: vars.parse("OW_SC_UPLOAD_URL", None, "an http or https URL", |text| {
                of_page(text, ["http", "https"]).map(Some)
            })?,
            redis_url: vars.redis_url("OW_SC_REDIS_URL")?,
            redis_channel: vars.parse(
                "OW_SC_REDIS_CHANNEL",
                "owsc:effluent".into(),
                "1 to 200 visible ASCII characters without spaces",
                |text| (text.len() <= 200 && text.bytes().all(is_visible)).then(|| text.into()),
            )?,
            log_format: vars.parse("LOG_FORMAT", Format::Text, "text or json", |text| match text {
                "text" => Some(Format::Text),
                "json" => Some(Format::Json),
                _ => None,
            })?,
            log_level: vars.parse(
                "LOG_LEVEL",
                LevelFilter::INFO,
                "off, error, warn, info, debug or trace",
                |text| LevelFilter::from_str(text).ok(),
            )?,
        };
        let unknown = |name: &String| name.starts_with("OW_SC_");
        Ok((config, vars.0.into_keys().filter(unknown).collect()))
    }

    /// The defaults, as the documentation states them.
    pub fn defaults() -> Self {
        // Without variables, there are no invalid values.
        match Self::from_vars([]) {
            Ok((config, _)) => config,
            Err(error) => unreachable!("{error}"),
        }
    }

    /// The token for `/metrics`: `Ok(None)` if none is needed, `Err` if it is protected but no token is configured.
    pub(crate) fn metrics_guard(&self) -> Result<Option<&Secret>, ()> {
        let token = self.metrics_token.as_ref().or(self.api_token.as_ref());
        match (self.metrics_protect, token) {
            (Some(false), _) | (None, None) => Ok(None),
            (_, Some(token)) => Ok(Some(token)),
            (Some(true), None) => Err(()),
        }
    }
}

/// The variables that have not been read yet.
struct Vars(BTreeMap<String, String>);

impl Vars {
    fn parse<T>(
        &mut self,
        name: &str,
        default: T,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let Some(value) = self.0.remove(name) else { return Ok(default) };
        parse(value.trim()).ok_or_else(|| ConfigError { name: name.into(), value, expected: expected.into() })
    }

    fn whole(&mut self, name: &str, default: u64, range: std::ops::RangeInclusive<u64>) -> Result<u64, ConfigError> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.parse(name, default, &expected, |text| text.parse().ok().filter(|number| range.contains(number)))
    }

    /// It may contain a password, so it is never shown.
    fn redis_url(&mut self, name: &str) -> Result<Option<Secret>, ConfigError> {
        let known = |text: &str| {
            let rest = text.strip_prefix("redis://").or_else(|| text.strip_prefix("rediss://"))?;
            (!rest.is_empty() && rest.bytes().all(is_visible)).then(|| Secret(text.into()))
        };
        let result = self.parse(name, None, "redis://... or rediss://... for TLS", |text| known(text).map(Some));
        result.map_err(|error| ConfigError { value: "(not shown)".into(), ..error })
    }

    fn source_secrets(&mut self, name: &str) -> Result<BTreeMap<String, (String, HeaderValue)>, ConfigError> {
        let expected = r#"{"NAME": {"host": "lab.example", "authorization": "Bearer ..."}}"#;
        let result = self.parse(name, BTreeMap::new(), expected, source_secrets);
        result.map_err(|error| ConfigError { value: "(not shown)".into(), ..error })
    }

    fn secret(&mut self, name: &str) -> Result<Option<Secret>, ConfigError> {
        let visible = |text: &str| text.bytes().all(is_visible).then(|| Secret(text.into()));
        let result = self.parse(name, None, "visible ASCII without spaces", |text| visible(text).map(Some));
        result.map_err(|error| ConfigError { value: "(not shown)".into(), ..error })
    }
}

#[cfg(test)]
mod tests;
