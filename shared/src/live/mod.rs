//! What connected people see: the client protocol, publishing, and the ports to connections.

pub mod ports;
pub mod protocol;
pub mod publisher;
mod site;
