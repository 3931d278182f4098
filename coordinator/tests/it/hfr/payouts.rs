//! How work that was paid in HFR is paid out: in dollars from stock, or as it is.

use alloy_primitives::Address;
use headframe_accounts::{
    EpochFile, UsdPerHfr,
    epoch::{Cause, Credit, Source},
};
use headframe_contracts::IDistributor;
use headframe_coordinator::{
    admin::acts::{self, By},
    store::{ledger::Account, payouts},
};
use headframe_protocol::{Micros, api::Job, session::Settled};

use super::all_is_given_back;
use crate::support::{
    FakeAgent, PATIENCE,
    chain::{self, CHAIN, DOLLAR},
    hfr::{Bourse, HFR, IN_HFR, PICOS, USD, submit, work},
};

/// An owner who wants dollars, and one who wants HFR.
const IN_DOLLARS: Address = Address::repeat_byte(0x71);
const AS_IT_IS: Address = Address::repeat_byte(0x72);

/// The only credit of an account.
fn credit_of(file: &EpochFile, account: Address) -> &Credit {
    let mut credits = file.credits.iter().filter(|credit| credit.account == account);
    let credit = credits.next().unwrap_or_else(|| panic!("{account} is paid: {file:?}"));
    assert_eq!(credits.next(), None, "once");
    credit
}

/// Of what was paid in HFR, the rig's part.
fn share(used_before: Micros, paid: Micros) -> Micros {
    let after = Micros::new(used_before.get() + paid.get());
    Micros::new(paid.get() - (after.fee(600).get() - used_before.fee(600).get()))
}

fn paid_in_hfr(job: &Job) -> Micros {
    job.hfr.expect("it was paid in HFR").charged
}

fn is_conversion_at_submission(credit: &Credit, (job, settled, share): (&Job, &Settled, Micros)) {
    assert_eq!((credit.asset, credit.amount), (DOLLAR, settled.credit));
    let Cause::Conversion { conversion, work, maturity: None } = &credit.cause else { panic!("converted: {credit:?}") };
    let hfr = Source { chain_id: CHAIN, asset: chain::HFR, kind: HFR.kind };
    assert_eq!((conversion.from, conversion.amount, conversion.at_ms), (hfr, share, job.created_ms));
    let rate = conversion.rate.expect("there is a rate between HFR and dollars");
    assert_eq!(rate.usd_per_hfr.picos(), PICOS);
    assert!(rate.seen_ms <= job.created_ms);
    assert_eq!((work.charged, work.fee_bps), (paid_in_hfr(job), 600));
}

#[tokio::test]
async fn one_owner_is_paid_in_dollars_at_the_frozen_price_and_another_in_the_hfr_itself() {
    let bourse = Bourse::open().await;
    let customer = bourse.customer(10_000).await;
    // One after the other: only one of them is there to take a job.
    let mut first = bourse.rig().await;
    let one = submit(&customer, IN_HFR).await;
    let (settled_one, one) = work(&customer, &mut first, &one, 200).await;
    let first_rig = first.rig.clone();
    drop(first);
    let mut second = bourse.rig().await;
    let two = submit(&customer, IN_HFR).await;
    let (_, two) = work(&customer, &mut second, &two, 300).await;
    // What is paid as it is needs no price, and what was frozen none of now.
    bourse.forget_prices().await;
    bourse.terms_together(&[(&first_rig, IN_DOLLARS, false), (&second.rig, AS_IT_IS, true)]).await;

    let file = bourse.payout(CHAIN).await;
    let (shared_one, shared_two) = (share(Micros::ZERO, paid_in_hfr(&one)), share(paid_in_hfr(&one), paid_in_hfr(&two)));
    is_conversion_at_submission(credit_of(&file, IN_DOLLARS), (&one, &settled_one, shared_one));
    let hfr = credit_of(&file, AS_IT_IS);
    assert_eq!((hfr.asset, hfr.amount), (chain::HFR, shared_two));
    let Cause::Job { work } = &hfr.cause else { panic!("paid in what the customer paid: {hfr:?}") };
    assert_eq!((work.charged, work.used_before), (paid_in_hfr(&two), Some(paid_in_hfr(&one))));

    assert_eq!(bourse.balance(Account::Payable(IN_DOLLARS), USD).await, settled_one.credit);
    assert_eq!(bourse.balance(Account::Payable(AS_IT_IS), HFR).await, shared_two);
    let stock = Micros::new(100_000_000 - settled_one.credit.get());
    assert_eq!(bourse.dollars_in_stock().await, (stock, Micros::ZERO), "dollars that were not wanted are in stock again");
    assert_eq!(bourse.balance(Account::Inventory, HFR).await, shared_one, "HFR that was not wanted is the operator's");
    let paid = Micros::new(paid_in_hfr(&one).get() + paid_in_hfr(&two).get());
    all_is_given_back(&bourse, &customer, 10_000, paid).await;
}

#[tokio::test]
async fn a_job_that_went_from_rig_to_rig_is_paid_out_to_each_at_the_price_of_its_submission() {
    let bourse = Bourse::open_with(|config| config.timers.early_yield = std::time::Duration::from_millis(100)).await;
    let customer = bourse.customer(10_000).await;
    let mut first = bourse.rig().await;
    let submitted = submit(&customer, IN_HFR).await;
    let offer = crate::support::hfr::begin(&customer, &mut first, &submitted, 150).await;
    let receipt = first.receipt(&offer, 1, 150);
    let reason = headframe_protocol::job::Reason::OwnerReturned;
    first.finish(&offer, headframe_protocol::session::Outcome::Yielded { reason }, Some(receipt)).await;
    let yielded = first.settled().await;
    let first_rig = first.rig.clone();
    drop(first);
    let mut second = bourse.rig().await;
    bourse.price(PICOS * 2).await;
    let (settled, _) = work(&customer, &mut second, &submitted, 200).await;
    bourse.terms_together(&[(&first_rig, IN_DOLLARS, false), (&second.rig, AS_IT_IS, false)]).await;
    let file = bourse.payout(CHAIN).await;
    for (account, settled) in [(IN_DOLLARS, yielded), (AS_IT_IS, settled)] {
        let credit = credit_of(&file, account);
        assert_eq!((credit.asset, credit.amount), (DOLLAR, settled.credit));
        let Cause::Conversion { conversion, .. } = &credit.cause else { panic!("converted: {credit:?}") };
        let rate = conversion.rate.map(|rate| rate.usd_per_hfr);
        assert_eq!((rate, conversion.at_ms), (UsdPerHfr::from_picos(PICOS), submitted.created_ms));
    }
    bourse.app.assert_books().await;
}

#[tokio::test]
async fn a_payout_that_a_watcher_vetoes_is_taken_back_by_the_operator_and_made_anew() {
    let bourse = Bourse::open().await;
    let customer = bourse.customer(10_000).await;
    let mut first = bourse.rig().await;
    let one = submit(&customer, IN_HFR).await;
    let (settled, _) = work(&customer, &mut first, &one, 200).await;
    let first_rig = first.rig.clone();
    drop(first);
    let mut second = bourse.rig().await;
    let two = submit(&customer, IN_HFR).await;
    work(&customer, &mut second, &two, 200).await;
    bourse.terms_together(&[(&first_rig, IN_DOLLARS, false), (&second.rig, AS_IT_IS, true)]).await;
    let file = bourse.payout(CHAIN).await;
    assert_eq!(file.credits.len(), 2);

    let (store, by) = (&bourse.app.app().store, By::new("ann", "a rig lied").expect("both said"));
    let refused = acts::undo_payout(store, &by, CHAIN).await.expect_err("nobody has objected");
    assert!(refused.to_string().contains("only one that was vetoed"), "{refused}");
    bourse.home.say_of_payouts(&IDistributor::RootProposed {
        epoch: 1,
        root: file.root,
        dataHash: file.data_hash(),
        totals: Vec::new(),
        readyAt: 0,
    });
    let (watcher, reason) = (Address::repeat_byte(0x73), "a receipt is forged".to_owned());
    // What somebody else proposed and lost is not ours.
    let root = alloy_primitives::B256::repeat_byte(0x99);
    bourse.home.say_of_payouts(&IDistributor::RootVetoed { epoch: 1, root, watcher, reason: reason.clone() });
    bourse.home.say_of_payouts(&IDistributor::RootVetoed { epoch: 1, root: file.root, watcher, reason });
    acts::hold_payout(store, &by, AS_IT_IS, true).await.expect("held");
    let started = tokio::time::Instant::now();
    while let Err(error) = acts::undo_payout(store, &by, CHAIN).await {
        assert!(started.elapsed() < PATIENCE, "the veto was never seen: {error}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    let anew = bourse.payout_but(CHAIN, &file.to_bytes()).await;
    assert_eq!(anew.epoch, 1);
    assert_eq!(anew.credits.iter().map(|credit| credit.account).collect::<Vec<_>>(), [IN_DOLLARS], "who is held waits");
    assert_eq!(bourse.balance(Account::Payable(IN_DOLLARS), USD).await, settled.credit);
    assert_eq!(bourse.balance(Account::Payable(AS_IT_IS), HFR).await, Micros::ZERO);
    assert!(acts::undo_payout(store, &by, CHAIN).await.is_err(), "once");
    bourse.app.assert_books().await;
}

/// A rig works so shortly that its part is worth less than a millionth of a dollar.
async fn next_to_nothing(bourse: &Bourse) -> (FakeAgent, Job) {
    let customer = bourse.customer(10_000).await;
    let mut rig = FakeAgent::connect(&bourse.app).await;
    let submitted = submit(&customer, IN_HFR).await;
    let (settled, done) = work(&customer, &mut rig, &submitted, 1).await;
    assert_eq!(settled.credit, Micros::ZERO);
    (rig, done)
}

#[tokio::test]
async fn work_worth_less_than_a_micro_leaves_nothing_that_can_never_be_paid_out() {
    let bourse = Bourse::open().await;
    let (rig, done) = Box::pin(next_to_nothing(&bourse)).await;
    assert!(paid_in_hfr(&done) > Micros::ZERO, "it was paid in HFR, which is finer");
    let store = &bourse.app.app().store;
    let later = store.now().after(std::time::Duration::from_secs(1));
    let mut connection = store.read().await.expect("a connection");
    let unpaid = payouts::unpaid(&mut connection, USD, later).await.expect("a list");
    assert!(unpaid.is_empty(), "{} waits for ever with {unpaid:?}", rig.rig.device());
}
