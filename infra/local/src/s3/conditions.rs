//! The conditions of readers: `If-Match` and the like.

use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::{S3Result, s3_error};

/// The conditions of a request.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    pub(super) matches: Option<ETagCondition>,
    pub(super) matches_none: Option<ETagCondition>,
    pub(super) modified_since: Option<Timestamp>,
    pub(super) unmodified_since: Option<Timestamp>,
}

impl Conditions {
    /// In HTTP's order: an ETag takes precedence over a time.
    pub(super) fn check(&self, etag: &str, modified: &Timestamp) -> S3Result {
        let is = |condition: &ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(wanted) => wanted.weak_cmp(&ETag::Strong(etag.to_owned())),
        };
        let failed = match (&self.matches, &self.unmodified_since) {
            (Some(condition), _) => !is(condition),
            (None, Some(since)) => modified > since,
            (None, None) => false,
        };
        if failed {
            let message = "At least one of the pre-conditions you specified did not hold";
            return Err(s3_error!(PreconditionFailed, "{message}"));
        }
        let same = match (&self.matches_none, &self.modified_since) {
            (Some(condition), _) => is(condition),
            (None, Some(since)) => modified <= since,
            (None, None) => false,
        };
        if same { Err(s3_error!(NotModified, "Not Modified")) } else { Ok(()) }
    }

    /// For the source of a copy, which is never answered with "not modified".
    pub(super) fn check_source(&self, etag: &str, modified: &Timestamp) -> S3Result {
        self.check(etag, modified).map_err(|mut error| {
            error.set_code(s3s::S3ErrorCode::PreconditionFailed);
            error
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    fn at(seconds: u64) -> Timestamp {
        (SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).into()
    }

    #[test]
    fn etags_count_more_than_times() {
        let tag = |text: &str| Some(ETagCondition::ETag(ETag::Strong(text.to_owned())));
        let checked = |conditions: Conditions| {
            let outcome = conditions.check("e", &at(100));
            outcome.err().map(|error| error.code().as_str().to_owned())
        };
        let (failed, same) = (Some("PreconditionFailed".to_owned()), Some("NotModified".to_owned()));
        let none = Conditions::default;
        assert_eq!(checked(none()), None);
        assert_eq!(checked(Conditions { matches: tag("e"), unmodified_since: Some(at(50)), ..none() }), None);
        assert_eq!(checked(Conditions { matches: tag("f"), ..none() }), failed);
        assert_eq!(checked(Conditions { unmodified_since: Some(at(50)), ..none() }), failed);
        assert_eq!(checked(Conditions { unmodified_since: Some(at(100)), ..none() }), None);
        assert_eq!(checked(Conditions { matches_none: tag("e"), ..none() }), same);
        assert_eq!(checked(Conditions { matches_none: Some(ETagCondition::Any), ..none() }), same);
        assert_eq!(checked(Conditions { matches_none: tag("f"), modified_since: Some(at(200)), ..none() }), None);
        assert_eq!(checked(Conditions { modified_since: Some(at(100)), ..none() }), same);
    }
}
