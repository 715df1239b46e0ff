//! Writes: batches without conditions, transactions with them.

use crate::retry::{Backoff, reasons};
use crate::{Item, PK, SK, Store, StoreError};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, PutRequest, ReturnConsumedCapacity, TransactWriteItem, Update,
    WriteRequest,
};
use std::collections::HashMap;
use std::time::Duration;

/// The most items that BatchWriteItem accepts.
const BATCH: usize = 25;
/// The most bytes in one batch; BatchWriteItem accepts 16 MB.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// How long a batch's unprocessed items are retried before it counts as failed.
const BATCH_PATIENCE: Duration = Duration::from_secs(20);
/// The most items that TransactWriteItems accepts.
const TRANSACTION: usize = 100;
/// The most bytes of a transaction; TransactWriteItems accepts 4 MB, counted like items.
const TRANSACTION_BYTES: usize = 3_500_000;

/// A few writes that happen together or not at all.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    items: Vec<TransactWriteItem>,
    bytes: usize,
}

/// The values of an expression.
pub(crate) type Values = HashMap<String, AttributeValue>;

/// The values of an expression, by name.
pub(crate) fn values<const N: usize>(list: [(&str, AttributeValue); N]) -> Values {
    list.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The size of an item, as DynamoDB counts it: names and values in bytes.
pub(crate) fn size(item: &HashMap<String, AttributeValue>) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::N(number) => number.len() / 2 + 2,
        _ => 1,
    };
    item.iter().map(|(name, of)| name.len() + value(of)).sum()
}

impl Store {
    /// Writes items that may be replaced in any case: no conditions, no order.
    pub(crate) async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        let (mut requests, mut bytes) = (Vec::new(), 0);
        for item in items {
            let more = size(&item);
            if requests.len() == BATCH || bytes + more > BATCH_BYTES {
                self.write_batch(std::mem::take(&mut requests)).await?;
                bytes = 0;
            }
            bytes += more;
            let put = PutRequest::builder().set_item(Some(item)).build().map_err(StoreError::build)?;
            requests.push(WriteRequest::builder().put_request(put).build());
        }
        self.write_batch(requests).await
    }

    async fn write_batch(&self, requests: Vec<WriteRequest>) -> Result<(), StoreError> {
        let mut left = requests;
        let mut backoff = Backoff::default();
        while !left.is_empty() {
            let batch = self
                .client
                .batch_write_item()
                .request_items(&*self.table, left)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let answer = self.patiently(|| batch.clone().send()).await?;
            self.consumed(answer.consumed_capacity());
            left = answer.unprocessed_items.unwrap_or_default().remove(&*self.table).unwrap_or_default();
            if !left.is_empty() {
                crate::metrics::retried();
                if !backoff.wait(BATCH_PATIENCE).await {
                    return Err(StoreError::Busy("the table takes no more writes for now".into()));
                }
            }
        }
        Ok(())
    }

    /// Writes one item if `condition` holds.
    pub(crate) async fn put_if(&self, item: Item, condition: Option<&str>) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&*self.table)
            .set_item(Some(item))
            .set_condition_expression(condition.map(str::to_owned))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = self.patiently(|| put.clone().send()).await?;
        self.consumed(answer.consumed_capacity());
        Ok(())
    }

    /// Commits a transaction. An empty one succeeds.
    pub(crate) async fn commit(&self, transaction: Transaction) -> Result<(), StoreError> {
        self.commit_or_tell(transaction).await?.map_err(|_| StoreError::Conflict)
    }

    /// Commits a transaction, or returns the indexes of the items whose conditions did not hold.
    pub(crate) async fn commit_or_tell(&self, transaction: Transaction) -> Result<Result<(), Vec<usize>>, StoreError> {
        if transaction.items.is_empty() {
            return Ok(Ok(()));
        }
        let request = self
            .client
            .transact_write_items()
            .set_transact_items(Some(transaction.items))
            // The same in every try: if it was carried out and its answer was lost, it is not carried out again.
            .client_request_token(uuid::Uuid::new_v4().to_string())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let error = match self.until_done(|| request.clone().send()).await {
            Ok(answer) => {
                self.consumed(answer.consumed_capacity());
                return Ok(Ok(()));
            }
            Err(error) => error,
        };
        let failed = |(place, reason): (usize, &str)| (reason == "ConditionalCheckFailed").then_some(place);
        let places = reasons(error.message().unwrap_or_default()).into_iter().enumerate().filter_map(failed).collect();
        match StoreError::from(error) {
            StoreError::Conflict => Ok(Err(places)),
            other => Err(other),
        }
    }

    pub(crate) async fn delete_all(&self, keys: Vec<(String, String)>) -> Result<(), StoreError> {
        for chunk in keys.chunks(TRANSACTION) {
            let mut transaction = Transaction::default();
            for (pk, sk) in chunk {
                transaction.delete(self, pk, sk, None)?;
            }
            self.commit(transaction).await?;
        }
        Ok(())
    }
}

impl Transaction {
    /// How many writes it has, which is the index of the next one.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether the table accepts it.
    pub(crate) fn fits(&self) -> bool {
        self.items.len() <= TRANSACTION && self.bytes <= TRANSACTION_BYTES
    }

    /// Writes an item.
    pub(crate) fn put(&mut self, store: &Store, item: Item) -> Result<(), StoreError> {
        self.put_if(store, item, None, HashMap::new())
    }

    /// Writes an item if a condition holds.
    pub(crate) fn put_if(
        &mut self,
        store: &Store,
        item: Item,
        condition: Option<&str>,
        values: Values,
    ) -> Result<(), StoreError> {
        self.bytes += size(&item) + size(&values);
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

    /// Removes an item; if a condition is given, only if that holds.
    pub(crate) fn delete(
        &mut self,
        store: &Store,
        pk: &str,
        sk: &str,
        condition: Option<(&str, Values)>,
    ) -> Result<(), StoreError> {
        let (condition, values) =
            condition.map_or((None, None), |(text, values)| (Some(text.to_owned()), Some(values)));
        self.bytes += pk.len() + sk.len() + values.as_ref().map_or(0, size);
        let delete = Delete::builder()
            .table_name(&*store.table)
            .key(PK, AttributeValue::S(pk.to_owned()))
            .key(SK, AttributeValue::S(sk.to_owned()))
            .set_condition_expression(condition)
            .set_expression_attribute_values(values.filter(|values| !values.is_empty()))
            .build()
            .map_err(StoreError::build)?;
        self.items.push(TransactWriteItem::builder().delete(delete).build());
        Ok(())
    }

    /// Checks an item: the transaction fails unless the condition holds.
    pub(crate) fn check(
        &mut self,
        store: &Store,
        (pk, sk): (String, String),
        condition: &str,
        values: Values,
    ) -> Result<(), StoreError> {
        self.bytes += pk.len() + sk.len() + size(&values);
        let check = ConditionCheck::builder()
            .table_name(&*store.table)
            .key(PK, AttributeValue::S(pk))
            .key(SK, AttributeValue::S(sk))
            .condition_expression(condition)
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .build()
            .map_err(StoreError::build)?;
        self.items.push(TransactWriteItem::builder().condition_check(check).build());
        Ok(())
    }

    /// Changes an item. A `#name` in the expression is the attribute `name`, a reserved word of DynamoDB.
    pub(crate) fn update(
        &mut self,
        store: &Store,
        (pk, sk): (String, String),
        expression: &str,
        condition: Option<&str>,
        values: Values,
    ) -> Result<(), StoreError> {
        self.bytes += pk.len() + sk.len() + size(&values);
        let names = expression.contains("#name").then(|| HashMap::from([("#name".to_owned(), "name".to_owned())]));
        let update = Update::builder()
            .table_name(&*store.table)
            .key(PK, AttributeValue::S(pk))
            .key(SK, AttributeValue::S(sk))
            .update_expression(expression)
            .set_condition_expression(condition.map(str::to_owned))
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(Some(values))
            .build()
            .map_err(StoreError::build)?;
        self.items.push(TransactWriteItem::builder().update(update).build());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::s;

    fn store() -> Store {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .build();
        Store::new(aws_sdk_dynamodb::Client::from_conf(config), "t")
    }

    #[test]
    fn a_transaction_is_bounded_in_items_and_in_bytes() {
        let store = store();
        let mut transaction = Transaction::default();
        for _ in 0..TRANSACTION {
            transaction.put(&store, Item::new()).unwrap();
        }
        assert!(transaction.fits());
        transaction.put(&store, Item::new()).unwrap();
        assert!(!transaction.fits());
        for (bytes, fits) in [(TRANSACTION_BYTES - 1, true), (TRANSACTION_BYTES, false)] {
            let mut transaction = Transaction::default();
            transaction.put(&store, Item::from([("ab".to_owned(), s("x".repeat(bytes - 1)))])).unwrap();
            assert_eq!(transaction.fits(), fits);
        }
    }
}
