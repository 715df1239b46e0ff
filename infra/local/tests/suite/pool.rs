//! A pool of environments, used as a library.

use bytes::Bytes;
use futures_util::future::join_all;
use local_gateway::runtime::{InvokeError, MAX_EVENT, Pool, PoolConfig};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

fn pool(change: impl FnOnce(&mut PoolConfig)) -> Pool {
    let names = ["AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"];
    let mut config = PoolConfig {
        id: "Main".to_owned(),
        arn: "arn".to_owned(),
        program: PathBuf::from(env!("CARGO_BIN_EXE_gateway-test-function")),
        variables: names.iter().map(|name| ((*name).to_owned(), "128".to_owned())).collect(),
        timeout: Duration::from_secs(30),
        maximum: 2,
        idle: Duration::from_secs(60),
    };
    change(&mut config);
    Pool::new(config)
}

async fn invoke(pool: &Pool, word: &str) -> Result<Value, InvokeError> {
    let event = json!({"rawPath": format!("/{word}")}).to_string();
    pool.invoke(Bytes::from(event)).await.map(|payload| serde_json::from_slice(&payload).unwrap())
}

fn failed(outcome: Result<Value, InvokeError>) -> (String, String) {
    match outcome.unwrap_err() {
        InvokeError::Function { kind, message, .. } => (kind, message),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn failures_have_lambdas_names() {
    let pool = pool(|config| config.timeout = Duration::from_secs(2));
    let (kind, message) = failed(invoke(&pool, "exit").await);
    assert_eq!(kind, "Runtime.ExitError");
    assert!(message.starts_with("RequestId: ") && message.contains("exit status: 1"), "{message}");
    let (kind, message) = failed(invoke(&pool, "hang").await);
    assert_eq!(kind, "Sandbox.Timedout");
    assert!(message.ends_with("Task timed out after 2.00 seconds"), "{message}");
    assert_eq!(failed(invoke(&pool, "error").await).1, "asked to fail");
    assert_eq!(failed(invoke(&pool, "big").await).0, "Function.ResponseSizeTooLarge");
    assert!(invoke(&pool, "pid").await.is_ok());
    let large = pool.invoke(Bytes::from(vec![b' '; MAX_EVENT + 1])).await;
    assert_eq!(large, Err(InvokeError::EventTooLarge(MAX_EVENT + 1)));
    pool.stop().await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error_and_not_a_wait() {
    let pool = pool(|config| config.program = PathBuf::from("/nowhere"));
    assert_eq!(failed(invoke(&pool, "pid").await).0, "Runtime.InvalidEntrypoint");
    assert_eq!(pool.environments(), 0);
    let none = self::pool(|config| config.maximum = 0);
    assert_eq!(invoke(&none, "pid").await, Err(InvokeError::Throttled));
}

#[tokio::test]
async fn those_who_gave_up_take_nothing_with_them() {
    let pool = pool(|config| config.maximum = 1);
    let slow = invoke(&pool, "slow");
    let waiting = join_all((0..20).map(|_| tokio::time::timeout(Duration::from_millis(50), invoke(&pool, "pid"))));
    let (slow, waiting) = tokio::join!(slow, waiting);
    assert!(slow.is_ok() && waiting.iter().all(Result::is_err));
    // An invocation whose caller gives up continues, and its environment is there for the next.
    assert!(tokio::time::timeout(Duration::from_millis(50), invoke(&pool, "slow")).await.is_err());
    assert!(invoke(&pool, "pid").await.is_ok());
    assert_eq!(pool.environments(), 1);
    pool.stop().await;
    assert_eq!((pool.environments(), invoke(&pool, "pid").await), (0, Err(InvokeError::Stopping)));
}

#[tokio::test]
async fn killed_environments_lose_no_other_invocation() {
    let pool = pool(|config| config.maximum = 4);
    let killer = async {
        for _ in 0..20 {
            // The pid may belong to an environment that is busy with another invocation by now; that is fine.
            if let Ok(answer) = invoke(&pool, "pid").await {
                let pid = answer["pid"].to_string();
                let _ = std::process::Command::new("kill")
                    .args(["-KILL", &pid])
                    .stderr(std::process::Stdio::null())
                    .status();
            }
        }
    };
    let callers = join_all((0..400).map(|_| invoke(&pool, "pid")));
    let (outcomes, ()) = tokio::join!(callers, killer);
    let lost = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    assert!(lost <= 20, "{lost} of 400 failed, with 20 kills");
    let kinds: Vec<_> = outcomes.into_iter().filter_map(Result::err).map(|error| error.kind().to_owned()).collect();
    assert!(kinds.iter().all(|kind| kind == "Runtime.ExitError"), "{kinds:?}");
    assert!(pool.environments() <= 4);
    pool.stop().await;
}
