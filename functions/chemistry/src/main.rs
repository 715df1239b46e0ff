//! The function for fits: it answers the HTTP API, and invokes itself to compute each fit. A schedule finds fits whose
//! invocation died.

use fits::metrics;
use fits::queue::Queue;
use fits::work::{Time, work};
use futures_util::future::BoxFuture;
use lambda::{Error, Fault, Function, Itself, LambdaEvent, LambdaRequest};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Reserved at the end of an invocation, when a fit is given up.
const TO_END: Duration = Duration::from_secs(5);

/// What this function and its schedule invoke it with. Every other event comes from the HTTP API.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Work {
    /// One fit, by its id.
    Fit(String),
    /// All fits that may have been abandoned.
    Sweep {},
}

/// An answer.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer<H> {
    Http(H),
    Worked {},
}

/// Invokes this function for a fit.
struct Invocations(Itself);

impl Queue for Invocations {
    fn put<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { self.0.invoke(&json!({ "fit": id })).await })
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let function = Function::start_with(&[&metrics::COUNTERS])?;
    let invocations = Arc::new(Invocations(Itself::new()?));
    let store = function.store();
    let http = function.http(chemistry_function::router(store.clone(), invocations.clone(), &function.guard()));
    let handler = async |event: LambdaEvent<Box<RawValue>>| {
        let (event, context) = event.into_parts();
        match serde_json::from_str(event.get()) {
            Ok(Work::Fit(id)) => {
                let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
                let until = Instant::now() + left.saturating_sub(TO_END.min(left / 2));
                work(&store, &id, &Time::Until(until)).await?;
                Ok::<_, Fault>(Answer::Worked {})
            }
            Ok(Work::Sweep {}) => {
                let mut failed = None;
                for id in store.open_fits().await? {
                    // A fit that is still being computed is safe: its process holds the lease.
                    failed = invocations.put(&id).await.err().or(failed);
                }
                failed.map_or(Ok(Answer::Worked {}), |error| Err(Fault::Invoke(error)))
            }
            Err(_) => {
                let request = serde_json::from_str::<LambdaRequest>(event.get());
                let request = request.map_err(|error| Fault::BadEvent(error.to_string()))?;
                Ok::<_, Fault>(Answer::Http(http.answer(LambdaEvent::new(request, context)).await))
            }
        }
    };
    function.run(handler).await
}
