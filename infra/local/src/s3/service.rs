//! The buckets as a service: permissions and events.

use super::bucket::{Bucket, trouble};
use super::index::{Content, Headers, Version};
use super::notice::{Happened, Listener};
use crate::permissions::{Permissions, Wish};
use crate::template::bucket_arn;
use axum::http::StatusCode;
use s3s::dto::{ETag, Metadata, Range, StreamingBlob, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use std::collections::BTreeMap;
use std::io::SeekFrom;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

const BUFFER: usize = 256 * 1024;

/// The answer of an operation.
pub(super) type Answer<T> = S3Result<S3Response<T>>;

/// The caller.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) access_key: String,
    pub(super) address: String,
    pub(super) request_id: String,
}

/// All buckets of a template.
pub(super) struct Service {
    buckets: BTreeMap<String, Arc<Bucket>>,
    permissions: Option<Arc<Permissions>>,
    listener: Listener,
}

impl Service {
    pub(super) fn open(
        folder: &Path,
        buckets: &[crate::template::Bucket],
        permissions: Option<Arc<Permissions>>,
        listener: Listener,
    ) -> anyhow::Result<Self> {
        let mut all = BTreeMap::new();
        for bucket in buckets {
            all.insert(bucket.name.clone(), Arc::new(Bucket::open(folder, bucket)?));
        }
        Ok(Self { buckets: all, permissions, listener })
    }

    pub(super) fn buckets(&self) -> impl Iterator<Item = &Arc<Bucket>> {
        self.buckets.values()
    }

    pub(super) fn bucket(&self, name: &str) -> S3Result<Arc<Bucket>> {
        let bucket = self.buckets.get(name).cloned();
        bucket.ok_or_else(|| s3_error!(NoSuchBucket, "the template has no bucket {name}"))
    }

    /// Checks whether the caller may do this to a bucket, or to an object in it.
    pub(super) fn permit<T>(
        &self,
        request: &S3Request<T>,
        action: &str,
        bucket: &str,
        key: Option<&str>,
    ) -> S3Result<Arc<Bucket>> {
        let key = key.map(|key| format!("/{key}")).unwrap_or_default();
        self.permit_wish(request, &Wish::new(action, bucket_arn(&format!("{bucket}{key}"))))?;
        self.bucket(bucket)
    }

    /// Checks whether the caller may list a prefix.
    pub(super) fn permit_list<T>(
        &self,
        request: &S3Request<T>,
        bucket: &str,
        prefix: Option<&str>,
    ) -> S3Result<Arc<Bucket>> {
        let mut wish = Wish::new("s3:ListBucket", bucket_arn(bucket));
        wish.prefix = Some(prefix.unwrap_or_default().to_owned());
        self.permit_wish(request, &wish)?;
        self.bucket(bucket)
    }

    pub(super) fn permit_wish<T>(&self, request: &S3Request<T>, wish: &Wish) -> S3Result {
        let allowed = Permissions::check_unless_off(self.permissions.as_deref(), &caller(request).access_key, wish);
        allowed.map_err(|message| s3_error!(AccessDenied, "{message}"))
    }

    /// A caller who may not list a bucket does not learn that a key is missing: AWS refuses access.
    pub(super) fn absent<T>(&self, request: &S3Request<T>, bucket: &str, error: S3Error) -> S3Error {
        match *error.code() {
            S3ErrorCode::NoSuchKey => self.permit(request, "s3:ListBucket", bucket, None).err().unwrap_or(error),
            _ => error,
        }
    }

    /// Announces that an object was created or deleted.
    pub(super) fn tell<T>(&self, request: &S3Request<T>, bucket: &Bucket, happened: Happened<'_>) {
        if bucket.events {
            (self.listener)(happened.event(bucket, &caller(request)));
        }
    }
}

/// The sender of a request.
pub(super) fn caller<T>(request: &S3Request<T>) -> Caller {
    let unknown = || Caller { access_key: String::new(), address: String::new(), request_id: String::new() };
    request.extensions.get::<Caller>().cloned().unwrap_or_else(unknown)
}

/// The bytes of a range, or all.
pub(super) async fn read(
    mut file: File,
    size: u64,
    range: Option<std::ops::Range<u64>>,
) -> S3Result<(StreamingBlob, u64)> {
    let range = range.unwrap_or(0..size);
    if range.start > 0 {
        file.seek(SeekFrom::Start(range.start)).await.map_err(|error| trouble(&error))?;
    }
    let length = range.end - range.start;
    let stream = ReaderStream::with_capacity(file.take(length), BUFFER);
    Ok((StreamingBlob::wrap(stream), length))
}

/// The requested bytes, of a range or a part. `None` for all, and for a part that is the only one and empty.
pub(super) fn wanted(
    content: &Content,
    range: Option<&Range>,
    part: Option<i32>,
) -> S3Result<Option<std::ops::Range<u64>>> {
    if let Some(range) = range {
        let range = range.check(content.size)?;
        // The end of an empty object is not a range.
        return if range.is_empty() { Err(S3ErrorCode::InvalidRange.into()) } else { Ok(Some(range)) };
    }
    let Some(number) = part else { return Ok(None) };
    let sizes = if content.parts.is_empty() { std::slice::from_ref(&content.size) } else { &content.parts };
    let before = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let before = before.ok_or_else(|| s3_error!(InvalidArgument, "Part number must be from 1 on"))?;
    let size = *sizes.get(before).ok_or_else(no_such_part)?;
    let start: u64 = sizes[..before].iter().sum();
    Ok(Some(start..start + size).filter(|range| !range.is_empty()))
}

/// An error that the library does not define.
fn no_such_part() -> S3Error {
    let code = S3ErrorCode::Custom("InvalidPartNumber".into());
    let mut error = S3Error::with_message(code, "The requested partnumber is not satisfiable");
    error.set_status_code(StatusCode::RANGE_NOT_SATISFIABLE);
    error
}

/// A time as clients receive it: to the second, so that it equals what they send back.
pub(super) fn modified(version: &Version) -> Timestamp {
    let seconds = u64::try_from(version.modified / 1000).unwrap_or(0);
    (SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).into()
}

pub(super) fn etag(text: &str) -> ETag {
    ETag::Strong(text.to_owned())
}

pub(super) fn metadata(headers: &Headers) -> Option<Metadata> {
    let all: Metadata = headers.metadata.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    Some(all).filter(|all| !all.is_empty())
}

/// The id of a version, if the bucket keeps versions.
pub(super) fn version_id(bucket: &Bucket, version: &Version) -> Option<String> {
    bucket.versioned.then(|| version.id.clone())
}

/// A number in the type that S3 uses.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(size: u64, parts: &[u64]) -> Content {
        let (file, etag, headers) = (String::new(), String::new(), Headers::default());
        Content { file, size, etag, parts: parts.to_vec(), headers }
    }

    #[test]
    fn ranges_and_parts() {
        let asked = |content: &Content, range: Option<&str>, part: Option<i32>| {
            let range = range.map(|text| Range::parse(text).unwrap());
            wanted(content, range.as_ref(), part).map_err(|error| error.code().as_str().to_owned())
        };
        let (empty, whole, parts) = (content(0, &[]), content(10, &[]), content(10, &[6, 4]));
        let refused = |code: &str| Err(code.to_owned());
        assert_eq!(asked(&whole, Some("bytes=-3"), None), Ok(Some(7..10)));
        assert_eq!(asked(&whole, None, Some(1)), Ok(Some(0..10)));
        assert_eq!(asked(&parts, None, Some(2)), Ok(Some(6..10)));
        assert_eq!(asked(&parts, None, None), Ok(None));
        assert_eq!(asked(&empty, None, Some(1)), Ok(None));
        for range in ["bytes=-1", "bytes=0-", "bytes=0-0"] {
            assert_eq!(asked(&empty, Some(range), None), refused("InvalidRange"), "{range}");
        }
        for (content, part, code) in [
            (&empty, 2, "InvalidPartNumber"),
            (&whole, 2, "InvalidPartNumber"),
            (&parts, 3, "InvalidPartNumber"),
            (&parts, 0, "InvalidArgument"),
            (&parts, -1, "InvalidArgument"),
        ] {
            assert_eq!(asked(content, None, Some(part)), refused(code), "{part}");
        }
    }
}
