//! Connections of whose end nobody was told. API Gateway does not promise to invoke `$disconnect`, and the function that
//! it invokes may be killed. Whoever is posted to is found to be gone then; at a quiet site nobody is.

use domain::time;
use futures_util::StreamExt;
use lambda::Fault;
use lambda::push::{Gateway, YOUNG};
use live::ports::Connections;
use table::Store;

/// Connections that API Gateway is asked about at the same time.
const AT_ONCE: usize = 16;

/// Removes the connections that API Gateway does not know any more.
pub async fn sweep(store: &Store, gateway: &Gateway) -> Result<(), Fault> {
    let ids = store.connected_before(time::now() - YOUNG).await?;
    let looks = ids.iter().map(async |id| look(store, gateway, id).await);
    let mut looks = futures_util::stream::iter(looks).buffer_unordered(AT_ONCE);
    let mut gone = 0;
    while let Some(is_gone) = looks.next().await {
        gone += usize::from(is_gone?);
    }
    if gone > 0 {
        tracing::info!(gone, "connections had ended without a word and are removed");
    }
    Ok(())
}

/// Removes a connection if it is gone, and says whether it was.
async fn look(store: &Store, gateway: &Gateway, id: &str) -> Result<bool, Fault> {
    match gateway.knows(id).await {
        Ok(true) => Ok(false),
        Ok(false) => Ok(store.unregister(id).await.map(|()| true)?),
        Err(error) => {
            tracing::warn!(connection = id, %error, "a connection could not be asked about; the next sweep asks again");
            Ok(false)
        }
    }
}
