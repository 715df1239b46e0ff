//! Any lines as the routes of an API of the local gateway, the last one as method and path of a request.

#![no_main]

use libfuzzer_sys::fuzz_target;
use local_gateway::http::routes::Routes;
use local_gateway::template::HttpRoute;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some((keys, request)) = text.rsplit_once('\n') else { return };
    let Some((method, path)) = request.split_once(' ') else { return };
    let routes: Vec<_> = keys.lines().map(route).filter(|route| HttpRoute::check_path(&route.path).is_ok()).collect();
    let Some(found) = Routes::new(&routes).find(method, path) else { return };
    let route = &routes[found.index];
    assert!(route.path == "$default" || route.method.as_deref().is_none_or(|own| own == method));
    assert!(found.parameters.iter().all(|(_, value)| !value.is_empty()), "a parameter is never empty");
    let named = route.path.split('/').filter(|part| part.starts_with('{')).count();
    assert!(route.path == "$default" || found.parameters.len() == named);
});

fn route(key: &str) -> HttpRoute {
    let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
    HttpRoute {
        method: (method != "ANY").then(|| method.to_owned()),
        path: path.to_owned(),
        function: String::new(),
        timeout: None,
        line: 1,
    }
}
