//! Messages that arrive through API Gateway.

use crate::subscription::{Begin, bring};
use crate::{Messages, Step, refusal, unpublished};
use domain::time;
use engine::publisher::PublishError;
use lambda::push::Gateway;
use lambda::websocket::{self, Answer, WebSocketEvent};
use lambda::{Fault, LambdaEvent};
use live::ports::{Connection, Connections, PushError};
use live::protocol::Code;
use std::time::SystemTime;
use table::Store;
use table::connections::{Known, Subscriber};

/// A connection that has been in no list for so long belongs to an invocation that died: they end after 29 s.
const STRANDED: i64 = 60 * 1_000_000;

/// What handling a message needs.
pub struct Host {
    /// The table.
    pub store: Store,
    /// Handles each message.
    pub messages: Messages,
    /// The way back to clients.
    pub gateway: Gateway,
}

impl Host {
    /// Handles a message.
    pub async fn answer(&self, event: LambdaEvent<WebSocketEvent>) -> Result<Answer, Fault> {
        let (event, context) = event.into_parts();
        let id = websocket::connection_id(&event)?;
        if event.is_base64_encoded {
            // API Gateway closes a connection that sends a binary message with 1003.
            return Err(Fault::BadEvent("a binary message".into()));
        }
        let text = event.body.as_deref().unwrap_or_default();
        match self.store.connection(id).await? {
            Some(known) if known.moving.is_none_or(|since| time::now() - since < STRANDED) => {
                self.receive(&known, text, context.deadline()).await?;
            }
            // It would get no events, and never know.
            stranded => self.end(id, stranded.map(|known| known.connection)).await?,
        }
        Ok(Answer::ok())
    }

    async fn receive(&self, known: &Known, text: &str, deadline: SystemTime) -> Result<(), Fault> {
        let connection = &known.connection;
        let now = time::now();
        let allowed = self.store.within_rate(&connection.id, self.messages.per_second(), now).await?;
        let step = self.messages.receive(connection, allowed, text);
        if !matches!(step, Step::Subscribe { .. }) {
            self.begin_events(known, now, deadline).await?;
        }
        match step {
            Step::Reply(frame) => self.reply(connection, frame).await,
            Step::Publishing(fate) => match fate.await.unwrap_or(Err(PublishError::Unavailable)) {
                Ok(_) => Ok(()),
                Err(error) => self.reply(connection, unpublished(&error)).await,
            },
            Step::Subscribe { site, after } => self.subscribe(connection, site, after, deadline).await,
        }
    }

    /// A first message that is not a subscription: events begin at the moment of the connect.
    async fn begin_events(&self, known: &Known, now: i64, deadline: SystemTime) -> Result<(), Fault> {
        let connection = &known.connection;
        if known.hold > now && !connection.waits {
            self.store.end_hold(connection).await?;
        }
        if connection.waits
            && let Some(left) = self.store.unsettle(&connection.id).await?
        {
            self.bring(&left, Begin::Silently, deadline).await?;
        }
        Ok(())
    }

    async fn subscribe(
        &self,
        connection: &Connection,
        site: String,
        after: Option<u64>,
        deadline: SystemTime,
    ) -> Result<(), Fault> {
        let Some(left) = self.store.unsettle(&connection.id).await? else {
            let detail = "another subscription of this connection is in progress; retry when it is done";
            return self.reply(connection, refusal(Code::BadMessage, detail)).await;
        };
        self.bring(&left, Begin::At { site, after }, deadline).await
    }

    async fn bring(&self, left: &Subscriber, begin: Begin, deadline: SystemTime) -> Result<(), Fault> {
        let brought = bring(&self.store, &self.gateway, left, begin, deadline).await;
        let Err(fault) = brought else { return Ok(()) };
        tracing::warn!(error = %fault, connection = left.connection.id, "a subscription failed; its connection is closed");
        self.end(&left.connection.id, Some(left.connection.clone())).await
    }

    async fn reply(&self, connection: &Connection, frame: String) -> Result<(), Fault> {
        match self.gateway.send(&connection.id, frame.into()).await {
            Ok(()) => Ok(()),
            Err(PushError::Gone) => Ok(self.store.remove_connection(connection).await?),
            Err(PushError::Failed(reason)) => Err(Fault::Push(reason)),
        }
    }

    /// Closes a connection: its client reconnects and resumes after the last event that it has.
    async fn end(&self, id: &str, connection: Option<Connection>) -> Result<(), Fault> {
        self.gateway.end(id).await.map_err(|error| Fault::Push(error.to_string()))?;
        match connection {
            Some(connection) => self.store.remove_connection(&connection).await?,
            None => self.store.unregister(id).await?,
        }
        Ok(())
    }
}
