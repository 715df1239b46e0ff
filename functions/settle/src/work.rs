//! What an event asks for.

use lambda::Fault;
use serde::Deserialize;

/// The prefix of the marks' partition keys; the site's key follows.
const MARKS: &str = "MARKS#";
/// The `detail-type` of events from a schedule.
const SCHEDULED: &str = "Scheduled Event";

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// New marks were left at these sites.
    Sites(Vec<Marked>),
    /// Time to look for marks at all sites.
    Sweep,
}

/// A site of a batch. It appears once, however many marks it has there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The site's key.
    pub site: String,
    /// The position in the stream of the first of its marks.
    pub sequence_number: String,
}

/// The fields that we read of a stream batch or a schedule's event.
#[derive(Debug, Deserialize)]
pub struct Invocation {
    #[serde(rename = "Records")]
    records: Option<Vec<Record>>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Record {
    dynamodb: Change,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    #[serde(default)]
    sequence_number: String,
    keys: Option<Keys>,
}

#[derive(Debug, Deserialize)]
struct Keys {
    pk: Option<Text>,
}

#[derive(Debug, Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: Option<String>,
}

impl TryFrom<Invocation> for Work {
    type Error = Fault;

    fn try_from(event: Invocation) -> Result<Self, Fault> {
        match (event.records, event.detail_type.as_deref()) {
            (Some(records), _) => Ok(Self::Sites(sites(records))),
            (None, Some(SCHEDULED)) => Ok(Self::Sweep),
            (None, _) => Err(Fault::BadEvent("neither a batch of the table's stream nor a schedule's".into())),
        }
    }
}

fn sites(records: Vec<Record>) -> Vec<Marked> {
    let mut sites: Vec<Marked> = Vec::new();
    for Record { dynamodb: Change { sequence_number, keys } } in records {
        let key = keys.and_then(|keys| keys.pk?.text).unwrap_or_default();
        match key.strip_prefix(MARKS) {
            Some(site) if sites.iter().any(|marked| marked.site == site) => {}
            Some(site) => sites.push(Marked { site: site.to_owned(), sequence_number }),
            // The event filter should not let this through, and a retry would not help.
            None => tracing::error!(key, sequence_number, "a change that concerns no marks is ignored"),
        }
    }
    sites
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(event: &str) -> Result<Work, String> {
        let event: Invocation = serde_json::from_str(event).map_err(|error| error.to_string())?;
        Work::try_from(event).map_err(|error| error.to_string())
    }

    fn marked(site: &str, sequence_number: &str) -> Marked {
        Marked { site: site.into(), sequence_number: sequence_number.into() }
    }

    /// As Lambda delivers it, with two marks of one site, and unusual site keys.
    const BATCH: &str = r##"{"Records": [
        {"eventID": "f07f8ca4b0b26cb9c4e5e77e69f274ee", "eventName": "INSERT", "eventVersion": "1.1",
         "eventSource": "aws:dynamodb", "awsRegion": "eu-central-1",
         "dynamodb": {"ApproximateCreationDateTime": 1795697100,
            "Keys": {"pk": {"S": "MARKS#north"}, "sk": {"S": "F#3f9a"}},
            "NewImage": {"pk": {"S": "MARKS#north"}, "sk": {"S": "F#3f9a"}, "gpk": {"S": "MARKS"}, "from": {"N": "1"},
                "whole": {"BOOL": true}, "series": {"SS": ["a", "b"]}, "packed": {"B": "AAEqQQ=="}},
            "SequenceNumber": "1405400000000002063282832", "SizeBytes": 54, "StreamViewType": "NEW_IMAGE"},
         "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/t/stream/2026-11-26T00:00:00.000"},
        {"eventID": "a", "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
         "awsRegion": "eu-central-1", "userIdentity": null,
         "dynamodb": {"ApproximateCreationDateTime": 1795697100.25,
            "Keys": {"pk": {"S": "MARKS#outfall #2 – süd"}, "sk": {"S": "K#7"}},
            "SequenceNumber": "1405400000000002063282833", "SizeBytes": 54, "StreamViewType": "NEW_IMAGE"},
         "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/t/stream/2026-11-26T00:00:00.000"},
        {"eventID": "b", "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
         "awsRegion": "eu-central-1",
         "dynamodb": {"Keys": {"pk": {"S": "MARKS#north"}, "sk": {"S": "M#a1#r2"}},
            "SequenceNumber": "1405400000000002063282834", "SizeBytes": 54, "StreamViewType": "NEW_IMAGE"}}
    ]}"##;

    #[test]
    fn a_batch_names_each_site_once_with_its_first_place() {
        let expected =
            vec![marked("north", "1405400000000002063282832"), marked("outfall #2 – süd", "1405400000000002063282833")];
        assert_eq!(work(BATCH), Ok(Work::Sites(expected)));
    }

    #[test]
    fn what_is_of_no_marks_is_passed_over() {
        let batch = r#"{"Records": [
            {"dynamodb": {"Keys": {"pk": {"S": "FEED#north"}, "sk": {"S": "E#1"}}, "SequenceNumber": "1"}},
            {"dynamodb": {"Keys": {"pk": {"N": "5"}}, "SequenceNumber": "2"}},
            {"dynamodb": {"SequenceNumber": "3"}},
            {"dynamodb": {"Keys": {"pk": {"S": "MARKS#a"}, "sk": {"S": "M#1"}}, "SequenceNumber": "4"}}]}"#;
        assert_eq!(work(batch), Ok(Work::Sites(vec![marked("a", "4")])));
        assert_eq!(work(r#"{"Records": []}"#), Ok(Work::Sites(Vec::new())));
    }

    #[test]
    fn a_schedule_asks_for_a_sweep() {
        let rule = r#"{"version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
            "source": "aws.events", "account": "123456789012", "time": "2026-11-26T16:53:06Z", "region": "us-east-1",
            "resources": ["arn:aws:events:us-east-1:123456789012:rule/owsc-SettleFunctionSweep-1A2B"], "detail": {}}"#;
        let scheduler = r#"{"version": "0", "id": "x", "detail-type": "Scheduled Event", "source": "aws.scheduler",
            "account": "123456789012", "time": "2026-11-26T16:53:06Z", "region": "us-east-1",
            "resources": ["arn:aws:scheduler:us-east-1:123456789012:schedule/default/sweep"], "detail": "{}"}"#;
        for event in [rule, scheduler] {
            assert_eq!(work(event), Ok(Work::Sweep), "{event}");
        }
    }

    #[test]
    fn other_events_are_refused() {
        for event in ["{}", r#"{"detail-type": "Object Created", "source": "aws.s3"}"#, r#"{"requestContext": {}}"#] {
            let error = work(event).unwrap_err();
            assert!(error.contains("neither a batch of the table's stream nor a schedule's"), "{error}");
        }
        assert!(work(r#"{"Records": [{"s3": {}}]}"#).is_err());
    }
}
