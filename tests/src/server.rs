//! A server process on a database of its own.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// How long a start may take. Debug builds on a busy machine need their time.
const START: Duration = Duration::from_secs(60);

/// How a server is to be started.
#[derive(Debug, Default)]
pub struct Options {
    env: Vec<(String, String)>,
    data: Option<PathBuf>,
    demo: bool,
}

/// A running `owsc serve`. It is killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: String,
    data: PathBuf,
    log: PathBuf,
    directory: Option<TempDir>,
    /// Kept open, so that the server never writes into a closed pipe.
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Options {
    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Uses a data directory that outlives the server.
    #[must_use]
    pub fn data(mut self, directory: &Path) -> Self {
        self.data = Some(directory.to_owned());
        self
    }

    /// Loads the demonstration file, as the server does by default.
    #[must_use]
    pub fn demo(mut self) -> Self {
        self.demo = true;
        self
    }

    /// Starts the server and waits until it listens.
    pub async fn start(self) -> anyhow::Result<Server> {
        let directory = tempfile::tempdir()?;
        let data = self.data.clone().unwrap_or_else(|| directory.path().join("data"));
        let log = directory.path().join("log");
        let mut command = self.command(&data);
        let mut child = command.stderr(std::fs::File::create(&log)?).spawn().context("the server does not start")?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let address = tokio::time::timeout(START, address(&mut lines)).await;
        let address = match address {
            Ok(Ok(address)) => address,
            failure => bail!("the server did not come up: {failure:?}\n{}", std::fs::read_to_string(&log)?),
        };
        Ok(Server { child, address, data, log, directory: Some(directory), _stdout: lines })
    }

    /// Runs a server that is expected to end by itself: its exit status and what it logged.
    pub async fn run_to_end(self) -> anyhow::Result<(ExitStatus, String)> {
        let directory = tempfile::tempdir()?;
        let mut command = self.command(directory.path());
        let output = tokio::time::timeout(START, command.stderr(Stdio::piped()).output()).await??;
        Ok((output.status, String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    fn command(&self, data: &Path) -> Command {
        let mut command = owsc();
        command.args(["serve", "--port", "0", "--database", "embedded"]);
        if !self.demo {
            command.arg("--no-demo");
        }
        // Tests ask faster than people; those about the limit set their own.
        command.env("OW_SC_RL_PER_SEC", "100000").env("OW_SC_DATA_DIR", data);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdout(Stdio::piped());
        command
    }
}

/// The command line as it is typed, still without arguments.
pub fn owsc() -> Command {
    let mut command = Command::new(binary());
    // Nothing of the developer's own settings may reach the program under test.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OW_SC_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn address(lines: &mut Lines<BufReader<ChildStdout>>) -> anyhow::Result<String> {
    while let Some(line) = lines.next_line().await? {
        if let Some(rest) = line.trim().strip_prefix("Start page") {
            let url = rest.trim().trim_start_matches("http://");
            return Ok(url.trim_end_matches('/').to_owned());
        }
    }
    bail!("it ended before it was listening")
}

impl Server {
    /// Options with nothing set.
    pub fn options() -> Options {
        Options::default()
    }

    /// A server with an empty database and no limit in the way.
    pub async fn start() -> anyhow::Result<Self> {
        Options::default().start().await
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The URL of a WebSocket path.
    pub fn ws_url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// `kill -9`.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Sends SIGTERM, and waits for the end.
    pub async fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await?;
        anyhow::ensure!(sent.success(), "the signal was not sent");
        Ok(tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await??)
    }

    /// Resident memory in bytes: now, and at its highest.
    pub fn memory(&self) -> anyhow::Result<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
            number.map(|kib| kib * 1024).with_context(|| format!("no {name} in the process' status"))
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of the server ---\n{}", self.log());
        }
        drop(self.directory.take());
    }
}

/// The server's binary in the profile of this test. Built here, so that `cargo test` alone is enough and never tests
/// an old one.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let own = std::env::current_exe().expect("a running program has a path");
        let directory = own.ancestors().find(|path| path.join("deps").is_dir()).expect("tests run in a target folder");
        let mut build = std::process::Command::new(env!("CARGO"));
        // For the whole workspace: with the features of one package alone, dependencies would be built a second time.
        build.args(["build", "--quiet", "--locked", "--workspace", "--bin", "owsc"]);
        build.current_dir(env!("CARGO_MANIFEST_DIR"));
        // `cargo test` tells its tests which package they belong to. Build scripts that look at that, as the one of
        // `ring` does, would run again in here and once more in the next build outside.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CARGO_")) {
            build.env_remove(name);
        }
        if directory.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().expect("cargo runs").success(), "the server does not build");
        directory.join("owsc")
    })
}
