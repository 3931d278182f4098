//! The proving program on a card that is a program: what it says is what the reference says, and however it ends is an error.

use std::{fs, path::Path};

use headframe_agent::benchmark::{
    child::Measurer,
    prover::{ChildProver, ProverError},
};
use headframe_proof::{Parameters, Prover as _, Reference};
use headframe_protocol::{
    benchmark::CardClass,
    challenge::{Digest, ReadAt, RowAt},
};
use tokio::time::timeout;

use crate::coordinator::PATIENCE;

const SEED: Digest = Digest::from_bytes([5; 32]);

pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_headframe-benchmark"))
}

/// What the program calls the card that is a program.
pub(crate) async fn software() -> String {
    let cards = Measurer::at(program()).cards().await.expect("a look");
    let software = cards.into_iter().find(|card| card.class == CardClass::Software);
    software.expect("a software adapter; on Debian `apt-get install mesa-vulkan-drivers libvulkan1`").id
}

async fn start() -> ChildProver {
    ChildProver::start(program(), &software().await).await.expect("it starts")
}

fn parameters(size: u32) -> Parameters {
    Parameters::new(size, 20).and_then(|all| all.keeping(7)).expect("within bounds")
}

#[tokio::test]
async fn a_child_answers_a_whole_challenge_as_the_reference_does() {
    let (mut child, parameters, nonce) = (start().await, parameters(128), Digest::from_bytes([9; 32]));
    let mut reference = Reference::of(&SEED, parameters).expect("it computes");
    assert_eq!(child.compute(&SEED, parameters).await.expect("it computes"), reference.roots());
    let rows: Vec<_> = [(0, 3), (19, 127), (11, 64)].map(|(product, row)| RowAt { product, row }).to_vec();
    let openings = child.open(&rows).await.expect("it opens");
    let bytes = fs::read(&openings.file).expect("written");
    assert!(bytes == reference.open(&rows).expect("it opens") && bytes.len() as u64 == openings.bytes);
    let roots = child.remember(&nonce, 500).await.expect("it reads");
    assert_eq!(roots, reference.remember(&nonce, 500).expect("it reads"));
    let reads: Vec<_> = [(0, 499), (19, 0)].map(|(round, read)| ReadAt { round, read }).to_vec();
    let openings = child.open_reads(&reads).await.expect("it opens");
    assert!(fs::read(&openings.file).expect("written") == reference.open_reads(&reads).expect("it opens"));

    let refused = child.open(&[RowAt { product: 20, row: 0 }]).await;
    assert!(matches!(&refused, Err(ProverError::Failed(reason)) if reason.contains("nothing to show")), "{refused:?}");
    assert!(matches!(child.open(&rows).await, Err(ProverError::GivenUp)));
    drop(child);
    assert!(!openings.file.exists(), "the folder is gone with the prover");
}

#[tokio::test]
async fn a_child_that_is_killed_is_an_error_with_its_reason() {
    let mut child = start().await;
    let id = child.id().expect("it runs");
    #[cfg(target_os = "linux")]
    for (id, is_ours) in [(id, true), (std::process::id(), false), (std::os::unix::process::parent_id(), false)] {
        assert_eq!(headframe_agent::idle::is_ours(id, "headframe-benchmark"), is_ours, "{id}");
    }
    let id = id.to_string();
    let killed = std::process::Command::new("kill").args(["-9", &id]).status().expect("a shell's tool");
    assert!(killed.success());
    let found = child.compute(&SEED, parameters(64)).await;
    assert!(matches!(&found, Err(ProverError::Ended(reason)) if reason.contains("signal")), "{found:?}");
    let missing = ChildProver::start(Path::new("/nowhere/headframe-benchmark"), "a card").await;
    assert!(matches!(missing, Err(ProverError::Start { .. })), "{missing:?}");
    let nobodys = ChildProver::start(program(), "no card").await;
    assert!(matches!(&nobodys, Err(ProverError::Failed(reason)) if reason.contains("no card")), "{nobodys:?}");
}

#[tokio::test]
async fn an_abort_ends_a_child_that_computes() {
    let mut child = start().await;
    // Far longer than anybody waits for.
    let long = parameters(2_048);
    let patience = std::time::Duration::from_millis(700);
    assert!(timeout(patience, child.compute(&SEED, long)).await.is_err(), "it computes");
    assert!(matches!(child.compute(&SEED, long).await, Err(ProverError::GivenUp)));
    timeout(PATIENCE, child.abort()).await.expect("it ends");
}
