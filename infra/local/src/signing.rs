//! Signature version 4 for calls of DynamoDB, which are all `POST /`: created, and verified.

use crate::digest::hex;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime};
use subtle::ConstantTimeEq;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "dynamodb";
const DATE: &str = "x-amz-date";
const SIGNED: &str = "host;x-amz-date;x-amz-target";

/// The credentials for a signature.
#[derive(Clone)]
pub struct Keys {
    /// The access key, which is sent.
    pub access_key: String,
    /// The secret, which is not sent.
    pub secret: String,
}

/// A random secret.
pub(crate) fn secret() -> String {
    [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(|half| half.simple().to_string()).concat()
}

impl Keys {
    /// Signs a call. The headers must include `host` and `x-amz-target`.
    pub(crate) fn sign(&self, region: &str, headers: &mut HeaderMap, body: &[u8]) -> Option<()> {
        let now = jiff::Timestamp::now();
        let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        headers.insert(DATE, HeaderValue::from_str(&date).ok()?);
        let scope = format!("{}/{region}/{SERVICE}/aws4_request", now.strftime("%Y%m%d"));
        let signature = signature(&self.secret, &scope, SIGNED, headers, body)?;
        let access_key = &self.access_key;
        let value =
            format!("{ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={SIGNED}, Signature={signature}");
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&value).ok()?);
        Some(())
    }
}

/// Whether a call is signed with the secret.
pub(crate) fn is_signed(secret: &str, headers: &HeaderMap, body: &[u8]) -> bool {
    verified(secret, headers, body).unwrap_or(false)
}

fn verified(secret: &str, headers: &HeaderMap, body: &[u8]) -> Option<bool> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix(ALGORITHM)?;
    let part = |name: &str| authorization.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let (_access_key, scope) = part("Credential")?.split_once('/')?;
    let expected = signature(secret, scope, part("SignedHeaders")?, headers, body)?;
    Some(expected.as_bytes().ct_eq(part("Signature")?.as_bytes()).into())
}

/// The signature of a call; `None` if a signed header is missing.
fn signature(secret: &str, scope: &str, signed: &str, headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let mut parts = scope.split('/');
    let (day, region) = (parts.next()?, parts.next()?);
    if parts.next() != Some(SERVICE) || !signed.split(';').any(|name| name == "host") {
        return None;
    }
    let date = headers.get(DATE)?.to_str().ok()?;
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?;
    let time = jiff::tz::TimeZone::UTC.to_timestamp(time).ok()?;
    if !date.starts_with(day) {
        return None;
    }
    let mut canonical = "POST\n/\n\n".to_owned();
    for name in signed.split(';') {
        let values: Option<Vec<_>> =
            headers.get_all(name).iter().map(|value| Some(value.to_str().ok()?.trim())).collect();
        let values = values.filter(|values| !values.is_empty())?;
        canonical.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    canonical.push_str(&format!("\n{signed}\n{}", hex(&Sha256::digest(body))));
    let text = format!("{ALGORITHM}\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_second().try_into().ok()?);
    let key = generate_signing_key(secret, time, region, SERVICE);
    Some(calculate_signature(key, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_verified_and_nothing_else() {
        let keys = Keys { access_key: "Main".into(), secret: "s".into() };
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:1"));
        headers.insert("x-amz-target", HeaderValue::from_static("DynamoDB_20120810.GetItem"));
        assert!(!is_signed("s", &headers, b"{}"), "it is not signed");
        keys.sign("us-east-1", &mut headers, b"{}").unwrap();
        assert!(is_signed("s", &headers, b"{}"));
        assert!(!is_signed("t", &headers, b"{}") && !is_signed("s", &headers, b"[]"));
        let changed = |name: &'static str, value: &str| {
            let mut headers = headers.clone();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
            is_signed("s", &headers, b"{}")
        };
        assert!(!changed("x-amz-target", "DynamoDB_20120810.DeleteTable"));
        assert!(!changed("host", "elsewhere"));
        let given = headers[header::AUTHORIZATION].to_str().unwrap();
        assert!(changed("authorization", given) && changed("authorization", &given.replace("Main", "Other")));
        for (from, to) in [("SignedHeaders=host;", "SignedHeaders="), ("Signature=", "Signature=0"), ("dynamodb", "s3")]
        {
            assert!(!changed("authorization", &given.replace(from, to)), "{from}");
        }
    }
}
