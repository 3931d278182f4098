//! Challenges from the agent's side: when it answers, and when it does not.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use headframe_agent::challenge::{Apart, CardProver, NoProvers, ProverError, Provers, References};
use headframe_proof::{Parameters, Prover, residency::Block};
use headframe_protocol::{
    challenge::{Answer, Ask, DeclineReason, Declined, Digest, NOTICE, POG, Prove, ReadAt, RowAt},
    session::{AgentMessage, CoordinatorMessage},
};
use tokio_util::sync::CancellationToken;

use crate::{
    coordinator::{FakeCoordinator, Line, PATIENCE, offer},
    rig::{Rig, home},
};

/// A card that computes until it is told to stop, and tells both.
struct Endless(mpsc::Sender<Computes>);

#[derive(Debug, PartialEq, Eq)]
enum Computes {
    Begun,
    Stopped,
}

fn endless() -> (Arc<Endless>, mpsc::Receiver<Computes>) {
    let (tell, told) = mpsc::channel();
    (Arc::new(Endless(tell)), told)
}

/// Waits apart: the agent's threads are not the test's to hold.
fn heard(told: &mpsc::Receiver<Computes>) -> Computes {
    tokio::task::block_in_place(|| told.recv_timeout(PATIENCE)).expect("the card says what it does")
}

impl Provers for Endless {
    fn is_any(&self) -> bool {
        true
    }

    fn prover(&self, _: &str, stop: &CancellationToken) -> Result<Option<Box<dyn CardProver>>, ProverError> {
        let computing = Computing { stop: stop.clone(), tell: self.0.clone() };
        Ok(Some(Box::new(Apart::new(computing))))
    }
}

struct Computing {
    stop: CancellationToken,
    tell: mpsc::Sender<Computes>,
}

impl Prover for Computing {
    type Error = ProverError;

    fn compute(&mut self, _: &Digest, _: Parameters) -> Result<Vec<Digest>, ProverError> {
        self.tell.send(Computes::Begun)?;
        while !self.stop.is_cancelled() {
            thread::sleep(Duration::from_millis(1));
        }
        self.tell.send(Computes::Stopped)?;
        Err("it was stopped".into())
    }

    fn show_row(&mut self, _: RowAt, _: &mut Vec<u8>) -> Result<(), ProverError> {
        Err("it never computed".into())
    }

    fn remember(&mut self, _: &Digest, _: u32) -> Result<Vec<Digest>, ProverError> {
        Err("it never computed".into())
    }

    fn show_read(&mut self, _: ReadAt) -> Result<(Block, Vec<u8>), ProverError> {
        Err("it never computed".into())
    }

    fn parameters(&self) -> Parameters {
        Parameters::new(64, 20).expect("within bounds")
    }
}

pub(crate) fn prove(coordinator: &FakeCoordinator, seed: u8) -> Prove {
    Prove {
        protocol: POG.to_owned(),
        seed: Digest::from_bytes([seed; 32]),
        gpu: "GPU-1".to_owned(),
        size: 64,
        products: 20,
        resident: 20,
        within_ms: 10_000,
        base: format!("{}/v1/challenges/7/", coordinator.url()).parse().expect("a url"),
        token: "hfc_secret".to_owned(),
    }
}

pub(crate) async fn ask(line: &mut Line, prove: Prove) {
    line.say(CoordinatorMessage::Ask(Ask::Prove(prove))).await;
}

pub(crate) async fn answer(line: &mut Line) -> Answer {
    line.until(|message| if let AgentMessage::Answer(answer) = message { Some(answer) } else { None }).await
}

pub(crate) async fn declined(line: &mut Line, seed: u8) -> DeclineReason {
    match answer(line).await {
        Answer::Declined(Declined { seed: of, why }) if of == Digest::from_bytes([seed; 32]) => why,
        other => panic!("it declines: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_gets_his_card_back_in_the_middle_of_a_proof() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let (endless, told) = endless();
    let rig = Rig::with_card(home.path(), endless).await;
    let (hello, mut line) = coordinator.welcomed().await;
    assert_eq!(hello.challenges, [POG, NOTICE]);
    line.beats_until(|ready, _| ready).await;
    ask(&mut line, prove(&coordinator, 1)).await;
    ask(&mut line, prove(&coordinator, 2)).await;
    assert_eq!(declined(&mut line, 2).await, DeclineReason::Busy, "a card has one challenge at a time");
    assert_eq!(heard(&told), Computes::Begun);
    rig.owner.set(Duration::ZERO);
    assert_eq!(declined(&mut line, 1).await, DeclineReason::Yielded);
    assert_eq!(heard(&told), Computes::Stopped);
    rig.agent.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_comes_before_a_proof() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let (endless, told) = endless();
    let mut rig = Rig::with_card(home.path(), endless).await;
    let (_, mut line) = coordinator.welcomed().await;
    line.beats_until(|ready, _| ready).await;
    ask(&mut line, prove(&coordinator, 1)).await;
    assert_eq!(heard(&told), Computes::Begun);
    line.say(CoordinatorMessage::Offer(Box::new(offer()))).await;
    rig.starts().await;
    assert_eq!(declined(&mut line, 1).await, DeclineReason::Busy);
    assert_eq!(heard(&told), Computes::Stopped);
    ask(&mut line, prove(&coordinator, 2)).await;
    assert_eq!(declined(&mut line, 2).await, DeclineReason::Busy, "not while an attempt runs either");
    rig.agent.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_ends_its_proofs() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let (endless, told) = endless();
    let rig = Rig::with_card(home.path(), endless).await;
    let (_, mut line) = coordinator.welcomed().await;
    line.beats_until(|ready, _| ready).await;
    ask(&mut line, prove(&coordinator, 1)).await;
    ask(&mut line, prove(&coordinator, 2)).await;
    assert_eq!(declined(&mut line, 2).await, DeclineReason::Busy, "the first is under way");
    assert_eq!(heard(&told), Computes::Begun);
    drop(line);
    assert_eq!(heard(&told), Computes::Stopped);
    let (_, mut line) = coordinator.welcomed().await;
    line.beats_until(|ready, _| ready).await;
    ask(&mut line, prove(&coordinator, 1)).await;
    ask(&mut line, prove(&coordinator, 3)).await;
    assert_eq!(declined(&mut line, 3).await, DeclineReason::Busy, "the card is free for the new session's");
    rig.agent.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_card_cannot_do_or_must_not_show_is_not_begun() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let rig = Rig::with_card(home.path(), Arc::new(References)).await;
    let (_, mut line) = coordinator.welcomed().await;
    line.beats_until(|ready, _| ready).await;
    let elsewhere = "http://192.0.2.1/v1/challenges/7/".parse().expect("a url");
    let odd = [
        // 49 GiB of a card of 24.
        Prove { size: 16_384, products: 100, resident: 98, ..prove(&coordinator, 1) },
        Prove { size: 16_448, ..prove(&coordinator, 2) },
        Prove { protocol: "pog/2".to_owned(), ..prove(&coordinator, 3) },
        Prove { base: elsewhere, ..prove(&coordinator, 4) },
    ];
    for (seed, odd) in (1..).zip(odd) {
        ask(&mut line, odd).await;
        assert_eq!(declined(&mut line, seed).await, DeclineReason::Unfit, "{seed}");
    }
    ask(&mut line, prove(&coordinator, 5)).await;
    assert!(matches!(answer(&mut line).await, Answer::Committed(committed) if committed.roots.len() == 20));
    rig.agent.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_without_provers_says_so() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let rig = Rig::with_card(home.path(), Arc::new(NoProvers)).await;
    let (hello, mut line) = coordinator.welcomed().await;
    assert!(hello.challenges.is_empty());
    line.beats_until(|ready, _| ready).await;
    ask(&mut line, prove(&coordinator, 1)).await;
    assert_eq!(declined(&mut line, 1).await, DeclineReason::NoProver);
    rig.agent.abandon().await;
}
