//! A file's readings into the table: cut and packed on one thread, written on another.

use super::announce::Brought;
use super::pipeline::{AT_ONCE, IngestError, blocking};
use super::spool::Spooled;
use domain::name;
use domain::reading::Series;
use formats::cutter::{Cutter, Piece};
use formats::reader::Rows;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::HashMap;
use table::ingests::Ingest;
use table::segments::{self, Order};
use table::series::Entry;
use table::{Item, Store, StoreError};
use tokio::sync::mpsc;

/// Packed segments waiting to be written.
const WAITING: usize = 8;
/// Bytes of packed segments in one batch; BatchWriteItem takes 16 MB.
const BATCH_BYTES: usize = 2 * 1024 * 1024;

/// What was written of a file: an entry for each series, and what it got.
pub(super) type Written = Vec<(Entry, Brought)>;

/// Writes the file as segments and brings its series into the directory.
pub(super) async fn write(store: &Store, spooled: &mut Spooled, ingest: &Ingest) -> Result<Written, IngestError> {
    let (sender, mut packed) = mpsc::channel::<Item>(WAITING);
    let revisions: HashMap<String, u64> =
        ingest.revisions.iter().map(|(site, revision)| (name::key(site), *revision)).collect();
    let site = ingest.site.clone();
    // Reading needs the spooled bytes on another thread and gives them back.
    let mut own = std::mem::replace(spooled, Spooled::empty());
    let cutting = tokio::spawn(blocking(move || {
        let written = cut(&mut own, site.as_deref(), &revisions, &sender)?;
        Ok((own, written))
    }));
    let mut batch = Vec::new();
    let mut bytes = 0;
    while let Some(item) = packed.recv().await {
        bytes += segments::packed_size(&item);
        batch.push(item);
        if bytes >= BATCH_BYTES || packed.is_empty() {
            store.put_segments(std::mem::take(&mut batch)).await?;
            bytes = 0;
        }
    }
    store.put_segments(batch).await?;
    let (own, written) = cutting.await.map_err(std::io::Error::other)??;
    *spooled = own;
    let merging =
        written.into_iter().map(|(entry, brought)| async move { Ok((store.merge_series(&entry).await?, brought)) });
    stream::iter(merging).buffered(AT_ONCE).try_collect().await
}

/// Reads the file and sends its segments, packed.
fn cut(
    spooled: &mut Spooled,
    site: Option<&str>,
    revisions: &HashMap<String, u64>,
    sender: &mpsc::Sender<Item>,
) -> Result<Written, IngestError> {
    let mut rows = Rows::open(spooled.rewind()?, site)?;
    let mut cutter = Cutter::default();
    let mut written: Vec<Option<(Entry, Brought)>> = Vec::new();
    let mut readings = Vec::new();
    let mut index = 0;
    let mut send = |piece: Piece, series: &[Series], cutter: &mut Cutter| {
        let at = piece.series as usize;
        if written.len() <= at {
            written.resize_with(at + 1, || None);
        }
        let (entry, brought) = written[at].get_or_insert_with(|| {
            (Entry::new(series[at].clone()), Brought { readings: 0, touched: (i64::MAX, i64::MIN) })
        });
        let (first, last) = piece.columns.span().unwrap_or_default();
        brought.readings += piece.columns.len() as u64;
        brought.touched = (brought.touched.0.min(first), brought.touched.1.max(last));
        entry.note(&piece.columns);
        let revision = revisions.get(&name::key(&entry.series.site)).copied().unwrap_or_default();
        let item = segments::item(&entry.id, Order { revision, index }, &piece.columns)?;
        index += 1;
        cutter.recycle(piece.columns);
        // The receiver is gone when a write failed; its error is what counts.
        sender.blocking_send(item).map_err(|_| IngestError::Store(StoreError::Service("writing has stopped".into())))
    };
    while rows.next_row(&mut readings)? {
        for reading in readings.drain(..) {
            if let Some(piece) = cutter.push(&reading, rows.units()) {
                send(piece, rows.series(), &mut cutter)?;
            }
        }
    }
    while let Some(piece) = cutter.finish() {
        send(piece, rows.series(), &mut cutter)?;
    }
    Ok(written.into_iter().flatten().collect())
}
