//! The demonstration file, for an empty database.

use engine::Engine;
use engine::record::{Limits, Taken, Upload};

/// A real permit's monitoring reports, with EPA's verdicts (EPA ECHO, public domain).
const FILE: &[u8] = include_bytes!("../../../tests/fixtures/echo-effluent-chart-TX0119407.csv");
const NAME: &str = "echo-effluent-chart-TX0119407.csv";

/// Ingests the demonstration file if there is no site and none was ever removed: that may have been the demonstration.
pub(crate) async fn load_if_empty(engine: &Engine) -> anyhow::Result<()> {
    // The limits are for what others send.
    let ingestor = engine.ingestor(Limits { bytes: u64::MAX, rows: u64::MAX }, std::env::temp_dir(), true);
    let store = ingestor.store();
    if !store.sites().await?.is_empty() || !store.removals().await?.is_empty() {
        return Ok(());
    }
    let upload =
        Upload { site: Some("demo".into()), source: NAME.into(), who: "demonstration".into(), ..Upload::default() };
    let message = match ingestor.run(FILE, upload).await? {
        Taken::Answered(answer) => answer.message,
        Taken::Underway(underway) => underway.message,
    };
    tracing::info!(file = NAME, "the database was empty and got the demonstration file: {message}");
    Ok(())
}
