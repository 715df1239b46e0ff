//! The WebSocket API, with a client of its own kind and the AWS SDK.

use crate::gateway::{Gateway, PATIENCE};
use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_apigatewaymanagement::error::ProvideErrorMetadata;
use aws_sdk_apigatewaymanagement::primitives::Blob;
use aws_smithy_http_client::Builder;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const LIVE: &str = "
  Live:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      StageName: ws
      RouteSelectionExpression: $request.body.action
      Routes:
        $connect: {FunctionArn: !GetAtt Main.Arn}
        $default: {FunctionArn: !GetAtt Main.Arn, IntegrationTimeout: 2000}
        $disconnect: {FunctionArn: !GetAtt Main.Arn}
        talk: {FunctionArn: !GetAtt Main.Arn, RouteResponseSelectionExpression: $default}
  Main: {Type: AWS::Serverless::Function}
";

async fn connect(gateway: &Gateway, query: &str) -> Socket {
    connect_async(format!("ws://{}/ws{query}", gateway.address)).await.unwrap().0
}

async fn next(socket: &mut Socket) -> Message {
    tokio::time::timeout(PATIENCE, socket.next()).await.expect("a message in time").unwrap().unwrap()
}

async fn next_json(socket: &mut Socket) -> Value {
    serde_json::from_str(next(socket).await.to_text().unwrap()).unwrap()
}

async fn closed(socket: &mut Socket) -> CloseFrame {
    loop {
        if let Message::Close(frame) = next(socket).await {
            return frame.unwrap();
        }
    }
}

fn sdk(gateway: &Gateway) -> Client {
    let config = aws_sdk_apigatewaymanagement::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("a", "b", None, None, "test"))
        .retry_config(aws_sdk_apigatewaymanagement::config::retry::RetryConfig::disabled())
        .http_client(Builder::new().build_http())
        .endpoint_url(gateway.url("/ws"));
    Client::from_conf(config.build())
}

/// The events of one type.
fn of<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["requestContext"]["eventType"] == kind).collect()
}

async fn connection_id(gateway: &Gateway) -> String {
    let events = gateway.wait_for("connection", |events| !of(events, "CONNECT").is_empty()).await;
    of(&events, "CONNECT").last().unwrap()["requestContext"]["connectionId"].as_str().unwrap().to_owned()
}

async fn disconnected(gateway: &Gateway) -> (u64, String) {
    let events = gateway.wait_for("end", |events| !of(events, "DISCONNECT").is_empty()).await;
    let context = &of(&events, "DISCONNECT")[0]["requestContext"];
    (context["disconnectStatusCode"].as_u64().unwrap(), context["disconnectReason"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_connection_from_its_beginning_to_its_end() {
    let gateway = Gateway::start(LIVE, &[]);
    let mut request = format!("ws://{}/ws?a=1&a=2", gateway.address).into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", "one, two".parse().unwrap());
    request.headers_mut().insert("User-Agent", "tester".parse().unwrap());
    let (mut socket, response) = connect_async(request).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "one");
    socket.send(Message::text("hello")).await.unwrap();
    let events = gateway.wait_for("message", |events| of(events, "MESSAGE").len() == 1).await;
    let (connect, messages) = (of(&events, "CONNECT")[0], of(&events, "MESSAGE"));
    assert_eq!(connect["queryStringParameters"], json!({"a": "2"}));
    assert_eq!(connect["multiValueQueryStringParameters"], json!({"a": ["1", "2"]}));
    assert_eq!(connect["headers"]["User-Agent"], "tester");
    assert_eq!(connect["multiValueHeaders"]["Host"], json!([gateway.address]));
    let context = &connect["requestContext"];
    assert_eq!((&context["routeKey"], &context["stage"]), (&json!("$connect"), &json!("ws")));
    assert_eq!(context["identity"], json!({"sourceIp": "127.0.0.1", "userAgent": "tester"}));
    assert!(context["connectedAt"].is_i64() && context["requestTimeEpoch"].is_i64() && context["apiId"].is_string());
    let context = &messages[0]["requestContext"];
    assert_eq!((&context["routeKey"], &context["messageDirection"]), (&json!("$default"), &json!("IN")));
    assert!(context["messageId"].is_string() && context["requestId"].is_string());
    assert_eq!((&messages[0]["body"], &messages[0]["isBase64Encoded"]), (&json!("hello"), &json!(false)));
    let frame = CloseFrame { code: 4000.into(), reason: "done".into() };
    socket.close(Some(frame)).await.unwrap();
    assert_eq!(closed(&mut socket).await.code, 4000.into(), "the same code comes back");
    assert_eq!(disconnected(&gateway).await, (4000, "done".to_owned()));
}

#[tokio::test]
async fn a_refused_client_gets_the_functions_answer() {
    let gateway = Gateway::start(LIVE, &[]);
    for status in [401, 403, 429, 503] {
        let refused = connect_async(format!("ws://{}/ws?status={status}", gateway.address)).await.unwrap_err();
        let Error::Http(response) = refused else { panic!("{refused}") };
        assert_eq!((response.status().as_u16(), &response.headers()["x-why"]), (status, &"asked".parse().unwrap()));
        assert_eq!(response.body().as_deref(), Some(&b"refused"[..]));
    }
    for word in ["exit", "error"] {
        let refused = connect_async(format!("ws://{}/ws?behave={word}", gateway.address)).await.unwrap_err();
        let Error::Http(response) = refused else { panic!("{refused}") };
        assert_eq!(response.status(), 502);
    }
    assert_eq!(reqwest::get(gateway.url("/ws")).await.unwrap().status(), 426);
    assert!(of(&gateway.events(), "DISCONNECT").is_empty(), "a client that never connected is not disconnected");
}

#[tokio::test]
async fn routes_answers_and_failures() {
    let gateway = Gateway::start(LIVE, &[]);
    let mut socket = connect(&gateway, "").await;
    socket.send(Message::text(r#"{"action": "talk"}"#)).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::text("answered"));
    for (word, message) in
        [("error", "Internal server error"), ("exit", "Internal server error"), ("hang", "Endpoint request timed out")]
    {
        socket.send(Message::text(json!({"behave": word}).to_string())).await.unwrap();
        let told = next_json(&mut socket).await;
        assert_eq!(
            (&told["message"], told["connectionId"].as_str()),
            (&json!(message), Some(connection_id(&gateway).await.as_str()))
        );
        assert!(told["requestId"].is_string());
    }
    let events = gateway.wait_for("messages", |events| of(events, "MESSAGE").len() == 4).await;
    let routes: Vec<_> =
        of(&events, "MESSAGE").iter().map(|event| event["requestContext"]["routeKey"].clone()).collect();
    assert_eq!(routes, ["talk", "$default", "$default", "$default"]);
}

#[tokio::test]
async fn functions_manage_connections_with_the_sdk() {
    let gateway = Gateway::start(LIVE, &[]);
    let mut socket = connect(&gateway, "").await;
    let (client, id) = (sdk(&gateway), connection_id(&gateway).await);
    for number in 0..200 {
        client.post_to_connection().connection_id(&id).data(Blob::new(number.to_string())).send().await.unwrap();
    }
    for number in 0..200 {
        assert_eq!(next(&mut socket).await, Message::text(number.to_string()));
    }
    let large = vec![b'x'; 128 * 1024];
    client.post_to_connection().connection_id(&id).data(Blob::new(large.clone())).send().await.unwrap();
    assert_eq!(next(&mut socket).await.into_data().len(), large.len());
    let too_large = client.post_to_connection().connection_id(&id).data(Blob::new(vec![b'x'; 128 * 1024 + 1]));
    assert!(too_large.send().await.unwrap_err().into_service_error().is_payload_too_large_exception());
    let found = client.get_connection().connection_id(&id).send().await.unwrap();
    assert_eq!(found.identity().unwrap().source_ip(), Some("127.0.0.1"));
    assert!(found.last_active_at().unwrap().secs() >= found.connected_at().unwrap().secs());
    client.delete_connection().connection_id(&id).send().await.unwrap();
    assert_eq!(closed(&mut socket).await.code, 1000.into());
    let post = client.post_to_connection().connection_id(&id).data(Blob::new("late")).send().await;
    assert!(post.unwrap_err().into_service_error().is_gone_exception());
    assert!(
        client.get_connection().connection_id(&id).send().await.unwrap_err().into_service_error().is_gone_exception()
    );
    assert!(
        client
            .delete_connection()
            .connection_id(&id)
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_gone_exception()
    );
    assert_eq!(disconnected(&gateway).await.0, 1000);
    let unsigned = reqwest::Client::new().post(gateway.url(&format!("/ws/@connections/{id}"))).send().await.unwrap();
    assert_eq!(unsigned.status(), 403);
}

#[tokio::test]
async fn an_id_that_can_be_none_is_a_bad_request() {
    let gateway = Gateway::start(LIVE, &[]);
    let client = sdk(&gateway);
    for id in ["x", "L0SM9cOFvHcCIhw", "L0SM9cOFvHcCIhwAAA=="] {
        let error = client.post_to_connection().connection_id(id).data(Blob::new("x")).send().await.unwrap_err();
        let status = error.raw_response().map(|response| response.status().as_u16());
        assert_eq!((status, error.code()), (Some(400), Some("BadRequestException")), "{id}");
    }
    let error = client.delete_connection().connection_id("L0SM9cOFvHcCIhw=").send().await.unwrap_err();
    assert!(error.into_service_error().is_gone_exception(), "well-formed, and nobody's");
}

#[tokio::test]
async fn a_binary_message_ends_the_connection() {
    let gateway = Gateway::start(LIVE, &[]);
    let mut socket = connect(&gateway, "").await;
    socket.send(Message::binary(vec![1, 2])).await.unwrap();
    assert_eq!(closed(&mut socket).await.code, 1003.into());
    assert_eq!(disconnected(&gateway).await.0, 1003);
    assert!(of(&gateway.events(), "MESSAGE").is_empty(), "it is not passed to the function");
}

#[tokio::test]
async fn frames_and_messages_over_the_limits_end_the_connection() {
    let gateway = Gateway::start(LIVE, &[]);
    let mut socket = connect(&gateway, "").await;
    let piece = |kind, last| Message::Frame(Frame::message(vec![b'x'; 32 * 1024], OpCode::Data(kind), last));
    for number in 0..4 {
        let kind = if number == 0 { Data::Text } else { Data::Continue };
        socket.send(piece(kind, number == 3)).await.unwrap();
    }
    let events = gateway.wait_for("message", |events| !of(events, "MESSAGE").is_empty()).await;
    assert_eq!(of(&events, "MESSAGE")[0]["body"].as_str().map(str::len), Some(128 * 1024), "in frames of 32 KB");
    socket.send(Message::text("x".repeat(32 * 1024 + 1))).await.unwrap();
    let frame = closed(&mut socket).await;
    assert_eq!(u16::from(frame.code), 1009);
    assert!(frame.reason.contains("32 KB"), "{frame}");
    assert_eq!(disconnected(&gateway).await.0, 1009);
    let mut socket = connect(&gateway, "").await;
    for number in 0..5 {
        let kind = if number == 0 { Data::Text } else { Data::Continue };
        // The connection may be closed before everything is sent.
        let _ = socket.send(piece(kind, number == 4)).await;
    }
    assert_eq!(u16::from(closed(&mut socket).await.code), 1009);
}

#[tokio::test]
async fn silent_and_old_connections_are_closed() {
    let gateway = Gateway::start(LIVE, &["--idle-timeout", "2s", "--connection-duration", "8s"]);
    let since = Instant::now();
    let (mut silent, mut lively) = (connect(&gateway, "").await, connect(&gateway, "").await);
    let lively = tokio::spawn(async move {
        loop {
            tokio::select! {
                frame = closed(&mut lively) => return (frame, since.elapsed()),
                () = tokio::time::sleep(Duration::from_millis(100)) => lively.send(Message::text("x")).await.unwrap(),
            }
        }
    });
    let frame = closed(&mut silent).await;
    assert!(!lively.is_finished(), "an active connection outlives an idle one");
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1001, "Going away"));
    assert_eq!(disconnected(&gateway).await, (1001, "Going away".to_owned()));
    let (frame, after) = lively.await.unwrap();
    assert_eq!(u16::from(frame.code), 1001);
    assert!(after >= Duration::from_secs(8), "{after:?}");
}

#[tokio::test]
async fn a_client_that_vanishes_is_disconnected() {
    let gateway = Gateway::start(LIVE, &[]);
    let socket = connect(&gateway, "").await;
    connection_id(&gateway).await;
    drop(socket);
    assert_eq!(disconnected(&gateway).await, (1006, String::new()));
}

#[tokio::test]
async fn a_client_that_does_not_read_delays_nobody() {
    let gateway = Gateway::start(LIVE, &[]);
    let _lazy = connect(&gateway, "").await;
    let (client, id) = (sdk(&gateway), connection_id(&gateway).await);
    let data = Blob::new(vec![b'x'; 128 * 1024]);
    // The kernel's buffers take some, the gateway a bounded number, and then it refuses at once.
    let mut posted = 0;
    let refused = loop {
        let post = client.post_to_connection().connection_id(&id).data(data.clone()).send();
        match tokio::time::timeout(PATIENCE, post).await.expect("no post waits for the client") {
            Ok(_) => posted += 1,
            Err(error) => break error.into_service_error(),
        }
        assert!(posted < 500, "there is a bound");
    };
    assert!(refused.is_limit_exceeded_exception(), "{refused:?}");
    let mut other = connect(&gateway, "").await;
    other.send(Message::text(r#"{"action": "talk"}"#)).await.unwrap();
    assert_eq!(next(&mut other).await, Message::text("answered"));
}

#[tokio::test]
async fn messages_wait_for_each_other_unless_told_otherwise() {
    // The second message starts an environment, which must be ready before the first message is done.
    for (options, longest, order) in [(&[][..], 300, [300, 0]), (&["--parallel-messages"][..], 1500, [0, 1500])] {
        let gateway = Gateway::start(LIVE, options);
        let mut socket = connect(&gateway, "").await;
        for millis in [longest, 0] {
            socket.send(Message::text(json!({"sleep": millis}).to_string())).await.unwrap();
        }
        let slept = |events: &[Value]| events.iter().filter_map(|event| event["slept"].as_u64()).collect::<Vec<_>>();
        let events = gateway.wait_for("both", |events| slept(events).len() == 2).await;
        assert_eq!(slept(&events), order, "{options:?}");
    }
}

#[tokio::test]
async fn throttled_messages_are_answered() {
    let settings = "StageName: ws\n      DefaultRouteSettings: {ThrottlingRateLimit: 0.01, ThrottlingBurstLimit: 2}";
    let gateway = Gateway::start(&LIVE.replace("StageName: ws", settings), &[]);
    let mut socket = connect(&gateway, "").await;
    for _ in 0..3 {
        socket.send(Message::text("x")).await.unwrap();
    }
    assert_eq!(next_json(&mut socket).await["message"], "Too Many Requests");
}

#[tokio::test]
async fn connections_end_with_the_gateway_and_are_told_of() {
    let gateway = Gateway::start(LIVE, &[]);
    let mut socket = connect(&gateway, "").await;
    connection_id(&gateway).await;
    let told = tokio::spawn(async move { closed(&mut socket).await });
    let folder = tokio::task::spawn_blocking(|| gateway.stop()).await.unwrap();
    assert_eq!(u16::from(told.await.unwrap().code), 1001);
    let events = std::fs::read_to_string(folder.path().join("events")).unwrap();
    assert!(events.contains("DISCONNECT"), "{events}");
}
