//! A test case: what is sent, and what must come back.

use anyhow::ensure;
use serde_json::Value;
use std::time::Duration;
use tests::wire::{CONTINUATION, Frame, Seen, TEXT, Wire};
use tokio::time::sleep;

const PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug)]
enum Step {
    Write(Vec<u8>),
    Pause,
    AwaitPong,
}

/// Who closes the connection.
#[derive(Debug, Clone, Copy)]
enum End {
    /// We close it with 1000 once the answers have arrived, and get the same code back.
    Ours,
    /// The server closes it, or answers a close frame that we sent.
    Theirs(Option<u16>),
}

/// A case of the suite.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: String,
    steps: Vec<Step>,
    answers: Vec<&'static str>,
    pongs: Vec<Vec<u8>>,
    /// A server that detects an error may not answer what came before it.
    may_miss: bool,
    end: End,
}

impl Case {
    pub(super) fn new(name: impl Into<String>) -> Self {
        let (steps, answers, pongs) = (Vec::new(), Vec::new(), Vec::new());
        Self { name: name.into(), steps, answers, pongs, may_miss: false, end: End::Ours }
    }

    /// Sends frames in a single write.
    pub(super) fn send(self, frames: impl IntoIterator<Item = Frame>) -> Self {
        self.write(frames.into_iter().flat_map(|frame| frame.bytes()).collect())
    }

    /// Sends each frame in its own write.
    pub(super) fn by_frame(self, frames: impl IntoIterator<Item = Frame>) -> Self {
        frames.into_iter().fold(self, |case, frame| case.write(frame.bytes()))
    }

    /// Sends frames in pieces of this size.
    pub(super) fn chopped(self, size: usize, frames: impl IntoIterator<Item = Frame>) -> Self {
        let bytes: Vec<u8> = frames.into_iter().flat_map(|frame| frame.bytes()).collect();
        bytes.chunks(size).fold(self, |case, piece| case.write(piece.to_vec()))
    }

    pub(super) fn write(mut self, bytes: Vec<u8>) -> Self {
        self.steps.push(Step::Write(bytes));
        self
    }

    pub(super) fn pause(mut self) -> Self {
        self.steps.push(Step::Pause);
        self
    }

    /// Continues when a pong has arrived.
    pub(super) fn await_pong(mut self) -> Self {
        self.steps.push(Step::AwaitPong);
        self
    }

    /// Expects this answer to a message: `pong`, or `error`.
    pub(super) fn answered(mut self, answer: &'static str) -> Self {
        self.answers.push(answer);
        self
    }

    pub(super) fn pong(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.pongs.push(payload.into());
        self
    }

    /// The server must close the connection with this code, and may leave earlier messages unanswered.
    pub(super) fn closed(mut self, code: u16) -> Self {
        (self.end, self.may_miss) = (End::Theirs(Some(code)), true);
        self
    }

    /// The answer to the close frame has no code.
    pub(super) fn closed_without_code(mut self) -> Self {
        self.end = End::Theirs(None);
        self
    }

    pub(super) async fn run(&self, url: &str) -> anyhow::Result<()> {
        let mut wire = Wire::connect(url, &[]).await?.map_err(|status| anyhow::anyhow!("refused with {status}"))?;
        let mut found = Found::default();
        for step in &self.steps {
            match step {
                Step::Write(bytes) => wire.write(bytes).await,
                Step::Pause => sleep(PAUSE).await,
                Step::AwaitPong => {
                    let before = found.pongs.len();
                    while found.pongs.len() == before {
                        found.take(wire.next().await?)?;
                    }
                }
            }
        }
        let expected = match self.end {
            End::Theirs(code) => code,
            End::Ours => {
                while found.closed.is_none() && (found.answers.len(), found.pongs.len()) < self.counts() {
                    found.take(wire.next().await?)?;
                }
                wire.write(&Frame::close(1000, b"").bytes()).await;
                Some(1000)
            }
        };
        while !found.ended {
            found.take(wire.next().await?)?;
        }
        ensure!(found.closed == Some(expected), "closed with {:?}, not {expected:?}", found.closed);
        ensure!(begins(&found.pongs, &self.pongs, self.may_miss), "pongs: {:?}", found.pongs);
        let answers: Vec<_> = found.answers.iter().map(String::as_str).collect();
        ensure!(begins(&answers, &self.answers, self.may_miss), "answers: {answers:?}");
        Ok(())
    }

    fn counts(&self) -> (usize, usize) {
        (self.answers.len(), self.pongs.len())
    }
}

/// Whether everything expected arrived, or the beginning of it if the rest may be missing; and nothing else.
fn begins<T: PartialEq>(found: &[T], expected: &[T], may_miss: bool) -> bool {
    found == expected || may_miss && expected.starts_with(found)
}

/// What has arrived.
#[derive(Debug, Default)]
struct Found {
    answers: Vec<String>,
    pongs: Vec<Vec<u8>>,
    /// The close frame, with its code.
    closed: Option<Option<u16>>,
    ended: bool,
}

impl Found {
    fn take(&mut self, seen: Seen) -> anyhow::Result<()> {
        ensure!(self.closed.is_none() || seen == Seen::End, "{seen:?} comes after a close frame");
        match seen {
            Seen::Text(text) => {
                let answer: Value = serde_json::from_str(&text)?;
                self.answers.push(answer["type"].as_str().unwrap_or_default().to_owned());
            }
            Seen::Pong(payload) => self.pongs.push(payload),
            Seen::Close(code) => self.closed = Some(code),
            Seen::End => self.ended = true,
        }
        Ok(())
    }
}

/// A message of so many bytes that is answered with a pong.
pub(super) fn ping_of(length: usize) -> Vec<u8> {
    let mut text = br#"{"type":"ping"}"#.to_vec();
    text.resize(length.max(text.len()), b' ');
    text
}

/// The same in pieces of equal size.
pub(super) fn parts<const N: usize>(length: usize) -> [Vec<u8>; N] {
    let text = ping_of(length);
    std::array::from_fn(|index| text[text.len() * index / N..text.len() * (index + 1) / N].to_vec())
}

pub(super) fn text(payload: impl Into<Vec<u8>>) -> Frame {
    Frame::new(TEXT, payload)
}

/// The frames of a text message with these payloads.
pub(super) fn message<'a>(payloads: impl IntoIterator<Item = &'a [u8]>) -> Vec<Frame> {
    let payloads: Vec<_> = payloads.into_iter().collect();
    let frames = payloads.iter().enumerate().map(|(index, payload)| {
        let frame = Frame::new(if index == 0 { TEXT } else { CONTINUATION }, *payload);
        if index + 1 == payloads.len() { frame } else { frame.more() }
    });
    frames.collect()
}
