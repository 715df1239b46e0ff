//! The command line of the effluent monitor.

use std::process::ExitCode;

fn main() -> ExitCode {
    owsc::run()
}
