//! The function that settles what requests left, triggered by the table's stream and by a schedule.

use engine::settle::Settler;
use lambda::{Error, Fault, Function, LambdaEvent};
use live::ports::FollowTheFeed;
use settle::Settle;
use settle::work::Invocation;
use std::sync::Arc;

struct Sites(Settler);

impl Settle for Sites {
    async fn site(&self, site: &str) -> Result<(), Fault> {
        Ok(self.0.settle_site(site).await?)
    }

    async fn sweep(&self) -> Result<(), Fault> {
        self.0.sweep().await?;
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let sites = Sites(engine::Engine::new(function.store(), Arc::new(FollowTheFeed)).settler().clone());
    let handler = async |event: LambdaEvent<Invocation>| {
        let time = event.context.deadline().duration_since(std::time::SystemTime::now()).unwrap_or_default();
        settle::handle(&sites, event.payload, time).await
    };
    function.run(handler).await
}
