//! A table of a test's own: on the embedded engine, or on the one that is named.

use embedded::{Embedded, client};
use std::path::Path;
use table::Store;
use tempfile::TempDir;

/// The engine for all tables in place of the embedded one, such as DynamoDB Local (`make test-dynamodb`), if named.
pub fn engine() -> Option<String> {
    std::env::var("OWSC_TEST_ENDPOINT").ok().filter(|url| !url.is_empty())
}

/// A name for the table that belongs to a directory. Names of directories differ in their letters and digits.
pub fn name_for(directory: &Path) -> String {
    let known: String = directory.to_string_lossy().chars().filter(char::is_ascii_alphanumeric).collect();
    format!("owsc{known}")
}

/// A table that nobody else uses.
#[derive(Debug)]
pub struct Table {
    endpoint: String,
    name: String,
    _embedded: Option<Embedded>,
    _directory: TempDir,
}

impl Table {
    /// One that is not created yet.
    pub fn new() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let (endpoint, embedded) = match engine() {
            Some(url) => (url, None),
            None => {
                let embedded = Embedded::start(directory.path())?;
                (embedded.endpoint(), Some(embedded))
            }
        };
        Ok(Self { endpoint, name: name_for(directory.path()), _embedded: embedded, _directory: directory })
    }

    /// The one that the local gateway creates for `template.yaml`, on an engine that nobody else uses.
    pub fn of_template() -> anyhow::Result<Self> {
        Ok(Self { name: "local-Table".to_owned(), ..Self::new()? })
    }

    /// Where it is.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Access to it.
    pub fn store(&self) -> Store {
        Store::new(client(&self.endpoint), &self.name)
    }
}
