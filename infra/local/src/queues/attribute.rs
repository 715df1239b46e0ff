//! Attributes of messages.

use serde::{Deserialize, Serialize};

/// A value with its type, in SQS's format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Attribute {
    data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    string_value: Option<String>,
    /// Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
}

impl Attribute {
    pub(crate) fn text(value: &str) -> Self {
        Self { data_type: "String".to_owned(), string_value: Some(value.to_owned()), binary_value: None }
    }

    pub(crate) fn number(value: u16) -> Self {
        Self { data_type: "Number".to_owned(), string_value: Some(value.to_string()), binary_value: None }
    }
}
