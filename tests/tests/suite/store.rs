//! What functions share through the table.

use crate::support::{alerts, permitted, until};
use domain::columns::{Columns, Row};
use domain::reading::{Flags, Qualifier, Series};
use domain::time::{HOUR, TimeKind};
use live::ports::{Connection, Connections};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use table::deliveries::Progress;
use table::leases::{LEASE, Watch, Work};
use table::marks::{Mark, Origin};
use table::segments::{self, Order, View};
use table::series::Entry;
use table::{Publication, Published, Store, StoreError};
use telemetry::deltas::Delta;
use tests::table::Table;
use tests::{Api, Server, Socket};

/// A new table, and access to it.
async fn created() -> anyhow::Result<(Table, Store)> {
    let table = Table::new()?;
    let store = table.store();
    assert!(store.create_table_if_missing().await?);
    assert!(!store.create_table_if_missing().await?, "it exists now");
    Ok((table, store))
}

/// When all connections of a test are registered.
static SINCE: LazyLock<i64> = LazyLock::new(domain::time::now);

fn connection(id: usize, site: &str) -> Connection {
    Connection {
        id: format!("c{id}"),
        site: site.into(),
        alerts_only: id.is_multiple_of(2),
        waits: false,
        since: *SINCE,
    }
}

#[tokio::test]
async fn connections_are_listed_by_site_and_move_between_sites() -> anyhow::Result<()> {
    let (_table, store) = &created().await?;
    for id in 0..40 {
        store.register(&connection(id, "North")).await?;
    }
    let left = store.unsettle("c3").await?.expect("it is there");
    assert_eq!(left.connection, connection(3, "North"));
    assert!(store.unsettle("c3").await?.is_none(), "it is moving already");
    assert!(store.connection("c3").await?.is_some_and(|known| known.moving.is_some()));
    store.settle(&connection(3, "south"), 0).await?;
    store.unregister("c4").await?;
    store.unregister("unknown").await?;
    let north: BTreeSet<_> = store.list("north").await?.iter().map(|c| (c.id.clone(), c.alerts_only)).collect();
    let expected = (0..40).filter(|id| ![3, 4].contains(id)).map(|id| (format!("c{id}"), id % 2 == 0)).collect();
    assert_eq!(north, expected);
    assert_eq!(store.list("South").await?.len(), 1);
    assert_eq!(store.connection("c3").await?.map(|known| known.connection), Some(connection(3, "south")));
    assert_eq!(store.connection("c4").await?, None);
    Ok(())
}

#[tokio::test]
async fn connections_are_counted_and_found_by_age_wherever_they_are() -> anyhow::Result<()> {
    let (_table, store) = &created().await?;
    let (now, hour) = (domain::time::now(), 3600 * 1_000_000);
    let made = |id: usize, since: i64| Connection { since, waits: id == 1, ..connection(id, &format!("site{id}")) };
    for (id, age) in [(0, 0), (1, hour), (2, 2 * hour), (3, 3 * hour)] {
        store.register(&made(id, now - age)).await?;
    }
    assert_eq!(store.count_connections().await?, 3, "the last one has expired");
    let mut old = store.connected_before(now - hour / 2).await?;
    old.sort_unstable();
    assert_eq!(old, ["c1", "c2", "c3"]);
    // A connection that moves keeps its age.
    let left = store.unsettle("c2").await?.expect("it is there");
    assert_eq!(store.count_connections().await?, 3, "it is in no list, but exists");
    store.settle(&Connection { site: "elsewhere".into(), ..left.connection }, 0).await?;
    assert_eq!(store.connected_before(now - 2 * hour + 1).await?.len(), 2);
    for id in ["c1", "c2", "c2"] {
        store.unregister(id).await?;
    }
    assert_eq!(store.count_connections().await?, 1);
    Ok(())
}

#[tokio::test]
async fn new_connections_are_waited_for_until_they_have_said_something() -> anyhow::Result<()> {
    let (_table, store) = &created().await?;
    let connection = connection(1, "a");
    store.register(&connection).await?;
    let hold = async || anyhow::Ok(store.subscriber(&connection).await?.map(|subscriber| subscriber.hold));
    let now = domain::time::now();
    assert!(hold().await?.is_some_and(|until| until > now && until <= now + 500_000));
    store.end_hold(&connection).await?;
    assert_eq!(hold().await?, Some(0));
    store.remove_connection(&connection).await?;
    store.end_hold(&connection).await?;
    assert_eq!(hold().await?, None, "a removed connection does not come back");
    Ok(())
}

#[tokio::test]
async fn a_connection_settles_only_where_no_later_delivery_has_begun() -> anyhow::Result<()> {
    let (_table, store) = &created().await?;
    store.register(&connection(1, "a")).await?;
    store.unsettle("c1").await?;
    store.begin_delivery("a", 4, 7).await?;
    for (from, settles) in [(6, false), (7, true), (8, true)] {
        let settled = store.settle(&connection(1, "a"), from).await;
        assert_eq!(settled.is_ok(), settles, "{from}: {settled:?}");
        assert_eq!(store.list("a").await?.len(), usize::from(settles));
    }
    store.finish_delivery("a", 7).await?;
    assert_eq!(store.progress("A").await?, Some(Progress { through: 7, begun: 7 }));
    store.remove_connection(&connection(1, "a")).await?;
    assert!(store.settle(&connection(1, "a"), 9).await.is_err(), "a removed connection does not come back");
    assert!(store.list("a").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn claims_tell_who_has_the_events_and_who_may_have_them() -> anyhow::Result<()> {
    let (_table, store) = &created().await?;
    let ids = |from: u32| (from..from + 3).map(|id| format!("c{id}")).collect::<Vec<_>>();
    let first = store.claim("a", 7, ids(0)).await?;
    store.claim("a", 7, ids(3)).await?;
    store.claim("a", 8, ids(6)).await?;
    store.claim_done("a", first).await?;
    let claims: BTreeSet<_> = store.claims("a", 7).await?.into_iter().map(|claim| (claim.done, claim.ids)).collect();
    assert_eq!(claims, BTreeSet::from([(true, ids(0)), (false, ids(3))]));
    Ok(())
}

#[tokio::test]
async fn publishers_learn_that_the_marks_of_an_interrupted_file_are_free() -> anyhow::Result<()> {
    let (_table, store) = &created().await?;
    store.note_sites(&["a".into()]).await?;
    let lease = store.take_lease(Work::File("f".into()), &mut Watch::default()).await?.expect("nobody has it");
    let mark = Mark::new("series", Origin::File("f".into()), (0, 9), 10);
    assert!(store.begin_file(&lease, ("a", 1), "f", &[mark], json!({})).await?);
    let publish = async |head| store.publish(Publication { site: "a", head, events: &[], series: Vec::new() }).await;
    let head = store.head("a").await?;
    assert!(matches!(publish(head).await, Ok(Published::Done(..))));
    store.give_back(&lease).await?;
    let work = Work::File("f".into());
    let abandoned = store.abandoned(&work, &mut Watch::default()).await?.expect("it was returned");
    assert!(store.note_interrupted(&abandoned, "a", "f").await?);
    assert!(matches!(publish(head).await, Err(StoreError::Conflict)));
    assert!(matches!(publish(store.head("a").await?).await, Ok(Published::Done(..))));
    Ok(())
}

#[tokio::test]
async fn a_file_that_was_taken_up_again_is_not_noted_as_interrupted() -> anyhow::Result<()> {
    let (_table, store) = &created().await?;
    store.note_sites(&["a".into()]).await?;
    let (work, mut watch) = (Work::File("f".into()), Watch::default());
    let dead = store.take_lease(work.clone(), &mut watch).await?.expect("nobody has it");
    let mark = || Mark::new("series", Origin::File("f".into()), (0, 9), 10);
    store.begin_file(&dead, ("a", 1), "f", &[mark()], json!({})).await?;
    assert!(store.abandoned(&work, &mut watch).await?.is_none(), "its holder may be alive");
    tokio::time::sleep(LEASE).await;
    let abandoned = store.abandoned(&work, &mut watch).await?.expect("no sign of life");
    let lease = store.take_lease(work.clone(), &mut watch).await?.expect("its holder is dead");
    assert!(!store.note_interrupted(&abandoned, "a", "f").await?);
    store.begin_file(&lease, ("a", 1), "f", &[mark()], json!({})).await?;
    assert!(store.end_file(&lease, "a", "f", store.head("a").await?, &[]).await?.is_some());
    Ok(())
}

#[tokio::test]
async fn counters_sum_what_every_process_adds() -> anyhow::Result<()> {
    let (_table, store) = &created().await?;
    let mut adding = tokio::task::JoinSet::new();
    for process in 0..5 {
        let store = store.clone();
        adding.spawn(async move {
            let delta = |series: &str, numbers: &[(&str, f64)]| Delta {
                series: series.to_owned(),
                numbers: numbers.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect(),
            };
            for _ in 0..20 {
                let origin = format!("process{process}");
                store.add_to_counter(&origin, &delta("a_total", &[("v", 1.0)])).await?;
                store
                    .add_to_counter(&origin, &delta("h{p=\"x\"}", &[("sum", 0.5), ("count", 2.0), ("b1", 0.0)]))
                    .await?;
                store.add_to_counter(&origin, &delta("nothing", &[("v", 0.0)])).await?;
            }
            Ok::<_, table::StoreError>(())
        });
    }
    while let Some(done) = adding.join_next().await {
        done??;
    }
    let counters = store.counters().await?;
    assert_eq!((counters["a_total"]["v"], counters.len()), (100.0, 2));
    let expected = BTreeMap::from([("sum".to_owned(), 50.0), ("count".to_owned(), 200.0)]);
    assert_eq!(counters["h{p=\"x\"}"], expected);
    Ok(())
}

#[tokio::test]
async fn a_shared_rate_takes_its_limit_and_no_more_and_recovers_evenly() -> anyhow::Result<()> {
    let (_table, store) = &created().await?;
    let now = domain::time::now();
    let taken = async |key: &str, tries: u32, now: i64| {
        let mut taken = 0;
        for _ in 0..tries {
            taken += u32::from(store.within_rate(key, 10, now).await?);
        }
        anyhow::Ok(taken)
    };
    assert_eq!(taken("10.0.0.1 /api", 12, now).await?, 10);
    assert_eq!(taken("10.0.0.2 /api", 1, now).await?, 1, "another client");
    // A tenth of a second later there is room for one, but not for another second's ten.
    assert_eq!(taken("10.0.0.1 /api", 5, now + 100_000).await?, 1);
    assert_eq!(taken("10.0.0.1 /api", 12, now + 1_100_000).await?, 10);
    Ok(())
}

/// A settler reads the directory first, and the segments some time later.
#[tokio::test]
async fn readings_are_all_found_though_their_segment_has_moved_meanwhile() -> anyhow::Result<()> {
    let (table, store) = created().await?;
    let server = Server::options().table(table.endpoint(), table.name()).start().await?;
    let mut socket = Socket::connect(&server.ws_url("/ws/effluent?site=elsewhere")).await?;
    let mut publish = async |hour: u32| {
        let reading = json!({"time": hour, "species": "SO4", "concentration": hour, "site": "plant"});
        socket.send(&reading).await?;
        socket.send(&json!({"type": "ping"})).await?;
        socket.next_of("pong").await.map(drop)
    };
    publish(1).await?;
    publish(2).await?;
    let before = store.series_of("plant").await?.pop().expect("it has readings");
    // Segments of more than two days are stored separately.
    publish(100).await?;
    let mut readings = store.readings(&before, &View::default(), (i64::MIN, i64::MAX)).await?;
    let mut found = Vec::new();
    while let Some(piece) = readings.next_piece()? {
        found.extend(piece.values);
    }
    assert_eq!(found, [1.0, 2.0, 100.0]);
    // A file in between counts as an overlap.
    Api::new(&server).ingest("?site=plant", "time,species,concentration\n50,SO4,7\n").await?;
    assert!(store.overlap_of(&before, &View::default(), (i64::MIN, i64::MAX)).await?);
    Ok(())
}

/// Adds a reading of 900 mg/L.
fn push(columns: &mut Columns, time: i64) -> anyhow::Result<()> {
    let flags = Flags::new(Qualifier::Equal, TimeKind::Hours, None, columns.unit_index("mg/L")?);
    columns.push(Row { time, value: 900.0, flags, limit: 0.0, sample: 0 });
    Ok(())
}

/// A reader that queries one class after the other may see it before it moves, and again after.
#[tokio::test]
async fn a_segment_that_is_met_in_two_places_counts_once() -> anyhow::Result<()> {
    let (_table, store) = &created().await?;
    let mut entry = Entry::new(Series::raw("plant", "001", "SO4"));
    let order = Order { revision: 2, index: 0 };
    let mut columns = Columns::default();
    for hour in [1, 2, 100] {
        push(&mut columns, hour * HOUR)?;
        store.put_segments(vec![segments::item(&entry.id, order, &columns)?]).await?;
        entry.note(&columns, order);
    }
    let all = (i64::MIN, i64::MAX);
    let mut readings = store.readings(&entry, &View::default(), all).await?;
    let found = readings.next_piece()?.expect("there are three");
    assert_eq!(found.times, [HOUR, 2 * HOUR, 100 * HOUR]);
    assert!(!store.overlap_of(&entry, &View::default(), all).await?);
    Ok(())
}

/// A file that has stored two readings at 48 and 49 h and was interrupted before it announced them.
async fn interrupted_file(store: &Store) -> anyhow::Result<()> {
    let series = Series::raw("plant", "001", "SO4");
    let revision = store.next_revision("plant").await?;
    let lease = store.take_lease(Work::File("f".into()), &mut Watch::default()).await?.expect("nobody has it");
    let ingest = json!({
        "id": "f", "digest": "", "bytes": 0, "site": null, "source": "", "who": "", "received_at": "",
        "code_version": "", "state": "recording", "revisions": {"plant": revision}, "answer": null,
    });
    store.begin_ingest(serde_json::from_value(ingest)?).await?;
    let (from, to) = (48 * HOUR, 49 * HOUR);
    store.begin_file(&lease, ("plant", 2), "f", &[Mark::of_file(&series, "f", (from, to), 2)], json!({})).await?;
    let mut columns = Columns::default();
    push(&mut columns, from)?;
    push(&mut columns, to)?;
    store.put_segments(vec![segments::item(&series.id(), Order { revision, index: 0 }, &columns)?]).await?;
    store.give_back(&lease).await?;
    let work = Work::File("f".into());
    let abandoned = store.abandoned(&work, &mut Watch::default()).await?.expect("it was returned");
    assert!(store.note_interrupted(&abandoned, "plant", "f").await?);
    Ok(())
}

/// The first reading settles the site, which reveals the file's readings; the second one is judged with them.
#[tokio::test]
async fn who_publishes_judges_by_what_an_interrupted_file_has_left() -> anyhow::Result<()> {
    let (table, store) = created().await?;
    let server = Server::options().table(table.endpoint(), table.name()).start().await?;
    let api = Api::new(&server);
    let limit = json!({"parameter": "SO4", "value": 400, "unit": "mg/L", "statistic": "rolling_mean(3)"});
    permitted(&api, "plant", &json!({"limits": [limit]})).await?;
    interrupted_file(&store).await?;
    let mut socket = Socket::connect(&server.ws_url("/ws/effluent?site=elsewhere")).await?;
    for hour in [60, 61] {
        let reading = json!({"time": hour, "species": "SO4", "concentration": 300, "unit": "mg/L", "site": "plant"});
        socket.send(&reading).await?;
        socket.send(&json!({"type": "ping"})).await?;
        socket.next_of("pong").await?;
        let pending = async || Ok(api.json("/api/status?site=plant").await?["sites"][0]["pending"].clone());
        assert_eq!(until(pending, |pending| pending == 0).await?, 0);
    }
    // The means of 900, 900 and 300, and of 900, 300 and 300.
    assert_eq!(alerts(&api, "plant").await?.len(), 2);
    Ok(())
}
