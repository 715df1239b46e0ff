//! Delivers batches to a function, one at a time, until each is done or given up.

use super::Feed;
use super::batch::{Record, event, first_failure};
use super::failure::{self, Condition};
use super::place::Place;
use crate::runtime::InvokeError;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};

/// The pause before a batch is retried, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Lane {
    feed: Arc<Feed>,
    place: Arc<Place>,
    shard: String,
    pages: mpsc::Receiver<Vec<Record>>,
    ready: VecDeque<Record>,
}

/// Records that are delivered together.
struct Batch {
    records: Vec<Record>,
    /// How many times it failed.
    failures: u32,
}

/// The outcome of a batch.
enum Outcome {
    Done,
    /// All records before this one are done.
    FailedFrom(usize, String),
    TooLarge,
    Stopping,
}

impl Lane {
    pub(super) fn new(feed: Arc<Feed>, place: Arc<Place>, shard: String, pages: mpsc::Receiver<Vec<Record>>) -> Self {
        Self { feed, place, shard, pages, ready: VecDeque::new() }
    }

    /// Runs until the gateway stops.
    pub(super) async fn run(mut self) {
        let stopping = self.feed.stopping.clone();
        loop {
            let batch = tokio::select! {
                // Checked first: the next batch must not overtake one that was unfinished when the gateway began to
                // stop.
                biased;
                () = stopping.cancelled() => None,
                batch = self.next() => batch,
            };
            match batch {
                Some(records) => self.deliver(records).await,
                None => return,
            }
        }
    }

    /// The next batch: full, or whatever has arrived when the window ends.
    async fn next(&mut self) -> Option<Vec<Record>> {
        let size = self.feed.source.batch_size;
        if self.ready.is_empty() {
            self.ready.extend(self.pages.recv().await?);
        }
        let until = Instant::now() + self.feed.source.window;
        while self.ready.len() < size {
            let page = match self.feed.source.window.is_zero() {
                true => self.pages.try_recv().ok(),
                false => timeout_at(until, self.pages.recv()).await.ok().flatten(),
            };
            match page {
                Some(page) => self.ready.extend(page),
                None => break,
            }
        }
        Some(self.ready.drain(..size.min(self.ready.len())).collect())
    }

    async fn deliver(&self, records: Vec<Record>) {
        let mut work = vec![Batch { records, failures: 0 }];
        while let Some(mut batch) = work.pop() {
            self.leave_out_old(&mut batch);
            if batch.records.is_empty() {
                continue;
            }
            match self.try_once(&batch.records).await {
                Outcome::Done => self.finish(&batch.records),
                Outcome::Stopping => return,
                Outcome::TooLarge if batch.records.len() > 1 => halve(batch, &mut work),
                Outcome::TooLarge => self.give_up(&batch, Condition::RetryAttemptsExhausted, "the event is too large"),
                Outcome::FailedFrom(first, reason) => {
                    self.finish(&batch.records[..first]);
                    batch.records.drain(..first);
                    batch.failures = if first > 0 { 1 } else { batch.failures + 1 };
                    self.after_failure(batch, &reason, &mut work).await;
                }
            }
        }
    }

    async fn try_once(&self, records: &[Record]) -> Outcome {
        match self.feed.pool.invoke(event(records)).await {
            Ok(_) if !self.feed.source.reports_failures => Outcome::Done,
            Ok(answer) => match first_failure(&answer, records) {
                None => Outcome::Done,
                Some(first) => Outcome::FailedFrom(first, "the function reported it".to_owned()),
            },
            Err(InvokeError::Stopping) => Outcome::Stopping,
            Err(InvokeError::EventTooLarge(_)) => Outcome::TooLarge,
            Err(error) => Outcome::FailedFrom(0, error.kind().to_owned()),
        }
    }

    async fn after_failure(&self, batch: Batch, reason: &str, work: &mut Vec<Batch>) {
        let (count, failures) = (batch.records.len(), batch.failures);
        let from = batch.records.first().map(|record| record.number.as_str());
        if self.feed.source.bisect && count > 1 {
            tracing::warn!(function = self.feed.function, from, count, reason, "a batch failed and is halved");
            halve(batch, work);
            return;
        }
        if self.feed.source.retries.is_some_and(|retries| failures > retries) {
            let reason = format!("{failures} attempts failed, the last with {reason}");
            self.give_up(&batch, Condition::RetryAttemptsExhausted, &reason);
            return;
        }
        let pause = (FIRST_PAUSE * 2_u32.saturating_pow(failures.saturating_sub(1).min(8))).min(LONGEST_PAUSE);
        tracing::warn!(
            function = self.feed.function,
            from,
            count,
            failures,
            reason,
            ?pause,
            "a batch failed and will be retried"
        );
        tokio::select! {
            () = sleep(pause) => work.push(batch),
            // The next gateway delivers again what is not done.
            () = self.feed.stopping.cancelled() => work.clear(),
        }
    }

    fn leave_out_old(&self, batch: &mut Batch) {
        let Some(most) = self.feed.source.max_age else { return };
        let records: Vec<_> = batch.records.extract_if(.., |record| record.age() > most).collect();
        if !records.is_empty() {
            let old = Batch { records, failures: batch.failures };
            self.give_up(&old, Condition::RecordAgeExceeded, &format!("older than {most:?}"));
        }
    }

    fn give_up(&self, batch: &Batch, condition: Condition, reason: &str) {
        let records = &batch.records;
        let numbers: Vec<_> = records.iter().map(|record| record.number.as_str()).collect();
        tracing::error!(
            function = self.feed.function,
            table = self.feed.table.name,
            ?numbers,
            reason,
            "records are given up"
        );
        if let Some(receiver) = &self.feed.source.on_failure {
            let told = failure::told(&self.feed, &self.shard, records, condition, batch.failures);
            self.feed.asynchronous.deliver(receiver, told, &[]);
        }
        self.finish(records);
    }

    fn finish(&self, records: &[Record]) {
        self.place.finish(records.iter().map(|record| record.number.as_str()));
    }
}

/// The halves in order: the first is on top.
fn halve(mut batch: Batch, work: &mut Vec<Batch>) {
    let second = batch.records.split_off(batch.records.len() / 2);
    work.push(Batch { records: second, failures: batch.failures });
    work.push(batch);
}
