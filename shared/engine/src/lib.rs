//! What happens to readings: they are recorded, judged by the permit, and announced.

mod announce;
pub mod answer;
mod events;
pub mod metrics;
pub mod pipeline;
pub mod publisher;
pub mod settle;
mod site;
pub mod spool;
mod turn;
pub mod verdicts;
mod writing;
