//! WebSocket disconnect: nothing is sent to the connection any more.

use shared::live::ports::Connections;
use shared::store::StoreError;

/// Removes a connection.
pub async fn disconnect<C: Connections>(connections: &C, id: &str) -> Result<(), StoreError> {
    connections.unregister(id).await
}
