use super::*;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};

/// Records which sites it is asked to settle; a site fails as its name says.
#[derive(Default)]
struct Noted {
    settled: RefCell<Vec<String>>,
    sweeps: Cell<usize>,
}

impl Settle for Noted {
    async fn site(&self, site: &str) -> Result<(), Fault> {
        self.settled.borrow_mut().push(site.to_owned());
        match site {
            "broken" => Err(Fault::BadEvent("asked to fail".into())),
            "damaged" => Err(Fault::Store(StoreError::Damaged { key: site.into(), reason: "asked to".into() })),
            site if site.starts_with("endless") => std::future::pending().await,
            _ => Ok(()),
        }
    }

    async fn sweep(&self) -> Result<(), Fault> {
        self.sweeps.set(self.sweeps.get() + 1);
        Ok(())
    }
}

fn batch_of(sites: &[&str]) -> Invocation {
    let record = |(number, site): (usize, &&str)| {
        json!({"eventName": "INSERT", "dynamodb": {"SequenceNumber": number.to_string(),
            "Keys": {"pk": {"S": format!("MARKS#{site}")}, "sk": {"S": "F#1"}}}})
    };
    let records: Vec<Value> = sites.iter().enumerate().map(record).collect();
    serde_json::from_value(json!({"Records": records})).unwrap()
}

fn failures(response: &DynamoDbEventResponse) -> Vec<&str> {
    let mut failures: Vec<_> =
        response.batch_item_failures.iter().filter_map(|failure| failure.item_identifier.as_deref()).collect();
    failures.sort_unstable();
    failures
}

const TIME: Duration = Duration::from_secs(300);

#[tokio::test]
async fn what_failed_is_named_by_its_first_place() {
    let noted = Noted::default();
    let event = batch_of(&["a", "a", "broken", "b", "broken", "damaged"]);
    let response = handle(&noted, event, TIME).await.unwrap();
    assert_eq!(failures(&response), ["2"]);
    assert_eq!(*noted.settled.borrow(), ["a", "broken", "b", "damaged"], "each once, even if others fail");
    assert_eq!(noted.sweeps.get(), 0);
}

#[tokio::test]
async fn one_site_without_an_end_holds_up_no_other_and_is_named_in_time() {
    let noted = Noted::default();
    let sites = ["endless", "a", "b", "c", "d", "e"];
    let response = handle(&noted, batch_of(&sites), TO_TELL + Duration::from_millis(50)).await.unwrap();
    assert_eq!(failures(&response), ["0"]);
    assert_eq!(*noted.settled.borrow(), sites);
}

#[tokio::test]
async fn what_there_is_no_time_for_is_not_begun() {
    let noted = Noted::default();
    let sites = ["endless 1", "endless 2", "endless 3", "endless 4", "a", "b"];
    let response = handle(&noted, batch_of(&sites), TO_TELL + Duration::from_millis(50)).await.unwrap();
    assert_eq!(failures(&response), ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(*noted.settled.borrow(), sites[..4], "no more at once than memory is sized for");
}

#[tokio::test]
async fn a_schedule_sweeps() {
    let noted = Noted::default();
    let event = serde_json::from_value(json!({"detail-type": "Scheduled Event", "source": "aws.events"})).unwrap();
    let response = handle(&noted, event, TIME).await.unwrap();
    assert!(response.batch_item_failures.is_empty() && noted.settled.borrow().is_empty());
    assert_eq!(noted.sweeps.get(), 1);
}

#[tokio::test]
async fn other_events_fail_the_invocation() {
    let error = handle(&Noted::default(), serde_json::from_value(json!({})).unwrap(), TIME).await.unwrap_err();
    assert!(matches!(error, Fault::BadEvent(_)), "{error}");
}
