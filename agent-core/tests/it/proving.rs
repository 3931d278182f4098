//! Challenges as a real PC answers them, by a child, on a card that is a program.

use std::{fs, sync::Arc, time::Duration};

use headframe_agent::challenge::{CardNames, MeasuredCards};
use headframe_protocol::{
    challenge::{Answer, Ask, DeclineReason, Digest, NOTICE, Open, POG, Prove, RowAt, Soon},
    session::CoordinatorMessage,
};
use tempfile::TempDir;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    challenge::{answer, ask, declined, prove},
    coordinator::{FakeCoordinator, Line, PATIENCE},
    prover::{program, software},
    rig::{Rig, home},
};

struct Scene {
    coordinator: FakeCoordinator,
    line: Line,
    rig: Rig,
    _home: TempDir,
}

impl Scene {
    /// A rig with a card of this name, and nothing that runs for it.
    async fn of(name: String) -> Self {
        let coordinator = FakeCoordinator::start().await;
        let home = home(&coordinator);
        let names = CardNames::from([("GPU-1".to_owned(), name)]);
        let cards = MeasuredCards::new(program().to_owned(), watch::channel(names).1);
        let rig = Rig::with_card(home.path(), Arc::new(cards)).await;
        let (hello, mut line) = coordinator.welcomed().await;
        assert_eq!(hello.challenges, [POG, NOTICE]);
        line.beats_until(|ready, _| ready).await;
        assert_eq!(children(), [0; 0], "who is not asked starts nothing");
        Self { coordinator, line, rig, _home: home }
    }

    async fn asks(&mut self, seed: u8, size: u32) {
        ask(&mut self.line, Prove { size, ..prove(&self.coordinator, seed) }).await;
    }

    async fn shows_that_it_proves(&self, proving: bool) {
        self.rig.shows(|now| now.rig.gpus.iter().any(|gpu| gpu.proving) == proving).await;
    }
}

/// The proving programs that this test's agent has started, and that have not ended.
fn children() -> Vec<u32> {
    let is_child = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
        field("PPid:") == std::process::id().to_string() && field("Name:") == "headframe-bench"
    };
    let processes = fs::read_dir("/proc").expect("a list").flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_child).collect()
}

/// The one there is.
fn child() -> u32 {
    match children().as_slice() {
        [child] => *child,
        children => panic!("one child proves, not {children:?}"),
    }
}

async fn begun() {
    let begun = async {
        while children().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, begun).await.expect("a child begins");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_hears_of_it_beforehand_begins_before_it_is_asked() {
    let mut scene = Scene::of(software().await).await;
    let soon = |gpu: &str| CoordinatorMessage::Ask(Ask::Soon(Soon { gpu: gpu.to_owned(), in_ms: 10_000 }));
    scene.line.say(soon("GPU-9")).await;
    scene.line.say(soon("GPU-1")).await;
    scene.shows_that_it_proves(true).await;
    begun().await;
    let before = child();
    scene.asks(1, 64).await;
    assert!(matches!(answer(&mut scene.line).await, Answer::Committed(_)));
    assert_eq!(child(), before, "it is the same child");
    scene.asks(2, 64).await;
    assert_eq!(declined(&mut scene.line, 2).await, DeclineReason::Busy);
    scene.rig.owner.set(Duration::ZERO);
    assert_eq!(declined(&mut scene.line, 1).await, DeclineReason::Yielded);
    scene.rig.agent.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_who_comes_back_before_the_card_is_asked_finds_no_child_either() {
    let mut scene = Scene::of(software().await).await;
    let soon = Soon { gpu: "GPU-1".to_owned(), in_ms: 10_000 };
    scene.line.say(CoordinatorMessage::Ask(Ask::Soon(soon))).await;
    begun().await;
    scene.rig.owner.set(Duration::ZERO);
    scene.shows_that_it_proves(false).await;
    assert_eq!(children(), [0; 0]);
    scene.asks(1, 64).await;
    assert_eq!(declined(&mut scene.line, 1).await, DeclineReason::Yielded, "who is asked all the same says so");
    scene.rig.agent.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_dies_breaks_its_proof_and_nothing_else() {
    let mut scene = Scene::of(software().await).await;
    scene.asks(1, 64).await;
    assert!(matches!(answer(&mut scene.line).await, Answer::Committed(committed) if committed.roots.len() == 20));
    scene.shows_that_it_proves(true).await;
    let killed = std::process::Command::new("kill").args(["-9", &child().to_string()]).status().expect("a shell's tool");
    assert!(killed.success());
    let open = Open { seed: Digest::from_bytes([1; 32]), rows: vec![RowAt { product: 0, row: 3 }] };
    scene.line.say(CoordinatorMessage::Ask(Ask::Open(open))).await;
    assert_eq!(declined(&mut scene.line, 1).await, DeclineReason::Broken);
    scene.shows_that_it_proves(false).await;
    scene.asks(2, 64).await;
    assert!(matches!(answer(&mut scene.line).await, Answer::Committed(_)), "the next one has a child of its own");
    scene.rig.agent.abandon().await;
    assert_eq!(children(), [0; 0], "the child does not outlive the agent");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_who_comes_back_finds_no_child() {
    let mut scene = Scene::of(software().await).await;
    // Far longer than anybody waits for.
    scene.asks(1, 2_048).await;
    scene.shows_that_it_proves(true).await;
    begun().await;
    scene.rig.owner.set(Duration::ZERO);
    assert_eq!(declined(&mut scene.line, 1).await, DeclineReason::Yielded);
    assert_eq!(children(), [0; 0], "it was gone before anybody was told");
    scene.rig.agent.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_takes_its_child_along() {
    let mut scene = Scene::of(software().await).await;
    scene.asks(1, 2_048).await;
    scene.shows_that_it_proves(true).await;
    drop(scene.line);
    scene.rig.shows(|now| now.rig.gpus.iter().all(|gpu| !gpu.proving)).await;
    assert_eq!(children(), [0; 0]);
    scene.rig.agent.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_the_program_does_not_find_has_no_prover() {
    let mut scene = Scene::of("no card".to_owned()).await;
    scene.asks(1, 64).await;
    assert_eq!(declined(&mut scene.line, 1).await, DeclineReason::NoProver);
    scene.rig.agent.abandon().await;
}
