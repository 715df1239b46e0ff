//! Creating a missing table, and checking an existing one.

mod repair;

use super::{PK, SK, Store, StoreError, TTL};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType, TableDescription, TableStatus, TimeToLiveSpecification,
};
use std::time::Duration;

/// The index over [`GSI_PK`] and [`GSI_SK`].
pub const GSI: &str = "gsi";
/// The index's partition key.
pub const GSI_PK: &str = "gpk";
/// The index's sort key.
pub const GSI_SK: &str = "gsk";

/// How long a new table may take to become usable, and a change to complete, in steps of [`STEP`].
const STEPS: u32 = 600;
const STEP: Duration = Duration::from_millis(200);

/// The result of the check at the start.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// Whether the table was missing and has been created.
    pub created: bool,
    /// Faults that were mended.
    pub mended: Vec<&'static str>,
    /// Faults that could not be mended, and why.
    pub wrong: Vec<String>,
}

/// A table that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// Its keys are another program's.
    #[error("the table has other keys than pk and sk of type string: it does not belong to this program")]
    Keys,
    /// It is being deleted, is archived, or its encryption key is inaccessible.
    #[error("the table is {0}")]
    Status(String),
    /// The service failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Creates the table if it is missing; otherwise checks the existing one and mends its faults where the role allows
    /// it. With `is_lasting`, a new table gets deletion protection and point-in-time recovery, if the engine has them.
    pub async fn prepare_table(&self, is_lasting: bool) -> Result<Prepared, PrepareError> {
        let mut prepared = Prepared { created: self.create_table_if_missing().await?, ..Prepared::default() };
        let table = self.usable().await?;
        self.mend(&table, prepared.created && is_lasting, &mut prepared).await;
        Ok(prepared)
    }

    /// Creates the table if it is missing and waits until it is usable. Returns whether it was created.
    pub async fn create_table_if_missing(&self) -> Result<bool, StoreError> {
        if self.described().await?.is_some() {
            return Ok(false);
        }
        let mut request = self
            .client
            .create_table()
            .table_name(self.table())
            .billing_mode(BillingMode::PayPerRequest)
            .key_schema(key(PK, KeyType::Hash)?)
            .key_schema(key(SK, KeyType::Range)?);
        for name in [PK, SK, GSI_PK, GSI_SK] {
            request = request.attribute_definitions(attribute(name)?);
        }
        let created = match request.global_secondary_indexes(index()?).stream_specification(stream()?).send().await {
            Ok(_) => true,
            // Another process that starts at the same moment was first.
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception()) => false,
            Err(error) => return Err(error.into()),
        };
        for _ in 0..STEPS {
            if self.described().await?.is_some_and(|table| is_usable(&table)) {
                break;
            }
            tokio::time::sleep(STEP).await;
        }
        if created {
            self.expire_by_ttl().await?;
        }
        Ok(created)
    }

    /// Waits until the table is usable.
    async fn usable(&self) -> Result<TableDescription, PrepareError> {
        for _ in 0..STEPS {
            let table = self.described().await?.ok_or_else(|| PrepareError::Status("gone".into()))?;
            match table.table_status() {
                Some(TableStatus::Active | TableStatus::Updating) if !has_our_keys(&table) => {
                    return Err(PrepareError::Keys);
                }
                Some(TableStatus::Active | TableStatus::Updating) => return Ok(table),
                Some(TableStatus::Creating) | None => tokio::time::sleep(STEP).await,
                Some(other) => return Err(PrepareError::Status(other.as_str().to_lowercase())),
            }
        }
        Err(PrepareError::Status("still being created".into()))
    }

    async fn described(&self) -> Result<Option<TableDescription>, StoreError> {
        match self.client.describe_table().table_name(self.table()).send().await {
            Ok(answer) => Ok(answer.table),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn expire_by_ttl(&self) -> Result<(), StoreError> {
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(TTL).build();
        let ttl = ttl.map_err(StoreError::build)?;
        self.client.update_time_to_live().table_name(self.table()).time_to_live_specification(ttl).send().await?;
        Ok(())
    }
}

/// A table can be read and written while it is being updated, for example while an index is filled.
fn is_usable(table: &TableDescription) -> bool {
    matches!(table.table_status(), Some(TableStatus::Active | TableStatus::Updating))
}

fn has_our_keys(table: &TableDescription) -> bool {
    let is_text = |name: &str| {
        table
            .attribute_definitions()
            .iter()
            .any(|it| it.attribute_name() == name && *it.attribute_type() == ScalarAttributeType::S)
    };
    let ours = [(PK, KeyType::Hash), (SK, KeyType::Range)];
    let theirs = table.key_schema().iter().map(|key| (key.attribute_name(), key.key_type().clone()));
    theirs.eq(ours) && [PK, SK].into_iter().all(is_text)
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, StoreError> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(StoreError::build)
}

fn attribute(name: &str) -> Result<AttributeDefinition, StoreError> {
    let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
    attribute.build().map_err(StoreError::build)
}

fn index() -> Result<GlobalSecondaryIndex, StoreError> {
    GlobalSecondaryIndex::builder()
        .index_name(GSI)
        .key_schema(key(GSI_PK, KeyType::Hash)?)
        .key_schema(key(GSI_SK, KeyType::Range)?)
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .map_err(StoreError::build)
}

fn stream() -> Result<StreamSpecification, StoreError> {
    let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage);
    stream.build().map_err(StoreError::build)
}
