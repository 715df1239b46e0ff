//! The function for fits: what is asked through the HTTP API, and the fits themselves, for which it invokes itself.

use chemistry_function::work::{Worked, work};
use chemistry_function::{Hands, metrics};
use futures_util::future::BoxFuture;
use lambda::{Error, Fault, Function, Itself, LambdaEvent, LambdaRequest};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// What is left of an invocation's time when a fit is given up.
const TO_END: Duration = Duration::from_secs(5);

/// What this function invokes itself with. All else is of the HTTP API.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fit {
    fit: String,
}

/// An answer.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer<H> {
    Http(H),
    Over {},
}

/// Invokes this function for a fit.
struct Invocations(Itself);

impl Hands for Invocations {
    fn take_up<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { self.0.invoke(&json!({ "fit": id })).await })
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let function = Function::start_with(&[&metrics::COUNTERS])?;
    let hands = Arc::new(Invocations(Itself::new()?));
    let store = function.store();
    let http = function.http(chemistry_function::router(store.clone(), hands, &function.guard()));
    let handler = async |event: LambdaEvent<Box<RawValue>>| {
        let (event, context) = event.into_parts();
        if let Ok(Fit { fit }) = serde_json::from_str(event.get()) {
            let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
            let until = Instant::now() + left.saturating_sub(TO_END.min(left / 2));
            return match work(&store, &fit, Some(until)).await.map_err(Fault::Store)? {
                Worked::Over => Ok(Answer::Over {}),
                // Lambda tries again, and then says so.
                Worked::Elsewhere | Worked::OutOfTime => Err(Fault::Unfinished(fit)),
            };
        }
        let request = serde_json::from_str::<LambdaRequest>(event.get());
        let request = request.map_err(|error| Fault::BadEvent(error.to_string()))?;
        Ok(Answer::Http(http.answer(LambdaEvent::new(request, context)).await))
    };
    function.run(handler).await
}
