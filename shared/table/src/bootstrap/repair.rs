//! Mending the faults of an existing table.

use super::{GSI, GSI_PK, GSI_SK, Prepared, STEP, STEPS, attribute, key, stream};
use crate::metrics::TABLE_FAULTS;
use crate::{Store, StoreError, TTL};
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_dynamodb::types::{
    CreateGlobalSecondaryIndexAction, GlobalSecondaryIndexUpdate, KeyType, PointInTimeRecoverySpecification,
    Projection, ProjectionType, StreamViewType, TableDescription, TableStatus, TimeToLiveStatus,
};

impl Store {
    /// Adds what a table lacks, where the role allows it. Reports and counts the faults that remain.
    ///
    /// A table takes one change at a time. The index comes last because filling it may take hours.
    pub(super) async fn mend(&self, table: &TableDescription, is_to_last: bool, prepared: &mut Prepared) {
        if !has_stream(table) {
            note(prepared, "its stream was off", self.add_stream().await);
        }
        match self.expires().await {
            Ok(true) => {}
            Ok(false) => note(prepared, "items did not expire", self.add_expiry().await),
            Err(error) => prepared.wrong.push(format!("it is unknown whether items expire: {error}")),
        }
        if !has_index(table) {
            note(prepared, "its index was missing", self.add_index().await);
        }
        if is_to_last {
            // An engine may support neither.
            for (what, done) in
                [("be protected from deletion", self.protect().await), ("be backed up", self.back_up().await)]
            {
                if let Err(error) = done {
                    prepared.wrong.push(format!("it cannot {what}: {error}"));
                }
            }
        }
        metrics::gauge!(TABLE_FAULTS).set(prepared.wrong.len() as f64);
    }

    async fn add_index(&self) -> Result<(), StoreError> {
        if has_index(&self.unchanging().await?) {
            return Ok(());
        }
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
        // Another process may have been first.
        if has_stream(&self.unchanging().await?) {
            return Ok(());
        }
        self.client.update_table().table_name(self.table()).stream_specification(stream()?).send().await?;
        Ok(())
    }

    async fn add_expiry(&self) -> Result<(), StoreError> {
        self.unchanging().await?;
        self.expire_by_ttl().await
    }

    /// Waits until no change of the table is in progress, or until the time is up.
    async fn unchanging(&self) -> Result<TableDescription, StoreError> {
        let mut steps = 0;
        loop {
            let table = self.described().await?.ok_or_else(|| StoreError::Service("the table is gone".into()))?;
            if steps == STEPS || table.table_status() == Some(&TableStatus::Active) {
                return Ok(table);
            }
            steps += 1;
            tokio::time::sleep(STEP).await;
        }
    }

    /// Whether items expire by this program's attribute.
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

fn has_index(table: &TableDescription) -> bool {
    table.global_secondary_indexes().iter().any(|index| index.index_name() == Some(GSI))
}

/// Whether the stream contains new images: the functions need nothing else.
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
        Err(error) => prepared.wrong.push(format!("{what}; this could not be mended: {error}")),
    }
}

/// An operation that the engine does not support is no fault of the table.
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
