//! The measuring program on a card that is a program: every kernel is right there, and no time is asserted.

use std::{path::Path, time::Instant};

use headframe_agent::benchmark::{child::Measurer, shelf};
use headframe_protocol::benchmark::{Benchmark, Card, CardClass, Figure, MeasureStage, Outcome, Subject};
use tokio::{process::Command, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::coordinator::PATIENCE;

fn measurer() -> Measurer {
    Measurer::at(Path::new(env!("CARGO_BIN_EXE_headframe-benchmark")))
}

/// The adapter that every machine of a developer has after `cargo xtask test` has set it up.
async fn software() -> Card {
    let cards = measurer().cards().await.expect("a look");
    let found = cards.into_iter().find(|card| card.class == CardClass::Software);
    found.expect("a software adapter; on Debian `apt-get install mesa-vulkan-drivers libvulkan1`")
}

async fn benchmark(home: &Path, more: &[&str]) -> Vec<Benchmark> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headframe-agent"));
    command.arg("--data-dir").arg(home).args(["benchmark", "--json"]).args(more).kill_on_drop(true);
    let output = timeout(PATIENCE * 4, command.output()).await.expect("in time").expect("it runs");
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said} {complained}"))
}

#[tokio::test]
async fn every_kernel_is_right_and_what_was_measured_is_kept() {
    let home = tempfile::tempdir().expect("a folder");
    let results = benchmark(home.path(), &["--software"]).await;
    let is_software = |result: &&Benchmark| matches!(&result.subject, Subject::Card(card) if card.class == CardClass::Software);
    let software = results.iter().find(is_software).expect("a software adapter");
    assert_eq!((&software.outcome, software.failed.as_slice(), software.fu), (&Outcome::Done, [].as_slice(), None));
    for figure in Figure::ALL.into_iter().filter(|figure| !matches!(figure.words(), words if words.contains("matrix units"))) {
        let by_layer = !matches!(
            figure,
            Figure::GemmBf16
                | Figure::FmaFp16
                | Figure::CpuInteger
                | Figure::CpuIntegerOneCore
                | Figure::CpuFloat
                | Figure::CpuMemory
        );
        assert!(!by_layer || software.best(figure).is_some(), "{figure:?} was not measured: {software:?}");
    }
    assert!(software.usable_vram_bytes.is_some(), "memory was taken, and held what was written");
    let cpu = results.last().expect("the processor");
    assert!(matches!(cpu.subject, Subject::Cpu(_)) && cpu.measured.len() == 4, "{cpu:?}");

    assert!(home.path().join(shelf::FILE_NAME).exists());
    assert_eq!(benchmark(home.path(), &["--software"]).await, results, "nothing became another, so nothing is measured again");
}

#[tokio::test]
async fn whoever_wants_the_card_back_has_it_at_once() {
    let (card, stop) = (Subject::Card(software().await), CancellationToken::new());
    let mut stopped = None;
    let mut tell = |progress: headframe_protocol::benchmark::Progress| {
        if progress.stage == MeasureStage::Product && stopped.is_none() {
            stop.cancel();
            stopped = Some(Instant::now());
        }
    };
    let found = timeout(PATIENCE * 4, measurer().measure(&card, &stop, &mut tell)).await.expect("in time").expect("measured");
    assert_eq!(found.outcome, Outcome::Aborted);
    let took = stopped.expect("it came so far").elapsed();
    println!("the card was free {} ms after it was wanted", took.as_millis());
}

#[test]
fn the_agent_that_is_always_on_has_no_graphics_library_in_it() {
    let found = |program: &str, word: &[u8]| {
        let bytes = std::fs::read(program).expect("a program");
        let mut from = 0;
        while let Some(at) = bytes[from..].iter().position(|byte| *byte == word[0]) {
            if bytes[from + at..].starts_with(word) {
                return true;
            }
            from += at + 1;
        }
        false
    };
    assert!(found(env!("CARGO_BIN_EXE_headframe-benchmark"), b"wgpu_core"), "the word to look for");
    assert!(!found(env!("CARGO_BIN_EXE_headframe-agent"), b"wgpu_core"));
}
