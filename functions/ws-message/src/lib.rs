//! WebSocket messages: publish, subscribe, ping. Every message is handled or answered.

pub mod gateway;
mod subscription;

use engine::publisher::{Fate, PublishError, Publisher};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use live::metrics as names;
use live::ports::Connection;
use live::protocol::{self, Code, Message};
use std::num::NonZeroU32;
use web::config::Config;

/// What a message leads to.
#[derive(Debug)]
pub enum Step {
    /// A frame for the client.
    Reply(String),
    /// A reading is on its way into the feed; if it fails, answer with [`unpublished`].
    Publishing(Fate),
    /// The client switches to a site.
    Subscribe {
        /// The site.
        site: String,
        /// Where its events begin.
        after: Option<u64>,
    },
}

/// What all connections share.
#[derive(Clone)]
pub struct Messages {
    publisher: Publisher,
    max_bytes: usize,
    per_second: NonZeroU32,
}

/// The messages that one connection may send.
#[derive(Debug)]
pub struct Allowance(DefaultDirectRateLimiter);

impl Allowance {
    /// Counts a message, and says whether it is allowed.
    pub fn take(&self) -> bool {
        self.0.check().is_ok()
    }
}

impl Messages {
    /// As configured.
    pub fn new(publisher: Publisher, config: &Config) -> Self {
        let per_second = NonZeroU32::new(config.ws_messages_per_second).unwrap_or(NonZeroU32::MIN);
        Self { publisher, max_bytes: config.ws_max_message_bytes, per_second }
    }

    /// The allowance of a new connection.
    pub fn allowance(&self) -> Allowance {
        Allowance(RateLimiter::direct(Quota::per_second(self.per_second)))
    }

    /// Waits until all readings that have been received are stored.
    pub async fn idle(&self) {
        self.publisher.idle().await;
    }

    /// How many messages a second one connection may send.
    pub fn per_second(&self) -> u32 {
        self.per_second.get()
    }

    /// Handles a message. Its rate (`allowed`) and size are checked before it is parsed.
    pub fn receive(&self, connection: &Connection, allowed: bool, text: &str) -> Step {
        metrics::counter!(names::RECEIVED).increment(1);
        metrics::histogram!(names::MESSAGE_SIZE).record(text.len() as f64);
        if !allowed {
            let detail = format!("more than {} messages a second; this one was dropped", self.per_second);
            return refuse(Code::RateLimited, &detail);
        }
        if text.len() > self.max_bytes {
            let detail = format!("{} bytes; at most {} are allowed", text.len(), self.max_bytes);
            return refuse(Code::TooLarge, &detail);
        }
        match protocol::parse(text.as_bytes()) {
            Err(detail) => refuse(Code::BadMessage, &detail),
            Ok(Message::Ping) => Step::Reply(protocol::pong()),
            Ok(Message::Subscribe { site, after }) => {
                Step::Subscribe { site: site.unwrap_or_else(|| connection.site.clone()), after }
            }
            Ok(Message::Publish(published)) => {
                let site = published.site.clone().unwrap_or_else(|| connection.site.clone());
                match self.publisher.publish(&site, *published, &connection.id) {
                    Ok(fate) => Step::Publishing(fate),
                    Err(error) => Step::Reply(unpublished(&error)),
                }
            }
        }
    }
}

/// The frame that says why a reading was not stored, and whether it may be sent again unchanged.
pub fn unpublished(error: &PublishError) -> String {
    let code = match error {
        PublishError::Busy | PublishError::Unavailable | PublishError::BeingRemoved => Code::Unavailable,
        PublishError::TooManyUnits(_) | PublishError::NoNewSite(_) => Code::BadMessage,
    };
    refusal(code, &error.to_string())
}

fn refuse(code: Code, detail: &str) -> Step {
    Step::Reply(refusal(code, detail))
}

/// The frame that says why a message was refused. Counts it.
pub fn refusal(code: Code, detail: &str) -> String {
    names::refused(code);
    protocol::error(code, detail)
}
