//! The bytes of a file as UTF-8 text with `\n` line ends, while they are read.

use super::probe::Encoding;
use encoding_rs::Decoder;
use std::io::{self, Chain, Cursor, Read};

/// Bytes that are decoded at once.
const BUFFER: usize = 32 * 1024;

type Raw<R> = Chain<Cursor<Vec<u8>>, R>;

/// The text of a file: decoded, every line ended by `\n`, the last one too.
///
/// With one kind of line ends, the lines that a CSV parser counts are those of the file.
pub(super) struct Source<R> {
    raw: Raw<R>,
    decoding: Option<Decoding>,
    /// Whether the bytes are checked for UTF-8, and the findings.
    check: Option<Check>,
    /// How much of the text to skip.
    skip: usize,
    /// The last byte was `\r`, returned as `\n`: a `\n` after it is the same line end.
    after_return: bool,
    last: u8,
    is_over: bool,
}

impl<R> std::fmt::Debug for Source<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

struct Decoding {
    decoder: Decoder,
    /// Decoded text that is not returned yet, from `at` on.
    text: Vec<u8>,
    at: usize,
    is_done: bool,
}

/// Findings about bytes that seem to be UTF-8.
#[derive(Debug, Default)]
struct Check {
    /// The start of a character whose end is not read yet.
    pending: Vec<u8>,
    is_broken: bool,
    has_wide: bool,
}

impl<R: Read> Source<R> {
    /// The text of `head`, which is already read and has no mark, and of the rest, without the first `skip` bytes.
    pub(super) fn new(head: Vec<u8>, rest: R, encoding: Encoding, skip: usize) -> Self {
        let decoding = encoding.decoder().map(|decoder| Decoding { decoder, text: Vec::new(), at: 0, is_done: false });
        let check = (encoding == Encoding::Utf8).then(Check::default);
        let raw = Cursor::new(head).chain(rest);
        Self { raw, decoding, check, skip, after_return: false, last: b'\n', is_over: false }
    }

    /// Whether the bytes so far are not UTF-8 at all: some are invalid, and no character has several bytes.
    pub(super) fn is_other_than_utf8(&self) -> bool {
        self.check.as_ref().is_some_and(|check| check.is_broken && !check.has_wide)
    }

    fn more(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(decoding) = &mut self.decoding else {
            let count = self.raw.read(buffer)?;
            if let Some(check) = &mut self.check {
                check.take(&buffer[..count]);
            }
            return Ok(count);
        };
        decoding.read(&mut self.raw, buffer)
    }
}

impl Decoding {
    fn read(&mut self, raw: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() && !self.is_done {
            self.decode_more(raw)?;
        }
        let count = buffer.len().min(self.text.len() - self.at);
        buffer[..count].copy_from_slice(&self.text[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }

    fn decode_more(&mut self, raw: &mut impl Read) -> io::Result<()> {
        let mut input = Vec::with_capacity(BUFFER);
        self.is_done = raw.by_ref().take(BUFFER as u64).read_to_end(&mut input)? == 0;
        let room = self.decoder.max_utf8_buffer_length(input.len()).unwrap_or(4 * BUFFER);
        self.text.resize(room, 0);
        // There is room for the worst case, so that all of the input is read.
        let (_, _, written, _) = self.decoder.decode_to_utf8(&input, &mut self.text, self.is_done);
        self.text.truncate(written);
        self.at = 0;
        Ok(())
    }
}

impl Check {
    fn take(&mut self, bytes: &[u8]) {
        if self.is_broken && self.has_wide || self.pending.is_empty() && bytes.is_ascii() {
            return;
        }
        let joined;
        let mut rest = if self.pending.is_empty() {
            bytes
        } else {
            joined = [&self.pending, bytes].concat();
            &joined
        };
        let mut pending = Vec::new();
        while !rest.is_empty() {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.has_wide |= !text.is_ascii();
                    break;
                }
                Err(error) => {
                    let (good, bad) = rest.split_at(error.valid_up_to());
                    self.has_wide |= !good.is_ascii();
                    let Some(length) = error.error_len() else {
                        pending = bad.to_vec();
                        break;
                    };
                    self.is_broken = true;
                    rest = &bad[length..];
                }
            }
        }
        self.pending = pending;
    }

    fn finish(&mut self) {
        self.is_broken |= !self.pending.is_empty();
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.is_over || buffer.is_empty() {
                return Ok(0);
            }
            let count = self.more(buffer)?;
            if count == 0 {
                self.is_over = true;
                if let Some(check) = &mut self.check {
                    check.finish();
                }
                if self.last == b'\n' {
                    return Ok(0);
                }
                buffer[0] = b'\n';
                return Ok(1);
            }
            let mut kept = self.plain_line_ends(&mut buffer[..count]);
            let skipped = kept.min(self.skip);
            if skipped > 0 {
                buffer.copy_within(skipped..kept, 0);
                (kept, self.skip) = (kept - skipped, self.skip - skipped);
            }
            if kept > 0 {
                self.last = buffer[kept - 1];
                return Ok(kept);
            }
        }
    }
}

impl<R: Read> Source<R> {
    /// Turns `\r\n` and `\r` into `\n`; returns how many bytes are left.
    fn plain_line_ends(&mut self, bytes: &mut [u8]) -> usize {
        let start = usize::from(self.after_return && bytes[0] == b'\n');
        self.after_return = bytes[bytes.len() - 1] == b'\r';
        let Some(first) = memchr::memchr(b'\r', bytes) else {
            if start > 0 {
                bytes.copy_within(start.., 0);
            }
            return bytes.len() - start;
        };
        let (mut kept, mut at, mut next) = (0, start, first);
        loop {
            bytes.copy_within(at..next, kept);
            kept += next - at;
            bytes[kept] = b'\n';
            kept += 1;
            at = next + 1 + usize::from(bytes.get(next + 1) == Some(&b'\n'));
            let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr(b'\r', rest)) else { break };
            next = at + found;
        }
        if at < bytes.len() {
            bytes.copy_within(at.., kept);
            kept += bytes.len() - at;
        }
        kept
    }
}
