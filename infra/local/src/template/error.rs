//! Why a template is refused.

use std::path::Path;

/// A template that cannot be honoured, with the line of the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{line}: {message}", .file.as_deref().map(|file| format!("{file}:")).unwrap_or_default())]
pub struct TemplateError {
    file: Option<String>,
    line: usize,
    message: String,
}

impl TemplateError {
    /// An error on a line of a file that is not known here.
    pub fn new(line: usize, message: impl Into<String>) -> Self {
        Self { file: None, line, message: message.into() }
    }

    /// A property unknown to this program: what it asks for would not be done.
    pub(super) fn unknown(line: usize, property: &str, id: &str) -> Self {
        Self::new(line, format!("{property} of {id} is not known here"))
    }

    /// The same with the file's name.
    #[must_use]
    pub fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.display().to_string());
        self
    }
}
