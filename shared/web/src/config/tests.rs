//! Every setting with its default, good values and bad ones.

use super::*;
use std::collections::BTreeSet;

/// One setting.
struct Row {
    name: &'static str,
    good: &'static [&'static str],
    bad: &'static [&'static str],
    expected: &'static str,
    /// The configured value, written as in the setting.
    shown: fn(&Config) -> String,
}

const fn row(
    name: &'static str,
    good: &'static [&'static str],
    bad: &'static [&'static str],
    expected: &'static str,
    shown: fn(&Config) -> String,
) -> Row {
    Row { name, good, bad, expected, shown }
}

/// Any text may name a folder.
const FOLDERS: [&str; 3] = ["OW_SC_DATA_DIR", "OW_SC_INBOX", "OW_SC_BACKUP"];

/// Limits are tested on both sides. Those of lengths are in `names_may_be_so_long`.
const ROWS: &[Row] = &[
    row("OW_SC_API_TOKEN", &["s3cret", "!~"], &["two words", "schlüssel", "a\u{7f}"], "visible ASCII", |c| {
        secret(c.api_token.as_ref())
    }),
    row("OW_SC_ALLOW_ANONYMOUS", &["0", "1"], &["maybe", "2"], "0, 1, true or false", |c| {
        u8::from(c.allow_anonymous).to_string()
    }),
    row(
        "OW_SC_HOSTS",
        &["plant.example", "a.example, b-1", "*"],
        &["a b", "https://a", "a:80", "a,,b", "ä.example"],
        "a comma list of host names",
        |c| list(c.hosts.iter().map(String::as_str)),
    ),
    row("OW_SC_METRICS_PROTECT", &["0", "1"], &["maybe", "2"], "0, 1, true or false", |c| {
        c.metrics_protect.map_or_else(|| "unset".into(), |protect| u8::from(protect).to_string())
    }),
    row(
        "OW_SC_BACKUP",
        &["/var/backups", "s3://plant/backups"],
        &["https://plant/a"],
        "a folder or s3://BUCKET/PREFIX",
        |c| c.backup.clone().unwrap_or_else(|| "none".into()),
    ),
    row("OW_SC_BACKUP_EVERY", &["1", "8760"], &["0", "8761", "1d"], "from 1 to 8760", |c| {
        (c.backup_every.as_secs() / 3600).to_string()
    }),
    row("OW_SC_BACKUP_KEEP", &["1", "10000"], &["0", "10001"], "from 1 to 10000", |c| c.backup_keep.to_string()),
    row(
        "OW_SC_HSTS",
        &["max-age=60", "max-age=31536000; includeSubDomains", "off"],
        &["1", "max-age", "max-age=1\u{7f}"],
        "off, or max-age=SECONDS",
        |c| c.hsts.as_ref().map_or_else(|| "off".into(), |value| value.to_str().unwrap_or("?").to_owned()),
    ),
    row("OW_SC_METRICS_TOKEN", &["s3cret", "!~"], &["two words", "schlüssel", "a\u{7f}"], "visible ASCII", |c| {
        secret(c.metrics_token.as_ref())
    }),
    row(
        "OW_SC_RL_PER_SEC",
        &["1", "1000000"],
        &["0", "1000001", "ten", "-1", "1.5"],
        "a whole number from 1 to 1000000",
        |c| c.requests_per_second.to_string(),
    ),
    row("OW_SC_WS_MSGS_PER_SEC", &["1", "10000000"], &["0", "10000001", "-1"], "from 1 to 10000000", |c| {
        c.ws_messages_per_second.to_string()
    }),
    row("OW_SC_WS_MAX_MESSAGE_BYTES", &["64", "131072"], &["63", "131073", "8k"], "from 64 to 131072", |c| {
        c.ws_max_message_bytes.to_string()
    }),
    row(
        "OW_SC_MAX_CSV_BYTES",
        &["1", "1099511627776"],
        &["0", "1099511627777", "10 MB"],
        "from 1 to 1099511627776",
        |c| c.max_csv_bytes.to_string(),
    ),
    row(
        "OW_SC_MAX_CSV_ROWS",
        &["1", "1099511627776"],
        &["0", "1099511627777", "1e6"],
        "from 1 to 1099511627776",
        |c| c.max_csv_rows.to_string(),
    ),
    row("OW_SC_SWEEP_EVERY", &["1", "3600"], &["0", "3601", "30s"], "from 1 to 3600", |c| {
        c.sweep_every.as_secs().to_string()
    }),
    row(
        "OW_SC_CORS_ORIGINS",
        &["https://a.example", "https://a.example, http://localhost:3000"],
        &["*", "a.example", "https://", "https://a.example/path", "https://a.example,"],
        "a comma list of origins",
        |c| list(c.cors_origins.iter().filter_map(|origin| origin.to_str().ok())),
    ),
    row(
        "OW_SC_TRUSTED_PROXIES",
        &["10.0.0.0/8", "192.0.2.1/32, 0.0.0.0/0, fd00::/8, ::1/128"],
        &["10.0.0.0/33", "::/129", "10.0.0.1,", "10.0.0", "ingress.example", "10.0.0.1 10.0.0.2"],
        "a comma list of addresses and networks such as 10.0.0.0/8",
        |c| list(c.trusted_proxies.iter().map(ToString::to_string)),
    ),
    row(
        "OW_SC_LIVE_URL",
        &["wss://api.example/ws", "ws://localhost:9000/ws?a=b"],
        &["https://api/ws", "wss://", "wss://api/\">", "api"],
        "a ws or wss URL",
        |c| option(c.live_url.as_ref()),
    ),
    row(
        "OW_SC_UPLOAD_URL",
        &["https://plant.s3.eu-central-1.amazonaws.com/", "http://localhost:9000/"],
        &["s3://plant", "https://", "https://a/\">", "a"],
        "an http or https URL",
        |c| option(c.upload_url.as_ref()),
    ),
    row("OW_SC_PUSH_URL", &["https://api.example/ws"], &["wss://api/ws", "https://"], "an http or https URL", |c| {
        option(c.push_url.as_ref())
    }),
    row("OW_SC_TABLE", &["abc", "plant-1_a.B"], &["ab", "a b", "a/b"], "3 to 255", |c| c.table.clone()),
    // Whether they are folders, only the file system knows: the suite tests it on the server.
    row(
        "OW_SC_MAX_BATCH_BYTES",
        &["1", "1099511627776"],
        &["0", "1099511627777", "5 GB"],
        "from 1 to 1099511627776",
        |c| c.max_batch_bytes.to_string(),
    ),
    row(
        "OW_SC_INBOX",
        &["/var/lib/inbox", "s3://plant", "s3://plant/a/b"],
        &["https://plant/a", "file:///var/lib/inbox"],
        "a folder or s3://BUCKET/PREFIX",
        |c| c.inbox.clone().unwrap_or_else(|| "none".into()),
    ),
    row(
        "OW_SC_SOURCE_HOSTS",
        &["lims.plant.example", "127.0.0.1:8080, [::1]:90"],
        &["a b", "https://a", "a/b", "a,,b", "u@a", "lims:84433", "lims:"],
        "a comma list of hosts",
        |c| list(c.source_hosts.iter().map(|host| host.as_str())),
    ),
    row(
        "OW_SC_SOURCE_SECRETS",
        &[r#"{"lims":{"host":"lims.plant.example","authorization":"Bearer s3cret"}}"#],
        &[
            "pass",
            r#"{"a": "pass"}"#,
            r#"{"a": {"host": "", "authorization": "pass"}}"#,
            r#"{"a": {"host": "h", "authorization": ""}}"#,
        ],
        "\"authorization\": \"Bearer ...\"",
        |c| {
            let shown = |(name, (host, value)): (&String, &(String, HeaderValue))| {
                let value = value.to_str().unwrap();
                format!(r#"{{"{name}":{{"host":"{host}","authorization":"{value}"}}}}"#)
            };
            list(c.source_secrets.iter().map(shown))
        },
    ),
    row("OW_SC_DATA_DIR", &["/var/lib/owsc"], &[], "", |c| c.data_dir.display().to_string()),
    row(
        "OW_SC_REDIS_URL",
        &["redis://x", "rediss://:pass@x:6380/1"],
        &["http://:pass@x", "redis://", "redis://:pass@x y", "redis:pass"],
        "redis://... or rediss://...",
        |c| secret(c.redis_url.as_ref()),
    ),
    row("OW_SC_REDIS_CHANNEL", &["a", "plant:events"], &["two words", "größe"], "1 to 200 visible ASCII", |c| {
        c.redis_channel.clone()
    }),
    row("LOG_FORMAT", &["text", "json"], &["xml", "JSON"], "text or json", |c| {
        format!("{:?}", c.log_format).to_lowercase()
    }),
    row(
        "LOG_LEVEL",
        &["off", "error", "warn", "info", "debug", "trace"],
        &["loud", "6"],
        "off, error, warn, info, debug or trace",
        |c| c.log_level.to_string(),
    ),
];

/// Settings whose values are never shown.
const SECRETS: [&str; 4] = ["OW_SC_API_TOKEN", "OW_SC_METRICS_TOKEN", "OW_SC_REDIS_URL", "OW_SC_SOURCE_SECRETS"];

fn secret(secret: Option<&Secret>) -> String {
    option(secret.map(Secret::expose))
}

fn option(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "unset".into(), |value| value.to_string())
}

fn list(values: impl Iterator<Item = impl Into<String>>) -> String {
    let values: Vec<String> = values.map(Into::into).collect();
    if values.is_empty() { "none".into() } else { values.join(", ") }
}

fn read(vars: &[(&str, &str)]) -> Result<(Config, Vec<String>), ConfigError> {
    Config::from_vars(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

/// Names and defaults in the documentation's table.
fn documented() -> Vec<(&'static str, &'static str)> {
    let text = include_str!("../../../../docs/configure.md");
    let section = text.split("\n## ").find(|section| section.starts_with("Settings\n")).unwrap();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    cells.map(|(name, rest)| (name, rest.split(" | ").next().unwrap().trim_matches('`'))).collect()
}

#[test]
fn what_is_read_is_documented_and_tried() {
    let texts = include_str!("../config.rs").split('"').skip(1).step_by(2);
    let is_name = |text: &&str| (text.starts_with("OW_SC_") || text.starts_with("LOG_")) && !text.ends_with('_');
    let read: BTreeSet<_> = texts.filter(is_name).collect();
    let documented: Vec<_> = documented().into_iter().map(|(name, _)| name).collect();
    let tried: Vec<_> = ROWS.iter().map(|row| row.name).collect();
    assert!(read.len() >= 18, "{read:?}");
    assert_eq!((documented.len(), tried.len()), (read.len(), read.len()), "each once");
    assert_eq!(BTreeSet::from_iter(documented), read, "the table in docs/configure.md");
    assert_eq!(BTreeSet::from_iter(tried), read, "ROWS");
}

#[test]
fn defaults_are_the_documented_ones() {
    let config = Config::defaults();
    for (name, default) in documented() {
        let row = ROWS.iter().find(|row| row.name == name).unwrap();
        assert_eq!((row.shown)(&config), default, "{name}");
        let (blank, unknown) = read(&[(name, " ")]).unwrap();
        assert_eq!(((row.shown)(&blank).as_str(), unknown.len()), (default, 0), "{name}: blank is unset");
    }
}

#[test]
fn good_values_are_taken() {
    for Row { name, good, shown, .. } in ROWS {
        assert!(!good.is_empty(), "{name}");
        for value in *good {
            let (config, unknown) = read(&[(name, &format!(" {value} "))]).unwrap();
            assert_eq!((shown(&config).as_str(), unknown.len()), (*value, 0), "{name}");
            let is_shown = format!("{config:?}").contains(&format!("{value:?}"));
            assert!(!(SECRETS.contains(name) && is_shown), "{name}: {config:?}");
        }
    }
}

#[test]
fn bad_values_are_named_with_what_is_expected() {
    for Row { name, bad, expected, .. } in ROWS {
        assert!(!bad.is_empty() || FOLDERS.contains(name), "{name}");
        for value in *bad {
            let said = read(&[(name, value)]).unwrap_err().to_string();
            let shown = if SECRETS.contains(name) { "(not shown)" } else { value };
            assert!(said.starts_with(&format!("{name}={shown:?}: ")) && said.contains(expected), "{said}");
            assert_eq!(said.contains(&format!("{value:?}")), !SECRETS.contains(name), "{said}");
            assert!(!said.contains("pass"), "{said}");
        }
    }
}

#[test]
fn names_may_be_so_long() {
    for (name, most) in [("OW_SC_TABLE", 255), ("OW_SC_REDIS_CHANNEL", 200)] {
        assert!(read(&[(name, &"x".repeat(most))]).is_ok(), "{name}");
        assert!(read(&[(name, &"x".repeat(most + 1))]).is_err(), "{name}");
    }
}

#[test]
fn what_is_meant_may_be_written_in_several_ways() {
    for (value, meant) in [("TRUE", true), ("yes", true), ("on", true), ("false", false), ("No", false), ("off", false)]
    {
        assert_eq!(read(&[("OW_SC_METRICS_PROTECT", value)]).unwrap().0.metrics_protect, Some(meant), "{value}");
    }
    let (config, _) = read(&[("OW_SC_TRUSTED_PROXIES", "192.0.2.1,::1, ::ffff:198.51.100.0/120")]).unwrap();
    let networks: Vec<_> = config.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["192.0.2.1/32", "::1/128", "198.51.100.0/24"]);
}

#[test]
fn names_like_ours_that_are_unknown_are_told() {
    let (_, unknown) =
        read(&[("OW_SC_RL_PERSEC", "5"), ("OW_SC_TABLE", "abc"), ("LOG_FILE", "x"), ("PATH", "/bin")]).unwrap();
    assert_eq!(unknown, ["OW_SC_RL_PERSEC"]);
}

#[test]
fn protected_metrics_fall_back_to_the_api_token_and_fail_closed() {
    let guard = |vars: &[(&str, &str)]| read(vars).unwrap().0.metrics_guard().map(|s| s.map(|s| s.0.clone()));
    assert_eq!(guard(&[]), Ok(None));
    assert_eq!(guard(&[("OW_SC_METRICS_PROTECT", "1")]), Err(()));
    assert_eq!(guard(&[("OW_SC_METRICS_PROTECT", "1"), ("OW_SC_API_TOKEN", "a")]), Ok(Some("a".into())));
    let both = [("OW_SC_METRICS_PROTECT", "1"), ("OW_SC_API_TOKEN", "a"), ("OW_SC_METRICS_TOKEN", "m")];
    assert_eq!(guard(&both), Ok(Some("m".into())));
    // With a token, only an explicit value opens them.
    assert_eq!(guard(&both[1..]), Ok(Some("m".into())));
    assert_eq!(guard(&both[1..2]), Ok(Some("a".into())));
    assert_eq!(guard(&[("OW_SC_METRICS_PROTECT", "0"), both[1], both[2]]), Ok(None));
}
