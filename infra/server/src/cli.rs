//! What can be typed.

use axum::http::Uri;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::IpAddr;
use std::path::PathBuf;

/// OpenWorld effluent monitor: readings in, permit verdicts out, live to everyone connected.
#[derive(Debug, Parser)]
#[command(name = "owsc", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API and the live connections. Settings are environment variables; see docs/OPERATIONS.md.
    Serve(Serve),
    /// Ask a server whether it is ready: ends with 0 if it is, else with 1 and the reason. For containers, whose images
    /// have no other program that could ask.
    Health(Health),
    /// Send files to a server and wait for their verdicts, or account for their rows without one (--check).
    ///
    /// Ends with 0 if all rows were taken and nothing is beyond its limit, 1 if something is, 2 if rows were refused or
    /// readings could not be judged, 3 if a file was refused or could not be sent. The greatest of these counts.
    Ingest(Ingest),
    /// Copy the embedded database of OW_SC_DATA_DIR into a file. A server may run meanwhile.
    Backup(Backup),
    /// Put a backup into OW_SC_DATA_DIR, which must have no database.
    Restore(Restore),
}

/// Options of `owsc ingest`.
#[derive(Debug, Clone, Args)]
pub struct Ingest {
    /// Files: CSV, or gzip of it
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The site of rows that name none, and of an effluent chart
    #[arg(long)]
    pub site: Option<String>,
    /// The server
    #[arg(long, default_value = "http://127.0.0.1:8000", env = "OWSC_URL")]
    pub url: String,
    /// The server's token. Better in the environment: other people of the machine see what is typed here
    #[arg(long, env = "OW_SC_API_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Say what would become of each row, without a server
    #[arg(long)]
    pub check: bool,
    /// Refuse a whole file if one row is bad
    #[arg(long)]
    pub strict: bool,
    /// Take a file in even if the same bytes were taken in before
    #[arg(long)]
    pub again: bool,
    /// Print one JSON document with every account
    #[arg(long)]
    pub json: bool,
}

/// Options of `owsc backup`.
#[derive(Debug, Clone, Args)]
pub struct Backup {
    /// The file to write; it must not be there yet
    #[arg(long)]
    pub to: PathBuf,
}

/// Options of `owsc restore`.
#[derive(Debug, Clone, Args)]
pub struct Restore {
    /// The backup
    #[arg(long)]
    pub from: PathBuf,
}

/// Options of `owsc health`.
#[derive(Debug, Clone, Args)]
pub struct Health {
    /// What to ask
    #[arg(long, default_value = "http://127.0.0.1:8000/readyz")]
    pub url: Uri,
}

/// Options of `owsc serve`.
#[derive(Debug, Clone, Args)]
pub struct Serve {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 8000)]
    pub port: u16,
    /// Which database; without it, AWS if AWS_ENDPOINT_URL_DYNAMODB is set, else the embedded one
    #[arg(long, value_enum)]
    pub database: Option<Database>,
    /// Leave an empty database empty instead of loading the demonstration file
    #[arg(long)]
    pub no_demo: bool,
}

/// Where the table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Database {
    /// In this process, kept in OW_SC_DATA_DIR
    Embedded,
    /// DynamoDB, or what AWS_ENDPOINT_URL_DYNAMODB points to, with the credentials that the AWS SDK finds
    Aws,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
        let Command::Serve(serve) = Cli::parse_from(["owsc", "serve"]).command else { panic!("another command") };
        assert_eq!((serve.host.to_string().as_str(), serve.port), ("127.0.0.1", 8000));
    }
}
