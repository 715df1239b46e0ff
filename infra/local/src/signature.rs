//! Signatures of AWS clients: which service a request is for, and who sent it. They are not verified.

use crate::http::pairs;
use crate::permissions::credential;
use axum::extract::Request;
use axum::http::header;

/// The contents of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) access_key: String,
    /// Such as `s3` or `lambda`.
    pub(crate) service: String,
    /// Whether it is in a header, which no web page can send without permission.
    pub(crate) in_header: bool,
    /// When a presigned URL expires.
    until: Option<jiff::Timestamp>,
}

impl Signature {
    /// The signature of a request, in a header or in its URL.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if let Some(authorization) = authorization.filter(|text| text.starts_with("AWS4-")) {
            return Some(Self { in_header: true, ..Self::parse(credential(authorization), None)? });
        }
        let query = request.uri().query()?;
        let value = |wanted: &str| pairs(query).find(|(name, _)| name == wanted).map(|(_, value)| value);
        if query.contains("AWSAccessKeyId=") && query.contains("Signature=") {
            // Older clients presign URLs with version 2, which only S3 still accepts.
            let until = value("Expires").and_then(|seconds| jiff::Timestamp::from_second(seconds.parse().ok()?).ok());
            let (access_key, service) = (value("AWSAccessKeyId")?, "s3".to_owned());
            return Some(Self { access_key, service, in_header: false, until });
        }
        let date = value("X-Amz-Date").and_then(|date| moment(&date));
        let seconds = value("X-Amz-Expires").and_then(|seconds| seconds.parse::<i64>().ok());
        let until = date
            .zip(seconds)
            .and_then(|(date, seconds)| date.checked_add(jiff::SignedDuration::from_secs(seconds)).ok());
        Self::parse(&value("X-Amz-Credential")?, until)
    }

    fn parse(credential: &str, until: Option<jiff::Timestamp>) -> Option<Self> {
        let mut parts = credential.rsplit('/');
        let (_terminator, service, _region, _date) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let access_key = parts.next()?.to_owned();
        Some(Self { access_key, service: service.to_owned(), in_header: false, until })
    }

    /// Whether it has expired.
    pub(crate) fn has_expired(&self) -> bool {
        self.until.is_some_and(|until| until < jiff::Timestamp::now())
    }
}

/// `20260131T235959Z`.
fn moment(text: &str) -> Option<jiff::Timestamp> {
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn signature(uri: &str, authorization: &str) -> Option<Signature> {
        let request = Request::get(uri).header("Authorization", authorization).body(Body::empty()).unwrap();
        Signature::of(&request)
    }

    #[test]
    fn it_says_who_asks_whom() {
        let header = "AWS4-HMAC-SHA256 Credential=Main/20260101/us-east-1/s3/aws4_request, SignedHeaders=host";
        let signed = signature("/b/k", header).unwrap();
        assert_eq!((signed.access_key.as_str(), signed.service.as_str()), ("Main", "s3"));
        assert!(signed.in_header && !signed.has_expired());
        let presigned = |date: &str| {
            format!(
                "/b/k?X-Amz-Credential=A%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date={date}&X-Amz-Expires=60"
            )
        };
        assert!(signature(&presigned("20200101T000000Z"), "").unwrap().has_expired());
        let in_advance = signature(&presigned("21000101T000000Z"), "").unwrap();
        assert!(!in_advance.in_header && !in_advance.has_expired());
        let second = |expires: &str| format!("/b/k?AWSAccessKeyId=A&Signature=x%3D&Expires={expires}");
        assert!(signature(&second("1000000000"), "").unwrap().has_expired());
        assert_eq!(signature(&second("9000000000"), "").unwrap().access_key, "A");
        for (uri, authorization) in [("/b/k", ""), ("/b/k", "Bearer x"), ("/?a=b", "AWS4-HMAC-SHA256 Credential=x")] {
            assert_eq!(signature(uri, authorization), None, "{uri} {authorization}");
        }
    }
}
