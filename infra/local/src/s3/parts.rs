//! Multipart uploads, in the terms of S3's interface.

use super::bucket::Precondition;
use super::index::Headers;
use super::notice::Happened;
use super::operations::headers;
use super::receive::Claims;
use super::service::{Answer, Service, etag, signed, version_id};
use super::uploads::{self, Claim, Upload};
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};
use std::time::{Duration, SystemTime};

pub(super) fn create(
    service: &Service,
    request: &S3Request<CreateMultipartUploadInput>,
) -> Answer<CreateMultipartUploadOutput> {
    let input = &request.input;
    let bucket = service.permit(request, "s3:PutObject", &input.bucket, Some(&input.key))?;
    let upload_id = Some(bucket.begin(&input.key, headers!(input))?);
    let (bucket, key) = (Some(input.bucket.clone()), Some(input.key.clone()));
    Ok(S3Response::new(CreateMultipartUploadOutput { bucket, key, upload_id, ..Default::default() }))
}

pub(super) async fn upload(service: &Service, mut request: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
    let body = request.input.body.take();
    let input = &request.input;
    let bucket = service.permit(&request, "s3:PutObject", &input.bucket, Some(&input.key))?;
    let claims = Claims { length: input.content_length, md5: input.content_md5.clone() };
    let part = bucket.receive_part((&input.key, &input.upload_id), input.part_number, body, &claims).await?;
    Ok(S3Response::new(UploadPartOutput { e_tag: Some(etag(&part.etag)), ..Default::default() }))
}

pub(super) async fn complete(
    service: &Service,
    request: S3Request<CompleteMultipartUploadInput>,
) -> Answer<CompleteMultipartUploadOutput> {
    let input = &request.input;
    let bucket = service.permit(&request, "s3:PutObject", &input.bucket, Some(&input.key))?;
    let (upload, folder) = bucket.upload(&input.key, &input.upload_id)?;
    let wanted = wanted(input)?;
    let claim = Claim::take(folder)?;
    let (fresh, whole, sizes) = bucket.assemble(claim.folder(), &wanted).await?;
    let precondition = Precondition { matches: input.if_match.clone(), matches_none: input.if_none_match.clone() };
    let version = bucket.commit(&input.key, fresh, (whole.clone(), sizes, upload.headers), &precondition)?;
    // At once: from here on the object exists, and no later failure may hide that.
    let happened = Happened::Created { key: &input.key, version: &version, reason: "CompleteMultipartUpload" };
    service.tell(&request, &bucket, happened);
    claim.done();
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        bucket: Some(input.bucket.clone()),
        key: Some(input.key.clone()),
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        e_tag: Some(etag(&whole)),
        version_id: version_id(&bucket, &version),
        ..Default::default()
    }))
}

/// The parts that a client wants to combine, with their ETags.
fn wanted(input: &CompleteMultipartUploadInput) -> S3Result<Vec<(i32, String)>> {
    let parts = input.multipart_upload.as_ref().and_then(|upload| upload.parts.as_ref());
    let named = |part: &CompletedPart| Some((part.part_number?, part.e_tag.as_ref()?.value().to_owned()));
    let wanted: Option<Vec<_>> = parts.into_iter().flatten().map(named).collect();
    wanted.ok_or_else(|| s3_error!(MalformedXML, "a part has no PartNumber or no ETag"))
}

pub(super) fn abort(
    service: &Service,
    request: &S3Request<AbortMultipartUploadInput>,
) -> Answer<AbortMultipartUploadOutput> {
    let input = &request.input;
    let bucket = service.permit(request, "s3:AbortMultipartUpload", &input.bucket, Some(&input.key))?;
    let (_, folder) = bucket.upload(&input.key, &input.upload_id)?;
    uploads::remove(&folder)?;
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}

pub(super) fn list(service: &Service, request: &S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
    let input = &request.input;
    let bucket = service.permit(request, "s3:ListMultipartUploadParts", &input.bucket, Some(&input.key))?;
    let (_, folder) = bucket.upload(&input.key, &input.upload_id)?;
    let most = usize::try_from(input.max_parts.unwrap_or(1000)).unwrap_or(0).min(1000);
    let after = input.part_number_marker.unwrap_or(0);
    let mut parts = uploads::parts(&folder)?;
    parts.retain(|part| part.number > after);
    let is_truncated = parts.len() > most;
    parts.truncate(most);
    let next = parts.last().map(|part| part.number).filter(|_| is_truncated);
    let part = |part: uploads::Part| Part {
        part_number: Some(part.number),
        e_tag: Some(etag(&part.etag)),
        size: Some(signed(part.size)),
        last_modified: Some(part.modified.into()),
        ..Default::default()
    };
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(input.bucket.clone()),
        key: Some(input.key.clone()),
        upload_id: Some(input.upload_id.clone()),
        max_parts: i32::try_from(most).ok(),
        part_number_marker: Some(after),
        next_part_number_marker: next,
        is_truncated: Some(is_truncated),
        parts: Some(parts.into_iter().map(part).collect()),
        ..Default::default()
    }))
}

pub(super) fn list_uploads(
    service: &Service,
    request: &S3Request<ListMultipartUploadsInput>,
) -> Answer<ListMultipartUploadsOutput> {
    let input = &request.input;
    let bucket = service.permit(request, "s3:ListBucketMultipartUploads", &input.bucket, None)?;
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let of_prefix = |(_, upload): &(String, Upload)| upload.key.starts_with(prefix);
    let all = bucket.uploads_under_way()?.into_iter().filter(of_prefix);
    let upload = |(id, upload): (String, Upload)| MultipartUpload {
        initiated: Some(moment(upload.initiated)),
        key: Some(upload.key),
        upload_id: Some(id),
        ..Default::default()
    };
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(input.bucket.clone()),
        prefix: input.prefix.clone(),
        is_truncated: Some(false),
        uploads: Some(all.map(upload).collect()),
        ..Default::default()
    }))
}

fn moment(milliseconds: i64) -> Timestamp {
    (SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds.unsigned_abs())).into()
}
