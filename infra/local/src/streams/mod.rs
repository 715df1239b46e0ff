//! Streams.
mod pattern;
use crate::{cli::Options, database::Database, runtime::Pool, template::Template};
pub use pattern::Pattern;
use std::collections::HashMap;
use tokio_util::sync::CancellationToken;

/// feeds
#[derive(Default)]
pub struct Feeds;
impl Feeds {
    pub(crate) async fn ended(&self) {}
}
pub(crate) async fn start(
    _o: &Options,
    template: &Template,
    database: &Database,
    _p: &HashMap<String, Pool>,
    _s: &CancellationToken,
) -> anyhow::Result<Feeds> {
    for t in &template.tables {
        database.create(t).await?;
    }
    Ok(Feeds)
}
