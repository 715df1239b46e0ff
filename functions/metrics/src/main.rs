//! The metrics function: the sums of the counts of all environments.

use lambda::{Error, Function};
use live::metrics::ACTIVE;
use metrics_function::Render;
use metrics_function::sums::{self, Sums};
use std::collections::BTreeMap;
use std::sync::Arc;
use telemetry::deltas::VALUE;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start_with(&sums::MORE)?.without_counters();
    let (store, zeros) = (function.store(), function.deltas());
    let render: Render = Arc::new(move || {
        let (store, zeros) = (store.clone(), zeros.clone());
        Box::pin(async move {
            engine::settle::report(&store).await?;
            let connections = store.count_connections().await?;
            // All series at zero, except those that were just reported.
            let mut sums: Sums = zeros.take().into_iter().map(|delta| (delta.series, delta.numbers)).collect();
            sums.extend(store.counters().await?);
            // Counted anew each time: a running sum would stay wrong once a disconnect was missed.
            sums.insert(ACTIVE.to_owned(), BTreeMap::from([(VALUE.to_owned(), connections as f64)]));
            Ok(sums::render(&sums))
        })
    });
    let router = metrics_function::router(function.config().clone(), render);
    function.serve(router).await
}
