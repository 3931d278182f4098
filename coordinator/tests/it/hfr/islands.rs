//! Owners who are paid on another chain than their customers pay on.

use alloy_primitives::Address;
use headframe_accounts::{
    EpochFile,
    epoch::{Cause, Credit, Source},
};
use headframe_coordinator::store::ledger::{Account, Coin};
use headframe_protocol::{Micros, api::Job, chain::AssetKind, session::Settled};

use crate::support::{
    Customer, FakeAgent,
    chain::{CHAIN, DOLLAR, ISLAND},
    hfr::{Bourse, HFR, IN_HFR, ISLAND_USD, USD, submit, work},
};

/// The owner's account.
const OWNER: Address = Address::repeat_byte(0x73);

/// A customer with a hundred dollars in a tab at home, and a rig.
async fn ready(bourse: &Bourse) -> (Customer, FakeAgent) {
    let customer = bourse.app.customer(0).await;
    bourse.tab(&customer, USD, Micros::dollars(100), 1_000).await;
    (customer, bourse.rig().await)
}

/// A job paid in dollars, done by a rig whose owner names the island.
async fn work_for_dollars(bourse: &Bourse, customer: &Customer, rig: &mut FakeAgent) -> (Settled, Job) {
    bourse.terms(&rig.rig, OWNER, ISLAND, false).await;
    let submitted = submit(customer, "/v1/jobs").await;
    work(customer, rig, &submitted, 200).await
}

fn the_only_credit(file: &EpochFile) -> &Credit {
    assert_eq!(file.credits.len(), 1, "{file:?}");
    assert_eq!((file.credits[0].account, file.credits[0].asset), (OWNER, DOLLAR));
    &file.credits[0]
}

async fn earned_on(bourse: &Bourse, customer: &Customer, rig: &FakeAgent) -> serde_json::Value {
    let address = format!("/v1/devices/{}/earnings", rig.rig.device());
    let earned: serde_json::Value = customer.get(&address).await.json().await.expect("earnings");
    bourse.app.assert_books().await;
    earned["earnings"][0]["chain_id"].clone()
}

#[tokio::test]
async fn an_owner_is_paid_on_the_chain_he_names_if_there_is_enough_in_stock() {
    let bourse = Bourse::open_bare().await;
    bourse.stock(ISLAND_USD, Micros::dollars(100)).await;
    let (customer, mut rig) = ready(&bourse).await;
    let (settled, done) = work_for_dollars(&bourse, &customer, &mut rig).await;
    assert_eq!(settled.credit.get(), done.charged.get() - done.charged.fee(1_000).get());
    assert_eq!(earned_on(&bourse, &customer, &rig).await, ISLAND);
    let stock = (bourse.balance(Account::Inventory, USD).await, bourse.balance(Account::Inventory, ISLAND_USD).await);
    assert_eq!(stock, (settled.credit, Micros::new(100_000_000 - settled.credit.get())), "what was paid is the operator's");
    assert_eq!(bourse.balance(Account::Fee, USD).await, done.charged.fee(1_000));

    let file = bourse.payout(ISLAND).await;
    let credit = the_only_credit(&file);
    assert_eq!(credit.amount, settled.credit);
    let Cause::Conversion { conversion, work, maturity: None } = &credit.cause else { panic!("converted: {credit:?}") };
    let home = Source { chain_id: CHAIN, asset: DOLLAR, kind: AssetKind::Stable };
    assert_eq!((conversion.from, conversion.amount, conversion.rate), (home, settled.credit, None), "a dollar is a dollar");
    assert_eq!((work.charged, work.used_before), (done.charged, Some(Micros::ZERO)));
    assert_eq!(bourse.balance(Account::Payable(OWNER), ISLAND_USD).await, settled.credit);
    bourse.app.assert_books().await;
}

#[tokio::test]
async fn without_stock_there_an_owner_is_paid_where_the_customer_paid() {
    let bourse = Bourse::open_bare().await;
    bourse.stock(ISLAND_USD, Micros::new(1)).await;
    let (customer, mut rig) = ready(&bourse).await;
    let (settled, _) = work_for_dollars(&bourse, &customer, &mut rig).await;
    assert_eq!(earned_on(&bourse, &customer, &rig).await, CHAIN);
    assert_eq!(bourse.balance(Account::Inventory, ISLAND_USD).await, Micros::new(1));
    let file = bourse.payout(CHAIN).await;
    let credit = the_only_credit(&file);
    assert!(matches!(credit.cause, Cause::Job { .. }), "{credit:?}");
    assert_eq!(credit.amount, settled.credit);
    bourse.app.assert_books().await;
}

#[tokio::test]
async fn stock_that_is_just_enough_is_used_to_the_last_micro_and_no_further() {
    let bourse = Bourse::open_bare().await;
    // What 200 milliseconds at a thousand dollars an hour bring.
    let share = Micros::new(50_000);
    bourse.stock(ISLAND_USD, share).await;
    let (customer, mut rig) = ready(&bourse).await;
    let (first, _) = work_for_dollars(&bourse, &customer, &mut rig).await;
    let (second, _) = work_for_dollars(&bourse, &customer, &mut rig).await;
    assert_eq!(first.credit, share);
    assert_eq!(bourse.balance(Account::Inventory, ISLAND_USD).await, Micros::ZERO);
    bourse.payout(CHAIN).await;
    assert_eq!(bourse.balance(Account::Payable(OWNER), USD).await, second.credit, "the second is paid where the customer paid");
    bourse.app.assert_books().await;
}

#[tokio::test]
async fn what_a_customer_paid_in_hfr_is_paid_from_the_stock_that_was_promised_for_it() {
    let bourse = Bourse::open().await;
    bourse.stock(ISLAND_USD, Micros::dollars(100)).await;
    let customer = bourse.customer(10_000).await;
    let mut rig = bourse.rig().await;
    bourse.terms(&rig.rig, OWNER, ISLAND, false).await;
    let submitted = submit(&customer, IN_HFR).await;
    let (settled, done) = work(&customer, &mut rig, &submitted, 200).await;
    assert_eq!(bourse.balance(Account::Inventory, ISLAND_USD).await, Micros::dollars(100));
    let file = bourse.payout(CHAIN).await;
    let credit = the_only_credit(&file);
    assert_eq!(credit.amount, settled.credit);
    let Cause::Conversion { conversion, .. } = &credit.cause else { panic!("converted: {credit:?}") };
    assert_eq!((conversion.from.chain_id, conversion.from.kind), (CHAIN, HFR.kind));
    assert!(done.hfr.expect("it was paid in HFR").charged > conversion.amount, "the fee is HFR");
    bourse.app.assert_books().await;
}

#[tokio::test]
async fn practice_money_never_becomes_money_of_a_chain() {
    let bourse = Bourse::open_bare().await;
    bourse.stock(ISLAND_USD, Micros::dollars(100)).await;
    let customer = bourse.app.customer(100).await;
    let mut rig = bourse.rig().await;
    let (settled, _) = work_for_dollars(&bourse, &customer, &mut rig).await;
    assert_eq!(bourse.balance(Account::Credit(rig.rig.device()), Coin::PRACTICE).await, settled.credit);
    assert_eq!(bourse.balance(Account::Inventory, ISLAND_USD).await, Micros::dollars(100));
    bourse.app.assert_books().await;
}
