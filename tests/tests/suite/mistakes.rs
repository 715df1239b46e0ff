//! Users' mistakes are reported in one line, even with `RUST_BACKTRACE` set.

use tests::server::owsc;

/// Runs `owsc` to its end: its exit status and output.
async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<(i32, String)> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("file"), "x")?;
    let mut command = owsc();
    command.args(arguments).envs(variables.iter().copied()).env("RUST_BACKTRACE", "full").current_dir(folder.path());
    let output = tokio::time::timeout(tests::PATIENCE, command.output()).await??;
    Ok((output.status.code().unwrap_or_default(), String::from_utf8(output.stderr)?))
}

#[tokio::test]
async fn a_mistake_is_one_line() -> anyhow::Result<()> {
    let serve = &["serve", "--port", "0", "--no-demo", "--database", "embedded"][..];
    let model = &["fit", "file", "--model", "none"][..];
    for (arguments, variable, status, message) in [
        (serve, ("OW_SC_RL_PER_SEC", "x"), 1, "error: OW_SC_RL_PER_SEC=\"x\": a whole number"),
        (serve, ("OW_SC_DATA_DIR", "file"), 1, "error: OW_SC_DATA_DIR=\"file\": a folder"),
        (serve, ("OW_SC_API_TOKEN", "a b"), 1, "error: OW_SC_API_TOKEN=\"(not shown)\": visible ASCII"),
        (
            &["health", "--url", "http://127.0.0.1:1"],
            ("LOG_LEVEL", "warn"),
            1,
            "error: http://127.0.0.1:1/ does not answer",
        ),
        (model, ("LOG_LEVEL", "warn"), 3, "error: there is no model \"none\""),
        (model, ("LOG_LEVEL", "loud"), 3, "error: LOG_LEVEL=\"loud\": "),
    ] {
        let (found, said) = run(arguments, &[variable]).await?;
        assert_eq!((found, said.lines().count()), (status, 1), "{arguments:?}: {said}");
        assert!(said.starts_with(message), "{said}");
    }
    Ok(())
}
