//! Writing: batches without conditions, transactions with them.

use super::{Item, PK, SK, Store, StoreError};
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, PutRequest, ReturnConsumedCapacity, TransactWriteItem, Update,
    WriteRequest,
};
use std::collections::HashMap;
use std::time::Duration;

/// The most items that BatchWriteItem takes.
pub(super) const BATCH: usize = 25;
/// How often leftovers of a batch are tried again before it counts as failed.
const BATCH_TRIES: u32 = 8;
/// The most items that TransactWriteItems takes.
pub const TRANSACTION: usize = 100;

/// A few writes that happen together or not at all.
#[derive(Debug, Default)]
pub struct Transaction {
    items: Vec<TransactWriteItem>,
}

impl Store {
    /// Writes items one way or the other replaceable: no conditions, no order.
    pub(super) async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        let mut items = items.into_iter();
        loop {
            let requests = items
                .by_ref()
                .take(BATCH)
                .map(|item| {
                    let put = PutRequest::builder().set_item(Some(item)).build().map_err(StoreError::build)?;
                    Ok(WriteRequest::builder().put_request(put).build())
                })
                .collect::<Result<Vec<_>, StoreError>>()?;
            if requests.is_empty() {
                return Ok(());
            }
            self.write_batch(requests).await?;
        }
    }

    async fn write_batch(&self, requests: Vec<WriteRequest>) -> Result<(), StoreError> {
        let mut left = HashMap::from([(self.table.to_string(), requests)]);
        for attempt in 0..BATCH_TRIES {
            let answer = self
                .client
                .batch_write_item()
                .set_request_items(Some(left))
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await?;
            self.consumed(answer.consumed_capacity());
            left = answer.unprocessed_items.unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
            crate::metrics::retried();
            tokio::time::sleep(Duration::from_millis(20 << attempt)).await;
        }
        Err(StoreError::Service("the table takes no more writes for now".into()))
    }

    /// Writes one item if `condition` holds.
    pub(super) async fn put_if(&self, item: Item, condition: Option<&str>) -> Result<(), StoreError> {
        let answer = self
            .client
            .put_item()
            .table_name(&*self.table)
            .set_item(Some(item))
            .set_condition_expression(condition.map(str::to_owned))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await?;
        self.consumed(answer.consumed_capacity());
        Ok(())
    }

    /// Carries a transaction out. An empty one succeeds.
    pub async fn commit(&self, transaction: Transaction) -> Result<(), StoreError> {
        if transaction.items.is_empty() {
            return Ok(());
        }
        let answer = self
            .client
            .transact_write_items()
            .set_transact_items(Some(transaction.items))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await?;
        self.consumed(answer.consumed_capacity());
        Ok(())
    }

    pub(super) async fn delete_all(&self, keys: Vec<(String, String)>) -> Result<(), StoreError> {
        for chunk in keys.chunks(TRANSACTION) {
            let mut transaction = Transaction::default();
            for (pk, sk) in chunk {
                transaction.delete(self, pk, sk)?;
            }
            self.commit(transaction).await?;
        }
        Ok(())
    }
}

impl Transaction {
    /// How many writes it has.
    pub fn writes(&self) -> usize {
        self.items.len()
    }

    /// Writes an item.
    pub fn put(&mut self, store: &Store, item: Item) -> Result<(), StoreError> {
        self.put_if(store, item, None, HashMap::new())
    }

    /// Writes an item if a condition holds.
    pub fn put_if(
        &mut self,
        store: &Store,
        item: Item,
        condition: Option<&str>,
        values: HashMap<String, AttributeValue>,
    ) -> Result<(), StoreError> {
        let put = Put::builder()
            .table_name(&*store.table)
            .set_item(Some(item))
            .set_condition_expression(condition.map(str::to_owned))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .build()
            .map_err(StoreError::build)?;
        self.items.push(TransactWriteItem::builder().put(put).build());
        Ok(())
    }

    /// Removes an item.
    pub fn delete(&mut self, store: &Store, pk: &str, sk: &str) -> Result<(), StoreError> {
        let delete = Delete::builder()
            .table_name(&*store.table)
            .key(PK, AttributeValue::S(pk.to_owned()))
            .key(SK, AttributeValue::S(sk.to_owned()))
            .build()
            .map_err(StoreError::build)?;
        self.items.push(TransactWriteItem::builder().delete(delete).build());
        Ok(())
    }

    /// Looks at an item: the transaction fails unless the condition holds.
    pub(super) fn check(
        &mut self,
        store: &Store,
        (pk, sk): (String, String),
        condition: &str,
        values: HashMap<String, AttributeValue>,
    ) -> Result<(), StoreError> {
        let check = ConditionCheck::builder()
            .table_name(&*store.table)
            .key(PK, AttributeValue::S(pk))
            .key(SK, AttributeValue::S(sk))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .build()
            .map_err(StoreError::build)?;
        self.items.push(TransactWriteItem::builder().condition_check(check).build());
        Ok(())
    }

    /// Changes an item.
    pub(super) fn update(
        &mut self,
        store: &Store,
        (pk, sk): (String, String),
        expression: &str,
        condition: Option<&str>,
        values: HashMap<String, AttributeValue>,
    ) -> Result<(), StoreError> {
        let update = Update::builder()
            .table_name(&*store.table)
            .key(PK, AttributeValue::S(pk))
            .key(SK, AttributeValue::S(sk))
            .update_expression(expression)
            .set_condition_expression(condition.map(str::to_owned))
            .set_expression_attribute_values(Some(values))
            .build()
            .map_err(StoreError::build)?;
        self.items.push(TransactWriteItem::builder().update(update).build());
        Ok(())
    }
}
