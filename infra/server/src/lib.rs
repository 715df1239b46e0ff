//! The effluent monitor as one process: every function's routes, live connections, and an embedded database; and the
//! command line for files, permits and verdicts.

mod advise;
mod apart;
mod backup;
mod certificate;
pub mod cli;
mod complete;
mod criteria;
mod database;
mod demo;
mod duration;
mod edge;
mod fit;
mod former;
mod health;
mod inbox;
mod live;
mod metrics;
mod monitor;
mod outcome;
mod proxies;
mod ready;
mod recorder;
mod remote;
mod run;
mod send;
mod serve;
mod simulate;
mod sources;
mod terminal;

pub use run::run;
