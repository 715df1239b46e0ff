//! Names in requests: checked as they are read, and described in the API's documentation.

use super::{MAX_NAME_BYTES, NameError, check, check_site};
use serde::Deserialize;
use std::ops::Deref;
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// What names are: up to 256 bytes without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

/// The name of a site that is a part of a path or is about to come into being: see [`check_site`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SiteName(String);

/// Control characters at the ends would be trimmed with white space, and a name that has any is no name.
fn plain(text: &str) -> Result<&str, NameError> {
    if text.chars().any(char::is_control) { Err(NameError::Control) } else { Ok(text) }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        plain(&text).and_then(check).map(|name| Self(name.to_owned()))
    }
}

impl TryFrom<String> for SiteName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        plain(&text).and_then(check_site).map(|name| Self(name.to_owned()))
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Deref for SiteName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<Name> for String {
    fn from(Name(name): Name) -> Self {
        name
    }
}

impl From<SiteName> for String {
    fn from(SiteName(name): SiteName) -> Self {
        name
    }
}

fn described(description: &str, format: &str, excluded: &str) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    // Characters, where the bound is in bytes of UTF-8, which schemas cannot say.
    let text = text.min_length(Some(1)).max_length(Some(MAX_NAME_BYTES));
    let text = text.pattern(Some(format!(r"^[^{excluded}\u0000-\u001f\u007f-\u009f]+$")));
    text.format(Some(SchemaFormat::Custom(format.to_owned()))).into()
}

impl PartialSchema for Name {
    fn schema() -> RefOr<Schema> {
        described("A name: 1 to 256 bytes of UTF-8 without control characters, not blank.", "name", "")
    }
}

impl ToSchema for Name {}

impl PartialSchema for SiteName {
    fn schema() -> RefOr<Schema> {
        let description = "The name of a site: 1 to 256 bytes of UTF-8 without control characters and slashes, not \
                           blank, and neither `.` nor `..`. In a path it is percent-encoded.";
        described(description, "site-name", "/")
    }
}

impl ToSchema for SiteName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_name_nothing_that_is_no_name() {
        let name = |text: &str| Name::try_from(text.to_owned());
        assert_eq!(name(" Plant/2 ").as_deref(), Ok("Plant/2"));
        assert_eq!(name("SO4\n"), Err(NameError::Control));
        assert_eq!(name(&"x".repeat(3000)), Err(NameError::TooLong));
        let site = |text: &str| SiteName::try_from(text.to_owned());
        assert_eq!(site("Süd").as_deref(), Ok("Süd"));
        assert_eq!((site("a/b"), site(" ")), (Err(NameError::Path), Err(NameError::Empty)));
    }
}
