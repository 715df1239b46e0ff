//! WebSocket connect: authenticate and register.
