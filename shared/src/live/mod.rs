//! What connected people see: the client protocol, publishing, and the ports to connections.

pub mod ports;
