//! From a metered second to a coin in the owner's wallet, on real chains.

use alloy_primitives::{Address, U256};
use headframe_protocol::{Micros, job::JobState};
use headframe_testbed::{
    Options,
    money::{HOME, MoneyOptions},
    process::wait_for,
    wallets,
};

use crate::scene::{LIMIT, Scene, usual};

fn paid() -> Options {
    paid_on(MoneyOptions::default())
}

fn paid_on(money: MoneyOptions) -> Options {
    Options { grant: Micros::ZERO, money: Some(money), ..usual() }
}

#[tokio::test]
async fn a_job_is_paid_into_the_owners_wallet() {
    let scene = Scene::set(paid()).await;
    let money = scene.testbed.money.as_ref().expect("chains");
    let rig = &scene.testbed.rigs[0];
    let owner = wallets::make(rig, false).await.expect("a wallet");
    let stable = money.home.profile.stable().expect("a dollar").clone();
    let before = money.home.node.balance(stable.address, owner).await.expect("a balance");
    wallets::fund(&scene.testbed, &scene.testbed.customer, &money.customer, &money.home, Micros::dollars(5))
        .await
        .expect("funds");
    let id = scene.submit(&scene.script("sleep 2")).await;
    let job = scene.until_state(id, JobState::Succeeded).await;
    assert!(job.charged > Micros::ZERO, "{job:?}");
    let card = async || wallets::take_earnings(rig, HOME, &stable.symbol).await.map(Some);
    let card = wait_for("nothing could be taken", LIMIT, card).await.expect("a withdrawal");
    let after = money.home.node.balance(stable.address, owner).await.expect("a balance");
    let fee = job.charged.fee(1_000);
    let share = u64::try_from(job.charged.get() - fee.get()).expect("positive");
    let relayed = u64::try_from(after - before).expect("small");
    assert!(relayed > 0 && relayed <= share && relayed >= share - share / 20, "{relayed} of {share}: {card:?}");
    scene.testbed.check_books().await.expect("books in order");
    scene.testbed.shutdown().await.expect("an end");
}

#[tokio::test]
async fn what_is_earned_for_an_address_whose_key_is_elsewhere_comes_there_by_itself() {
    let scene = Scene::set(paid_on(MoneyOptions { carry_least: Micros::new(1), ..MoneyOptions::default() })).await;
    let money = scene.testbed.money.as_ref().expect("chains");
    let (rig, owner) = (&scene.testbed.rigs[0], Address::repeat_byte(0xc0));
    wallets::watch(rig, owner).await.expect("a watched wallet");
    let stable = money.home.profile.stable().expect("a dollar").clone();
    wallets::fund(&scene.testbed, &scene.testbed.customer, &money.customer, &money.home, Micros::dollars(5))
        .await
        .expect("funds");
    let id = scene.submit(&scene.script("sleep 1")).await;
    let job = scene.until_state(id, JobState::Succeeded).await;
    let share = U256::from(job.charged.get() - job.charged.fee(1_000).get());
    let paid = async || Ok((money.home.node.balance(stable.address, owner).await? == share).then_some(()));
    wait_for("nothing was brought, or not all of it", LIMIT, paid).await.expect("all of it, and nothing was kept");
    scene.testbed.check_books().await.expect("books in order");
    scene.testbed.shutdown().await.expect("an end");
}
