//! The function that finishes what requests have left, set off by the table's stream and by a schedule.

use engine::settle::Settler;
use lambda::{Error, Fault, Function, LambdaEvent};
use live::ports::FollowTheFeed;
use settle::Settle;
use settle::work::Event;
use std::sync::Arc;

struct Engine(Settler);

impl Settle for Engine {
    async fn site(&self, site: &str) -> Result<(), Fault> {
        Ok(self.0.settle_site(site).await?)
    }

    async fn sweep(&self) -> Result<(), Fault> {
        Ok(self.0.sweep().await?)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let engine = Engine(Settler::new(function.store(), Arc::new(FollowTheFeed)));
    let handler = async |event: LambdaEvent<Event>| {
        let time = event.context.deadline().duration_since(std::time::SystemTime::now()).unwrap_or_default();
        settle::handle(&engine, event.payload, time).await
    };
    function.run(handler).await
}
