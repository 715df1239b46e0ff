//! Any text as path and query of a request, and on a second line what is in its cursor.
//!
//! The API's own routes answer, on the embedded database with some readings, alerts and files. No request fails: it is
//! answered, or refused with an envelope that says why.

#![no_main]

use api::Api;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Uri, header};
use embedded::Embedded;
use engine::Engine;
use engine::record::Limits;
use libfuzzer_sys::fuzz_target;
use live::ports::FollowTheFeed;
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use table::Store;
use tokio::runtime::Runtime;
use tower::ServiceExt;
use web::config::Config;
use web::guard::Guard;
use web::query::{cursor, read_cursor};

struct Host {
    router: Router,
    runtime: Runtime,
    _database: Embedded,
}

static HOST: LazyLock<Host> = LazyLock::new(Host::new);

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (target, key) = text.split_once('\n').map_or((text, None), |(target, key)| (target, Some(key)));
    let target = match key {
        Some(key) if !key.is_empty() => {
            let cursor = cursor(key);
            assert_eq!(read_cursor(Some(&cursor)).ok().flatten().as_deref(), Some(key));
            format!("{target}&cursor={cursor}")
        }
        _ => target.to_owned(),
    };
    match Uri::try_from(target) {
        Ok(uri) if uri.path().starts_with('/') => HOST.ask(Request::get(uri).body(Body::empty()).expect("a request")),
        _ => {}
    }
});

impl Host {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/query");
        let _ = std::fs::remove_dir_all(&folder);
        let runtime = Runtime::new().expect("a runtime");
        let database = Embedded::start(&folder).expect("a database");
        let config = Config { requests_per_second: u32::MAX, ..Config::defaults() };
        let store = Store::new(database.client(), &config.table);
        runtime.block_on(store.prepare_table(false)).expect("a table");
        let (engine, guard) = (Engine::new(store.clone(), Arc::new(FollowTheFeed)), Guard::new(&config));
        let ingestor = engine.ingestor(Limits { bytes: 1 << 20, rows: 1 << 20 }, folder, true);
        let router = ingest::router(ingestor, engine.clone(), &guard);
        let router = router.merge(api::router(Api { store, engine, sources: None }, &guard));
        let host = Self { router, runtime, _database: database };
        for number in 0..3 {
            let rows = (0..40).map(|hour| format!("{hour},SO4,{}\n", 100 + (hour * 37 + number * 11) % 900));
            let file = format!("time,species,concentration\n{}", rows.collect::<String>());
            let request = Request::post(format!("/api/ingest?site=plant{number}"));
            host.ask(request.header(header::CONTENT_TYPE, "text/csv").body(Body::from(file)).expect("a request"));
        }
        host
    }

    fn ask(&self, request: Request<Body>) {
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.expect("routes do not fail");
            let (status, kind) = (response.status(), response.headers().get(header::CONTENT_TYPE).cloned());
            let body = to_bytes(response.into_body(), 16 << 20).await.expect("a bounded body");
            assert!(!status.is_server_error(), "{status}: {}", String::from_utf8_lossy(&body));
            if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json")) {
                let answer: Value = serde_json::from_slice(&body).expect("JSON");
                assert!(status.is_success() || answer["error"]["message"].is_string(), "{status}: {answer}");
            }
        });
    }
}
