//! Puts objects away.

use super::{Bucket, Version, failed};
use crate::source::{Shelf, Waiting};
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, MetadataDirective};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::io;

/// The most bytes that are copied in one request; longer objects are copied in parts.
const COPIED_AT_ONCE: i64 = 5 * 1024 * 1024 * 1024;
const PART: i64 = 1024 * 1024 * 1024;
/// Characters that are not encoded in a copy's source.
const IN_KEYS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The ETag of the original of a copy: an object that was uploaded in parts has another ETag than its copy.
const COPY_OF: &str = "copy-of";

/// An ETag without its quotes.
fn bare(etag: &str) -> &str {
    etag.trim_matches('"')
}

fn is_copy_of(there: &HeadObjectOutput, version: &Version) -> bool {
    let copy_of = || there.metadata().and_then(|metadata| metadata.get(COPY_OF));
    there.e_tag() == Some(&version.etag) || copy_of().is_some_and(|etag| etag == bare(&version.etag))
}

impl Bucket {
    /// Copies an object to a shelf, with its account beside it, and removes it from the inbox. An object that has
    /// replaced it stays. A repeat after an interruption makes no second copy.
    pub(super) async fn move_to(&self, file: &Waiting, shelf: Shelf, account: &Value) -> io::Result<()> {
        let (from, version) = (self.key(file), Version::parse(&file.version));
        let there = self.head(&from).await?.filter(|there| there.e_tag() == Some(&version.etag));
        if there.is_none() && version.id.is_none() {
            // An object that has replaced it is taken in by itself; one that was removed needs nothing.
            return Ok(());
        }
        let to = format!("{}{}/{}", self.place.base, shelf.folder(), file.place);
        let (to, is_there) = self.free(&to, &version).await?;
        let beside = self.client.put_object().bucket(&self.place.bucket).key(format!("{to}.json"));
        let account = serde_json::to_vec_pretty(account)?;
        beside.content_type("application/json").body(account.into()).send().await.map_err(failed)?;
        if !is_there {
            self.copy(&from, &to, &version).await?;
        }
        if there.is_none() {
            return Ok(());
        }
        let deleting = self.client.delete_object().bucket(&self.place.bucket).key(&from).if_match(&version.etag);
        match deleting.send().await {
            Err(error) if error.raw_response().is_some_and(|response| response.status().as_u16() == 412) => Ok(()),
            done => done.map(drop).map_err(failed),
        }
    }

    /// The metadata of an object, if it exists.
    pub(super) async fn head(&self, key: &str) -> io::Result<Option<HeadObjectOutput>> {
        match self.client.head_object().bucket(&self.place.bucket).key(key).send().await {
            Ok(head) => Ok(Some(head)),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// The key itself, or one with a number: files of one name may come every night, and each is evidence. Also whether
    /// a copy of this very file is there.
    async fn free(&self, key: &str, version: &Version) -> io::Result<(String, bool)> {
        let name_at = key.rfind('/').map_or(0, |slash| slash + 1);
        let (stem, extension) = match key[name_at..].rfind('.') {
            Some(point) if point > 0 => key.split_at(name_at + point),
            _ => (key, ""),
        };
        let mut number = 1;
        loop {
            let key = if number == 1 { key.to_owned() } else { format!("{stem} ({number}){extension}") };
            match self.head(&key).await? {
                None => return Ok((key, false)),
                Some(there) if is_copy_of(&there, version) => return Ok((key, true)),
                Some(_) => number += 1,
            }
        }
    }

    async fn copy(&self, from: &str, to: &str, version: &Version) -> io::Result<()> {
        let bucket = &self.place.bucket;
        let named = |id: &String| format!("?versionId={}", utf8_percent_encode(id, IN_KEYS));
        let of_version = version.id.as_ref().map(named).unwrap_or_default();
        let source = format!("{bucket}/{}{of_version}", utf8_percent_encode(from, IN_KEYS));
        let head = self.client.head_object().bucket(bucket).key(from).set_version_id(version.id.clone()).send().await;
        let head = head.map_err(failed)?;
        let size = head.content_length().unwrap_or_default();
        let mut metadata = head.metadata.unwrap_or_default();
        metadata.insert(COPY_OF.into(), bare(&version.etag).to_owned());
        if size <= COPIED_AT_ONCE {
            let copy = self.client.copy_object().bucket(bucket).key(to).copy_source(source);
            let copy = copy.metadata_directive(MetadataDirective::Replace).set_metadata(Some(metadata));
            let copy = copy.set_content_type(head.content_type).set_content_encoding(head.content_encoding);
            return copy.copy_source_if_match(&version.etag).send().await.map(drop).map_err(failed);
        }
        let upload = self.client.create_multipart_upload().bucket(bucket).key(to).set_metadata(Some(metadata));
        let upload = upload.set_content_type(head.content_type).set_content_encoding(head.content_encoding);
        let upload = upload.send().await.map_err(failed)?;
        let id = upload.upload_id().unwrap_or_default();
        let mut parts = CompletedMultipartUpload::builder();
        for (number, begin) in (1..).zip((0..size).step_by(PART as usize)) {
            let range = format!("bytes={begin}-{}", (begin + PART).min(size) - 1);
            let part = self.client.upload_part_copy().bucket(bucket).key(to).upload_id(id).part_number(number);
            let part = part.copy_source(&source).copy_source_if_match(&version.etag).copy_source_range(range);
            let copied = part.send().await.map_err(failed)?;
            let etag = copied.copy_part_result().and_then(|result| result.e_tag()).unwrap_or_default();
            parts = parts.parts(CompletedPart::builder().part_number(number).e_tag(etag).build());
        }
        let completing = self.client.complete_multipart_upload().bucket(bucket).key(to).upload_id(id);
        completing.multipart_upload(parts.build()).send().await.map(drop).map_err(failed)
    }
}
