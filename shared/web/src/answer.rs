//! Limits the size of answers, equally on every host.

use serde::Serialize;
use std::io::{Result, Write};

/// Lambda passes on answers of up to 6 MB (6 x 1024 x 1024 bytes), including headers. An answer is a JSON string there,
/// in which quotes take two bytes.
pub const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024 - 256 * 1024;

/// The size of a value in an answer: its JSON, within a JSON string.
pub fn weight(value: &impl Serialize) -> usize {
    let mut counter = Counter(0);
    // The writer never fails, and our own types always serialise.
    let _ = serde_json::to_writer(&mut counter, value);
    counter.0
}

struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0 += bytes.len() + bytes.iter().filter(|byte| matches!(byte, b'"' | b'\\')).count();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// The room for a list's entries in one answer.
#[derive(Debug)]
pub struct Room {
    left: usize,
    is_empty: bool,
}

impl Default for Room {
    /// Everything except the fields beside the list.
    fn default() -> Self {
        Self { left: MAX_ANSWER_BYTES - 64 * 1024, is_empty: true }
    }
}

impl Room {
    /// Reserves room for an entry. `false`: it belongs on the next page. The first one always has room.
    pub fn take(&mut self, entry: &impl Serialize) -> bool {
        let weight = weight(entry) + 1;
        let fits = weight <= self.left || self.is_empty;
        self.left = self.left.saturating_sub(weight);
        self.is_empty = false;
        if !fits {
            self.left = 0;
        }
        fits
    }

    /// How many entries have room, counted from the first.
    pub fn of<T: Serialize>(list: &[T]) -> usize {
        let mut room = Self::default();
        list.iter().take_while(|entry| room.take(entry)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_weigh_twice() {
        assert_eq!(weight(&"a"), 5);
        assert_eq!(weight(&"\""), 8);
        let list = ["a\"b", "c"];
        let text = serde_json::to_string(&list).unwrap();
        assert_eq!(weight(&list), serde_json::to_string(&text).unwrap().len() - 2);
    }

    #[test]
    fn a_list_on_both_sides_of_its_room() {
        let entry = "x".repeat(1024 - 5);
        let fitting = (MAX_ANSWER_BYTES - 64 * 1024) / 1024;
        assert_eq!(Room::of(&vec![&entry; fitting]), fitting);
        assert_eq!(Room::of(&vec![&entry; fitting + 1]), fitting);
        // An entry that is too large by itself is answered, so that a client can get past it.
        let long = "x".repeat(MAX_ANSWER_BYTES);
        assert_eq!(Room::of(&[long.as_str(), "a"]), 1);
        assert_eq!(Room::of(&["a", long.as_str(), "b"]), 1);
    }
}
