//! Times in queries, for the API's documentation. [`domain::range`] parses them.

use domain::time::MAX_HOURS;
use utoipa::openapi::schema::{AnyOfBuilder, KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The schema of a time in a query.
#[derive(Debug)]
pub struct Moment;

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        let hours = ObjectBuilder::new().schema_type(Type::Number);
        let hours = hours.minimum(Some(-MAX_HOURS)).maximum(Some(MAX_HOURS));
        let text = |format| ObjectBuilder::new().schema_type(Type::String).format(Some(format));
        let description = "A time: a number of hours, a moment (RFC 3339), a day of the site's calendar, or what the \
                           site's clock shows (`2026-03-01T06:00`). Within 69,000,000 hours of 1970.";
        let schema = AnyOfBuilder::new().description(Some(description)).item(hours);
        let schema = schema.item(text(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
        let schema = schema.item(text(SchemaFormat::KnownFormat(KnownFormat::Date)));
        schema.item(text(SchemaFormat::Custom("date-time-local".to_owned()))).into()
    }
}

impl ToSchema for Moment {
    fn name() -> std::borrow::Cow<'static, str> {
        "QueryTime".into()
    }
}
