//! What was recorded, and what other rules would have made of it.

use std::{path::Path, process::Command, time::Duration};

use headframe_agent::{
    clock,
    idle::Sign,
    store::{self, Span},
};
use headframe_control::{AgentPaths, Client, ClientError};
use headframe_protocol::{
    TimestampMs,
    control::{ControlCode, LostTo, SimulateArgs, Simulation},
};
use tokio::time::timeout;

use crate::{
    coordinator::{FakeCoordinator, PATIENCE},
    rig::{Rig, home},
};

/// Runs `simulate` in `home`. What it printed, what it complained of, and its exit code.
async fn simulate(home: &Path, arguments: &[&str]) -> (String, String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headframe-agent"));
    command.arg("--data-dir").arg(home).arg("simulate").args(arguments);
    let run = timeout(PATIENCE, tokio::task::spawn_blocking(move || command.output().expect("the command line")));
    let output = run.await.expect("in time").expect("no panic");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr), output.status.code())
}

/// Hours in which the owner was away and on battery, until an hour ago.
async fn record(home: &Path, hours: u64) {
    let (store, _journal) = store::open(home).await.expect("a store");
    let until = clock::wall().before(Duration::from_secs(3_600));
    let from = until.before(Duration::from_secs(hours * 3_600));
    let seen = store::Sighting {
        touch: Some(store::Touch::Last(from.before(Duration::from_secs(9_000)))),
        on_battery: true,
        ..store::Sighting::default()
    };
    store.keep_sightings(&[Span { from, until, seen }], clock::wall()).await.expect("kept");
}

async fn recorded(home: &Path) -> Vec<Span> {
    let (store, _journal) = store::open(home).await.expect("a store");
    store.sightings_since(TimestampMs::from_millis(0)).await.expect("read")
}

#[tokio::test]
async fn an_owner_tries_rules_on_his_past_without_an_agent() {
    let home = tempfile::tempdir().expect("a folder");
    let (_, error, code) = simulate(home.path(), &[]).await;
    assert!(code == Some(1) && error.contains("Nothing was recorded yet"), "{error}");
    record(home.path(), 5).await;
    let (json, error, code) = simulate(home.path(), &["--json", "--days", "2"]).await;
    assert_eq!(code, Some(0), "{error}");
    let present: Simulation = serde_json::from_str(&json).expect("JSON");
    let lost = present.lost.iter().map(|loss| (loss.to, loss.ms)).collect::<Vec<_>>();
    assert_eq!((present.works_ms, lost), (0, vec![(LostTo::OnBattery, 5 * 3_600_000)]));
    assert!(present.unknown_ms > 40 * 3_600_000, "the rest of two days nobody saw: {present:?}");

    let other = home.path().join("other.toml");
    std::fs::write(&other, "[power]\non_battery = true\n").expect("written");
    let (text, error, code) = simulate(home.path(), &["--days", "2", "--rules", &other.display().to_string()]).await;
    assert!(code == Some(0) && text.contains("5.0 h") && text.contains("Unknown is time"), "{text}{error}");
    std::fs::write(&other, "[power]\non_batery = true\n").expect("written");
    let (_, error, code) = simulate(home.path(), &["--rules", &other.display().to_string()]).await;
    assert!(code == Some(5) && error.contains("other.toml") && error.contains("on_batery"), "{error}");
    let (_, _, code) = simulate(home.path(), &["--days", "15"]).await;
    assert_eq!(code, Some(2), "no more is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_records_while_it_runs_and_answers_by_it() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    record(home.path(), 3).await;
    let rig = Rig::fresh(home.path()).await;
    let paths = AgentPaths::resolve(Some(home.path().to_owned())).expect("absolute");
    let mut guest = Client::connect(&paths).await.expect("the agent listens");
    let rules = Some("[power]\non_battery = true\n".to_owned());
    let simulated = guest.simulate(SimulateArgs { days: 1, rules, draft: None }).await.expect("simulated");
    assert!(simulated.works_ms >= 3 * 3_600_000, "{simulated:?}");
    for (days, rules) in [(0, None), (15, None), (1, Some("[power".to_owned())), (1, Some("#".repeat(70_000)))] {
        let refused = guest.simulate(SimulateArgs { days, rules, draft: None }).await;
        assert!(matches!(&refused, Err(ClientError::Refused(error)) if error.code == ControlCode::BadRequest), "{refused:?}");
    }
    rig.power.say(Ok(Sign::OnBattery(false)));
    rig.agent.shutdown().await;
    let spans = recorded(home.path()).await;
    assert_eq!(spans.len(), 2, "the past, and this life: {spans:?}");
    assert!(spans[1].seen.touch.is_some() && spans[1].until >= spans[1].from);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_who_wants_nothing_kept_has_nothing_kept() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    record(home.path(), 3).await;
    let settings = std::fs::read_to_string(home.path().join("agent.toml")).expect("settings");
    std::fs::write(home.path().join("agent.toml"), format!("{settings}[diary]\nkeep = false\n")).expect("written");
    let rig = Rig::fresh(home.path()).await;
    rig.agent.shutdown().await;
    assert_eq!(recorded(home.path()).await, [], "what was kept is gone, and nothing came");
}
