//! WebSocket disconnect: stops sending to the connection.

pub mod sweep;

use live::ports::Connections;
use table::StoreError;

/// Removes a connection.
pub async fn disconnect<C: Connections>(connections: &C, id: &str) -> Result<(), StoreError> {
    connections.unregister(id).await
}
