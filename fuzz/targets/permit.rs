//! Any bytes as the JSON of a permit.
//!
//! A permit that is taken is within its bounds and comes out of its own JSON as it was; one that is refused names the
//! fields that are wrong.

#![no_main]

use domain::name;
use domain::permit::Limit;
use domain::permit_json::{self, MAX_ACTION_BYTES, MAX_LIMITS, MAX_PERMIT_BYTES};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::collections::HashSet;

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = serde_json::from_slice::<Value>(bytes) else { return };
    match permit_json::parse(&document) {
        Ok(permit) => {
            assert!(permit.limits.len() <= MAX_LIMITS);
            permit.limits.iter().for_each(check_limit);
            let ids: HashSet<_> = permit.limits.iter().map(Limit::id).collect();
            assert_eq!(ids.len(), permit.limits.len(), "each limit has an id of its own");
            let text = permit_json::to_json(&permit).to_string();
            assert!(text.len() <= MAX_PERMIT_BYTES);
            let again = permit_json::parse(&serde_json::from_str(&text).expect("JSON"));
            assert_eq!(again.expect("what is given can be put back"), permit);
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            assert!(errors.iter().all(|error| !error.reason.is_empty()));
        }
    }
});

fn check_limit(limit: &Limit) {
    assert!(limit.value.is_finite() && limit.low.is_none_or(f64::is_finite));
    assert!(limit.action.len() <= MAX_ACTION_BYTES);
    assert!(limit.from.zip(limit.until).is_none_or(|(from, until)| from <= until));
    assert_eq!(name::check(&limit.parameter), Ok(limit.parameter.as_str()));
    limit.outfall.iter().for_each(|outfall| assert_eq!(name::check(outfall), Ok(outfall.as_str())));
}
