//! Parts in a bucket: clients put them there directly, through presigned URLs.

use crate::bucket::{Place, failed};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, Part};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::io;
use std::time::Duration;
use table::uploads::Upload;

/// How long a URL is valid. After that, new ones are given for what is missing.
const GOOD_FOR: Duration = Duration::from_secs(3600);

const NO_SUCH_UPLOAD: &str = "NoSuchUpload";

/// The bucket.
pub struct BucketDepot {
    client: Client,
    place: Place,
}

impl BucketDepot {
    /// The bucket of an inbox.
    pub fn new(client: Client, place: Place) -> Self {
        Self { client, place }
    }

    pub(super) fn source(&self) -> String {
        self.place.source()
    }

    /// The origin of the URLs.
    pub(super) async fn origin(&self) -> Option<String> {
        let url = self.signed("origin", "origin", 1).await.ok()?;
        let (scheme, rest) = url.split_once("://")?;
        Some(format!("{scheme}://{}", rest.split('/').next()?))
    }

    fn key(&self, place: &str) -> String {
        format!("{}{place}", self.place.inbox())
    }

    pub(super) async fn begin(&self, place: &str) -> io::Result<String> {
        let upload = self.client.create_multipart_upload().bucket(&self.place.bucket).key(self.key(place));
        let begun = upload.content_type("text/csv").send().await.map_err(failed)?;
        Ok(begun.upload_id().unwrap_or_default().to_owned())
    }

    pub(super) async fn url(&self, upload: &Upload, part: u64) -> io::Result<String> {
        self.signed(&self.key(&upload.place), &upload.handle, part).await
    }

    async fn signed(&self, key: &str, handle: &str, part: u64) -> io::Result<String> {
        let request = self.client.upload_part().bucket(&self.place.bucket).key(key).upload_id(handle);
        let request = request.part_number(i32::try_from(part).map_err(io::Error::other)?);
        let good = PresigningConfig::expires_in(GOOD_FOR).map_err(io::Error::other)?;
        Ok(request.presigned(good).await.map_err(failed)?.uri().to_owned())
    }

    /// Puts a part.
    pub(super) async fn put(&self, upload: &Upload, part: u64, bytes: Bytes) -> io::Result<()> {
        let request = self.client.upload_part().bucket(&self.place.bucket).key(self.key(&upload.place));
        let request = request.upload_id(&upload.handle).part_number(i32::try_from(part).map_err(io::Error::other)?);
        request.body(bytes.into()).send().await.map(drop).map_err(failed)
    }

    async fn parts(&self, upload: &Upload) -> io::Result<Option<Vec<Part>>> {
        let request = self.client.list_parts().bucket(&self.place.bucket).key(self.key(&upload.place));
        let mut pages = request.upload_id(&upload.handle).into_paginator().send();
        let mut parts = Vec::new();
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => parts.extend(page.parts.unwrap_or_default()),
                Err(error) if error.code() == Some(NO_SUCH_UPLOAD) => return Ok(None),
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(Some(parts))
    }

    /// The parts that have their full length.
    pub(super) async fn there(&self, upload: &Upload) -> io::Result<Option<BTreeSet<u64>>> {
        let Some(parts) = self.parts(upload).await? else { return Ok(None) };
        let of = |part: &Part| Some((u64::try_from(part.part_number()?).ok()?, u64::try_from(part.size()?).ok()?));
        let is_whole = |(number, size): &(u64, u64)| {
            super::range(upload, *number).is_some_and(|(from, to)| to - from + 1 == *size)
        };
        Ok(Some(parts.iter().filter_map(of).filter(is_whole).map(|(number, _)| number).collect()))
    }

    pub(super) async fn complete(&self, upload: &Upload) -> io::Result<()> {
        let mut parts = CompletedMultipartUpload::builder();
        // Of two at once, one is too late.
        let Some(there) = self.parts(upload).await? else { return Ok(()) };
        for part in there {
            let part = CompletedPart::builder().set_part_number(part.part_number()).set_e_tag(part.e_tag);
            parts = parts.parts(part.build());
        }
        let request = self.client.complete_multipart_upload().bucket(&self.place.bucket).key(self.key(&upload.place));
        or_gone(request.upload_id(&upload.handle).multipart_upload(parts.build()).send().await)
    }

    pub(super) async fn give_up(&self, upload: &Upload) -> io::Result<()> {
        let request = self.client.abort_multipart_upload().bucket(&self.place.bucket).key(self.key(&upload.place));
        or_gone(request.upload_id(&upload.handle).send().await)
    }
}

/// Ignores that an upload is already gone.
fn or_gone<T, E>(done: Result<T, SdkError<E>>) -> io::Result<()>
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match done {
        Err(error) if error.code() == Some(NO_SUCH_UPLOAD) => Ok(()),
        done => done.map(drop).map_err(failed),
    }
}
