//! A watcher looks at roots before they count.

use alloy_primitives::keccak256;
use headframe_contracts::IDistributor;
use serde_json::Value;

use crate::{
    audits::{ONE, TWO, announce, publish, with_both},
    chain::TIME,
    world::{Said, World},
};

/// A root waits that counts in so many of the window's sixty seconds; the one of the first epoch is in force.
fn wait(world: &World, counts_in: u64, change: impl FnOnce(&mut IDistributor::Root, &mut IDistributor::Root)) {
    let mut active = announce(world, ONE, 5);
    let mut pending = announce(world, TWO, TIME + counts_in);
    change(&mut active, &mut pending);
    world.chain(|chain| (chain.pending, chain.active) = (Some(pending), Some(active)));
}

async fn look(world: &World, more: &[&str]) -> Said {
    world.run_as_stranger(&[&["audit", "watch", "--once"], more].concat()).await
}

fn vetoes(world: &World) -> Vec<String> {
    world.chain(|chain| chain.done.clone())
}

#[tokio::test]
async fn what_adds_up_is_let_through() {
    let world = with_both().await;
    let said = look(&world, &[]).await;
    assert_eq!((said.code, said.out.as_str()), (0, "Nothing waits. Epoch 0 is in force.\n"), "{said:?}");
    wait(&world, 50, |_, _| {});
    let said = look(&world, &["--veto"]).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert!(said.out.starts_with("Epoch 2 adds up, and is what the chain has.\n"), "{}", said.out);
    assert_eq!(vetoes(&world), [""; 0]);
    assert!(world.network(|network, _| network.asked.iter().all(|(_, has_key)| !has_key)), "no key was sent");
}

#[tokio::test]
async fn what_does_not_add_up_is_told_and_vetoed_by_who_may() {
    let world = with_both().await;
    wait(&world, 50, |_, pending| pending.root = keccak256("more for a friend"));
    let said = look(&world, &[]).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.starts_with("Epoch 2 does not add up:\n"), "{}", said.out);
    assert_eq!(vetoes(&world), [""; 0], "nobody has said that it may");

    let said = look(&world, &["--veto", "--json"]).await;
    assert_eq!(said.code, 1, "{said:?}");
    let lines: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap_or_default()).collect();
    assert_eq!(events, ["judged", "vetoed"], "{}", said.out);
    let [veto] = &vetoes(&world)[..] else { panic!("one veto: {:?}", vetoes(&world)) };
    let finding = lines[0]["report"]["findings"][0].as_str().expect("a finding");
    assert_eq!(*veto, format!("veto: {finding}"));
    assert_eq!(look(&world, &["--veto"]).await.code, 0, "it is gone");
}

#[tokio::test]
async fn a_file_that_does_not_follow_from_what_is_in_force_is_found_out() {
    let world = with_both().await;
    wait(&world, 50, |active, _| active.dataHash = keccak256("another file"));
    let said = look(&world, &["--veto"]).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("the file before it has the hash"), "{}", said.out);
    assert_eq!(vetoes(&world).len(), 1);
}

#[tokio::test]
async fn a_file_nobody_shows_is_waited_for_until_the_window_is_half_over() {
    let world = World::start().await;
    publish(&world, 1, ONE);
    wait(&world, 50, |_, _| {});
    let said = look(&world, &["--veto"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("its file is not to be had yet"), "{}", said.out);
    assert_eq!(vetoes(&world), [""; 0]);
    wait(&world, 20, |_, _| {});
    let said = look(&world, &["--veto"]).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(vetoes(&world).len(), 1, "{said:?}");
}

#[tokio::test]
async fn who_may_veto_needs_a_key_and_gas() {
    let world = with_both().await;
    let unnamed = look(&world, &["--veto", "--wallet-key", ""]).await;
    assert_eq!(unnamed.code, 2, "{unnamed:?}");
    world.chain(|chain| chain.coins.clear());
    let poor = look(&world, &["--veto"]).await;
    assert_ne!(poor.code, 0, "told before it is needed: {poor:?}");
    assert_eq!(look(&world, &[]).await.code, 0);
}
