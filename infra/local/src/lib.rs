//! A local API Gateway: runs the functions of a SAM template on this machine, as AWS would.
//!
//! The template is the single source of truth. What it declares is built here from ordinary parts:
//!
//! - [`template`] reads it, with the line of everything, and refuses what could not be honoured.
//! - [`runtime`] is Lambda: each function has a pool of environments, each environment a process and a Runtime API of
//!   its own on a loopback port. The binaries are those that are deployed; they cannot tell the difference.
//! - [`front`] is the one port: [`http`] APIs at `/` with payload format 2.0, WebSocket APIs at `/<stage>`, and their
//!   management endpoint at `/<stage>/@connections/<id>`.
//! - [`database`] is DynamoDB: the embedded one, with the tables created from the template.
//! - [`streams`] feeds functions from the tables' streams, in order, again and again until a batch is done or given up.
//! - `schedules` sets functions off at their rates.
//!
//! Three rules keep it honest. One task decides what happens to an environment, so that a response, a crash and a
//! timeout cannot all count. Nothing waits without a bound: not for a client that does not read, a body that does not
//! end, or a function that does not answer. And what is imitated is imitated with its limits and errors, because these
//! are what a program first meets in AWS otherwise.
//!
//! `infra/local/README.md` says how it is used and where it differs from AWS.

pub mod cli;
pub mod database;
pub mod front;
pub mod functions;
pub mod http;
mod logs;
pub mod permissions;
pub mod runtime;
mod schedules;
pub mod serve;
pub mod streams;
pub mod template;
mod throttle;
mod websocket;
