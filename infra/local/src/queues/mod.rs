//! SQS: the queues of a template, as folders with a file for each message.
//!
//! Messages of destinations and dead letters stay there until somebody takes them, by hand or through SQS's interface
//! (`api`). Only the running gateway knows which messages are being received: after a restart, all are visible.

mod api;
mod attribute;

pub(crate) use attribute::Attribute;

use crate::permissions::Permissions;
use crate::signature::Signature;
use crate::template::{self, Template};
use anyhow::Context;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// All queues. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Queues(Arc<HashMap<String, Queue>>);

struct Queue {
    about: template::Queue,
    folder: PathBuf,
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    /// In the order in which they were sent.
    messages: BTreeMap<u64, Held>,
    last: u64,
}

/// A message that is waiting or being received.
struct Held {
    message: Message,
    visible: Instant,
    receipt: Option<String>,
    receives: u32,
}

/// A message, as stored in its file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Message {
    message_id: String,
    body: String,
    /// Milliseconds since 1970.
    sent: i64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    message_attributes: BTreeMap<String, Attribute>,
}

/// Why an operation on a queue failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueueError {
    #[error("the template has no queue {0}")]
    None(String),
    #[error("a message cannot be stored: {0}")]
    Disk(#[from] std::io::Error),
}

impl Queues {
    /// The queues of a template, with their stored messages.
    pub(crate) fn open(folder: &Path, template: &Template) -> anyhow::Result<Self> {
        let open = |about: &template::Queue| {
            let folder = folder.join(&about.name);
            let state = State::read(&folder).with_context(|| format!("cannot use {}", folder.display()))?;
            let queue = Queue { about: about.clone(), folder, state: Mutex::new(state), arrived: Notify::new() };
            Ok((about.name.clone(), queue))
        };
        let queues: anyhow::Result<_> = template.queues.iter().map(open).collect();
        Ok(Self(Arc::new(queues?)))
    }

    /// Puts a message into a queue, and returns its id.
    pub(crate) fn send(&self, queue: &str, body: &str, attributes: &[(&str, Attribute)]) -> Result<String, QueueError> {
        let attributes = attributes.iter().map(|(name, attribute)| ((*name).to_owned(), attribute.clone()));
        self.queue(queue)?.send(body, attributes.collect(), None)
    }

    /// Answers a request that is signed for SQS.
    pub(crate) async fn answer(
        &self,
        request: axum::extract::Request,
        signature: &Signature,
        permissions: Option<&Permissions>,
    ) -> axum::response::Response {
        api::answer(self, request, signature, permissions).await
    }

    fn queue(&self, name: &str) -> Result<&Queue, QueueError> {
        self.0.get(name).ok_or_else(|| QueueError::None(name.to_owned()))
    }

    /// The queue at an address.
    fn at(&self, url: &str) -> Result<&Queue, QueueError> {
        self.queue(url.rsplit('/').next().unwrap_or_default())
    }
}

impl State {
    fn read(folder: &Path) -> std::io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut state = Self::default();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let number = path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.parse::<u64>().ok());
            let is_message = path.extension().is_some_and(|extension| extension == "json");
            let Some(number) = number.filter(|_| is_message) else { continue };
            // Even if it is not a message, its number is taken: the next message must not overwrite it.
            state.last = state.last.max(number);
            match serde_json::from_slice(&fs::read(&path)?) {
                Ok(message) => drop(state.messages.insert(number, Held::new(message, Duration::ZERO))),
                Err(error) => tracing::warn!(%error, file = %path.display(), "not a message; the file is left alone"),
            }
        }
        Ok(state)
    }
}

impl Held {
    fn new(message: Message, delay: Duration) -> Self {
        Self { message, visible: Instant::now() + delay, receipt: None, receives: 0 }
    }
}

impl Queue {
    fn send(
        &self,
        body: &str,
        message_attributes: BTreeMap<String, Attribute>,
        delay: Option<Duration>,
    ) -> Result<String, QueueError> {
        let (message_id, sent) = (uuid::Uuid::new_v4().to_string(), jiff::Timestamp::now().as_millisecond());
        let message = Message { message_id: message_id.clone(), body: body.to_owned(), sent, message_attributes };
        let mut state = self.state.lock();
        state.last += 1;
        let number = state.last;
        let new = self.folder.join("new");
        fs::write(&new, serde_json::to_vec_pretty(&message).map_err(std::io::Error::from)?)?;
        fs::rename(&new, self.file(number))?;
        state.messages.insert(number, Held::new(message, delay.unwrap_or(self.about.delay)));
        drop(state);
        self.arrived.notify_waiters();
        Ok(message_id)
    }

    /// Visible messages, each with its receipt and how often it was received. They are hidden for a while.
    fn receive(&self, most: usize, visibility: Option<Duration>) -> Vec<(Message, String, u32)> {
        let now = Instant::now();
        let mut state = self.state.lock();
        let visible = state.messages.values_mut().filter(|held| held.visible <= now);
        let take = |held: &mut Held| {
            let receipt = uuid::Uuid::new_v4().to_string();
            held.visible = now + visibility.unwrap_or(self.about.visibility);
            held.receipt = Some(receipt.clone());
            held.receives += 1;
            (held.message.clone(), receipt, held.receives)
        };
        visible.take(most).map(take).collect()
    }

    /// The same, but waits if there are none.
    async fn wait(&self, most: usize, visibility: Option<Duration>, until: Instant) -> Vec<(Message, String, u32)> {
        loop {
            let arrived = self.arrived.notified();
            let received = self.receive(most, visibility);
            if !received.is_empty() || Instant::now() >= until {
                return received;
            }
            // A message can also become visible again, which sends no notification.
            let look = (Instant::now() + Duration::from_millis(250)).min(until);
            let _ = tokio::time::timeout_at(look, arrived).await;
        }
    }

    /// Removes a received message; `false` if none has this receipt.
    fn delete(&self, receipt: &str) -> Result<bool, QueueError> {
        let mut state = self.state.lock();
        let Some(number) = state.with(receipt) else { return Ok(false) };
        self.remove(&mut state, number)?;
        Ok(true)
    }

    /// Hides a message for some time from now.
    fn hide(&self, receipt: &str, time: Duration) -> bool {
        let mut state = self.state.lock();
        let number = state.with(receipt);
        let held = number.and_then(|number| state.messages.get_mut(&number));
        held.map(|held| held.visible = Instant::now() + time).is_some()
    }

    fn purge(&self) -> Result<(), QueueError> {
        let mut state = self.state.lock();
        while let Some(number) = state.messages.keys().next().copied() {
            self.remove(&mut state, number)?;
        }
        Ok(())
    }

    /// Removes a message's file first, and then the message. If somebody else has removed the file, that is fine too.
    fn remove(&self, state: &mut State, number: u64) -> Result<(), QueueError> {
        match fs::remove_file(self.file(number)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        state.messages.remove(&number);
        Ok(())
    }

    /// How many messages are visible, and how many hidden.
    fn count(&self) -> (usize, usize) {
        let (now, state) = (Instant::now(), self.state.lock());
        let visible = state.messages.values().filter(|held| held.visible <= now).count();
        (visible, state.messages.len() - visible)
    }

    fn file(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:012}.json"))
    }
}

impl State {
    fn with(&self, receipt: &str) -> Option<u64> {
        let mut all = self.messages.iter();
        all.find(|(_, held)| held.receipt.as_deref() == Some(receipt)).map(|(number, _)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Given;

    fn opened(folder: &Path) -> Queues {
        let template = Template::parse("Resources: {Q: {Type: AWS::SQS::Queue}}", &Given::default()).unwrap();
        Queues::open(folder, &template).unwrap()
    }

    #[tokio::test]
    async fn files_that_are_no_messages_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("local-Q");
        fs::create_dir(&own).unwrap();
        fs::write(own.join("000000000001.json"), "torn").unwrap();
        let queues = opened(folder.path());
        queues.send("local-Q", "hello", &[]).unwrap();
        assert_eq!(fs::read_to_string(own.join("000000000001.json")).unwrap(), "torn");
        assert_eq!(opened(folder.path()).queue("local-Q").unwrap().count(), (1, 0));
    }

    #[tokio::test]
    async fn a_message_whose_file_is_gone_can_be_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let queues = opened(folder.path());
        let queue = queues.queue("local-Q").unwrap();
        for body in ["one", "two", "three"] {
            queues.send("local-Q", body, &[]).unwrap();
        }
        let (_, receipt, _) = queue.receive(1, None).remove(0);
        for number in [1, 2] {
            fs::remove_file(queue.file(number)).unwrap();
        }
        assert!(queue.delete(&receipt).unwrap());
        assert_eq!(queue.count(), (2, 0));
        queue.purge().unwrap();
        assert_eq!(queue.count(), (0, 0));
        assert!(!queue.file(3).exists());
    }

    #[tokio::test]
    async fn what_cannot_be_removed_is_not_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let queues = opened(folder.path());
        let queue = queues.queue("local-Q").unwrap();
        queues.send("local-Q", "one", &[]).unwrap();
        // A folder cannot be removed like a file.
        fs::remove_file(queue.file(1)).unwrap();
        fs::create_dir(queue.file(1)).unwrap();
        assert!(queue.purge().is_err());
        assert_eq!(queue.count(), (1, 0));
    }
}
