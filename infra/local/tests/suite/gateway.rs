//! A gateway started by a test.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a test waits for an expected event: much longer than it takes even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const FUNCTION: &str = env!("CARGO_BIN_EXE_gateway-test-function");

/// Stopped at the end of the test.
pub(crate) struct Gateway {
    child: Child,
    /// `127.0.0.1:port`.
    pub(crate) address: String,
    folder: TempDir,
}

impl Gateway {
    /// Starts a gateway with a template in which all functions are the test function.
    pub(crate) fn start(resources: &str, options: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), resources, options)
    }

    /// The same, in a folder that was used before.
    pub(crate) fn start_in(folder: TempDir, resources: &str, options: &[&str]) -> Self {
        let binaries = PathBuf::from(FUNCTION).parent().unwrap().to_owned();
        Self::run(folder, &format!("{GLOBALS}{resources}"), &binaries, options)
    }

    /// Starts a gateway with a whole template; the test function replaces its binaries.
    pub(crate) fn start_with(template: &str, binaries: &[&str], options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in binaries {
            let folder = folder.path().join("binaries").join(name);
            std::fs::create_dir_all(&folder).unwrap();
            std::os::unix::fs::symlink(FUNCTION, folder.join("bootstrap")).unwrap();
        }
        let binaries = folder.path().join("binaries");
        Self::run(folder, template, &binaries, options)
    }

    fn run(folder: TempDir, text: &str, binaries: &Path, options: &[&str]) -> Self {
        let (template, events) = (folder.path().join("template.yaml"), folder.path().join("events"));
        std::fs::write(&template, text).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_local-gateway"))
            .args(["--port", "0", "--ready-line", "--log-level", "debug", "--template"])
            .arg(&template)
            .arg("--binaries")
            .arg(binaries)
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .args(["--env", &format!("EVENTS_FILE={}", events.display())])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(std::fs::OpenOptions::new().create(true).append(true).open(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let log = || std::fs::read_to_string(folder.path().join("log")).unwrap();
        let line = lines.next().unwrap_or_else(|| panic!("the gateway did not start: {}", log())).unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        let ready: Value = serde_json::from_str(&line).unwrap();
        let url = ready["ready"].as_str().and_then(|url| url.strip_prefix("http://")).unwrap();
        let address = url.split('/').next().unwrap().to_owned();
        Self { child, address, folder }
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The events that functions have recorded so far.
    pub(crate) fn events(&self) -> Vec<Value> {
        let lines = std::fs::read_to_string(self.folder.path().join("events")).unwrap_or_default();
        lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits until the events satisfy a condition.
    pub(crate) async fn wait_for(&self, what: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let since = Instant::now();
        loop {
            let events = self.events();
            if wanted(&events) {
                return events;
            }
            assert!(since.elapsed() < PATIENCE, "no {what}: {events:#?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The gateway's log.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Where the template, the data and the log are.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The gateway's process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks the gateway to stop, as a service manager does, and waits for it.
    pub(crate) fn stop(mut self) -> TempDir {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        assert!(self.child.wait().unwrap().success());
        // Only the folder is kept.
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }
}

impl Gateway {
    /// Kills the gateway, whatever it is doing.
    pub(crate) fn kill(&self) {
        let status = Command::new("kill").args(["-KILL", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// The folder of a gateway that was killed.
    pub(crate) fn left(mut self) -> TempDir {
        assert!(!self.child.wait().unwrap().success());
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            // Gently, so that its functions end too.
            let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

const GLOBALS: &str = "
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Handler: gateway-test-function, Runtime: provided.al2023, Timeout: 5}}
Resources:
";

/// An HTTP API with all routes on one function.
pub(crate) const HTTP: &str = "
  Api: {Type: AWS::Serverless::HttpApi}
  Main:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 3
      Environment: {Variables: {API: !Sub 'https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/x', OVER: template}}
      Events:
        Any: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: '/{proxy+}', Method: ANY}}
        Item: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: '/items/{id}', Method: GET}}
";
