//! A local API Gateway: runs the functions of a SAM template on this machine, as AWS would.
//!
//! The template is the single source of truth. What it declares is built here from ordinary parts:
//!
//! - [`template`] reads it, with the line of everything, and refuses what could not be honoured.
//! - [`runtime`] is Lambda: each function has a pool of environments, each environment a process and a Runtime API of
//!   its own on a loopback port. The binaries are those that are deployed; they cannot tell the difference.
//! - [`front`] is the one port: [`http`] APIs at `/` with payload format 2.0, WebSocket APIs at `/<stage>`, and their
//!   management endpoint at `/<stage>/@connections/<id>`.
//! - [`services`] are those of AWS that share that port, told apart by signature: `s3` keeps the objects of buckets,
//!   `queues` messages, `events` are the buses and their rules, and `lambda` invokes functions.
//! - [`permissions`] says what the roles of the functions allow, which all of them ask.
//! - [`database`] is DynamoDB: the embedded one, with the tables created from the template.
//! - [`streams`] feeds functions from the tables' streams, in order, again and again until a batch is done or given up.
//! - `asynchronous` handles events for which nobody waits: those of `schedules`, of rules, and of the Invoke API. What is
//!   given up goes to a queue.
//!
//! Three rules keep it honest. One task decides what happens to an environment, so that a response, a crash and a
//! timeout cannot all count. Nothing waits without a bound: not for a client that does not read, a body that does not
//! end, or a function that does not answer. And what is imitated is imitated with its limits and errors, because these
//! are what a program first meets in AWS otherwise.
//!
//! `infra/local/README.md` says how it is used and where it differs from AWS.

mod asynchronous;
pub mod cli;
pub mod cron;
mod data;
pub mod database;
mod digest;
mod events;
mod fire;
pub mod front;
pub mod functions;
mod greet;
pub mod http;
mod lambda;
mod logs;
pub mod pattern;
pub mod permissions;
mod queues;
pub mod runtime;
mod s3;
mod schedules;
pub mod serve;
pub mod services;
pub mod settings;
mod signature;
pub mod signing;
pub mod streams;
pub mod template;
mod throttle;
mod websocket;
mod wildcard;
