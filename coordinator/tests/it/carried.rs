//! Earnings of outside addresses are brought to them, those of owners with a wallet wait for them.

use alloy::sol_types::SolCall as _;
use alloy_primitives::{Address, U256};
use headframe_contracts::IDistributor;
use headframe_coordinator::store::{
    payouts::{self, KeptTerms},
    steps,
};
use headframe_protocol::Micros;

use crate::support::{
    PATIENCE,
    chain::{CHAIN, DOLLAR},
    hfr::{Bourse, USD, submit, work},
};

const OUTSIDE: Address = Address::repeat_byte(0x81);
const WITH_A_WALLET: Address = Address::repeat_byte(0x82);

/// What is recorded to be brought to others.
async fn carried(bourse: &Bourse) -> Vec<IDistributor::claimBatchCall> {
    let mut connection = bourse.app.app().store.read().await.expect("a connection");
    let open = steps::open(&mut connection, CHAIN, 1_000).await.expect("steps");
    let carry = open.into_iter().filter(|step| step.id.starts_with("carry:"));
    carry.map(|step| IDistributor::claimBatchCall::abi_decode(&step.data).expect("a batch")).collect()
}

/// Two rigs have worked, one for an outside address and one for an owner with a wallet, and their payout counts on the chain.
async fn two_are_paid(least: Micros) -> (Bourse, Micros) {
    let bourse = Bourse::open_with(|config| config.chains.iter_mut().for_each(|chain| chain.carry_least = least)).await;
    let customer = bourse.app.customer(0).await;
    bourse.tab(&customer, USD, Micros::dollars(1_000), 1_000).await;
    let mut earned = Vec::new();
    for (account, confirmed) in [(OUTSIDE, false), (WITH_A_WALLET, true)] {
        let mut rig = bourse.rig().await;
        let submitted = submit(&customer, "/v1/jobs").await;
        let (settled, _) = work(&customer, &mut rig, &submitted, 100).await;
        earned.push((rig.rig.clone(), account, confirmed, settled.credit));
    }
    let store = &bourse.app.app().store;
    let mut tx = store.begin().await.expect("a transaction");
    for (rig, account, confirmed, _) in &earned {
        let signed = rig.terms(*account, CHAIN, false, store.now());
        let kept = KeptTerms { confirmed: *confirmed, effective: signed.terms.issued_ms, signed };
        payouts::keep_terms(&mut tx, &kept).await.expect("kept");
    }
    tx.commit().await.expect("committed");
    let file = bourse.payout(CHAIN).await;
    assert_eq!(file.leaves.len(), 2, "both are paid");
    bourse.home.say_of_payouts(&IDistributor::RootActivated { epoch: 1, root: file.root });
    (bourse, earned[0].3)
}

/// Until the coordinator has seen that the payout counts.
async fn until_active(bourse: &Bourse) {
    let started = tokio::time::Instant::now();
    let address = format!("{}/v1/accounts/{OUTSIDE:#x}/entitlements", bourse.app.url());
    loop {
        let text = reqwest::get(&address).await.expect("an answer").text().await.expect("a body");
        if text.contains("cumulative") {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "the payout never counts: {text}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_is_worth_the_way_is_brought_to_an_outside_address_once() {
    let (bourse, earned) = Box::pin(two_are_paid(Micros::new(1))).await;
    let started = tokio::time::Instant::now();
    let batch = loop {
        if let Some(batch) = carried(&bourse).await.pop() {
            break batch;
        }
        assert!(started.elapsed() < PATIENCE, "nothing is brought");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let units = u128::try_from(earned.get()).expect("more than nothing");
    assert_eq!((batch.asset, batch.accounts.as_slice(), batch.cumulatives.as_slice()), (DOLLAR, &[OUTSIDE][..], &[units][..]));

    bourse.home.obey(bourse.app.app()).await;
    let (amount, to) = (U256::from(units), OUTSIDE);
    bourse.home.say_of_payouts(&IDistributor::Claimed { account: OUTSIDE, asset: DOLLAR, amount, to });
    let started = tokio::time::Instant::now();
    loop {
        let mut connection = bourse.app.app().store.read().await.expect("a connection");
        let claimed = payouts::claimed(&mut connection, CHAIN, DOLLAR).await.expect("a list");
        if claimed.get(&OUTSIDE) == Some(&amount) {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "the claim was never seen");
        drop(connection);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(carried(&bourse).await.is_empty(), "once");
    bourse.app.assert_books().await;
}

#[tokio::test]
async fn what_is_not_worth_the_way_waits_for_more() {
    let (bourse, earned) = Box::pin(two_are_paid(Micros::dollars(1))).await;
    assert!(earned < Micros::dollars(1));
    until_active(&bourse).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(carried(&bourse).await.is_empty());
}
