//! What a table that is there may lack, and adding it.

use super::{GSI, GSI_PK, GSI_SK, Prepared, attribute, key, stream};
use crate::metrics::TABLE_FAULTS;
use crate::{Store, StoreError, TTL};
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_dynamodb::types::{
    CreateGlobalSecondaryIndexAction, GlobalSecondaryIndexUpdate, KeyType, PointInTimeRecoverySpecification,
    Projection, ProjectionType, StreamViewType, TableDescription, TimeToLiveStatus,
};

impl Store {
    /// Adds what a table lacks, where the role allows it. What stays wrong is said, and counted.
    pub(super) async fn mend(&self, table: &TableDescription, is_to_last: bool, prepared: &mut Prepared) {
        let has_index = table.global_secondary_indexes().iter().any(|index| index.index_name() == Some(GSI));
        if !has_index {
            note(prepared, "its index was missing", self.add_index().await);
        }
        if !has_stream(table) {
            note(prepared, "its stream was off", self.add_stream().await);
        }
        match self.expires().await {
            Ok(true) => {}
            Ok(false) => note(prepared, "items did not expire", self.expire_by_ttl().await),
            Err(error) => prepared.wrong.push(format!("whether items expire cannot be seen: {error}")),
        }
        if is_to_last {
            // An engine may know neither.
            for (what, done) in
                [("be kept from deletion", self.protect().await), ("be backed up", self.back_up().await)]
            {
                if let Err(error) = done {
                    prepared.wrong.push(format!("it cannot {what}: {error}"));
                }
            }
        }
        metrics::gauge!(TABLE_FAULTS).set(prepared.wrong.len() as f64);
    }

    async fn add_index(&self) -> Result<(), StoreError> {
        let index = CreateGlobalSecondaryIndexAction::builder()
            .index_name(GSI)
            .key_schema(key(GSI_PK, KeyType::Hash)?)
            .key_schema(key(GSI_SK, KeyType::Range)?)
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build());
        let update = GlobalSecondaryIndexUpdate::builder().create(index.build().map_err(StoreError::build)?).build();
        let request = self.client.update_table().table_name(self.table()).global_secondary_index_updates(update);
        request.attribute_definitions(attribute(GSI_PK)?).attribute_definitions(attribute(GSI_SK)?).send().await?;
        Ok(())
    }

    async fn add_stream(&self) -> Result<(), StoreError> {
        self.client.update_table().table_name(self.table()).stream_specification(stream()?).send().await?;
        Ok(())
    }

    /// Whether items expire by our attribute.
    async fn expires(&self) -> Result<bool, StoreError> {
        let described = self.client.describe_time_to_live().table_name(self.table()).send().await?;
        let is_ours = |ttl: &aws_sdk_dynamodb::types::TimeToLiveDescription| {
            let is_on =
                matches!(ttl.time_to_live_status(), Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling));
            is_on && ttl.attribute_name() == Some(TTL)
        };
        Ok(described.time_to_live_description().is_some_and(is_ours))
    }

    async fn protect(&self) -> Result<(), StoreError> {
        let protecting = self.client.update_table().table_name(self.table()).deletion_protection_enabled(true);
        known(protecting.send().await)
    }

    async fn back_up(&self) -> Result<(), StoreError> {
        let on = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build();
        let on = on.map_err(StoreError::build)?;
        let backing_up = self.client.update_continuous_backups().table_name(self.table());
        known(backing_up.point_in_time_recovery_specification(on).send().await)
    }
}

/// The functions need no more of an item than what it is now.
fn has_stream(table: &TableDescription) -> bool {
    table.stream_specification().is_some_and(|stream| {
        let has_new =
            matches!(stream.stream_view_type(), Some(StreamViewType::NewImage | StreamViewType::NewAndOldImages));
        stream.stream_enabled() && has_new
    })
}

fn note(prepared: &mut Prepared, what: &'static str, mended: Result<(), StoreError>) {
    match mended {
        Ok(()) => prepared.mended.push(what),
        Err(error) => prepared.wrong.push(format!("{what}, and this could not be mended: {error}")),
    }
}

/// An engine that does not know an operation says so; that is no fault of the table.
fn known<T, E, R>(done: Result<T, aws_sdk_dynamodb::error::SdkError<E, R>>) -> Result<(), StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match done {
        Ok(_) => Ok(()),
        Err(error) if error.code() == Some("UnknownOperationException") => Ok(()),
        Err(error) => Err(StoreError::Service(DisplayErrorContext(error).to_string())),
    }
}
