//! Any bytes as a message of the client protocol.
//!
//! A reading that is taken is finite, has names that could stand in a file too, and becomes a frame that every other
//! subscriber can parse.

#![no_main]

use domain::name;
use domain::time::{HOUR, MAX_HOURS};
use domain::unit::MAX_UNIT_BYTES;
use libfuzzer_sys::fuzz_target;
use live::protocol::{self, Code, Message, Published};
use serde_json::Value;
use table::feed::Draft;

fuzz_target!(|bytes: &[u8]| {
    match protocol::parse(bytes) {
        Ok(Message::Publish(published)) => check_reading(&published, bytes),
        Ok(Message::Subscribe { site: Some(site), .. }) => check_name(&site),
        Ok(Message::Subscribe { site: None, .. } | Message::Ping) => {}
        Err(detail) => {
            let frame: Value = serde_json::from_str(&protocol::error(Code::BadMessage, &detail)).expect("JSON");
            assert_eq!(frame["detail"], detail.as_str());
        }
    }
});

fn check_reading(published: &Published, bytes: &[u8]) {
    assert!(published.row.value.is_finite());
    assert!(published.row.time.unsigned_abs() <= (MAX_HOURS * HOUR as f64) as u64);
    assert!(published.unit.len() <= MAX_UNIT_BYTES && published.bytes == bytes.len());
    check_name(&published.parameter);
    check_name(&published.outfall);
    published.site.iter().for_each(|site| check_name(site));
    let event = Draft { kind: "reading", fields: published.fields.clone(), origin: None };
    let frame: Value = serde_json::from_str(&event.frame("default", 7)).expect("a frame is JSON");
    assert_eq!((&frame["type"], &frame["site"], &frame["seq"]), (&"reading".into(), &"default".into(), &7.into()));
    assert!(!frame["timestamp"].is_null());
}

fn check_name(text: &str) {
    assert_eq!(name::check(text), Ok(text));
}
