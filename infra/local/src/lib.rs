//! A local API Gateway: runs the functions of a SAM template on this machine, as AWS would.
//!
//! The template is the single source of truth. Everything it declares is built here from ordinary parts:
//!
//! - [`template`] reads it, keeps the line of everything, and refuses what cannot be honoured.
//! - [`runtime`] is Lambda: each function has a pool of environments, each environment a process and a Runtime API of
//!   its own on a loopback port. The binaries are those that are deployed; they cannot tell the difference.
//! - [`front`] is the single port: [`http`] APIs at `/` with payload format 2.0, WebSocket APIs at `/<stage>`, and
//!   their management endpoint at `/<stage>/@connections/<id>`.
//! - [`services`] are the AWS services on that port, told apart by signature: `s3` stores the objects of buckets,
//!   `queues` holds messages, `events` has the buses and their rules, and `lambda` invokes functions.
//! - [`permissions`] holds what the functions' roles allow; all services check it.
//! - [`database`] is DynamoDB: the embedded one, with the tables created from the template.
//! - [`streams`] feeds functions from the tables' streams, in order, and retries a batch until it is done or given up.
//! - `asynchronous` handles events for which nobody waits: from `schedules`, from rules, and from the Invoke API. An
//!   event that is given up goes to a queue.
//!
//! Three rules keep it honest. A single task decides what happens to an environment, so that a response, a crash and a
//! timeout cannot all count. Every wait is bounded: for a client that does not read, a body that does not end, or a
//! function that does not answer. And services are imitated with their limits and errors, because otherwise a program
//! would first meet those in AWS.
//!
//! `infra/local/README.md` says how to use it and where it differs from AWS.

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
