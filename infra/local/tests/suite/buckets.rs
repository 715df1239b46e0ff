//! Buckets behind S3's interface.

use crate::aws::{S3, all, header, refused, signed};
use crate::gateway::Gateway;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use std::time::Duration;

const BUCKETS: &str = "
  Inbox: {Type: AWS::S3::Bucket}
  Kept: {Type: AWS::S3::Bucket, Properties: {VersioningConfiguration: {Status: Enabled}}}
";

const INBOX: &str = "local-inbox";
const KEPT: &str = "local-kept";
/// The smallest size of a part.
const PART: usize = 5 * 1024 * 1024;

fn not_found() -> (u16, String) {
    (404, "NoSuchKey".to_owned())
}

fn failed() -> (u16, String) {
    (412, "PreconditionFailed".to_owned())
}

#[tokio::test]
async fn an_object_comes_back_as_it_went() {
    let gateway = Gateway::start(BUCKETS, &[]);
    let client = S3::new(&gateway, "developer");
    let key = "inbox/plant/a.csv";
    let put = client.ask(Method::PUT, INBOX, key, "").header("content-type", "text/csv");
    let put =
        put.header("content-encoding", "gzip").header("x-amz-meta-from", "lab").body("hello").send().await.unwrap();
    assert_eq!((put.status().as_u16(), header(&put, "etag")), (200, "\"5d41402abc4b2a76b9719d911017c592\""));
    assert_eq!((header(&put, "x-amz-version-id"), header(&put, "x-amz-request-id").len()), ("", 16));
    let head = client.ask(Method::HEAD, INBOX, key, "").send().await.unwrap();
    let told = ["content-length", "content-type", "content-encoding", "x-amz-meta-from", "accept-ranges"];
    assert_eq!(told.map(|name| header(&head, name)), ["5", "text/csv", "gzip", "lab", "bytes"]);
    assert_eq!(client.text(INBOX, key).await, "hello");
    assert_eq!(refused(client.get(INBOX, "none")).await, not_found());
    assert_eq!(refused(client.get("nobody", "none")).await, (404, "NoSuchBucket".to_owned()));
    assert_eq!(client.ask(Method::HEAD, INBOX, "none", "").send().await.unwrap().status(), 404);
    let buckets = client.ask(Method::GET, "", "", "").send().await.unwrap().text().await.unwrap();
    assert_eq!(all(&buckets, "Name"), [INBOX, KEPT]);
    let gateway = Gateway::start_in(gateway.stop(), BUCKETS, &[]);
    let client = S3::new(&gateway, "developer");
    assert_eq!(client.text(INBOX, key).await, "hello", "after a restart");
    client.delete(INBOX, key).await;
    assert_eq!(refused(client.get(INBOX, key)).await, not_found());
    client.delete(INBOX, key).await;
    let files = std::fs::read_dir(gateway.folder().join("data/s3/local-inbox/objects")).unwrap().count();
    assert_eq!(files, 0, "nothing is left of the deleted objects");
}

#[tokio::test]
async fn ranges_and_conditions() {
    let gateway = Gateway::start(BUCKETS, &[]);
    let client = S3::new(&gateway, "developer");
    let old = header(&client.put(INBOX, "a", "0123456789").await, "etag").to_owned();
    let get = || client.get(INBOX, "a");
    let part = get().header("range", "bytes=2-4").header("if-match", &old).send().await.unwrap();
    assert_eq!((part.status().as_u16(), header(&part, "content-range")), (206, "bytes 2-4/10"));
    assert_eq!(part.text().await.unwrap(), "234");
    assert_eq!(get().header("range", "bytes=-3").send().await.unwrap().text().await.unwrap(), "789");
    assert_eq!(refused(get().header("range", "bytes=10-")).await, (416, "InvalidRange".to_owned()));
    assert_eq!(get().header("if-none-match", &old).send().await.unwrap().status(), 304);
    let since = header(&get().send().await.unwrap(), "last-modified").to_owned();
    assert_eq!(get().header("if-modified-since", &since).send().await.unwrap().status(), 304);
    let new = header(&client.put(INBOX, "a", "abcdefghij").await, "etag").to_owned();
    assert_eq!(refused(get().header("range", "bytes=5-").header("if-match", &old)).await, failed());
    assert_eq!(get().header("if-match", &new).send().await.unwrap().status(), 200);
    let put = || client.ask(Method::PUT, INBOX, "a", "").body("x");
    assert_eq!(refused(put().header("if-none-match", "*")).await, failed());
    assert_eq!(refused(put().header("if-match", &old)).await, failed());
    assert_eq!(refused(put().header("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")).await, (400, "BadDigest".to_owned()));
    assert_eq!(put().header("if-match", &new).send().await.unwrap().status(), 200);
    assert_eq!(client.text(INBOX, "a").await, "x");
}

#[tokio::test]
async fn objects_are_deleted_together_if_they_are_what_they_were() {
    let gateway = Gateway::start(BUCKETS, &[]);
    let client = S3::new(&gateway, "developer");
    let old = header(&client.put(INBOX, "changed", "old").await, "etag").to_owned();
    client.put(INBOX, "changed", "new").await;
    let same = header(&client.put(INBOX, "same", "x").await, "etag").to_owned();
    client.put(INBOX, "there", "x").await;
    let object = |key: &str, etag: &str| format!("<Object><Key>{key}</Key><ETag>{etag}</ETag></Object>");
    let objects = [("changed", old.as_str()), ("same", &same), ("there", "*"), ("none", "*")];
    let body = objects.map(|(key, etag)| object(key, etag)).concat();
    let delete = client.ask(Method::POST, INBOX, "", "delete").body(format!("<Delete>{body}</Delete>"));
    let said = delete.send().await.unwrap().text().await.unwrap();
    let deleted: Vec<_> = all(&said, "Deleted").iter().flat_map(|object| all(object, "Key")).collect();
    assert_eq!(deleted, ["same", "there"], "{said}");
    assert_eq!(all(&said, "Code"), ["PreconditionFailed", "NoSuchKey"], "{said}");
    assert_eq!(client.text(INBOX, "changed").await, "new");
}

#[tokio::test]
async fn whoever_reads_goes_on_to_read_what_it_began_with() {
    let gateway = Gateway::start(BUCKETS, &[]);
    let client = S3::new(&gateway, "developer");
    // More than connections buffer.
    let size = 64 * 1024 * 1024;
    client.put(INBOX, "a", &"a".repeat(size)).await;
    let mut reading = client.get(INBOX, "a").send().await.unwrap();
    let mut read = reading.chunk().await.unwrap().unwrap().to_vec();
    client.put(INBOX, "a", "b").await;
    while let Some(piece) = reading.chunk().await.unwrap() {
        read.extend_from_slice(&piece);
    }
    assert!(read.len() == size && read.iter().all(|byte| *byte == b'a'));
    assert_eq!(client.text(INBOX, "a").await, "b");
}

#[tokio::test]
async fn keys_are_any_text() {
    let gateway = Gateway::start(BUCKETS, &[]);
    let client = S3::new(&gateway, "developer");
    let long = "k".repeat(1024);
    let mut keys = vec!["a", "a/", "a/b", "a b+c%20d&e=f?g#h", "Messung/Größe ‰.csv", "x..y", "日本", &long];
    for key in &keys {
        client.put(INBOX, key, key).await;
    }
    for key in &keys {
        assert_eq!(client.text(INBOX, key).await, **key);
    }
    keys.sort_unstable();
    let (mut listed, mut token) = (Vec::new(), String::new());
    loop {
        let page = client.list(INBOX, &format!("max-keys=3{token}")).await;
        let found = all(&page, "Key");
        assert!(found.len() <= 3);
        listed.extend(found);
        match all(&page, "NextContinuationToken").first() {
            Some(next) => token = format!("&continuation-token={}", utf8_percent_encode(next, NON_ALPHANUMERIC)),
            None => break,
        }
    }
    assert_eq!(listed, keys);
    let folded = client.list(INBOX, "prefix=a&delimiter=%2F").await;
    let prefixes: Vec<_> = all(&folded, "CommonPrefixes").iter().flat_map(|folded| all(folded, "Prefix")).collect();
    assert_eq!(
        (prefixes, all(&folded, "Key").len(), all(&folded, "KeyCount").concat()),
        (vec!["a/".to_owned()], 2, "3".to_owned())
    );
    let encoded = client.list(INBOX, "prefix=a%20b&encoding-type=url").await;
    assert_eq!(all(&encoded, "Key"), ["a%20b%2Bc%2520d%26e%3Df%3Fg%23h"]);
    let after = client.list(INBOX, "start-after=x..x").await;
    assert_eq!(all(&after, "Key"), ["x..y", "日本"]);
    let old = client.ask(Method::GET, INBOX, "", "max-keys=4").send().await.unwrap().text().await.unwrap();
    assert_eq!((all(&old, "Key").len(), all(&old, "IsTruncated").concat()), (4, "true".to_owned()));
    let objects = keys.iter().map(|key| format!("<Object><Key>{}</Key></Object>", key.replace('&', "&amp;")));
    let body = format!("<Delete>{}</Delete>", objects.collect::<String>());
    let deleted = client.ask(Method::POST, INBOX, "", "delete").body(body).send().await.unwrap();
    assert_eq!(all(&deleted.text().await.unwrap(), "Key").len(), keys.len());
    assert_eq!(all(&client.list(INBOX, "").await, "KeyCount"), ["0"]);
}

#[tokio::test]
async fn large_objects_come_in_parts() {
    let gateway = Gateway::start(BUCKETS, &[]);
    let client = S3::new(&gateway, "developer");
    let begun =
        client.ask(Method::POST, INBOX, "big", "uploads").header("content-type", "text/csv").send().await.unwrap();
    let id = all(&begun.text().await.unwrap(), "UploadId").concat();
    let part = async |client: &S3<'_>, number: i32, content: String| {
        let query = format!("partNumber={number}&uploadId={id}");
        let answer = client.ask(Method::PUT, INBOX, "big", &query).body(content).send().await.unwrap();
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>", header(&answer, "etag"))
    };
    part(&client, 1, "x".repeat(10)).await;
    let first = part(&client, 1, "a".repeat(PART)).await;
    let gateway = Gateway::start_in(gateway.stop(), BUCKETS, &[]);
    let client = S3::new(&gateway, "developer");
    let ask = |method, query: String| client.ask(method, INBOX, "big", &query);
    let known = ask(Method::GET, format!("uploadId={id}")).send().await.unwrap().text().await.unwrap();
    assert_eq!(all(&known, "Size"), [PART.to_string()], "an upload goes on after a restart");
    let second = part(&client, 2, "b".repeat(7)).await;
    let complete = |parts: String| {
        let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        ask(Method::POST, format!("uploadId={id}")).body(body)
    };
    let wrong = refused(complete(format!("{second}{first}"))).await;
    assert_eq!(wrong, (400, "InvalidPartOrder".to_owned()));
    let whole = complete(format!("{first}{second}")).send().await.unwrap().text().await.unwrap();
    assert!(all(&whole, "ETag").concat().ends_with("-2\""), "{whole}");
    assert_eq!(refused(complete(first)).await, (404, "NoSuchUpload".to_owned()));
    let head = ask(Method::HEAD, "partNumber=2".to_owned()).send().await.unwrap();
    let told = ["content-length", "x-amz-mp-parts-count", "content-type"].map(|name| header(&head, name));
    assert_eq!(told, ["7", "2", "text/csv"]);
    assert_eq!(ask(Method::HEAD, "partNumber=3".to_owned()).send().await.unwrap().status(), 416);
    assert_eq!(header(&ask(Method::HEAD, String::new()).send().await.unwrap(), "x-amz-mp-parts-count"), "");
    let tail = client.get(INBOX, "big").header("range", format!("bytes={}-", PART - 1)).send().await.unwrap();
    assert_eq!(tail.text().await.unwrap(), "abbbbbbb");
    let begun = client.ask(Method::POST, INBOX, "other", "uploads").send().await.unwrap();
    let other = all(&begun.text().await.unwrap(), "UploadId").concat();
    let copy = client.ask(Method::PUT, INBOX, "other", &format!("partNumber=1&uploadId={other}"));
    let copy = copy.header("x-amz-copy-source", format!("{INBOX}/big")).header("x-amz-copy-source-range", "bytes=0-9");
    assert_eq!(copy.send().await.unwrap().status(), 200);
    let uploads = async || {
        let answer = client.ask(Method::GET, INBOX, "", "uploads").send().await.unwrap();
        all(&answer.text().await.unwrap(), "UploadId")
    };
    assert_eq!(uploads().await, [other.as_str()]);
    let ended = client.ask(Method::DELETE, INBOX, "other", &format!("uploadId={other}")).send().await.unwrap();
    assert_eq!((ended.status().as_u16(), uploads().await.len()), (204, 0));
}

#[tokio::test]
async fn an_upload_is_completed_once_however_often_that_is_asked_for() {
    let gateway = Gateway::start(BUCKETS, &[]);
    let client = S3::new(&gateway, "developer");
    let ask = |method, query: String| client.ask(method, KEPT, "big", &query);
    let begun = ask(Method::POST, "uploads".to_owned()).send().await.unwrap();
    let id = all(&begun.text().await.unwrap(), "UploadId").concat();
    let part = ask(Method::PUT, format!("partNumber=1&uploadId={id}")).body("a".repeat(PART)).send().await.unwrap();
    let part = format!("<Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part>", header(&part, "etag"));
    let complete = || {
        let body = format!("<CompleteMultipartUpload>{part}</CompleteMultipartUpload>");
        ask(Method::POST, format!("uploadId={id}")).body(body).send()
    };
    let (first, second) = tokio::join!(complete(), complete());
    let mut statuses = [first, second].map(|answer| answer.unwrap().status().as_u16());
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 404]);
    assert_eq!(complete().await.unwrap().status(), 404);
    client.delete(KEPT, "big").await;
    let objects = std::fs::read_dir(gateway.folder().join("data/s3/local-kept/objects")).unwrap().count();
    assert_eq!(objects, 1, "there is one version");
}

#[tokio::test]
async fn copies_take_along_what_is_known_or_not() {
    let gateway = Gateway::start(BUCKETS, &[]);
    let client = S3::new(&gateway, "developer");
    let put = client.ask(Method::PUT, INBOX, "a +ü", "").header("content-type", "text/csv");
    put.header("x-amz-meta-from", "lab").body("hello").send().await.unwrap();
    let copy = |key| {
        let request = client.ask(Method::PUT, KEPT, key, "");
        request.header("x-amz-copy-source", format!("{INBOX}/a%20%2B%C3%BC"))
    };
    let head = async |key| {
        let head = client.ask(Method::HEAD, KEPT, key, "").send().await.unwrap();
        ["content-type", "x-amz-meta-from"].map(|name| header(&head, name).to_owned())
    };
    assert_eq!(copy("same").send().await.unwrap().status(), 200);
    assert_eq!(head("same").await, ["text/csv", "lab"]);
    let replaced = copy("new").header("x-amz-metadata-directive", "REPLACE").header("content-type", "text/plain");
    assert_eq!(replaced.send().await.unwrap().status(), 200);
    assert_eq!(head("new").await, ["text/plain", ""]);
    assert_eq!(client.text(KEPT, "new").await, "hello");
    assert_eq!(refused(copy("x").header("x-amz-copy-source-if-match", "\"other\"")).await, failed());
}

#[tokio::test]
async fn earlier_versions_are_kept_where_the_bucket_says_so() {
    let gateway = Gateway::start(BUCKETS, &[]);
    let client = S3::new(&gateway, "developer");
    let put = async |content: &str| header(&client.put(KEPT, "a", content).await, "x-amz-version-id").to_owned();
    let (first, second) = (put("one").await, put("two").await);
    let version = |method, id: &str| client.ask(method, KEPT, "a", &format!("versionId={id}"));
    let text = async |id: &str| version(Method::GET, id).send().await.unwrap().text().await.unwrap();
    assert_eq!((text(&first).await, text(&second).await), ("one".to_owned(), "two".to_owned()));
    let deleted = client.delete(KEPT, "a").await;
    assert_eq!(header(&deleted, "x-amz-delete-marker"), "true");
    assert_eq!(refused(client.get(KEPT, "a")).await, not_found());
    assert_eq!((text(&first).await.as_str(), all(&client.list(KEPT, "").await, "Key").len()), ("one", 0));
    for id in [header(&deleted, "x-amz-version-id"), &second] {
        assert_eq!(version(Method::DELETE, id).send().await.unwrap().status(), 204);
    }
    assert_eq!(client.text(KEPT, "a").await, "one");
    assert_eq!(refused(version(Method::GET, "none")).await, (404, "NoSuchVersion".to_owned()));
}

#[tokio::test]
async fn what_has_versions_from_before_can_be_deleted() {
    let gateway = Gateway::start(BUCKETS, &[]);
    let first = S3::new(&gateway, "developer").put(KEPT, "a", "one").await;
    let suspended = BUCKETS.replace("Enabled", "Suspended");
    let gateway = Gateway::start_in(gateway.stop(), &suspended, &[]);
    let client = S3::new(&gateway, "developer");
    client.put(KEPT, "a", "two").await;
    for _ in 0..2 {
        assert_eq!(header(&client.delete(KEPT, "a").await, "x-amz-delete-marker"), "true");
        assert_eq!(refused(client.get(KEPT, "a")).await, not_found());
    }
    let gateway = Gateway::start_in(gateway.stop(), &suspended, &[]);
    let client = S3::new(&gateway, "developer");
    assert_eq!(refused(client.get(KEPT, "a")).await, not_found());
    let query = format!("versionId={}", header(&first, "x-amz-version-id"));
    let kept = client.ask(Method::GET, KEPT, "a", &query).send().await.unwrap();
    assert_eq!(kept.text().await.unwrap(), "one", "what was there before stays");
    client.put(KEPT, "a", "three").await;
    assert_eq!(client.text(KEPT, "a").await, "three");
}

/// An address that was signed in advance, at a moment and for a minute.
fn presigned(gateway: &Gateway, key: &str, at: jiff::Timestamp) -> String {
    let at = at.strftime("%Y%m%dT%H%M%SZ");
    let credential = "me%2F20260101%2Fus-east-1%2Fs3%2Faws4_request";
    let signature = format!("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={at}");
    let rest = "X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=0&x-id=PutObject";
    gateway.url(&format!("/{INBOX}/{key}?{signature}&{rest}"))
}

#[tokio::test]
async fn addresses_can_be_handed_out() {
    let gateway = Gateway::start(BUCKETS, &[]);
    let (browser, now) = (reqwest::Client::new(), jiff::Timestamp::now());
    let put = browser.put(presigned(&gateway, "a%20b", now)).header("content-type", "text/csv").body("a,b");
    assert_eq!(put.send().await.unwrap().status(), 200);
    assert_eq!(reqwest::get(presigned(&gateway, "a%20b", now)).await.unwrap().text().await.unwrap(), "a,b");
    let over = browser.get(presigned(&gateway, "a%20b", now - Duration::from_secs(3600)));
    assert_eq!(refused(over).await, (403, "AccessDenied".to_owned()));
    let older = gateway.url(&format!("/{INBOX}/a%20b?AWSAccessKeyId=me&Signature=x&Expires=9000000000"));
    assert_eq!(reqwest::get(older).await.unwrap().text().await.unwrap(), "a,b");
    // A client that was told `localhost` puts the bucket into the host's name.
    let request = browser.get(gateway.url("/a%20b")).header("host", format!("{INBOX}.localhost:9000"));
    assert_eq!(signed(request, "s3", "developer").send().await.unwrap().text().await.unwrap(), "a,b");
}

#[tokio::test]
async fn bodies_come_in_signed_pieces() {
    let gateway = Gateway::start(BUCKETS, &[]);
    let client = S3::new(&gateway, "developer");
    let put = |key: &str, length: &str, body: &str| {
        let put = client.ask(Method::PUT, INBOX, key, "").header("content-encoding", "aws-chunked,gzip");
        let put = put.header("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
        put.header("x-amz-trailer", "x-amz-checksum-crc32")
            .header("x-amz-decoded-content-length", length)
            .body(body.to_owned())
    };
    let body = "3\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32:hYYKLg==\r\n\r\n";
    assert_eq!(put("a", "5", body).send().await.unwrap().status(), 200);
    let got = client.get(INBOX, "a").send().await.unwrap();
    assert_eq!(header(&got, "content-encoding"), "gzip");
    assert_eq!(got.text().await.unwrap(), "abcde");
    for (length, body) in [("5", "5;chunk-signature=x\r\nabc"), ("6", body)] {
        assert_eq!(refused(put("cut", length, body)).await, (400, "IncompleteBody".to_owned()), "{body}");
    }
    assert_eq!(refused(client.get(INBOX, "cut")).await, not_found());
}

const LIMITED: &str = "
  Inbox: {Type: AWS::S3::Bucket}
  Main: {Type: AWS::Serverless::Function, Properties: {Role: !GetAtt MainRole.Arn}}
  Blind:
    Type: AWS::Serverless::Function
    Properties: {Policies: [{Statement: [{Effect: Allow, Action: 's3:GetObject', Resource: !Sub '${Inbox.Arn}/*'}]}]}
  MainRole:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument:
            Statement:
              - {Effect: Allow, Action: ['s3:GetObject', 's3:PutObject'], Resource: !Sub '${Inbox.Arn}/inbox/*'}
              - Effect: Allow
                Action: s3:ListBucket
                Resource: !GetAtt Inbox.Arn
                Condition: {StringLike: {s3:prefix: ['inbox/*']}}
";

#[tokio::test]
async fn a_function_may_do_what_its_role_allows() {
    let gateway = Gateway::start(LIMITED, &[]);
    let (function, developer) = (S3::new(&gateway, "Main"), S3::new(&gateway, "developer"));
    let denied = (403, "AccessDenied".to_owned());
    function.put(INBOX, "inbox/a", "x").await;
    developer.put(INBOX, "other", "x").await;
    assert_eq!(function.text(INBOX, "inbox/a").await, "x");
    assert_eq!(refused(function.get(INBOX, "other")).await, denied);
    assert_eq!(refused(function.ask(Method::DELETE, INBOX, "inbox/a", "")).await, denied);
    assert_eq!(all(&function.list(INBOX, "prefix=inbox%2F").await, "Key"), ["inbox/a"]);
    for query in ["list-type=2&prefix=o", "list-type=2", "uploads"] {
        assert_eq!(refused(function.ask(Method::GET, INBOX, "", query)).await, denied, "{query}");
    }
    let copy = function.ask(Method::PUT, INBOX, "inbox/b", "").header("x-amz-copy-source", format!("{INBOX}/other"));
    assert_eq!(refused(copy).await, denied);
    // A caller who may not list a bucket does not learn that a key is missing.
    assert_eq!(refused(S3::new(&gateway, "Blind").get(INBOX, "none")).await, denied);
    assert_eq!(refused(developer.get(INBOX, "none")).await, not_found());
    assert!(gateway.log().contains("a function's role does not allow this"));
}
