//! A monitor for a single command: an embedded database in a temporary folder, deleted at the end, with the same engine
//! and routes as a server. So a command's verdict on a file is the same as a server's.

mod files;

pub(crate) use files::{Judged, Terms};

use crate::remote::Failure;
use anyhow::Context;
use api::Api;
use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request};
use bytes::Bytes;
use embedded::Embedded;
use engine::Engine;
use engine::answer::Answer;
use engine::original::{GZIP, Original};
use engine::record::{IngestError, Ingestor, Limits, Upload};
use http_body_util::BodyExt;
use live::ports::FollowTheFeed;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use table::Store;
use tempfile::{NamedTempFile, TempDir};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tower::ServiceExt;
use web::config::Config;
use web::guard::Guard;

/// The largest file, in bytes: the highest value of a server's setting.
const MAX_BYTES: u64 = 1 << 40;

/// A temporary monitor. Dropping it stops it and deletes its data.
pub(crate) struct Apart {
    ingestor: Ingestor,
    router: Router,
    // Dropped in this order: the database stops before its folder is deleted.
    _embedded: Embedded,
    folder: TempDir,
}

impl Apart {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("owsc-").tempdir().context("there is no room for a database")?;
        let embedded = Embedded::start(folder.path())?;
        // A command's own requests are not limited, and need no token.
        let (config, _) = Config::from_vars([("OW_SC_RL_PER_SEC".to_owned(), "1000000".to_owned())])?;
        let store = Store::new(embedded.client(), &config.table);
        store.create_table_if_missing().await.context("cannot create the table")?;
        let engine = Engine::new(store.clone(), Arc::new(FollowTheFeed));
        let limits = Limits { bytes: MAX_BYTES, rows: u64::MAX };
        let ingestor = engine.ingestor(limits, folder.path().to_owned(), true);
        let guard = Guard::new(&config);
        let routes = ingest::router(ingestor.clone(), engine.clone(), &guard);
        let router = routes.merge(api::router(Api { store, engine, sources: None }, &guard));
        Ok(Self { ingestor, router, _embedded: embedded, folder })
    }

    /// Stores the contents of a pipe, so that they can be read more than once.
    pub(crate) async fn kept(&self, mut pipe: impl AsyncRead + Unpin) -> anyhow::Result<NamedTempFile> {
        let file = NamedTempFile::new_in(self.folder.path())?;
        let mut target = tokio::fs::File::from_std(file.reopen()?);
        tokio::io::copy(&mut pipe, &mut target).await.context("the input cannot be stored")?;
        target.flush().await?;
        Ok(file)
    }

    /// Ingests a file, and returns the answer once it is judged.
    pub(crate) async fn take(&self, file: &Path, name: &str, site: Option<&str>) -> Result<Value, Failure> {
        let open = tokio::fs::File::open(file).await.map_err(|error| Failure::io(&error))?;
        let mut bytes = BufReader::with_capacity(64 * 1024, open);
        let start = bytes.fill_buf().await.map_err(|error| Failure::io(&error))?;
        let upload = Upload {
            gzip: start.starts_with(&GZIP),
            site: site.map(str::to_owned),
            source: name.to_owned(),
            who: "command line".into(),
            ..Upload::default()
        };
        self.taken(bytes, upload).await.map(|answer| json!(answer)).map_err(|error| {
            let failure = Failure::of(error.code(), &error.to_string());
            match error.details() {
                Some(details) => failure.with(details),
                None => failure,
            }
        })
    }

    async fn taken(&self, bytes: impl AsyncBufRead + Unpin + Send, upload: Upload) -> Result<Answer, IngestError> {
        let room = self.ingestor.room(None);
        let original = Original::spooled(bytes, upload.gzip, room.bytes, room.spool).await?;
        let identified = self.ingestor.identified(&original, upload).await?;
        self.ingestor.take_in(original, identified, None).await
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.json(Method::GET, path, None).await
    }

    /// Calls a route that answers JSON.
    pub(crate) async fn json(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let answer = self.ask(method, path, body).await?;
        serde_json::from_slice(&answer).map_err(|error| Failure::unreachable(&error))
    }

    /// Calls a route.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Bytes, Failure> {
        let text = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, "application/json");
        let request = request.body(Body::from(text)).map_err(|error| Failure::unreachable(&error))?;
        // Infallible: errors are answers.
        let Ok(answer) = self.router.clone().oneshot(request).await;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| Failure::unreachable(&error))?.to_bytes();
        if head.status.is_success() {
            return Ok(body);
        }
        let mut refusal: Value = serde_json::from_slice(&body).map_err(|error| Failure::unreachable(&error))?;
        Err(Failure::from(refusal["error"].take()))
    }
}
