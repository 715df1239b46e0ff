//! The command line.

use clap::Parser;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use tracing::level_filters::LevelFilter;

/// Runs the functions of a SAM template on this machine, behind a local API Gateway: HTTP and WebSocket APIs, tables
/// and their streams, without an account or a container.
///
/// The HTTP API is at /, the WebSocket API at /STAGE, and its management endpoint (`@connections`) at
/// /STAGE/@connections/ID, for any AWS SDK with the endpoint http://HOST:PORT/STAGE.
///
/// Tables live in an embedded DynamoDB in the data folder. The position in each stream is stored there too, so that a
/// restarted gateway resumes where it stopped. Without a stored position, the event's StartingPosition decides, as when
/// a stack is first deployed.
#[derive(Debug, Clone, Parser)]
#[command(name = "local-gateway", version)]
pub struct Options {
    /// The SAM template
    #[arg(long, default_value = "template.yaml")]
    pub template: PathBuf,
    /// The functions' binaries: FOLDER/BINARY, or FOLDER/BINARY/bootstrap as cargo-lambda builds them
    #[arg(long, default_value = "target/debug", value_name = "FOLDER")]
    pub binaries: PathBuf,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 9000)]
    pub port: u16,
    /// Print one line of JSON instead of the greeting, once it listens: its addresses, for programs that start it
    #[arg(long)]
    pub ready_line: bool,
    /// Where buckets, queues, tables and stream positions are stored
    #[arg(long, default_value = "./data/local")]
    pub data_dir: PathBuf,
    /// Where the tables are instead: an engine with DynamoDB's interface and streams that checks no signatures, such as
    /// DynamoDB Local
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// An environment variable for all functions, instead of the template's
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub env: Vec<(String, String)>,
    /// An environment variable for one function, by its logical id
    #[arg(long, value_name = "FUNCTION:NAME=VALUE", value_parser = of_one)]
    pub env_for: Vec<(String, String, String)>,
    /// Environment variables in the format of `sam local`: JSON with "Parameters" for all functions, and one member for
    /// each function
    #[arg(long, value_name = "FILE")]
    pub env_vars: Option<PathBuf>,
    /// A value for {{resolve:secretsmanager:ID:SecretString:KEY}}; ID is the secret's name or logical id
    #[arg(long, value_name = "ID:KEY=VALUE", value_parser = of_one)]
    pub secret: Vec<(String, String, String)>,
    /// A template parameter
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub parameter: Vec<(String, String)>,
    /// Also read template parameters from samconfig.toml: `parameter_overrides` of this environment's [*.deploy], or
    /// else of its [*.global]. Values of --parameter take precedence
    #[arg(long, value_name = "NAME")]
    pub config_env: Option<String>,
    /// A file to read instead of the samconfig.toml beside the template; its environment is "default" if none is named
    #[arg(long, value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Tell the gateway that runs on --host and --port to fire a schedule at once, by its logical id or name, and exit
    #[arg(long, value_name = "NAME")]
    pub fire: Option<String>,
    /// The most environments of a function; ReservedConcurrentExecutions can only make it fewer
    #[arg(long, default_value_t = 10, value_name = "NUMBER")]
    pub max_environments: usize,
    /// How long an environment may be idle before it ends
    #[arg(long, default_value = "600s", value_parser = duration, value_name = "TIME")]
    pub environment_idle: Duration,
    /// How long a WebSocket connection may be idle before it is closed
    #[arg(long, default_value = "10m", value_parser = duration, value_name = "TIME")]
    pub idle_timeout: Duration,
    /// The longest that a WebSocket connection may last
    #[arg(long, default_value = "2h", value_parser = duration, value_name = "TIME")]
    pub connection_duration: Duration,
    /// How long functions cannot find a connection after its $connect has returned: posts to it are answered with 410,
    /// as can happen in AWS
    #[arg(long, default_value = "0s", value_parser = duration, value_name = "TIME")]
    pub connect_delay: Duration,
    /// Do not tell functions that a connection has ended: AWS does not promise to either
    #[arg(long)]
    pub lose_disconnects: bool,
    /// The length of a minute for schedules, for pauses between retries of events, and for their maximum age: with a
    /// shorter one, rate(5 minutes) does not take five minutes
    #[arg(long, default_value = "60s", value_parser = minute, value_name = "TIME")]
    pub minute: Duration,
    /// Allow functions everything, whatever their roles in the template allow
    #[arg(long)]
    pub all_permissions: bool,
    /// Deliver several messages of one connection to the function at once, as AWS does, instead of one after the other
    #[arg(long)]
    pub parallel_messages: bool,
    /// The log level: off, error, warn, info, debug or trace. The output of functions is always passed on
    #[arg(long, default_value = "info", value_name = "LEVEL")]
    pub log_level: LevelFilter,
}

/// `NAME=VALUE`.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// `ID:NAME=VALUE`, where the id may have colons of its own, as an ARN has.
fn of_one(text: &str) -> Result<(String, String, String), String> {
    let (left, value) = text.split_once('=').ok_or("expected ID:NAME=VALUE")?;
    match left.rsplit_once(':') {
        Some((id, name)) if !id.is_empty() && !name.is_empty() => {
            Ok((id.to_owned(), name.to_owned(), value.to_owned()))
        }
        _ => Err("expected ID:NAME=VALUE".to_owned()),
    }
}

/// A number with `ms`, `s`, `m` or `h`; without a unit, seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| "expected a time such as 500ms, 30s, 10m or 2h")?;
    let millis = match &text[digits..] {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        unit => return Err(format!("{unit} is not a unit; use ms, s, m or h")),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(|| "the time is too long".to_owned())
}

/// A time that is not zero: with zero, a schedule would never rest.
fn minute(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time.is_zero() { Err("a minute must be longer than zero".to_owned()) } else { Ok(time) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Options::command().debug_assert();
        let options =
            Options::parse_from(["local-gateway", "--secret", "arn:aws:x:Token:key=a=b", "--idle-timeout", "90s"]);
        assert_eq!(options.secret, [("arn:aws:x:Token".to_owned(), "key".to_owned(), "a=b".to_owned())]);
        assert_eq!(options.idle_timeout, Duration::from_secs(90));
        assert_eq!(options.connection_duration, Duration::from_secs(7200));
    }

    #[test]
    fn times_and_pairs() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("5"), Ok(Duration::from_secs(5)));
        for wrong in ["", "m", "5d", "99999999999999999999h", "9999999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(pair("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        assert_eq!(minute("100ms"), Ok(Duration::from_millis(100)));
        assert!(minute("0").is_err());
        assert!(pair("=x").is_err() && pair("x").is_err() && of_one("A=b").is_err() && of_one(":k=v").is_err());
    }
}
