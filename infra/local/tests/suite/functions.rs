//! Environments, seen from outside.

use crate::gateway::{Gateway, HTTP, PATIENCE};
use futures_util::future::join_all;
use serde_json::Value;
use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

async fn pid(gateway: &Gateway, path: &str) -> u64 {
    let answer: Value = reqwest::get(gateway.url(path)).await.unwrap().json().await.unwrap();
    answer["pid"].as_u64().unwrap()
}

fn lives(pid: u64) -> bool {
    // A process that has ended but was not reaped is still listed, as a zombie.
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

async fn until(ended: impl Fn() -> bool) {
    let since = Instant::now();
    while !ended() {
        assert!(since.elapsed() < PATIENCE, "the process is still running");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn environments_are_started_on_demand_and_used_again() {
    let mut counts = Vec::new();
    let gateway = loop {
        let gateway = Gateway::start(HTTP, &["--max-environments", "3"]);
        let mut used = HashSet::new();
        for _ in 0..20 {
            used.insert(pid(&gateway, "/pid").await);
        }
        counts.push(used.len());
        if used.len() == 1 {
            break gateway;
        }
        // On a busy machine, an environment may request its next event later than the gateway waits for that.
        assert!(counts.len() < 10, "sequential requests need one environment: {counts:?}");
    };
    let many: HashSet<_> = join_all((0..9).map(|_| pid(&gateway, "/slow"))).await.into_iter().collect();
    assert_eq!(many.len(), 3, "as many as allowed, and the others wait");
}

#[tokio::test]
async fn a_killed_environment_is_replaced() {
    let gateway = Gateway::start(HTTP, &[]);
    let first = pid(&gateway, "/pid").await;
    assert!(std::process::Command::new("kill").args(["-KILL", &first.to_string()]).status().unwrap().success());
    // It may be given an event, and lose it, until all its threads have ended and the gateway has noticed.
    until(|| !Path::new(&format!("/proc/{first}")).exists()).await;
    assert_ne!(first, pid(&gateway, "/pid").await);
}

#[tokio::test]
async fn idle_environments_end_and_all_end_with_the_gateway() {
    let gateway = Gateway::start(HTTP, &["--environment-idle", "3s"]);
    let idle = pid(&gateway, "/pid").await;
    assert!(lives(idle));
    until(|| !lives(idle)).await;
    let busy = pid(&gateway, "/pid").await;
    assert!(lives(busy));
    gateway.stop();
    assert!(!lives(busy), "the gateway has ended");
}

#[tokio::test]
async fn a_function_that_cannot_start_fails_each_invocation() {
    let gateway = Gateway::start(HTTP, &["--env", "BEHAVE=exit"]);
    for _ in 0..3 {
        assert_eq!(reqwest::get(gateway.url("/pid")).await.unwrap().status(), 500);
    }
}

#[tokio::test]
async fn the_last_words_of_a_function_are_logged_before_its_end_is_told() {
    let gateway = Gateway::start(HTTP, &[]);
    assert_eq!(reqwest::get(gateway.url("/speak")).await.unwrap().status(), 500);
    let log = gateway.log();
    assert_eq!(log.lines().filter(|line| line.starts_with("Main#1 | line")).count(), 10_000);
}

#[tokio::test]
async fn functions_of_a_killed_gateway_end_by_themselves() {
    let gateway = Gateway::start(HTTP, &[]);
    let orphan = pid(&gateway, "/pid").await;
    assert!(std::process::Command::new("kill").args(["-KILL", &gateway.id().to_string()]).status().unwrap().success());
    until(|| !lives(orphan)).await;
}
