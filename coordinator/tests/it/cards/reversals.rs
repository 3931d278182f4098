//! Payments that are taken back: before they are credited, unspent, held, earned, and when nobody has them any more.

use std::time::Duration;

use headframe_coordinator::{
    fiat::{KeptPayment, Payment, PaymentState, Reversal, Way},
    store::{fiat, ledger::Account},
};
use headframe_protocol::{Micros, job::JobState};
use serde_json::json;

use crate::support::{
    Customer, FakeAgent,
    cards::{Shop, charge, dispute, refund},
    chain::CHAIN,
    job, problem,
};

/// A job done by a rig, running for `run_ms`. Returns what it cost.
async fn work(customer: &Customer, rig: &mut FakeAgent, run_ms: u64) -> Micros {
    let submitted = customer.submit(json!({ "max_price_per_hour": "1000000000", "timeout_s": 10 })).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    customer.in_state(submitted.id, JobState::Running).await;
    tokio::time::sleep(Duration::from_millis(run_ms)).await;
    rig.succeed(&offer, run_ms).await;
    customer.ended(submitted.id).await.charged
}

/// A rig that costs as much as any may: a thousand dollars an hour.
async fn dear_rig(shop: &Shop) -> FakeAgent {
    let mut rig = crate::support::agent::Rig::new();
    rig.report.floor_per_hour = Micros::dollars(900);
    rig.connect(&shop.app.url()).await
}

#[tokio::test]
async fn what_is_taken_back_before_it_is_credited_is_never_credited() {
    let shop = Shop::open().await;
    let customer = shop.app.customer(0).await;
    shop.hear(&dispute("ch_1", 20)).await;
    shop.hear(&refund("ch_2", 5)).await;
    shop.pay(&customer, "ch_1", 20).await;
    shop.pay(&customer, "ch_2", 20).await;
    shop.until_spendable(&customer, 15).await;
    let void = shop.payment("ch_1").await.expect("it is kept");
    assert_eq!((void.state, void.credited, void.owed()), (PaymentState::Void, Micros::ZERO, Micros::ZERO));
    let part = shop.payment("ch_2").await.expect("it is kept");
    assert_eq!((part.credited, part.owed()), (Micros::dollars(15), Micros::ZERO));
    shop.app.assert_books().await;
}

/// As a refund that is written down between a payment's coming and the look at what was taken back of it.
#[tokio::test]
async fn what_is_noted_as_taken_back_and_no_more_is_not_credited() {
    let shop = Shop::open().await;
    let customer = shop.app.customer(0).await;
    let store = &shop.app.app().store;
    let reference = "ch_1".to_owned();
    let payment =
        Payment { reference: reference.clone(), customer: customer.id, amount: Micros::dollars(20), authenticated: true };
    let mut tx = store.begin().await.expect("a transaction");
    let kept = KeptPayment::new(&payment, CHAIN, PaymentState::Paid, store.now());
    fiat::insert(&mut tx, &kept).await.expect("written");
    let refunded = Reversal { reference, way: Way::Refunded, amount: Micros::dollars(5) };
    fiat::note_reversal(&mut tx, &refunded, store.now()).await.expect("noted");
    tx.commit().await.expect("committed");
    shop.until_spendable(&customer, 15).await;
    let kept = shop.payment("ch_1").await.expect("it is kept");
    assert_eq!((kept.credited, kept.owed()), (Micros::dollars(15), Micros::ZERO));
    shop.app.assert_books().await;
}

#[tokio::test]
async fn what_is_taken_back_while_the_chain_is_asked_is_taken_when_it_has_come() {
    let shop = Shop::open().await;
    let customer = shop.app.customer(0).await;
    shop.pay(&customer, "ch_1", 20).await;
    let started = tokio::time::Instant::now();
    while shop.payment("ch_1").await.expect("it is kept").state != PaymentState::Crediting {
        assert!(started.elapsed() < crate::support::PATIENCE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    shop.hear(&dispute("ch_1", 20)).await;
    shop.until("the credit stays", async || shop.payment("ch_1").await.is_some_and(|kept| kept.withdrawn == Micros::dollars(20)))
        .await;
    assert_eq!(shop.card_money(customer.id).await, Micros::ZERO);
    shop.app.assert_books().await;
}

#[tokio::test]
async fn unspent_credit_is_taken_back_once_and_leaves_the_chain() {
    let shop = Shop::open().await;
    let customer = shop.app.customer(0).await;
    shop.pay(&customer, "ch_1", 20).await;
    shop.until_spendable(&customer, 20).await;
    shop.hear(&refund("ch_1", 5)).await;
    assert_eq!(shop.card_money(customer.id).await, Micros::dollars(15));
    shop.hear(&refund("ch_1", 8)).await;
    assert_eq!(shop.card_money(customer.id).await, Micros::dollars(12), "only what is new of it");
    shop.until("the credit stays", async || shop.payment("ch_1").await.is_some_and(|kept| kept.withdrawn == Micros::dollars(8)))
        .await;
    shop.until_spendable(&customer, 12).await;
    shop.hear(&dispute("ch_1", 12)).await;
    assert_eq!(shop.card_money(customer.id).await, Micros::ZERO, "a refund and a dispute add up");
    shop.hear(&dispute("ch_1", 20)).await;
    let kept = shop.payment("ch_1").await.expect("it is kept");
    assert_eq!((kept.reversed, kept.owed()), (Micros::dollars(20), Micros::ZERO), "never more than was paid");
    shop.until("the credit stays", async || shop.payment("ch_1").await.is_some_and(|kept| kept.withdrawn == Micros::dollars(20)))
        .await;
    shop.app.assert_books().await;
}

#[tokio::test]
async fn what_jobs_hold_is_waited_for_and_cannot_be_spent_again() {
    let shop = Shop::open().await;
    let customer = shop.app.customer(0).await;
    shop.pay(&customer, "ch_1", 20).await;
    shop.until_spendable(&customer, 20).await;
    let held = customer.submit(json!({ "max_price_per_hour": "1000000000", "timeout_s": 72 })).await;
    assert_eq!(held.held, Micros::dollars(20));
    shop.hear(&dispute("ch_1", 10)).await;
    let kept = shop.payment("ch_1").await.expect("it is kept");
    assert_eq!((kept.owed(), kept.borne), (Micros::dollars(10), Micros::ZERO));
    customer.cancel(held.id).await;
    let refused = customer.post("/v1/jobs", &job(json!({ "max_price_per_hour": "1000000000", "timeout_s": 72 }))).await;
    assert_eq!(refused.status(), 402, "who owes spends nothing of it");
    shop.until("it is not taken", async || shop.payment("ch_1").await.is_some_and(|kept| kept.owed() == Micros::ZERO)).await;
    assert_eq!(shop.card_money(customer.id).await, Micros::dollars(10));
    shop.until_spendable(&customer, 10).await;
    shop.app.assert_books().await;
}

#[tokio::test]
async fn earnings_that_wait_are_taken_back_newest_first_and_then_the_platform_pays() {
    let shop = Shop::open().await;
    let customer = shop.app.customer(0).await;
    shop.pay(&customer, "ch_1", 50).await;
    shop.until_spendable(&customer, 50).await;
    // One after the other: only one of them is there to take the job.
    let mut first = dear_rig(&shop).await;
    let early = work(&customer, &mut first, 200).await;
    let first_rig = first.rig.clone();
    drop(first);
    let mut second = dear_rig(&shop).await;
    let late = work(&customer, &mut second, 200).await;
    let second_rig = second.rig;
    let share = |charged: Micros| charged.get() - charged.fee(1_000).get();
    let before = shop.balance(Account::Maturing(first_rig.device())).await;
    let unspent = shop.card_money(customer.id).await;
    assert_eq!(unspent.get(), 50_000_000 - early.get() - late.get());

    // A cent more than is unspent: the newest rig loses its part of a cent.
    let cents = unspent.get() / 10_000 + 1;
    let object = json!({ "charge": "ch_1", "amount": cents, "currency": "usd" });
    shop.hear(&json!({ "type": "charge.dispute.created", "data": { "object": object } })).await;
    assert_eq!(shop.card_money(customer.id).await, Micros::ZERO);
    let taken = cents * 10_000 - unspent.get();
    let left = shop.balance(Account::Maturing(second_rig.device())).await;
    assert!((share(late) - left.get() - taken * 9 / 10).abs() <= 1, "{left} of {late} is left after {taken}");
    assert_eq!(shop.balance(Account::Maturing(first_rig.device())).await, before, "the older ones come later");

    shop.hear(&dispute("ch_1", 50)).await;
    for rig in [&first_rig, &second_rig] {
        assert_eq!(shop.balance(Account::Maturing(rig.device())).await, Micros::ZERO);
        assert_eq!(shop.balance(Account::Credit(rig.device())).await, Micros::ZERO);
    }
    let kept = shop.payment("ch_1").await.expect("it is kept");
    assert_eq!((kept.recovered, kept.borne), (Micros::dollars(50), Micros::ZERO));
    let inventory = shop.balance(Account::Inventory).await.get();
    assert!(inventory + 1 >= share(early) + share(late), "what was earned is the operator's: {inventory}");
    shop.app.assert_books().await;
}

#[tokio::test]
async fn what_has_matured_stays_and_the_platform_bears_it() {
    let shop = Shop::open_with(|config| config.timers.maturity = Duration::from_millis(1)).await;
    let customer = shop.app.customer(0).await;
    shop.hear(&charge(customer.id, "ch_1", 20, "authenticated")).await;
    shop.until_spendable(&customer, 20).await;
    let mut rig = dear_rig(&shop).await;
    let charged = work(&customer, &mut rig, 200).await;
    let (credit, share) = (Account::Credit(rig.rig.device()), charged.get() - charged.fee(1_000).get());
    shop.until("it never matures", async || shop.balance(credit).await.get() == share).await;
    assert_eq!(shop.balance(Account::Maturing(rig.rig.device())).await, Micros::ZERO);
    shop.hear(&dispute("ch_1", 20)).await;
    assert_eq!(shop.balance(credit).await.get(), share, "whoever worked keeps it");
    let kept = shop.payment("ch_1").await.expect("it is kept");
    assert_eq!((kept.borne, kept.owed()), (charged, Micros::ZERO));
    let refused = problem(customer.post("/v1/jobs", &job(json!({}))).await).await;
    assert_eq!(refused.status, 402);
    shop.app.assert_books().await;
}

#[tokio::test]
async fn what_has_matured_is_paid_out_after_a_month_and_says_since_when_it_waited() {
    let shop = Shop::open_with(|config| config.timers.maturity = Duration::from_millis(1)).await;
    let customer = shop.app.customer(0).await;
    shop.pay(&customer, "ch_1", 20).await;
    shop.until_spendable(&customer, 20).await;
    let mut rig = dear_rig(&shop).await;
    let charged = work(&customer, &mut rig, 200).await;
    shop.terms(&rig.rig, alloy_primitives::Address::repeat_byte(0x77)).await;
    let credit = Account::Credit(rig.rig.device());
    shop.until("it never matures", async || shop.balance(credit).await > Micros::ZERO).await;
    let file = async || customer.get("/v1/payouts/31337/1").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(file().await.status(), 404, "a network may let earnings go sooner, and pays them out no sooner");

    let mut tx = shop.app.app().store.begin().await.expect("a transaction");
    let memo = "UPDATE transfer SET memo = REPLACE(memo, $1, $2) WHERE kind = 'mature'";
    let (earned,): (i64,) = sqlx::query_as("SELECT earned_ms FROM maturing").fetch_one(&mut *tx).await.expect("a row");
    let month = 30 * 86_400_000;
    let query = sqlx::query(memo).bind(earned.to_string()).bind((earned - month).to_string());
    query.execute(&mut *tx).await.expect("a month passes");
    tx.commit().await.expect("committed");
    shop.until("it is never paid out", async || file().await.status() == 200).await;
    let file: serde_json::Value = file().await.json().await.expect("a file");
    let paid = &file["credits"][0];
    assert_eq!((&paid["kind"], &paid["maturity"]["earnedMs"]), (&json!("matured"), &json!(earned - month)));
    let share = charged.get() - charged.fee(1_000).get();
    assert_eq!(paid["amount"], json!(share.to_string()));
    let earnings: serde_json::Value =
        customer.get(&format!("/v1/devices/{}/earnings", rig.rig.device())).await.json().await.expect("earnings");
    assert_eq!(earnings["earnings"][0]["payout_epoch"], json!(1), "{earnings}");
    shop.app.assert_books().await;
}

#[tokio::test]
async fn what_is_used_of_a_tab_is_settled_before_its_day_though_nothing_is_paid_out() {
    let shop = Shop::open().await;
    let customer = shop.app.customer(0).await;
    shop.pay(&customer, "ch_1", 20).await;
    shop.until_spendable(&customer, 20).await;
    let mut rig = dear_rig(&shop).await;
    let charged = work(&customer, &mut rig, 200).await;
    let mut tx = shop.app.app().store.begin().await.expect("a transaction");
    let soon = shop.app.app().store.now().after(shop.app.config.timers.tab_close_before / 3).as_millis();
    sqlx::query("UPDATE tab SET settle_by_ms = $1").bind(soon).execute(&mut *tx).await.expect("its day is near");
    tx.commit().await.expect("committed");
    let settled = async || {
        let mut connection = shop.app.app().store.read().await.expect("a connection");
        let of_customer = headframe_coordinator::store::tabs::of_customer(&mut connection, customer.id);
        of_customer.await.expect("tabs").iter().any(|tab| tab.settled == charged)
    };
    shop.until("what was used is the customer's again", settled).await;
    shop.app.assert_books().await;
}
