//! Making the table where there is none.

use super::{PK, SK, Store, StoreError, TTL};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType, TableStatus, TimeToLiveSpecification,
};
use std::time::Duration;

/// The index over [`GSI_PK`] and [`GSI_SK`].
pub const GSI: &str = "gsi";
/// The index's partition key.
pub const GSI_PK: &str = "gpk";
/// The index's sort key.
pub const GSI_SK: &str = "gsk";

impl Store {
    /// Creates the table if it is missing and waits until it can be used. Returns whether it was created.
    pub async fn create_table_if_missing(&self) -> Result<bool, StoreError> {
        if self.table_is_active().await? {
            return Ok(false);
        }
        let key = |name, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
        let attribute = |name: &str| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()
        };
        let mut request = self
            .client
            .create_table()
            .table_name(self.table())
            .billing_mode(BillingMode::PayPerRequest)
            .key_schema(key(PK, KeyType::Hash).map_err(StoreError::build)?)
            .key_schema(key(SK, KeyType::Range).map_err(StoreError::build)?);
        for name in [PK, SK, GSI_PK, GSI_SK] {
            request = request.attribute_definitions(attribute(name).map_err(StoreError::build)?);
        }
        let index = GlobalSecondaryIndex::builder()
            .index_name(GSI)
            .key_schema(key(GSI_PK, KeyType::Hash).map_err(StoreError::build)?)
            .key_schema(key(GSI_SK, KeyType::Range).map_err(StoreError::build)?)
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
            .build()
            .map_err(StoreError::build)?;
        let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage);
        let stream = stream.build().map_err(StoreError::build)?;
        let created = match request.global_secondary_indexes(index).stream_specification(stream).send().await {
            Ok(_) => true,
            // Another one that starts at the same moment was first.
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception()) => false,
            Err(error) => return Err(error.into()),
        };
        while !self.table_is_active().await? {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        if !created {
            return Ok(false);
        }
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(TTL).build();
        let ttl = ttl.map_err(StoreError::build)?;
        self.client.update_time_to_live().table_name(self.table()).time_to_live_specification(ttl).send().await?;
        Ok(true)
    }

    /// Whether the table answers. The proof that readiness asks for.
    pub async fn table_is_active(&self) -> Result<bool, StoreError> {
        match self.client.describe_table().table_name(self.table()).send().await {
            Ok(answer) => Ok(answer
                .table
                .and_then(|table| table.table_status)
                .is_some_and(|status| status == TableStatus::Active)),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
