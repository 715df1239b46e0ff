//! The events about objects for EventBridge, field by field as in AWS:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>. As there, keys are not encoded.

use super::bucket::Bucket;
use super::index::Version;
use super::service::Caller;
use crate::events::event;
use crate::template::{ACCOUNT, bucket_arn};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A listener for events.
pub(crate) type Listener = Arc<dyn Fn(Value) + Send + Sync>;

/// A change to an object.
#[derive(Debug, Clone, Copy)]
pub(super) enum Happened<'a> {
    Created { key: &'a str, version: &'a Version, reason: &'static str },
    Deleted { key: &'a str, version: &'a Version, sequencer: &'a str, marker: bool },
}

/// The ETag of an empty body, which AWS reports for a delete marker.
const EMPTY: &str = "d41d8cd98f00b204e9800998ecf8427e";

impl Happened<'_> {
    pub(super) fn event(&self, bucket: &Bucket, caller: &Caller) -> Value {
        let (kind, key, version, reason) = match *self {
            Self::Created { key, version, reason } => ("Object Created", key, version, reason),
            Self::Deleted { key, version, .. } => ("Object Deleted", key, version, "DeleteObject"),
        };
        let mut object = Map::from_iter([("key".to_owned(), json!(key))]);
        let mut set = |name: &str, value: Value| drop(object.insert(name.to_owned(), value));
        let (size, etag) = match &version.content {
            Some(content) => (content.size, content.etag.as_str()),
            None => (0, EMPTY),
        };
        if matches!(self, Self::Created { .. }) {
            set("size", json!(size));
        }
        set("etag", json!(etag));
        if bucket.versioned {
            set("version-id", json!(version.id));
        }
        match *self {
            Self::Created { .. } => set("sequencer", json!(version.sequencer)),
            Self::Deleted { sequencer, .. } => set("sequencer", json!(sequencer)),
        }
        let mut detail = json!({
            "version": "0",
            "bucket": {"name": bucket.name},
            "object": object,
            "request-id": caller.request_id,
            "requester": ACCOUNT,
            "source-ip-address": caller.address,
            "reason": reason,
        });
        if let Self::Deleted { marker, .. } = self {
            detail["deletion-type"] = json!(if *marker { "Delete Marker Created" } else { "Permanently Deleted" });
        }
        event("aws.s3", kind, jiff::Timestamp::now(), json!([bucket_arn(&bucket.name)]), detail)
    }
}
