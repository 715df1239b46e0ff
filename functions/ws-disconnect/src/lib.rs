//! WebSocket disconnect: unregister.
