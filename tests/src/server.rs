//! A server with its own database: `owsc serve`, or the functions behind the local gateway.

use crate::host::{self, Host};
use crate::ready::Ready;
use crate::{PATIENCE, table};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// Options for starting a server.
#[derive(Debug, Default)]
pub struct Options {
    program: Option<PathBuf>,
    env: Vec<(String, String)>,
    data: Option<PathBuf>,
    demo: bool,
    endpoint: Option<String>,
    arguments: Vec<String>,
    template: Option<String>,
}

/// A running server. It is killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: String,
    data: PathBuf,
    log: PathBuf,
    directory: Option<TempDir>,
    _ready: Ready,
}

impl Options {
    /// Starts this `owsc` instead of the one built with the tests.
    #[must_use]
    pub fn program(mut self, path: &Path) -> Self {
        self.program = Some(path.to_owned());
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Adds an argument to the command line.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Runs functions with another template, derived from the usual one.
    #[must_use]
    pub fn template(mut self, change: impl FnOnce(String) -> String) -> Self {
        let usual = std::fs::read_to_string(host::template()).unwrap_or_default();
        let changed = change(usual.clone());
        assert_ne!(changed, usual, "the change has changed nothing");
        self.template = Some(changed);
        self
    }

    /// Uses a data directory that outlives the server.
    #[must_use]
    pub fn data(mut self, directory: &Path) -> Self {
        self.data = Some(directory.to_owned());
        self
    }

    /// Loads the demonstration file.
    #[must_use]
    pub fn demo(mut self) -> Self {
        self.demo = true;
        self
    }

    /// Uses another table.
    #[must_use]
    pub fn table(mut self, url: &str, name: &str) -> Self {
        self.endpoint = Some(url.into());
        self.env.push(("OW_SC_TABLE".into(), name.into()));
        credentials(url).into_iter().fold(self, |options, (name, value)| options.env(name, value))
    }

    /// Starts the server and waits until it listens.
    pub async fn start(self) -> anyhow::Result<Server> {
        let directory = tempfile::tempdir()?;
        let data = self.data.clone().unwrap_or_else(|| directory.path().join("data"));
        let log = directory.path().join("log");
        let mut command = self.command(&data, directory.path())?;
        let mut child = command.stderr(std::fs::File::create(&log)?).spawn().context("the server does not start")?;
        let ready = match Ready::of(&mut child).await {
            Ok(ready) => ready,
            Err(error) => bail!("the server did not start: {error:#}\n{}", std::fs::read_to_string(&log)?),
        };
        let address = ready.address()?.to_owned();
        Ok(Server { child, address, data, log, directory: Some(directory), _ready: ready })
    }

    /// Runs a server that is expected to exit by itself: its exit status and its log.
    pub async fn run_to_end(self) -> anyhow::Result<(ExitStatus, String)> {
        let directory = tempfile::tempdir()?;
        let mut command = self.command(directory.path(), directory.path())?;
        let output = tokio::time::timeout(PATIENCE, command.stderr(Stdio::piped()).output()).await??;
        Ok((output.status, String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    fn command(&self, data: &Path, own: &Path) -> anyhow::Result<Command> {
        let mut template = host::template();
        if let Some(text) = &self.template {
            template = own.join("template.yaml");
            std::fs::write(&template, text)?;
        }
        Ok(match host::under_test() {
            Host::Server => self.serve(data),
            Host::Functions => self.gateway(data, &template),
        })
    }

    fn gateway(&self, data: &Path, template: &Path) -> Command {
        let binaries = host::binaries();
        let mut command = clean(&binaries.join("local-gateway"));
        command.arg("--template").arg(template).arg("--binaries").arg(binaries);
        command.args(["--port", "0", "--ready-line", "--data-dir"]).arg(data);
        // The template protects what a server leaves open by default.
        let defaults = [("OW_SC_RL_PER_SEC", "100000"), ("OW_SC_METRICS_PROTECT", "0"), ("LOG_FORMAT", "text")];
        let own = self.env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in defaults.into_iter().chain(own) {
            command.args(["--env", &format!("{name}={value}")]);
        }
        command.args(&self.arguments).stdout(Stdio::piped());
        command
    }

    fn serve(&self, data: &Path) -> Command {
        let mut command = self.program.as_deref().map_or_else(owsc, clean);
        let engine = table::engine().filter(|_| self.endpoint.is_none());
        let database = if self.endpoint.is_some() || engine.is_some() { "aws" } else { "embedded" };
        command.args(["serve", "--port", "0", "--ready-line", "--database", database]);
        if let Some(url) = engine {
            command.env("OW_SC_TABLE", table::name_for(data)).envs(credentials(&url));
        }
        if self.demo {
            command.arg("--demo");
        }
        // Tests send requests faster than people; those about the limit set their own.
        command.env("OW_SC_RL_PER_SEC", "100000").env("OW_SC_DATA_DIR", data);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.args(&self.arguments).stdout(Stdio::piped());
        command
    }
}

/// The environment that points the AWS SDK to an engine that does not verify signatures.
fn credentials(url: &str) -> [(&str, &str); 4] {
    [
        ("AWS_ENDPOINT_URL_DYNAMODB", url),
        ("AWS_REGION", "local"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ]
}

/// The command line, without arguments yet.
pub fn owsc() -> Command {
    clean(&host::binaries().join("owsc"))
}

fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    // None of the developer's own settings may reach the program under test.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OW_SC_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// The child processes of another process, by program name.
pub fn children(parent: u32, program: &str) -> anyhow::Result<Vec<u32>> {
    let is_one = |process: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // Number (name) state parent ...: a process that has ended but was not reaped is in state Z.
        let Some((name, rest)) = stat.split_once(" (").and_then(|(_, rest)| rest.split_once(") ")) else {
            return false;
        };
        let mut fields = rest.split(' ');
        let (state, its_parent) = (fields.next(), fields.next().and_then(|id| id.parse().ok()));
        name == program && state != Some("Z") && its_parent == Some(parent)
    };
    let processes = std::fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(processes.filter(is_one).collect())
}

impl Server {
    /// Options with nothing set.
    pub fn options() -> Options {
        Options::default()
    }

    /// A server with an empty database and without limits.
    pub async fn start() -> anyhow::Result<Self> {
        Options::default().start().await
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The URL of a WebSocket path. API Gateway has a single path, its stage; the query carries the rest.
    pub fn ws_url(&self, path: &str) -> String {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let (path, events) = match (host::under_test(), path) {
            (Host::Functions, "/ws/effluent") => ("/ws", None),
            (Host::Functions, "/ws/alerts") => ("/ws", Some("events=alerts")),
            (_, path) => (path, None),
        };
        let query: Vec<_> = events.into_iter().chain(query).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("ws://{}{path}{mark}{}", self.address, query.join("&"))
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

    /// The processes of a function's environments, by the name of its binary.
    pub fn environments(&self, function: &str) -> anyhow::Result<Vec<u32>> {
        children(self.pid(), function)
    }

    /// The program's log so far; for functions, without the gateway's prefixes.
    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        match host::under_test() {
            Host::Server => log,
            Host::Functions => log.lines().filter_map(host::line_of_function).map(|line| format!("{line}\n")).collect(),
        }
    }

    /// The program's whole log, once it has ended: functions' output arrives after their answers.
    pub async fn whole_log(&mut self) -> anyhow::Result<String> {
        self.terminate().await?;
        Ok(self.log())
    }

    /// `kill -9`.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Sends SIGTERM, and waits for the exit.
    pub async fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await?;
        anyhow::ensure!(sent.success(), "the signal was not sent");
        Ok(tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await??)
    }

    /// Resident memory in bytes: current and peak.
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
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            eprintln!("--- log of the server ---\n{log}");
        }
        drop(self.directory.take());
    }
}
