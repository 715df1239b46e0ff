//! The command line of the local API Gateway.

use clap::Parser;
use local_gateway::cli::Options;
use local_gateway::serve;

fn main() -> anyhow::Result<()> {
    serve::run(&Options::parse())
}
