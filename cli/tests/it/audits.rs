//! A stranger checks a payout.

use alloy_primitives::{U256, keccak256};
use headframe_accounts::EpochFile;
use headframe_contracts::IDistributor;
use serde_json::Value;

use crate::world::World;

// Made with other people's libraries; see `accounts/tests/golden/make.mjs`.
pub(crate) const ONE: &[u8] = include_bytes!("../../../accounts/tests/golden/epoch-1.json");
pub(crate) const TWO: &[u8] = include_bytes!("../../../accounts/tests/golden/epoch-2.json");

pub(crate) fn publish(world: &World, epoch: u64, bytes: &[u8]) {
    let path = format!("GET /v1/payouts/31337/{epoch}");
    world.network(|network, _| network.said.insert(path, (200, bytes.to_vec())));
}

/// Puts the root of a file on the chain.
pub(crate) fn announce(world: &World, bytes: &[u8], ready_at: u64) -> IDistributor::Root {
    let file = EpochFile::parse(bytes).expect("an epoch file");
    let total = |total: &headframe_accounts::epoch::AssetTotal| IDistributor::Total {
        asset: total.asset,
        cumulative: total.cumulative.to(),
    };
    world.chain(|chain| chain.totals = file.assets.iter().map(total).collect());
    IDistributor::Root { root: file.root, dataHash: keccak256(bytes), epoch: file.epoch, readyAt: ready_at }
}

pub(crate) async fn with_both() -> World {
    let world = World::start().await;
    publish(&world, 1, ONE);
    publish(&world, 2, TWO);
    world
}

#[tokio::test]
async fn a_true_payout_adds_up_for_somebody_without_an_account() {
    let world = with_both().await;
    for waits in [true, false] {
        let root = announce(&world, TWO, 5);
        world.chain(|chain| {
            (chain.pending, chain.active) = if waits { (Some(root), None) } else { (None, Some(root)) };
        });
        let said = world.run_as_stranger(&["audit", "epoch", "2"]).await;
        assert_eq!((said.code, said.err.as_str()), (0, ""), "waits: {waits}: {said:?}");
        assert!(said.out.starts_with("Epoch 2 adds up, and is what the chain has.\n"), "{}", said.out);
    }
    assert!(world.network(|network, _| network.asked.iter().all(|(_, has_key)| !has_key)), "no key was sent");
    let asked = world.run(&["--json", "audit", "epoch", "2"]).await;
    assert!(world.network(|network, _| network.asked.iter().all(|(_, has_key)| !has_key)), "nor where there is one");
    let report: Value = serde_json::from_str(&asked.out).expect("JSON");
    assert_eq!((report["adds_up"].as_bool(), report["leaves"].as_u64()), (Some(true), Some(4)));
}

#[tokio::test]
async fn a_payout_that_is_not_what_the_chain_has_is_found_out() {
    let world = with_both().await;
    let root = announce(&world, TWO, 0);
    world.chain(|chain| {
        chain.active = Some(IDistributor::Root { dataHash: keccak256("another file"), ..root });
        chain.totals[0].cumulative += U256::from(1).to::<alloy_primitives::aliases::U96>();
    });
    let said = world.run_as_stranger(&["audit", "epoch", "2"]).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.starts_with("Epoch 2 does not add up:\n  - the file's hash is"), "{}", said.out);
    assert!(said.out.contains("are owed in all; announced are"), "{}", said.out);
    assert!(said.err.contains("the payout file of epoch 2 does not add up: 2 findings"), "{}", said.err);
}

#[tokio::test]
async fn an_older_payout_is_rebuilt_without_the_chain_and_says_so() {
    let world = with_both().await;
    let root = announce(&world, TWO, 0);
    world.chain(|chain| chain.active = Some(root));
    let said = world.run_as_stranger(&["--json", "audit", "epoch", "1"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let report: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!((report["adds_up"].as_bool(), report["compared_with_chain"].as_bool()), (Some(true), Some(false)));
}

#[tokio::test]
async fn files_of_ones_own_need_no_coordinator() {
    let world = World::start().await;
    let text = String::from_utf8(TWO.to_vec()).expect("text").replacen("\"amount\":\"", "\"amount\":\"1", 1);
    let files = [("one.json", ONE), ("two.json", TWO), ("false.json", text.as_bytes())];
    let [one, two, untrue] = files.map(|(name, bytes)| world.file(name, bytes).display().to_string());
    let audit = |file: &str, more: [&str; 2]| ["audit", "epoch", "2", "--file", file, more[0], more[1]].map(str::to_owned);
    for (file, code) in [(&two, 0), (&untrue, 1)] {
        let said = world.run_alone(&audit(file, ["--previous", &one])).await;
        assert_eq!(said.code, code, "{said:?}");
    }
    let lacking = world.run_alone(&["audit", "epoch", "2", "--file", &two].map(str::to_owned)).await;
    assert_eq!(lacking.code, 2, "{lacking:?}");
    assert!(lacking.err.contains("the files of this payout are not all given: which coordinator?"), "{}", lacking.err);
    world.network(|network, _| network.is_down = true);
    let away = world.run_as_stranger(&["audit", "epoch", "2", "--file", &two, "--previous", &one]).await;
    assert_eq!(away.code, 6, "a coordinator that was named and does not answer is no silent gap: {away:?}");
}
