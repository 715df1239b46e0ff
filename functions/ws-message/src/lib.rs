//! WebSocket messages: publish, subscribe, ping.
