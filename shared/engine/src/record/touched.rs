//! What a file touches: marks for the settler, and events for subscribers.

use super::scan::{Scanned, Touched};
use super::{AT_ONCE, IngestError};
use crate::events::event;
use domain::{name, time};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use table::feed::Draft;
use table::ingests::Ingest;
use table::leases::Lease;
use table::marks::Mark;
use table::{Store, StoreError};

/// The most series that the events of a file list at one site.
const MAX_SERIES: usize = 2000;
/// Series in one event.
const SERIES_PER_EVENT: usize = 50;

/// Whether an earlier attempt has marked everything that a file touches, so that it may be written at once.
pub(super) async fn is_marked(store: &Store, ingest: &Ingest) -> Result<bool, StoreError> {
    let sites: Vec<&String> = ingest.revisions.keys().collect();
    let looks = (0..sites.len()).map(|index| store.outstanding(sites[index]));
    let outstanding = stream::iter(looks).buffered(AT_ONCE).try_collect::<Vec<_>>().await?;
    Ok(outstanding.iter().all(|site| site.recording.contains(&ingest.id)))
}

/// What a file touches, by site, in the order of the record.
pub(super) fn by_site<'a>(ingest: &Ingest, scanned: &'a Scanned) -> Vec<(String, Vec<&'a Touched>)> {
    let of = |site: &String| {
        let key = name::key(site);
        scanned.touched.iter().filter(|touched| name::key(&touched.series.site) == key).collect()
    };
    match ingest.revisions.len() {
        1 => ingest.revisions.keys().map(|site| (site.clone(), scanned.touched.iter().collect())).collect(),
        _ => ingest.revisions.keys().map(|site| (site.clone(), of(site))).collect(),
    }
}

/// Marks what a file is about to bring to a site. `false` if all of it was recorded before.
pub(super) async fn mark(
    (store, ingest, scanned): (&Store, &Ingest, &Scanned),
    lease: &Lease,
    site: &str,
    touched: &[&Touched],
) -> Result<bool, IngestError> {
    let report = &scanned.report;
    let about = json!({
        "ingest": ingest.id, "shape": scanned.shape, "source": ingest.source, "rows": report.rows,
        "rows_taken": report.rows_taken, "rows_refused": report.rows_refused,
        "rows_without_reading": report.rows_without_reading, "series": touched.len(),
    });
    let mark = |touched: &&Touched| Mark::of_file(&touched.series, &ingest.id, touched.stretch, touched.readings);
    let marks: Vec<_> = touched.iter().map(mark).collect();
    let revision = ingest.revisions.get(site).copied().unwrap_or_default();
    Ok(store.begin_file(lease, (site, revision), &ingest.id, &marks, about).await?)
}

/// The events about the readings themselves.
pub(super) fn readings_events(id: &str, touched: &[&Touched]) -> Vec<Draft> {
    let shown = |touched: &&Touched| {
        let series = &touched.series;
        json!({
            "series": series.id(), "outfall": series.outfall, "parameter": series.parameter, "base": series.base,
            "readings": touched.readings, "from": time::shown(touched.stretch.0, touched.kind),
            "to": time::shown(touched.stretch.1, touched.kind), "latest": touched.latest, "unit": touched.unit,
        })
    };
    let listed = &touched[..touched.len().min(MAX_SERIES)];
    let chunks = listed.chunks(SERIES_PER_EVENT);
    chunks
        .map(|chunk| {
            let series: Vec<Value> = chunk.iter().map(shown).collect();
            event("readings", json!({"ingest": id, "series": series}))
        })
        .collect()
}
