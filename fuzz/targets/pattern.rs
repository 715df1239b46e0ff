//! Any text as an event pattern of the local gateway, and behind a line break the event.

#![no_main]

use libfuzzer_sys::fuzz_target;
use local_gateway::pattern::Pattern;
use serde_json::{Value, json};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (pattern, event) = text.split_once('\n').unwrap_or((text, "{}"));
    let Ok(event) = serde_json::from_str::<Value>(event) else { return };
    match Pattern::parse(pattern) {
        Ok(parsed) => {
            let fits = parsed.fits(&event);
            // One of several is the one alone, and of none nothing is wanted.
            let members = serde_json::from_str::<Value>(pattern).expect("a pattern is JSON");
            let either = Pattern::parse(&json!({"$or": [members]}).to_string()).expect("a pattern in another");
            assert_eq!(either.fits(&event), fits);
        }
        Err(error) => assert!(!error.is_empty()),
    }
});
