use super::*;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::BTreeSet;

#[test]
fn one_process_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let first = Embedded::start(directory.path()).unwrap();
    let error = Embedded::start(directory.path()).unwrap_err();
    assert!(error.to_string().contains("another process"), "{error}");
    drop(first);
    assert!(Embedded::start(directory.path()).is_ok());
}

/// The sockets of this process, as `/proc` names them.
fn sockets() -> BTreeSet<String> {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| entry.ok()?.path().read_link().ok());
    let names = open.map(|path| path.to_string_lossy().into_owned());
    names.filter_map(|name| Some(name.strip_prefix("socket:[")?.trim_end_matches(']').to_owned())).collect()
}

/// How many of them are listening or connected TCP sockets.
fn tcp_sockets() -> usize {
    let own = sockets();
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    let inodes =
        tables.iter().flat_map(|table| table.lines().skip(1)).filter_map(|line| line.split_whitespace().nth(9));
    inodes.filter(|inode| own.contains(*inode)).count()
}

const CREATE: &str = r#"{"TableName": "items", "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}"#;

#[tokio::test]
async fn it_is_used_without_a_socket_and_stops_on_any_thread() {
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::start(directory.path()).unwrap();
    let (caller, client) = (embedded.caller(), embedded.client());
    let created = caller.call("DynamoDB_20120810.CreateTable".into(), CREATE.into()).await;
    assert_eq!(created.status, 200, "{created:?}");
    let put = client.put_item().table_name("items").item("pk", AttributeValue::S("a".into()));
    let once = put.clone().condition_expression("attribute_not_exists(pk)");
    once.clone().send().await.unwrap();
    let refused = once.send().await.unwrap_err();
    assert!(refused.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()));
    let get = client.get_item().table_name("items").key("pk", AttributeValue::S("a".into()));
    assert!(get.clone().send().await.unwrap().item.is_some());
    let missing = client.put_item().table_name("none").item("pk", AttributeValue::S("a".into())).send().await;
    assert_eq!(missing.unwrap_err().code(), Some("ResourceNotFoundException"));
    assert_eq!(tcp_sockets(), 0);
    drop(embedded);
    // Remaining callers get an error, and may be dropped here.
    assert_eq!(caller.call("DynamoDB_20120810.ListTables".into(), "{}".into()).await.status, 500);
    drop((caller, client));
    assert!(Embedded::start(directory.path()).unwrap().client().list_tables().send().await.is_ok());
}

#[tokio::test]
async fn what_is_no_call_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::start(directory.path()).unwrap();
    for (target, body, kind) in [
        ("DynamoDB_20120810.Explode", "{}", "UnknownOperationException"),
        ("GetItem", "{}", "UnknownOperationException"),
        ("", "", "UnknownOperationException"),
        ("DynamoDB_20120810.GetItem", "", "SerializationException"),
        ("DynamoDB_20120810.GetItem", "[", "SerializationException"),
        ("DynamoDB_20120810.GetItem", r#"{"TableName": 5, "Key": {}}"#, "SerializationException"),
        ("DynamoDB_20120810.GetItem", r#"{"TableName": "items"}"#, "ValidationException"),
        ("DynamoDB_20120810.CreateTable", r#"{"TableName": "t"}"#, "ValidationException\""),
        (
            "DynamoDB_20120810.GetItem",
            r#"{"TableName": "none", "Key": {"a": {"S": "b"}}}"#,
            "ResourceNotFoundException",
        ),
    ] {
        let answer = embedded.caller().call(target.into(), body.into()).await;
        assert_eq!((answer.status, answer.body.contains(kind)), (400, true), "{target} {body}: {answer:?}");
        assert!(!answer.body.contains("VALIDATION") && !answer.body.contains("SERIALIZATION"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_call_that_breaks_off_is_told_to_whoever_has_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::start(directory.path()).unwrap();
    let broken = tokio::spawn(embedded.broken());
    assert_eq!(embedded.caller().run(Answer::failed).await.status, 500);
    tokio::task::yield_now().await;
    assert!(!broken.is_finished(), "a failure does not break it");
    assert_eq!(embedded.caller().run(|| panic!("no such state")).await.status, 500);
    broken.await.unwrap();
}

#[test]
fn what_is_no_database_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    for content in [&b""[..], b"SQLite", b"a letter to the regulator"] {
        std::fs::write(&path, content).unwrap();
        let error = Embedded::start(directory.path()).unwrap_err().to_string();
        assert!(error.contains("is not a database") && error.contains("owsc restore"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
    std::fs::remove_file(&path).unwrap();
    drop(Embedded::start(directory.path()).unwrap());
    assert!(Embedded::start(directory.path()).is_ok());
}
