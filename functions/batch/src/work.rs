//! What an event asks for.

use files::bucket::Place;
use lambda::Fault;
use serde::Deserialize;

/// The `detail-type` of EventBridge schedules, and of S3 for new objects.
const SCHEDULED: &str = "Scheduled Event";
const CREATED: &str = "Object Created";

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// A file arrived for this site, or, without a site, one whose rows name their sites.
    Site(Option<String>),
    /// Sweep the whole inbox.
    Sweep,
    /// The event does not concern the inbox.
    Nothing,
}

/// The fields of an event that we read.
#[derive(Debug, Deserialize)]
pub struct Invocation {
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    detail: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Created {
    bucket: Named,
    object: Keyed,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Keyed {
    key: String,
}

impl Work {
    /// The work an event asks for. The object itself is not checked: by the time the event arrives, it may be gone or
    /// replaced. What counts is what the inbox holds then.
    pub fn of(event: Invocation, place: &Place) -> Result<Self, Fault> {
        match event.detail_type.as_deref() {
            Some(SCHEDULED) => Ok(Self::Sweep),
            Some(CREATED) => {
                let detail = event.detail.unwrap_or_default();
                let created: Created = serde_json::from_value(detail).map_err(|error| bad(&error.to_string()))?;
                let site = place.site_of(&created.object.key).filter(|_| created.bucket.name == place.bucket);
                if site.is_none() {
                    // The rule's filter should not let this through.
                    tracing::warn!(
                        key = created.object.key,
                        bucket = created.bucket.name,
                        "an object that is not in the inbox"
                    );
                }
                Ok(site.map_or(Self::Nothing, |site| Self::Site(site.map(str::to_owned))))
            }
            _ => Err(bad("neither of S3, through EventBridge, nor of a schedule")),
        }
    }
}

fn bad(reason: &str) -> Fault {
    Fault::BadEvent(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(event: &str) -> Result<Work, String> {
        let event: Invocation = serde_json::from_str(event).map_err(|error| error.to_string())?;
        Work::of(event, &Place::parse("s3://amzn-s3-demo-bucket1").unwrap()).map_err(|error| error.to_string())
    }

    /// The example of the S3 user's guide, with a key of the inbox
    /// (docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html).
    fn created(key: &str) -> String {
        let key = serde_json::to_string(key).unwrap();
        format!(
            r#"{{"version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created",
            "source": "aws.s3", "account": "111122223333", "time": "2021-11-12T00:00:00Z", "region": "ca-central-1",
            "resources": ["arn:aws:s3:::amzn-s3-demo-bucket1"],
            "detail": {{"version": "0", "bucket": {{"name": "amzn-s3-demo-bucket1"}},
                "object": {{"key": {key}, "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184",
                    "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", "sequencer": "617f08299329d189"}},
                "request-id": "N4N7GDK58NMKJ12R", "requester": "123456789012", "source-ip-address": "1.2.3.4",
                "reason": "PutObject"}}}}"#
        )
    }

    #[test]
    fn an_object_in_the_inbox_names_its_site() {
        let site = |site: &str| Ok(Work::Site(Some(site.into())));
        assert_eq!(work(&created("inbox/north/r.csv")), site("north"));
        assert_eq!(work(&created("inbox/outfall #2 – süd/a+b %41.csv")), site("outfall #2 – süd"));
        assert_eq!(work(&created("inbox/r.csv")), Ok(Work::Site(None)));
        assert_eq!(work(&created("done/north/r.csv")), Ok(Work::Nothing));
        let elsewhere = created("inbox/north/r.csv").replace("\"amzn-s3-demo-bucket1\"", "\"other\"");
        assert_eq!(work(&elsewhere), Ok(Work::Nothing));
    }

    #[test]
    fn a_schedule_asks_for_a_sweep() {
        for source in ["aws.events", "aws.scheduler"] {
            let event = format!(r#"{{"detail-type": "Scheduled Event", "source": "{source}", "detail": {{}}}}"#);
            assert_eq!(work(&event), Ok(Work::Sweep));
        }
    }

    #[test]
    fn other_events_are_refused() {
        for event in ["{}", r#"{"Records": []}"#, r#"{"detail-type": "Object Created", "detail": {"bucket": 5}}"#] {
            assert!(work(event).is_err(), "{event}");
        }
    }
}
