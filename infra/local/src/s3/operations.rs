//! The operations on buckets and objects, in the terms of S3's interface.

use super::bucket::Precondition;
use super::conditions::Conditions;
use super::index::{Content, Headers};
use super::listing::{self, Page, Query, shown};
use super::notice::Happened;
use super::receive::Claims;
use super::service::{Answer, Service, caller, etag, metadata, modified, read, signed, version_id, wanted};
use super::{copies, parts};
use crate::digest::hex;
use crate::permissions::Wish;
use crate::template::region;
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

/// The headers of an object, as found in the inputs of several operations.
macro_rules! headers {
    ($input:expr) => {
        Headers {
            content_type: $input.content_type.clone(),
            content_encoding: $input.content_encoding.clone(),
            content_disposition: $input.content_disposition.clone(),
            content_language: $input.content_language.clone(),
            cache_control: $input.cache_control.clone(),
            metadata: $input.metadata.clone().unwrap_or_default().into_iter().collect(),
        }
    };
}
pub(super) use headers;

macro_rules! conditions {
    ($input:expr) => {
        Conditions {
            matches: $input.if_match.clone(),
            matches_none: $input.if_none_match.clone(),
            modified_since: $input.if_modified_since.clone(),
            unmodified_since: $input.if_unmodified_since.clone(),
        }
    };
}

/// The description of an object, as found in the outputs of two operations.
macro_rules! described {
    ($output:ident, $bucket:expr, $version:expr, $content:expr, $part:expr, $range:expr, $length:expr) => {
        $output {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: $content.headers.cache_control.clone(),
            content_disposition: $content.headers.content_disposition.clone(),
            content_encoding: $content.headers.content_encoding.clone(),
            content_language: $content.headers.content_language.clone(),
            content_length: Some(signed($length)),
            content_range: $range
                .map(|range| format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), $content.size)),
            content_type: Some($content.headers.content_type.clone().unwrap_or_else(|| UNTYPED.to_owned())),
            e_tag: Some(etag(&$content.etag)),
            last_modified: Some(modified(&$version)),
            metadata: metadata(&$content.headers),
            parts_count: parts_count(&$content, $part),
            version_id: version_id(&$bucket, &$version),
            ..Default::default()
        }
    };
}

/// The type of an object that was put without one.
const UNTYPED: &str = "binary/octet-stream";

/// How many parts an object has; returned only to those who request a part.
fn parts_count(content: &Content, part: Option<i32>) -> Option<i32> {
    part.and_then(|_| i32::try_from(content.parts.len()).ok()).filter(|parts| *parts > 0)
}

#[async_trait::async_trait]
impl S3 for Service {
    async fn list_buckets(&self, request: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        self.permit_wish(&request, &Wish::new("s3:ListAllMyBuckets", "*".to_owned()))?;
        let prefix = request.input.prefix.as_deref().unwrap_or_default();
        let buckets = self.buckets().filter(|bucket| bucket.name.starts_with(prefix));
        let buckets = buckets.map(|bucket| Bucket {
            name: Some(bucket.name.clone()),
            creation_date: Some(bucket.created.into()),
            bucket_region: Some(region()),
        });
        Ok(S3Response::new(ListBucketsOutput { buckets: Some(buckets.collect()), ..Default::default() }))
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.permit_list(&request, &request.input.bucket, None)?;
        Ok(S3Response::new(HeadBucketOutput { bucket_region: Some(region()), ..Default::default() }))
    }

    async fn get_bucket_location(&self, request: S3Request<GetBucketLocationInput>) -> Answer<GetBucketLocationOutput> {
        self.permit(&request, "s3:GetBucketLocation", &request.input.bucket, None)?;
        // The oldest region has no name here.
        let location_constraint = Some(region()).filter(|region| region != "us-east-1").map(Into::into);
        Ok(S3Response::new(GetBucketLocationOutput { location_constraint }))
    }

    async fn get_bucket_versioning(
        &self,
        request: S3Request<GetBucketVersioningInput>,
    ) -> Answer<GetBucketVersioningOutput> {
        let bucket = self.permit(&request, "s3:GetBucketVersioning", &request.input.bucket, None)?;
        let status = bucket.versioned.then(|| BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED));
        Ok(S3Response::new(GetBucketVersioningOutput { status, ..Default::default() }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let input = &request.input;
        let action = if input.version_id.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
        let bucket = self.permit(&request, action, &input.bucket, Some(&input.key))?;
        let found = bucket.open_object(&input.key, input.version_id.as_deref()).await;
        let (version, content, file) = found.map_err(|error| self.absent(&request, &input.bucket, error))?;
        conditions!(input).check(&content.etag, &modified(&version))?;
        let range = wanted(&content, input.range.as_ref(), input.part_number)?;
        let (body, length) = read(file, content.size, range.clone()).await?;
        let mut output = described!(GetObjectOutput, bucket, version, content, input.part_number, range, length);
        output.body = Some(body);
        Ok(S3Response::new(output))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let input = &request.input;
        let action = if input.version_id.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
        let bucket = self.permit(&request, action, &input.bucket, Some(&input.key))?;
        let found = bucket.find(&input.key, input.version_id.as_deref());
        let (version, content) = found.map_err(|error| self.absent(&request, &input.bucket, error))?;
        conditions!(input).check(&content.etag, &modified(&version))?;
        let range = wanted(&content, input.range.as_ref(), input.part_number)?;
        let length = range.as_ref().map_or(content.size, |range| range.end - range.start);
        let part = input.part_number;
        Ok(S3Response::new(described!(HeadObjectOutput, bucket, version, content, part, range, length)))
    }

    async fn put_object(&self, mut request: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let body = request.input.body.take();
        let input = &request.input;
        let bucket = self.permit(&request, "s3:PutObject", &input.bucket, Some(&input.key))?;
        let claims = Claims { length: input.content_length, md5: input.content_md5.clone() };
        let fresh = bucket.receive(body, &claims).await?;
        let precondition = Precondition { matches: input.if_match.clone(), matches_none: input.if_none_match.clone() };
        let content = (hex(&fresh.md5), Vec::new(), headers!(input));
        let version = bucket.commit(&input.key, fresh, content, &precondition)?;
        self.tell(&request, &bucket, Happened::Created { key: &input.key, version: &version, reason: "PutObject" });
        let e_tag = version.content.as_ref().map(|content| etag(&content.etag));
        let version_id = version_id(&bucket, &version);
        Ok(S3Response::new(PutObjectOutput { e_tag, version_id, ..Default::default() }))
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        copies::object(self, request).await
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        let input = &request.input;
        let precondition = Precondition { matches: input.if_match.clone(), matches_none: None };
        self.delete(&request, &input.bucket, &input.key, input.version_id.as_deref(), &precondition)
            .map(S3Response::new)
    }

    async fn delete_objects(&self, request: S3Request<DeleteObjectsInput>) -> Answer<DeleteObjectsOutput> {
        let input = &request.input;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in &input.delete.objects {
            let (key, id) = (object.key.clone(), object.version_id.clone());
            let precondition = Precondition { matches: object.e_tag.as_ref().map(condition), matches_none: None };
            match self.delete(&request, &input.bucket, &key, id.as_deref(), &precondition) {
                Ok(outcome) => {
                    let marker = outcome.delete_marker.filter(|_| id.is_none());
                    deleted.push(DeletedObject {
                        key: Some(key),
                        version_id: id,
                        delete_marker: marker,
                        delete_marker_version_id: outcome.version_id.filter(|_| marker.is_some()),
                    });
                }
                Err(error) => errors.push(Error {
                    key: Some(key),
                    version_id: id,
                    code: Some(error.code().as_str().to_owned()),
                    message: error.message().map(str::to_owned),
                }),
            }
        }
        let quiet = input.delete.quiet.unwrap_or(false);
        let deleted = Some(deleted).filter(|_| !quiet);
        let errors = Some(errors).filter(|errors| !errors.is_empty());
        Ok(S3Response::new(DeleteObjectsOutput { deleted, errors, ..Default::default() }))
    }

    async fn list_objects_v2(&self, request: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        let input = &request.input;
        let after = match &input.continuation_token {
            Some(token) => listing::place(token)
                .ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))?,
            None => input.start_after.clone().unwrap_or_default(),
        };
        let encoded = input.encoding_type.is_some();
        let most = most(input.max_keys)?;
        let (prefix, delimiter) = (input.prefix.as_deref(), input.delimiter.as_deref());
        let page = self.list(&request, &input.bucket, prefix, delimiter, &after, most)?;
        let next = page.next.as_deref().map(listing::token);
        let (contents, common_prefixes) = shown_page(page, encoded);
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket.clone()),
            prefix: Some(shown(prefix.unwrap_or_default(), encoded)),
            delimiter: delimiter.map(|delimiter| shown(delimiter, encoded)),
            start_after: input.start_after.as_deref().map(|after| shown(after, encoded)),
            encoding_type: input.encoding_type.clone(),
            continuation_token: input.continuation_token.clone(),
            max_keys: Some(input.max_keys.unwrap_or(1000)),
            key_count: i32::try_from(contents.len() + common_prefixes.len()).ok(),
            is_truncated: Some(next.is_some()),
            next_continuation_token: next,
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            ..Default::default()
        }))
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
        let input = &request.input;
        let encoded = input.encoding_type.is_some();
        let after = input.marker.clone().unwrap_or_default();
        let (prefix, delimiter) = (input.prefix.as_deref(), input.delimiter.as_deref());
        let page = self.list(&request, &input.bucket, prefix, delimiter, &after, most(input.max_keys)?)?;
        let next = page.next.as_deref().map(|next| shown(next, encoded));
        let (contents, common_prefixes) = shown_page(page, encoded);
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(input.bucket.clone()),
            prefix: Some(shown(prefix.unwrap_or_default(), encoded)),
            marker: Some(shown(&after, encoded)),
            delimiter: delimiter.map(|delimiter| shown(delimiter, encoded)),
            encoding_type: input.encoding_type.clone(),
            max_keys: Some(input.max_keys.unwrap_or(1000)),
            is_truncated: Some(next.is_some()),
            // Without a delimiter, clients use the last key, as in AWS.
            next_marker: next.filter(|_| delimiter.is_some()),
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            ..Default::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        parts::create(self, &request)
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        parts::upload(self, request).await
    }

    async fn upload_part_copy(&self, request: S3Request<UploadPartCopyInput>) -> Answer<UploadPartCopyOutput> {
        copies::part(self, request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        parts::complete(self, request).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        parts::abort(self, &request)
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        parts::list(self, &request)
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        parts::list_uploads(self, &request)
    }
}

impl Service {
    fn delete<T>(
        &self,
        request: &S3Request<T>,
        bucket: &str,
        key: &str,
        id: Option<&str>,
        precondition: &Precondition,
    ) -> S3Result<DeleteObjectOutput> {
        let action = if id.is_some() { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" };
        let bucket = self.permit(request, action, bucket, Some(key))?;
        let outcome = bucket.delete(key, id, precondition)?;
        let Some(version) = outcome.version else { return Ok(DeleteObjectOutput::default()) };
        let (sequencer, marker) = (&outcome.sequencer, outcome.marker);
        self.tell(request, &bucket, Happened::Deleted { key, version: &version, sequencer, marker });
        let is_marker = version.content.is_none();
        let version_id = version_id(&bucket, &version);
        Ok(DeleteObjectOutput { delete_marker: is_marker.then_some(true), version_id, ..Default::default() })
    }

    fn list<T>(
        &self,
        request: &S3Request<T>,
        bucket: &str,
        prefix: Option<&str>,
        delimiter: Option<&str>,
        after: &str,
        most: usize,
    ) -> S3Result<Page> {
        let bucket = self.permit_list(request, bucket, prefix)?;
        if most == 0 {
            return Ok(Page::default());
        }
        let query = Query { prefix: prefix.unwrap_or_default(), delimiter, after, most };
        let page = listing::list(&bucket.index(), &query);
        tracing::debug!(bucket = bucket.name, prefix, keys = page.objects.len(), by = caller(request).access_key);
        Ok(page)
    }
}

/// The `If-Match` condition for an ETag in a list of objects.
fn condition(etag: &ETag) -> ETagCondition {
    if etag.value() == "*" { ETagCondition::Any } else { ETagCondition::ETag(etag.clone()) }
}

fn most(asked: Option<i32>) -> S3Result<usize> {
    let most = usize::try_from(asked.unwrap_or(1000));
    let most = most.map_err(|_| s3_error!(InvalidArgument, "Argument max-keys must be an integer from 0 on"))?;
    Ok(most.min(listing::MOST))
}

fn shown_page(page: Page, encoded: bool) -> (Vec<Object>, Vec<CommonPrefix>) {
    let object = |(key, version, content): (String, super::index::Version, Content)| Object {
        key: Some(shown(&key, encoded)),
        e_tag: Some(etag(&content.etag)),
        size: Some(signed(content.size)),
        last_modified: Some(modified(&version)),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        ..Default::default()
    };
    let prefix = |prefix: String| CommonPrefix { prefix: Some(shown(&prefix, encoded)) };
    (page.objects.into_iter().map(object).collect(), page.prefixes.into_iter().map(prefix).collect())
}
