//! Typed access to the attributes of an item.

use super::{PK, SK, StoreError, TTL};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::time;
use std::collections::HashMap;
use std::str::FromStr;

/// An item of the table.
pub type Item = HashMap<String, AttributeValue>;

/// Typed attributes, or an error that names item and attribute.
pub trait ItemExt {
    /// A text.
    fn text(&self, name: &str) -> Result<&str, StoreError>;
    /// A number.
    fn number<T: FromStr>(&self, name: &str) -> Result<T, StoreError>;
    /// A number that may be absent.
    fn number_or<T: FromStr>(&self, name: &str, default: T) -> Result<T, StoreError>;
    /// Bytes.
    fn bytes(&self, name: &str) -> Result<&[u8], StoreError>;
    /// Bytes, removed from the item.
    fn take_bytes(&mut self, name: &str) -> Result<Vec<u8>, StoreError>;
    /// The error for an unexpected attribute.
    fn damaged(&self, reason: impl ToString) -> StoreError;
}

impl ItemExt for Item {
    fn text(&self, name: &str) -> Result<&str, StoreError> {
        match self.get(name) {
            Some(AttributeValue::S(text)) => Ok(text),
            _ => Err(self.damaged(format!("no text {name:?}"))),
        }
    }

    fn number<T: FromStr>(&self, name: &str) -> Result<T, StoreError> {
        match self.get(name) {
            Some(AttributeValue::N(number)) => number.parse().ok(),
            _ => None,
        }
        .ok_or_else(|| self.damaged(format!("no number {name:?}")))
    }

    fn number_or<T: FromStr>(&self, name: &str, default: T) -> Result<T, StoreError> {
        if self.contains_key(name) { self.number(name) } else { Ok(default) }
    }

    fn bytes(&self, name: &str) -> Result<&[u8], StoreError> {
        match self.get(name) {
            Some(AttributeValue::B(bytes)) => Ok(bytes.as_ref()),
            _ => Err(self.damaged(format!("no bytes {name:?}"))),
        }
    }

    fn take_bytes(&mut self, name: &str) -> Result<Vec<u8>, StoreError> {
        match self.remove(name) {
            Some(AttributeValue::B(bytes)) => Ok(bytes.into_inner()),
            _ => Err(self.damaged(format!("no bytes {name:?}"))),
        }
    }

    fn damaged(&self, reason: impl ToString) -> StoreError {
        let key = |name| self.get(name).and_then(|value| value.as_s().ok()).map_or("?", |key| key);
        StoreError::Damaged { key: format!("{}/{}", key(PK), key(SK)), reason: reason.to_string() }
    }
}

/// A text attribute.
pub(super) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number attribute.
pub(super) fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A bytes attribute.
pub(super) fn b(bytes: Vec<u8>) -> AttributeValue {
    AttributeValue::B(bytes.into())
}

/// An item that the table removes some time after so many seconds.
pub(super) fn expiring(mut item: Item, seconds: i64) -> Item {
    item.insert(TTL.into(), n(time::now() / 1_000_000 + seconds));
    item
}
