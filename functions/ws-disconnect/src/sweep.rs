//! Removes connections whose `$disconnect` was lost: API Gateway does not promise to invoke it, and the function may be
//! killed. A post to such a connection finds that it is gone, but at a quiet site there are no posts.

use domain::time;
use futures_util::StreamExt;
use lambda::Fault;
use lambda::push::{Gateway, YOUNG};
use live::ports::Connections;
use table::Store;

/// Connections that API Gateway is asked about at the same time.
const AT_ONCE: usize = 16;

/// Removes the connections that API Gateway no longer knows.
pub async fn sweep(store: &Store, gateway: &Gateway) -> Result<(), Fault> {
    let ids = store.connected_before(time::now() - YOUNG).await?;
    let looks = ids.iter().map(async |id| look(store, gateway, id).await);
    let mut looks = futures_util::stream::iter(looks).buffer_unordered(AT_ONCE);
    let mut gone = 0;
    while let Some(is_gone) = looks.next().await {
        gone += usize::from(is_gone?);
    }
    if gone > 0 {
        tracing::info!(gone, "connections that ended without $disconnect were removed");
    }
    Ok(())
}

/// Removes a connection if it is gone, and says whether it was.
async fn look(store: &Store, gateway: &Gateway, id: &str) -> Result<bool, Fault> {
    match gateway.knows(id).await {
        Ok(true) => Ok(false),
        Ok(false) => Ok(store.unregister(id).await.map(|()| true)?),
        Err(error) => {
            tracing::warn!(connection = id, %error, "a connection could not be checked; the next sweep retries");
            Ok(false)
        }
    }
}
