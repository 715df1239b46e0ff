//! Copies within the buckets.

use super::bucket::{Bucket, Precondition};
use super::conditions::Conditions;
use super::index::{Content, Headers, Version};
use super::notice::Happened;
use super::operations::headers;
use super::receive::Claims;
use super::service::{Answer, Service, etag, modified, read, version_id};
use crate::digest::hex;
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};
use std::sync::Arc;
use tokio::fs::File;

macro_rules! source_conditions {
    ($input:expr) => {
        Conditions {
            matches: $input.copy_source_if_match.clone(),
            matches_none: $input.copy_source_if_none_match.clone(),
            modified_since: $input.copy_source_if_modified_since.clone(),
            unmodified_since: $input.copy_source_if_unmodified_since.clone(),
        }
    };
}

/// The source of a copy.
struct Source {
    bucket: Arc<Bucket>,
    version: Version,
    content: Content,
    file: File,
}

impl Source {
    async fn open<T>(
        service: &Service,
        request: &S3Request<T>,
        source: &CopySource,
        conditions: &Conditions,
    ) -> S3Result<Self> {
        let CopySource::Bucket { bucket: name, key, version_id } = source else {
            return Err(s3_error!(NotImplemented, "only objects of buckets are copied"));
        };
        let action = if version_id.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
        let bucket = service.permit(request, action, name, Some(key))?;
        let found = bucket.open_object(key, version_id.as_deref()).await;
        let (version, content, file) = found.map_err(|error| service.absent(request, name, error))?;
        conditions.check_source(&content.etag, &modified(&version))?;
        Ok(Self { bucket, version, content, file })
    }
}

pub(super) async fn object(service: &Service, request: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
    let input = &request.input;
    let bucket = service.permit(&request, "s3:PutObject", &input.bucket, Some(&input.key))?;
    let source = Source::open(service, &request, &input.copy_source, &source_conditions!(input)).await?;
    let replaced = input.metadata_directive.as_ref().is_some_and(|how| how.as_str() == MetadataDirective::REPLACE);
    let headers = if replaced { headers!(input) } else { source.content.headers.clone() };
    let (body, _) = read(source.file, source.content.size, None).await?;
    let fresh = bucket.receive(Some(body), &Claims::default()).await?;
    // A copy is written in one piece, even if its source was not.
    let content = (hex(&fresh.md5), Vec::new(), headers);
    let version = bucket.commit(&input.key, fresh, content, &Precondition::default())?;
    service.tell(&request, &bucket, Happened::Created { key: &input.key, version: &version, reason: "CopyObject" });
    let result = CopyObjectResult {
        e_tag: version.content.as_ref().map(|content| etag(&content.etag)),
        last_modified: Some(modified(&version)),
        ..Default::default()
    };
    Ok(S3Response::new(CopyObjectOutput {
        copy_object_result: Some(result),
        copy_source_version_id: version_id(&source.bucket, &source.version),
        version_id: version_id(&bucket, &version),
        ..Default::default()
    }))
}

pub(super) async fn part(service: &Service, request: S3Request<UploadPartCopyInput>) -> Answer<UploadPartCopyOutput> {
    let input = &request.input;
    let bucket = service.permit(&request, "s3:PutObject", &input.bucket, Some(&input.key))?;
    let source = Source::open(service, &request, &input.copy_source, &source_conditions!(input)).await?;
    let range = match &input.copy_source_range {
        None => None,
        Some(text) => {
            let range = Range::parse(text).map_err(|_| s3_error!(InvalidArgument, "the range cannot be read"))?;
            Some(range.check(source.content.size)?)
        }
    };
    let (body, _) = read(source.file, source.content.size, range).await?;
    let upload = (input.key.as_str(), input.upload_id.as_str());
    let part = bucket.receive_part(upload, input.part_number, Some(body), &Claims::default()).await?;
    let result = CopyPartResult {
        e_tag: Some(etag(&part.etag)),
        last_modified: Some(part.modified.into()),
        ..Default::default()
    };
    Ok(S3Response::new(UploadPartCopyOutput {
        copy_part_result: Some(result),
        copy_source_version_id: version_id(&source.bucket, &source.version),
        ..Default::default()
    }))
}
