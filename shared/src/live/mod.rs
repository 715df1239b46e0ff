//! What connected people see: the client protocol, publishing, and the ports to connections.

pub(crate) mod events;
pub mod ports;
pub mod protocol;
pub mod publisher;
mod site;
