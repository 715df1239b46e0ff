//! The command line of the local API Gateway.

fn main() {}
