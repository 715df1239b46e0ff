//! The growth of a server's memory over a long file, which is generated while it is sent.

use super::files;
use super::report::{Better, Bound, Figure};
use anyhow::ensure;
use futures_util::stream;
use reqwest::Body;
use std::convert::Infallible;
use std::path::Path;
use tests::generate::{self, Exceeding};

const ROWS: usize = 10_000_000;

pub(crate) const FIGURES: [Figure; 1] =
    [Figure { name: "MB more", better: Better::Less, places: 1, bound: Bound::AtMost(64.0) }];

pub(crate) async fn growth(program: &Path) -> anyhow::Result<[f64; 1]> {
    let (server, api) = files::start(program).await?;
    let (before, _) = server.memory()?;
    let pieces = generate::tidy_pieces(ROWS, Exceeding::Many).map(Ok::<_, Infallible>);
    let (answer, _) = files::post(&api, Body::wrap_stream(stream::iter(pieces)), files::PATIENCE).await?;
    ensure!(answer["rows_taken"] == ROWS, "not all rows were taken: {answer}");
    let (_, highest) = server.memory()?;
    Ok([highest.saturating_sub(before) as f64 / 1e6])
}
