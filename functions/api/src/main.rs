//! The API function, with the documentation of all HTTP functions.

use api::Api;
use engine::Engine;
use files::scheduled::Allowed;
use lambda::{Error, Function};
use live::ports::FollowTheFeed;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let store = function.store();
    let sources = Some(Arc::new(Allowed::new(&function.config().source_hosts)));
    let api = Api { engine: Engine::new(store.clone(), Arc::new(FollowTheFeed)), store, sources };
    let docs = api::docs::router(function.config().api_token.is_some());
    let router = api::router(api, &function.guard()).merge(docs);
    function.serve(router).await
}
