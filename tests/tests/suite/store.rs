//! What functions share through the table, on the embedded database.

use owsc::database::local_client;
use owsc::embedded::Embedded;
use shared::live::ports::{Connection, Connections};
use shared::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use tempfile::TempDir;

struct Table {
    store: Store,
    _embedded: Embedded,
    _directory: TempDir,
}

impl Table {
    async fn new() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let embedded = Embedded::start(directory.path())?;
        let store = Store::new(local_client(&embedded.endpoint()), "owsc");
        assert!(store.create_table_if_missing().await?);
        assert!(!store.create_table_if_missing().await?, "it is there now");
        Ok(Self { store, _embedded: embedded, _directory: directory })
    }
}

fn connection(id: usize, site: &str) -> Connection {
    Connection { id: format!("c{id}"), site: site.into(), alerts_only: id.is_multiple_of(2) }
}

#[tokio::test]
async fn connections_are_listed_by_site_and_move_between_sites() -> anyhow::Result<()> {
    let Table { store, .. } = &Table::new().await?;
    for id in 0..40 {
        store.register(&connection(id, "North")).await?;
    }
    store.register(&connection(3, "south")).await?;
    store.unregister("c4").await?;
    store.unregister("unknown").await?;
    let north: BTreeSet<_> = store.list("north").await?.iter().map(|c| (c.id.clone(), c.alerts_only)).collect();
    let expected = (0..40).filter(|id| ![3, 4].contains(id)).map(|id| (format!("c{id}"), id % 2 == 0)).collect();
    assert_eq!(north, expected);
    assert_eq!(store.list("South").await?.len(), 1);
    assert_eq!(store.connection("c3").await?, Some(connection(3, "south")));
    assert_eq!(store.connection("c4").await?, None);
    Ok(())
}

#[tokio::test]
async fn counters_sum_what_every_process_adds() -> anyhow::Result<()> {
    let Table { store, .. } = &Table::new().await?;
    let mut adding = tokio::task::JoinSet::new();
    for process in 0..5 {
        let store = store.clone();
        adding.spawn(async move {
            for _ in 0..20 {
                let deltas = BTreeMap::from([("a_total".to_owned(), 1.0), (format!("b{{p=\"{process}\"}}"), 0.5)]);
                store.add_to_counters(&format!("process{process}"), &deltas).await?;
            }
            Ok::<_, shared::store::StoreError>(())
        });
    }
    while let Some(done) = adding.join_next().await {
        done??;
    }
    let counters = store.counters().await?;
    assert_eq!((counters["a_total"], counters.len()), (100.0, 6));
    assert_eq!(counters["b{p=\"3\"}"], 10.0);
    Ok(())
}

#[tokio::test]
async fn a_rate_window_takes_its_limit_and_no_more_and_the_next_second_is_another() -> anyhow::Result<()> {
    let Table { store, .. } = &Table::new().await?;
    let now = shared::domain::time::now();
    let mut taken = 0;
    for _ in 0..12 {
        taken += u32::from(store.within_rate("10.0.0.1/api", 10, now).await?);
    }
    assert_eq!(taken, 10);
    assert!(store.within_rate("10.0.0.2/api", 10, now).await?, "another client");
    assert!(store.within_rate("10.0.0.1/api", 10, now + 1_000_000).await?, "the next second");
    Ok(())
}
