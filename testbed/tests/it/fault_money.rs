//! What may go wrong between the ledger and a chain: whatever it is, nobody is paid twice and nobody loses.

use std::time::Duration;

use alloy_primitives::U256;
use headframe_contracts::IDistributor;
use headframe_protocol::{Micros, api::Job, job::JobState};
use headframe_testbed::{
    Options,
    coordinator::Home,
    money::{HOME, ISLAND, Money, MoneyOptions, Place},
    process::wait_for,
    wallets,
};
use sqlx::Connection as _;

use crate::scene::{LIMIT, Scene, usual};

/// Places at which a coordinator dies, in the order in which a payout comes to them.
const DEATHS: [&str; 5] = ["payout.built", "step.signed", "step.sent", "step.final", "events.booked"];

fn paid(money: MoneyOptions) -> Options {
    Options { grant: Micros::ZERO, money: Some(money), ..usual() }
}

fn money(scene: &Scene) -> &Money {
    scene.testbed.money.as_deref().expect("chains")
}

/// An owner with a wallet, a customer with five dollars on `place`, and a job that was paid.
async fn earn(scene: &Scene, place: &Place) -> (alloy_primitives::Address, Job) {
    let owner = wallets::make(&scene.testbed.rigs[0], false).await.expect("a wallet");
    let customer = &money(scene).customer;
    wallets::fund(&scene.testbed, &scene.testbed.customer, customer, place, Micros::dollars(5)).await.expect("funds");
    let id = scene.submit(&scene.script("sleep 1")).await;
    (owner, scene.until_state(id, JobState::Succeeded).await)
}

/// Takes what there is, and says whether it is the job's share and nothing else, up to the relayer's twentieth.
async fn is_paid_once(scene: &Scene, place: &Place, owner: alloy_primitives::Address, job: &Job) {
    let stable = place.profile.stable().expect("a dollar");
    let take = async || wallets::take_earnings(&scene.testbed.rigs[0], place.node.id(), &stable.symbol).await.map(Some);
    wait_for("nothing could be taken", LIMIT, take).await.expect("a withdrawal");
    let has = place.node.balance(stable.address, owner).await.expect("a balance");
    let share = U256::from(job.charged.get() - job.charged.fee(1_000).get());
    let share = share * U256::from(10).pow(U256::from(stable.decimals - 6));
    assert!(has <= share && has >= share - share / U256::from(20), "{has} of {share}");
    scene.testbed.check_books().await.expect("books in order");
}

/// How many steps have had more than one transaction.
async fn replaced(scene: &Scene) -> i64 {
    let url = scene.testbed.coordinator.config().database_url();
    let mut connection = sqlx::AnyConnection::connect(&url).await.expect("the database");
    let several = "SELECT COUNT(*) FROM (SELECT step_id FROM signed_transaction GROUP BY step_id HAVING COUNT(*) > 1) AS several";
    sqlx::query_scalar(several).fetch_one(&mut connection).await.expect("a count")
}

#[tokio::test]
async fn a_coordinator_that_dies_at_every_step_pays_once() {
    let mut scene = Scene::set(Options { coordinator_home: Home::Child, ..paid(MoneyOptions::default()) }).await;
    let owner = wallets::make(&scene.testbed.rigs[0], false).await.expect("a wallet");
    let (customer, home) = (&money(&scene).customer, &money(&scene).home);
    wallets::fund(&scene.testbed, &scene.testbed.customer, customer, home, Micros::dollars(5)).await.expect("funds");
    let [first, rest @ ..] = DEATHS;
    scene.testbed.coordinator.start_again_to_die_at(first).await.expect("a coordinator that will die");
    let id = scene.submit(&scene.script("sleep 1")).await;
    scene.testbed.coordinator.died(LIMIT).await.expect("it died");
    for point in rest {
        scene.testbed.coordinator.start_again_to_die_at(point).await.expect("a coordinator that will die");
        scene.testbed.coordinator.died(LIMIT).await.unwrap_or_else(|error| panic!("it did not die at {point}: {error}"));
    }
    scene.testbed.coordinator.start_again().await.expect("a coordinator");
    let job = scene.until_state(id, JobState::Succeeded).await;
    is_paid_once(&scene, &money(&scene).home, owner, &job).await;
    scene.testbed.shutdown().await.expect("an end");
}

#[tokio::test]
async fn a_payout_that_a_watcher_vetoes_is_made_anew_and_paid_once() {
    let scene = Scene::set(paid(MoneyOptions { window_s: 5, ..MoneyOptions::default() })).await;
    let home = &money(&scene).home;
    let (owner, job) = earn(&scene, home).await;
    let watcher = &money(&scene).roles["watcher"];
    home.node.give_gas(watcher.address()).await.expect("gas");
    let veto = IDistributor::vetoCall { reason: "practice".to_owned() };
    let vetoed = async || Ok(home.node.send(watcher, home.profile.contracts.distributor, &veto).await.ok());
    wait_for("no root came to wait", LIMIT, vetoed).await.expect("a veto");
    let undone = async || Ok(scene.testbed.operator.undo_payout(HOME).await.ok());
    assert_eq!(wait_for("the coordinator has not seen the veto", LIMIT, undone).await.expect("undone"), 1);
    is_paid_once(&scene, home, owner, &job).await;
    scene.testbed.shutdown().await.expect("an end");
}

#[tokio::test]
async fn blocks_that_are_taken_back_are_paid_for_once() {
    let options = MoneyOptions { finality_blocks: 3, ..MoneyOptions::default() };
    let scene = Scene::set(paid(options)).await;
    let home = &money(&scene).home;
    let (mining, mined) = tokio::sync::oneshot::channel::<()>();
    // A chain that makes a block now and then, and takes the newest two back every few.
    let weather = async {
        let mut mined = mined;
        for round in 1_u64.. {
            home.node.mine(1).await.expect("a block");
            if round.is_multiple_of(7) {
                home.node.take_back(2).await.expect("taken back");
            }
            if tokio::time::timeout(Duration::from_millis(200), &mut mined).await.is_ok() {
                return;
            }
        }
    };
    let work = async {
        let (owner, job) = earn(&scene, home).await;
        is_paid_once(&scene, home, owner, &job).await;
        drop(mining);
    };
    tokio::join!(weather, work);
    scene.testbed.shutdown().await.expect("an end");
}

#[tokio::test]
async fn a_chain_that_becomes_dear_is_paid_more_and_once() {
    let scene = Scene::set(paid(MoneyOptions::default())).await;
    let home = &money(&scene).home;
    let (owner, job) = earn(&scene, home).await;
    home.node.mines(false).await.expect("it stops");
    tokio::time::sleep(Duration::from_secs(2)).await;
    home.node.gets_dear(500_000_000_000).await.expect("it is dear");
    home.node.mine(1).await.expect("a block");
    tokio::time::sleep(Duration::from_secs(8)).await;
    home.node.mines(true).await.expect("it goes on");
    home.node.mine(1).await.expect("a block");
    is_paid_once(&scene, home, owner, &job).await;
    assert!(replaced(&scene).await > 0, "a transaction was sent again with a higher fee");
    scene.testbed.shutdown().await.expect("an end");
}

#[tokio::test]
async fn an_island_pays_its_own() {
    let scene = Scene::set(paid(MoneyOptions { island: true, ..MoneyOptions::default() })).await;
    let island = money(&scene).island.as_ref().expect("an island");
    assert_eq!((money(&scene).home.node.id(), island.node.id()), (HOME, ISLAND));
    let (owner, job) = earn(&scene, island).await;
    is_paid_once(&scene, island, owner, &job).await;
    let home = &money(&scene).home;
    let there = home.node.balance(home.profile.stable().expect("a dollar").address, owner).await.expect("a balance");
    assert_eq!(there, U256::ZERO, "what was paid on the island is nothing on the other chain");
    scene.testbed.shutdown().await.expect("an end");
}
