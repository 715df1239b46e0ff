//! The command line of the local API Gateway.

use clap::Parser;
use local_gateway::cli::Options;
use local_gateway::serve;
use std::process::ExitCode;

fn main() -> ExitCode {
    match serve::run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Always a single line: a stack trace helps nobody who has mistyped a name.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
