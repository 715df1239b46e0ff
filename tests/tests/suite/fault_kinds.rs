//! The proxy that misbehaves as DynamoDB does, seen by a plain client without retries.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, Put, PutRequest, TransactWriteItem, Update, WriteRequest};
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};
use tests::faults::{Chances, Fault, Kind, Reason};
use tests::table::Table;
use tests::{Faults, PATIENCE};

const SEED: u64 = 7;
const PK: &str = "pk";
const SK: &str = "sk";

/// A table, the proxy in front of it, and a client of each: one that is lied to, and one that is not.
struct Bench {
    table: Table,
    faults: Faults,
    lied_to: Client,
    plain: Client,
}

fn client(endpoint: &str) -> Client {
    let config = tests::table::client(endpoint).config().to_builder();
    Client::from_conf(config.retry_config(RetryConfig::disabled()).build())
}

fn key(name: &str) -> HashMap<String, AttributeValue> {
    [(PK, "P"), (SK, name)].map(|(key, value)| (key.to_owned(), AttributeValue::S(value.to_owned()))).into()
}

impl Bench {
    /// A bench with these faults.
    async fn with(chances: Chances) -> anyhow::Result<Self> {
        let table = Table::new()?;
        table.store().create_table_if_missing().await?;
        let faults = Faults::before(table.endpoint(), SEED)?;
        faults.set(chances);
        faults.on();
        let (lied_to, plain) = (client(faults.endpoint()), client(table.endpoint()));
        Ok(Self { table, faults, lied_to, plain })
    }

    async fn put(&self, name: &str) -> anyhow::Result<()> {
        let put = self.lied_to.put_item().table_name(self.table.name());
        put.set_item(Some(key(name))).send().await?;
        Ok(())
    }

    /// The error code for a write of each kind.
    async fn single_writes(&self) -> [Option<String>; 3] {
        let name = self.table.name();
        let put = self.lied_to.put_item().table_name(name).set_item(Some(key("a"))).send().await;
        let update = self.lied_to.update_item().table_name(name).set_key(Some(key("a"))).send().await;
        let delete = self.lied_to.delete_item().table_name(name).set_key(Some(key("a"))).send().await;
        let codes = [code(put.as_ref().err()), code(update.as_ref().err()), code(delete.as_ref().err())];
        codes.map(|code| code.map(str::to_owned))
    }

    fn transaction(&self, items: usize) -> anyhow::Result<Vec<TransactWriteItem>> {
        let item = |number: usize| {
            let put = Put::builder().table_name(self.table.name()).set_item(Some(key(&format!("t{number}"))));
            Ok(TransactWriteItem::builder().put(put.build()?).build())
        };
        (0..items).map(item).collect()
    }

    /// What is really stored.
    async fn stored(&self) -> anyhow::Result<BTreeSet<String>> {
        let query = self.plain.query().table_name(self.table.name()).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", text("P"));
        let items = query.send().await?.items.unwrap_or_default();
        Ok(items.iter().filter_map(|item| item[SK].as_s().ok().cloned()).collect())
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn code<E: ProvideErrorMetadata, R>(error: Option<&SdkError<E, R>>) -> Option<&str> {
    error.and_then(SdkError::as_service_error).and_then(ProvideErrorMetadata::code)
}

#[tokio::test]
async fn single_writes_meet_transactions() -> anyhow::Result<()> {
    let bench = Bench::with(Chances::default().with(Kind::Conflict, 1.0)).await?;
    let conflict = Some("TransactionConflictException".to_owned());
    assert_eq!(bench.single_writes().await, [conflict.clone(), conflict.clone(), conflict]);
    assert!(bench.stored().await?.is_empty());
    // In a transaction, it is one of the reasons; reads are not affected.
    let transaction = bench.lied_to.transact_write_items().set_transact_items(Some(bench.transaction(1)?));
    transaction.send().await?;
    bench.lied_to.get_item().table_name(bench.table.name()).set_key(Some(key("a"))).send().await?;
    assert_eq!(bench.faults.count(Kind::Conflict), 3);
    assert_eq!(bench.faults.count_of(Kind::Conflict, "UpdateItem"), 1);
    assert_eq!(bench.faults.calls("GetItem"), 1);
    Ok(())
}

#[tokio::test]
async fn transactions_are_cancelled_for_the_sake_of_one_item() -> anyhow::Result<()> {
    let bench = Bench::with(Chances::default().with(Kind::Cancelled, 1.0)).await?;
    let mut met = BTreeSet::new();
    for _ in 0..60 {
        let transaction = bench.lied_to.transact_write_items().set_transact_items(Some(bench.transaction(3)?));
        let error = transaction.send().await.expect_err("it is cancelled").into_service_error();
        let message = error.message().unwrap_or_default().to_owned();
        let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
            cancelled,
        ) = error
        else {
            anyhow::bail!("another error: {error:?}");
        };
        let reasons = cancelled.cancellation_reasons();
        let codes: Vec<_> = reasons.iter().map(|reason| reason.code().unwrap_or_default()).collect();
        let hit: Vec<_> = (0..codes.len()).filter(|item| codes[*item] != "None").collect();
        assert_eq!((codes.len(), hit.len()), (3, 1), "{codes:?}");
        let about = "Transaction cancelled, please refer cancellation reasons for specific reasons";
        assert_eq!(message, format!("{about} [{}]", codes.join(", ")));
        for (item, reason) in reasons.iter().enumerate() {
            assert_eq!(reason.message().is_some(), item == hit[0], "{reason:?}");
        }
        met.insert((hit[0], codes[hit[0]].to_owned()));
    }
    let reasons = [Reason::Conflict, Reason::Throttling, Reason::Exceeded].map(|reason| reason.code().to_owned());
    let all: BTreeSet<_> = (0..3).flat_map(|item| reasons.clone().map(|reason| (item, reason))).collect();
    assert_eq!(met, all, "each item for each reason");
    assert!(bench.stored().await?.is_empty());
    assert_eq!(bench.faults.count_of(Kind::Cancelled, "TransactWriteItems"), 60);
    Ok(())
}

#[tokio::test]
async fn reads_and_writes_are_throttled_in_both_ways() -> anyhow::Result<()> {
    let bench = Bench::with(Chances::default().with(Kind::Throttled, 1.0)).await?;
    let mut codes = BTreeSet::new();
    for _ in 0..10 {
        let get = bench.lied_to.get_item().table_name(bench.table.name()).set_key(Some(key("a"))).send().await;
        let error = get.expect_err("it is throttled");
        assert_eq!(error.raw_response().map(|response| response.status().as_u16()), Some(400));
        let error = error.into_service_error();
        let known = error.is_throttling_exception() || error.is_provisioned_throughput_exceeded_exception();
        assert!(known, "the SDK does not know it: {error:?}");
        codes.extend(error.code().map(str::to_owned));
        codes.extend(bench.single_writes().await.into_iter().flatten());
    }
    let both = ["ProvisionedThroughputExceededException", "ThrottlingException"].map(str::to_owned);
    assert_eq!(codes, both.into());
    assert!(bench.stored().await?.is_empty());
    assert_eq!(bench.faults.count(Kind::Throttled), 40);
    Ok(())
}

#[tokio::test]
async fn it_fails_with_500_and_503() -> anyhow::Result<()> {
    let bench = Bench::with(Chances::default().with(Kind::Failed, 1.0)).await?;
    let mut statuses = BTreeSet::new();
    for _ in 0..20 {
        let query = bench.lied_to.query().table_name(bench.table.name());
        let error = query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", text("P"));
        let error = error.send().await.expect_err("it fails");
        let status = error.raw_response().map(|response| response.status().as_u16());
        statuses.insert((status, code(Some(&error)).unwrap_or_default().to_owned()));
    }
    let expected = [(Some(500), "InternalServerError".to_owned()), (Some(503), "ServiceUnavailable".to_owned())];
    assert_eq!(statuses, expected.into());
    Ok(())
}

#[tokio::test]
async fn answers_come_late() -> anyhow::Result<()> {
    let delay = Duration::from_millis(40);
    let bench = Bench::with(Chances::slow(delay)).await?;
    let started = Instant::now();
    bench.put("a").await?;
    bench.put("b").await?;
    assert!(started.elapsed() >= 2 * delay, "{:?}", started.elapsed());
    bench.faults.off();
    bench.put("c").await?;
    assert_eq!(bench.faults.count_of(Kind::Slow, "PutItem"), 2);
    assert_eq!(bench.stored().await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn writes_are_carried_out_and_nobody_is_told() -> anyhow::Result<()> {
    let bench = Bench::with(Chances::default().with(Kind::Lost, 1.0)).await?;
    let put = bench.lied_to.put_item().table_name(bench.table.name()).set_item(Some(key("a")));
    let error = put.send().await.expect_err("there is no answer");
    assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
    assert_eq!(bench.stored().await?, ["a".to_owned()].into());

    // Repeating the same transaction does not carry it out again, and uses a new connection.
    let add = Update::builder().table_name(bench.table.name()).set_key(Some(key("sum")));
    let add = add.update_expression("ADD n :one").expression_attribute_values(":one", AttributeValue::N("1".into()));
    let item = TransactWriteItem::builder().update(add.build()?).build();
    let transaction = || bench.lied_to.transact_write_items().transact_items(item.clone()).client_request_token("once");
    assert!(matches!(transaction().send().await, Err(SdkError::DispatchFailure(_))));
    bench.faults.off();
    transaction().send().await?;
    let sum = bench.plain.get_item().table_name(bench.table.name()).set_key(Some(key("sum"))).send().await?;
    assert_eq!(sum.item().and_then(|item| item["n"].as_n().ok()).map(String::as_str), Some("1"));
    assert_eq!(bench.faults.count(Kind::Lost), 2);
    Ok(())
}

#[tokio::test]
async fn of_a_batch_some_writes_are_left() -> anyhow::Result<()> {
    let bench = Bench::with(Chances::default().with(Kind::Unprocessed, 1.0)).await?;
    let write = |name: String| {
        let put = PutRequest::builder().set_item(Some(key(&name))).build()?;
        anyhow::Ok(WriteRequest::builder().put_request(put).build())
    };
    let mut sizes = BTreeSet::new();
    for round in 0..10 {
        let names: BTreeSet<_> = (0..10).map(|number| format!("{round} {number}")).collect();
        let writes = names.iter().cloned().map(write).collect::<anyhow::Result<Vec<_>>>()?;
        let answer = bench.lied_to.batch_write_item().request_items(bench.table.name(), writes).send().await?;
        let left = answer.unprocessed_items.unwrap_or_default().remove(bench.table.name()).unwrap_or_default();
        let left = left.iter().filter_map(|write| write.put_request()?.item()[SK].as_s().ok().cloned());
        let left: BTreeSet<_> = left.collect();
        let stored = bench.stored().await?;
        assert_eq!(names.difference(&stored).cloned().collect::<BTreeSet<_>>(), left, "what is left is not stored");
        assert!((1..10).contains(&left.len()), "{left:?}");
        sizes.insert(left.len());
    }
    assert!(sizes.len() > 1, "{sizes:?}");
    let alone = bench.lied_to.batch_write_item().request_items(bench.table.name(), vec![write("alone".into())?]);
    assert!(alone.send().await?.unprocessed_items.unwrap_or_default().is_empty());
    assert!(bench.stored().await?.contains("alone"));
    assert_eq!(bench.faults.count(Kind::Unprocessed), 10);
    Ok(())
}

#[tokio::test]
async fn rules_say_what_happens_to_which_call() -> anyhow::Result<()> {
    let bench = Bench::with(Chances::default()).await?;
    bench.faults.rule(|call| (call.operation == "PutItem" && call.count == 2).then_some(Fault::Failed));
    bench.faults.rule(|call| call.mentions("\"b\"").then_some(Fault::Lost));
    bench.faults.rule(|call| (call.body()["Item"][PK]["S"] == "P").then_some(Fault::Slow(Duration::from_millis(1))));
    let mut fates = Vec::new();
    for name in ["a", "a", "b", "c"] {
        fates.push(bench.put(name).await.is_ok());
    }
    assert_eq!(fates, [true, false, false, true]);
    let counts = [Kind::Failed, Kind::Lost, Kind::Slow].map(|kind| bench.faults.count(kind));
    assert_eq!(counts, [1, 1, 2], "{}", bench.faults.report());
    bench.faults.off();
    bench.put("b").await?;
    bench.faults.on();
    bench.faults.forget_rules();
    bench.put("b").await
}

#[tokio::test]
async fn a_call_is_held_where_the_window_is() -> anyhow::Result<()> {
    let bench = Bench::with(Chances::default()).await?;
    let before = bench.faults.hold(|call| call.mentions("\"a\""));
    let after = bench.faults.hold_answer(|call| call.mentions("\"b\""));
    let (first, second) = (bench.put("a"), bench.put("b"));
    let watching = async {
        before.reached().await?;
        after.reached().await?;
        assert_eq!(bench.stored().await?, ["b".to_owned()].into(), "one waits to be carried out, one for its answer");
        // A hold applies to one call.
        bench.put("a").await?;
        bench.faults.off();
        let gone = bench.faults.hold(|call| call.mentions("\"gone\""));
        // The caller gives up, but a received call is carried out all the same.
        let mut asking = Box::pin(bench.put("gone"));
        tokio::select! {
            answer = &mut asking => anyhow::bail!("answered while it is held: {answer:?}"),
            reached = gone.reached() => reached?,
        }
        drop(asking);
        gone.release();
        before.release();
        after.release();
        let until = Instant::now() + PATIENCE;
        while !bench.stored().await?.contains("gone") {
            anyhow::ensure!(Instant::now() < until, "not carried out");
        }
        anyhow::Ok(())
    };
    tokio::try_join!(first, second, watching)?;
    Ok(())
}

#[tokio::test]
async fn the_same_seed_gives_the_same_faults() -> anyhow::Result<()> {
    let mut fates = [Vec::new(), Vec::new()];
    for (round, fates) in fates.iter_mut().enumerate() {
        let bench = Bench::with(Chances::every(0.3)).await?;
        for number in 0..60 {
            fates.push(bench.put(&number.to_string()).await.is_ok());
            // Other calls meanwhile change nothing.
            for _ in 0..round {
                let get = bench.lied_to.get_item().table_name(bench.table.name());
                let _ = get.set_key(Some(key("a"))).send().await;
            }
        }
    }
    assert_eq!(fates[0], fates[1]);
    // 0.7 to the power of the four kinds that a write can meet.
    let passed = fates[0].iter().filter(|passed| **passed).count();
    assert!((5..=25).contains(&passed), "{passed} of 60 passed, where 14 are expected");
    Ok(())
}

#[tokio::test]
async fn a_client_that_tries_again_understands_it() -> anyhow::Result<()> {
    let bench = Bench::with(Chances::every(0.3).with(Kind::Conflict, 0.0)).await?;
    let config = tests::table::client(bench.faults.endpoint()).config().to_builder();
    let tries = RetryConfig::standard().with_max_attempts(20).with_initial_backoff(Duration::from_millis(1));
    let patient = Client::from_conf(config.retry_config(tries).build());
    for number in 0..30 {
        let put = patient.put_item().table_name(bench.table.name());
        put.set_item(Some(key(&number.to_string()))).send().await?;
    }
    assert_eq!(bench.stored().await?.len(), 30);
    for kind in [Kind::Throttled, Kind::Failed, Kind::Slow, Kind::Lost] {
        assert!(bench.faults.count_of(kind, "PutItem") > 0, "{}", bench.faults.report());
    }
    Ok(())
}
