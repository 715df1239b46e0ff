//! Any text as a template of the local gateway.
//!
//! It is refused with one of its lines, or what it declares can be used: its routes are found by their own paths.

#![no_main]

use libfuzzer_sys::fuzz_target;
use local_gateway::http::routes::Routes;
use local_gateway::template::{Given, Template};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Template::parse(text, &Given::default()) {
        Ok(template) => {
            for api in &template.http_apis {
                let routes = Routes::new(&api.routes);
                for route in api.routes.iter().filter(|route| route.path.starts_with('/')) {
                    let method = route.method.as_deref().unwrap_or("GET");
                    assert!(routes.find(method, &route.path).is_some(), "{} is not found", route.path);
                }
            }
        }
        Err(error) => {
            let message = error.to_string();
            let line = message.split(':').next().and_then(|line| line.parse::<usize>().ok());
            // To YAML a carriage return alone ends a line, too. What is missing is missed behind the last one.
            let lines = text.matches(['\n', '\r']).count() + 2;
            assert!(line.is_some_and(|line| line <= lines), "{message}");
        }
    }
});
