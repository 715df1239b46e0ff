//! What a person sees: a bar while it lasts, and an account at the end.

use super::client::name_of;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use std::path::Path;

/// Rows that are listed with what is wrong about them.
const LISTED: usize = 10;

/// A bar on a terminal; nothing elsewhere.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(file: &Path) -> Self {
        let bar = ProgressBar::new(0).with_prefix(name_of(file));
        let style = ProgressStyle::with_template("{prefix} {msg} {wide_bar} {bytes}/{total_bytes} {eta}");
        Self(if let Ok(style) = style { bar.with_style(style) } else { bar })
    }

    /// A stretch of the way that has so many bytes.
    pub(super) fn begin(&self, what: &str, bytes: u64) {
        self.0.set_message(what.to_owned());
        self.0.set_length(bytes);
        self.0.set_position(0);
    }

    pub(super) fn more(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    pub(super) fn reached(&self, bytes: u64) {
        self.0.set_position(bytes);
    }

    /// How far the server is.
    pub(super) fn far(&self, state: &str, progress: &Value) {
        self.0.set_message(state.to_owned());
        if let (Some(read), Some(of)) = (progress["read"].as_u64(), progress["of"].as_u64()) {
            self.0.set_length(of);
            self.0.set_position(read);
        }
    }

    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}

/// Prints what came of a file.
#[expect(clippy::print_stdout, reason = "this is what the command is for")]
pub(super) fn print(file: &Path, document: &Value) {
    let (answer, error) = (&document["answer"], &document["error"]);
    let account = if error.is_null() { answer } else { &error["details"] };
    let message = if error.is_null() { &answer["message"] } else { &error["message"] };
    println!("{}: {}", file.display(), message.as_str().unwrap_or("no answer"));
    for row in account["errors"].as_array().into_iter().flatten().take(LISTED) {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        println!("  line {}, {}: {:?}: {}", row["line"], text("column"), text("text"), text("reason"));
    }
    let more = account["errors_total"].as_u64().unwrap_or_default().saturating_sub(LISTED as u64);
    if more > 0 {
        println!("  and {more} more; --json has a hundred of them");
    }
}

/// Prints the one document that a program gets.
#[expect(clippy::print_stdout, reason = "this is what the command is for")]
pub(super) fn print_json(document: &Value) {
    println!("{document:#}");
}
