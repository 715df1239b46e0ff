//! `alerts = judge(all results, permit in force)` after any interleaving: random schedules of files, single readings,
//! permits, removals, clients that disconnect and kills, on real processes.
//!
//! - `OWSC_SCHEDULES`: how many; for a manual run, use 200 on the server and 50 on the functions.
//! - `OWSC_SCHEDULE_SEED`: the seed of the first; further ones use the next seeds. The actions depend only on the seed;
//!   their interleaving does not.
//! - `OWSC_SCHEDULE_SERIAL=1`: one action after the other, and clients that stay: to check that the checks themselves
//!   hold.

mod check;
mod look;
mod plan;
pub(crate) mod replay;
mod stage;

use check::Violation;
use look::Seen;
use plan::Plan;
use stage::Stage;
use std::collections::BTreeMap;
use std::time::Instant;
use tests::host::{Host, under_test};

fn setting(name: &str) -> anyhow::Result<Option<u64>> {
    Ok(std::env::var(name).ok().map(|text| text.parse()).transpose()?)
}

async fn played(plan: &Plan, serial: bool) -> anyhow::Result<Vec<Violation>> {
    let stage = Stage::new(plan).await?;
    stage.play(plan, serial).await?;
    let started = Instant::now();
    let violations = match Seen::at_rest(&stage).await {
        Ok(seen) => check::all(plan, &stage.notes.borrow(), &seen),
        Err(error) => vec![("rest", format!("{error:#}"))],
    };
    if !violations.is_empty() {
        stage.troubles().await.iter().for_each(|line| eprintln!("  log: {line}"));
    }
    let (refused, removed) = (stage.notes.borrow().refused, stage.notes.borrow().removed.len());
    eprintln!("looked in {:.1?}; {refused} refused; {removed} removed", started.elapsed());
    Ok(violations)
}

#[tokio::test]
async fn alerts_are_what_judging_everything_finds_after_any_interleaving() -> anyhow::Result<()> {
    let given = setting("OWSC_SCHEDULE_SEED")?;
    let usual = match (given, under_test()) {
        (Some(_), _) => 1,
        (None, Host::Server) => 10,
        (None, Host::Functions) => 3,
    };
    let schedules = setting("OWSC_SCHEDULES")?.unwrap_or(usual);
    let serial = setting("OWSC_SCHEDULE_SERIAL")? == Some(1);
    let first = given.unwrap_or_else(|| rand::random::<u32>().into());
    let (mut failed, mut by_check) = (Vec::new(), BTreeMap::<_, u32>::new());
    for seed in first..first + schedules {
        let (plan, started) = (Plan::of(seed), Instant::now());
        let violations = played(&plan, serial).await.unwrap_or_else(|error| vec![("run", format!("{error:#}"))]);
        eprintln!(
            "schedule {seed}: {} actions, {:.1?}, {} violations",
            plan.steps.len(),
            started.elapsed(),
            violations.len()
        );
        if violations.is_empty() {
            continue;
        }
        eprint!("{plan}");
        let mut checks: Vec<_> = violations.iter().map(|(check, _)| *check).collect();
        checks.dedup();
        checks.into_iter().for_each(|check| *by_check.entry(check).or_default() += 1);
        violations.iter().for_each(|(check, what)| eprintln!("  {check}: {what}"));
        failed.push(seed);
    }
    let again = "OWSC_SCHEDULE_SEED has one again";
    anyhow::ensure!(
        failed.is_empty(),
        "{} of {schedules} schedules failed, {by_check:?}: {failed:?} ({again})",
        failed.len()
    );
    Ok(())
}
