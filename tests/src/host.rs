//! The host under test: `owsc serve`, or the function binaries behind the local gateway.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A host of the handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// `owsc serve`.
    Server,
    /// The function binaries, run by the local gateway from the template.
    Functions,
}

const SERVER: &[&str] = &["owsc", "local-gateway"];
const FUNCTIONS: &[&str] = &[
    "local-gateway",
    "api",
    "batch",
    "chemistry",
    "dashboard",
    "health",
    "ingest",
    "metrics",
    "settle",
    "upload",
    "ws-broadcast",
    "ws-connect",
    "ws-disconnect",
    "ws-message",
];

/// The host of this test binary. The suite's modules are compiled into two binaries: `suite` and `functions`.
pub fn under_test() -> Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    *HOST.get_or_init(|| {
        let own = std::env::current_exe().expect("a running program has a path");
        let name = own.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("functions-") { Host::Functions } else { Host::Server }
    })
}

/// The template at the root of the repository.
pub fn template() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("template.yaml")
}

/// A function's own log line, from a line of the gateway's log: `Function#number | line`.
pub fn line_of_function(line: &str) -> Option<&str> {
    let (environment, line) = line.split_once(" | ")?;
    let (name, number) = environment.split_once('#')?;
    let is_one = name.ends_with("Function") && number.trim_end().bytes().all(|byte| byte.is_ascii_digit());
    is_one.then_some(line)
}

/// The folder of the host's binaries, in the profile of this test. They are built here, so that `cargo test` alone is
/// enough and never tests outdated ones.
pub fn binaries() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let own = std::env::current_exe().expect("a running program has a path");
        let directory = own.ancestors().find(|path| path.join("deps").is_dir()).expect("tests run in a target folder");
        let names = if under_test() == Host::Server { SERVER } else { FUNCTIONS };
        let mut build = Command::new(env!("CARGO"));
        // For the whole workspace: with the features of a single package, dependencies would be built a second time.
        build.args(["build", "--quiet", "--locked", "--workspace"]);
        build.args(names.iter().flat_map(|name| ["--bin", name]));
        build.current_dir(env!("CARGO_MANIFEST_DIR"));
        // `cargo test` tells its tests which package they belong to. Build scripts that read that, such as `ring`'s,
        // would run again here and once more in the next build outside. Cargo's own folders stay as they are.
        let told = |name: &str| name.starts_with("CARGO_") && !["CARGO_HOME", "CARGO_TARGET_DIR"].contains(&name);
        for (name, _) in std::env::vars_os().filter(|(name, _)| told(&name.to_string_lossy())) {
            build.env_remove(name);
        }
        if let Some(profile) = directory.file_name().and_then(|name| name.to_str()).filter(|name| *name != "debug") {
            build.args(["--profile", profile]);
        }
        assert!(build.status().expect("cargo runs").success(), "the programs under test do not build");
        directory.to_owned()
    })
}
