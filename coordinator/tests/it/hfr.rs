//! Jobs that are paid in HFR: what is set aside and promised, what it costs, and what the rig gets for it.

use std::time::Duration;

use headframe_coordinator::{admin::acts, store::ledger::Account};
use headframe_protocol::{
    Micros,
    api::{BatchAccepted, Job, Pot, PotBalance},
    error::Code,
    job::{AttemptState, JobState, Reason},
    session::Outcome,
};
use serde_json::json;

use crate::support::{
    Customer, by,
    hfr::{Bourse, HFR, IN_HFR, PICOS, USD, begin, dear_job, quote, submit, work},
    problem,
};

mod islands;
mod payouts;
mod refusals;

/// What an hour of a thousand dollars costs in HFR: the rig gets as much of it as of the dollars.
const HOUR: i64 = 239_361_702_250;

/// What a job of 36 seconds holds of it, and what that is worth.
const HELD: i64 = HOUR / 100;
const WORTH: i64 = 9_574_468;

/// What a customer has reserved in HFR.
fn hfr_of(pots: &[PotBalance]) -> Option<Micros> {
    let is_hfr = |pot: &&PotBalance| pot.pot == Pot::Available && pot.kind == HFR.kind && pot.chain_id == HFR.chain;
    pots.iter().find(is_hfr).map(|pot| pot.amount)
}

/// So much of a price an hour.
fn part(hour: i64, ms: u64) -> i64 {
    Micros::new(hour).per_hour_for(ms).get()
}

/// Nothing is set aside or promised any more, and of `hfr` the customer has all but `paid`.
async fn all_is_given_back(bourse: &Bourse, customer: &Customer, hfr: i32, paid: Micros) {
    assert_eq!(bourse.balance(Account::Held(customer.id), HFR).await, Micros::ZERO);
    assert_eq!(bourse.balance(Account::Promised, USD).await, Micros::ZERO);
    let left = Micros::new(Micros::dollars(hfr).get() - paid.get());
    assert_eq!(hfr_of(&customer.balance().await.pots), Some(left));
    bourse.app.assert_books().await;
}

#[tokio::test]
async fn hfr_is_quoted_while_it_has_a_price_and_rigs_can_be_paid_for_it() {
    let bourse = Bourse::open_bare().await;
    let customer = bourse.app.customer(0).await;
    let _rig = bourse.rig().await;
    let dollars = quote(&customer).await;
    assert_eq!((dollars.price_per_hour, dollars.hold), (Some(Micros::dollars(1_000)), Micros::dollars(10)));
    assert_eq!(dollars.hfr, None, "without a price");
    bourse.price(PICOS).await;
    assert_eq!(quote(&customer).await.hfr, None, "without stock");
    bourse.stock(USD, Micros::new(WORTH - 1)).await;
    assert_eq!(quote(&customer).await.hfr, None, "with a micro too little in stock");
    bourse.stock(USD, Micros::new(1)).await;
    let told = quote(&customer).await.hfr.expect("HFR is taken");
    assert_eq!(told.price_per_hour, Micros::new(HOUR));
    assert_eq!(told.discount_per_hour, Micros::new(42_553_191), "4.25 % of a thousand dollars");
    assert_eq!((told.hold, told.picos_per_hfr), (Micros::new(HELD), PICOS));
    bourse.forget_prices().await;
    assert_eq!(quote(&customer).await.hfr, None, "without a price again");
}

#[tokio::test]
async fn a_job_paid_in_hfr_holds_what_was_quoted_and_promises_its_worth() {
    let bourse = Bourse::open().await;
    let customer = bourse.customer(10_000).await;
    let _rig = bourse.rig().await;
    let told = quote(&customer).await.hfr.expect("HFR is taken");
    let submitted = submit(&customer, IN_HFR).await;
    let hfr = submitted.hfr.expect("it is paid in HFR");
    assert_eq!((hfr.held, hfr.charged, hfr.picos_per_hfr), (told.hold, Micros::ZERO, PICOS));
    assert_eq!((submitted.held, submitted.charged), (Micros::new(WORTH), Micros::ZERO));
    assert_eq!(bourse.dollars_in_stock().await, (Micros::new(100_000_000 - WORTH), Micros::new(WORTH)));
    assert_eq!(bourse.balance(Account::Held(customer.id), HFR).await, told.hold);
    let balance = customer.balance().await;
    assert_eq!((balance.available, balance.held), (Micros::ZERO, Micros::ZERO), "no dollars of his are needed");
    assert_eq!(hfr_of(&balance.pots), Some(Micros::new(10_000_000_000 - HELD)));
    bourse.app.assert_books().await;
}

#[tokio::test]
async fn work_paid_in_hfr_costs_less_and_brings_its_rig_what_dollars_would() {
    let bourse = Bourse::open().await;
    let customer = bourse.customer(10_000).await;
    let mut rig = bourse.rig().await;
    let submitted = submit(&customer, IN_HFR).await;
    // What HFR is worth later is nothing to a job that was submitted before.
    bourse.price(PICOS / 4).await;
    let (settled, done) = work(&customer, &mut rig, &submitted, 200).await;
    let hfr = done.hfr.expect("it is paid in HFR");
    assert_eq!((hfr.held, hfr.charged, hfr.picos_per_hfr), (Micros::ZERO, Micros::new(part(HOUR, 200)), PICOS));
    assert_eq!((done.held, done.charged), (Micros::ZERO, Micros::new(part(957_446_809, 200))));
    let owed = part(1_000_000_000, 200) * 9 / 10;
    assert!((settled.credit.get() - owed).abs() <= 2, "{} instead of {owed}", settled.credit);
    let attempt = &customer.attempts(submitted.id).await[0];
    assert_eq!((attempt.charged, attempt.charged_hfr, attempt.charged_ms), (done.charged, Some(hfr.charged), 200));
    assert_eq!(attempt.fee.expect("a fee").get(), done.charged.get() - settled.credit.get());

    let fee = hfr.charged.fee(600).get();
    assert_eq!(bourse.balance(Account::Fee, HFR).await, Micros::new(fee), "6 %");
    assert_eq!(bourse.balance(Account::Inventory, HFR).await, Micros::new(hfr.charged.get() - fee));
    assert_eq!(bourse.balance(Account::Credit(rig.rig.device()), USD).await, settled.credit);
    let stock = Micros::new(100_000_000 - settled.credit.get());
    assert_eq!(bourse.dollars_in_stock().await, (stock, Micros::ZERO));
    assert_eq!(customer.balance().await.spent, done.charged);
    all_is_given_back(&bourse, &customer, 10_000, hfr.charged).await;
    let address = format!("/v1/devices/{}/earnings", rig.rig.device());
    let earned: serde_json::Value = customer.get(&address).await.json().await.expect("earnings");
    assert_eq!(earned["earnings"][0]["share"], json!(settled.credit), "{earned}");
}

#[tokio::test]
async fn a_batch_is_paid_in_hfr_whole_or_not_at_all() {
    let bourse = Bourse::open().await;
    let customer = bourse.customer(10_000).await;
    let batch = |to: u32| {
        let mut job = dear_job();
        job["array"] = json!({ "from": 1, "to": to });
        json!({ "jobs": [job] })
    };
    let path = "/v1/jobs:batch?pay_in=hfr";
    let refused = problem(customer.post(path, &batch(5)).await).await;
    assert_eq!((refused.status, refused.code), (402, Code::InsufficientBalance));
    all_is_given_back(&bourse, &customer, 10_000, Micros::ZERO).await;
    let accepted: BatchAccepted = customer.post(path, &batch(4)).await.json().await.expect("a batch");
    assert_eq!(accepted.jobs.len(), 4);
    assert_eq!(bourse.balance(Account::Held(customer.id), HFR).await, Micros::new(4 * HELD));
    assert_eq!(bourse.dollars_in_stock().await, (Micros::new(100_000_000 - 4 * WORTH), Micros::new(4 * WORTH)));
    bourse.app.assert_books().await;
}

#[tokio::test]
async fn a_job_that_is_cancelled_before_a_rig_takes_it_gives_everything_back() {
    let bourse = Bourse::open().await;
    let customer = bourse.customer(10_000).await;
    let submitted = submit(&customer, IN_HFR).await;
    assert_eq!(customer.cancel(submitted.id).await.status(), 200);
    let done = customer.job(submitted.id).await;
    let hfr = done.hfr.expect("it was paid in HFR");
    assert_eq!((done.state, done.held, hfr.held, hfr.charged), (JobState::Cancelled, Micros::ZERO, Micros::ZERO, Micros::ZERO));
    assert_eq!(bourse.dollars_in_stock().await.0, Micros::dollars(100));
    all_is_given_back(&bourse, &customer, 10_000, Micros::ZERO).await;
}

#[tokio::test]
async fn work_given_back_is_paid_and_the_job_goes_on_with_what_is_left() {
    // Given back sooner, it would not count against the job.
    let bourse = Bourse::open_with(|config| config.timers.early_yield = Duration::from_millis(100)).await;
    let customer = bourse.customer(10_000).await;
    let mut rig = bourse.rig().await;
    let submitted = submit(&customer, IN_HFR).await;
    let offer = begin(&customer, &mut rig, &submitted, 150).await;
    let receipt = rig.receipt(&offer, 1, 150);
    rig.finish(&offer, Outcome::Yielded { reason: Reason::OwnerReturned }, Some(receipt)).await;
    let first = rig.settled().await;
    assert_eq!((first.state, first.paid_ms), (AttemptState::Yielded, 150));
    let waiting = customer.until(submitted.id, |job| job.hfr.is_some_and(|hfr| hfr.charged > Micros::ZERO)).await;
    let hfr = waiting.hfr.expect("it is paid in HFR");
    assert_eq!((hfr.charged.get(), hfr.held.get()), (part(HOUR, 150), HELD - part(HOUR, 150)));
    assert_eq!(waiting.held.get(), WORTH - waiting.charged.get());
    let promised = i128::from(hfr.held.get()) * i128::from(PICOS) / 1_000_000_000_000;
    assert_eq!(i128::from(bourse.dollars_in_stock().await.1.get()), promised, "what is left is still promised");
    bourse.app.assert_books().await;

    let (second, done) = work(&customer, &mut rig, &submitted, 100).await;
    let paid = done.hfr.expect("it was paid in HFR").charged;
    assert_eq!(paid.get(), part(HOUR, 150) + part(HOUR, 100));
    let fee = paid.fee(600);
    assert_eq!(bourse.balance(Account::Fee, HFR).await, fee, "counted on all that was used of the tab, as the contract does");
    let credits = first.credit.get() + second.credit.get();
    assert_eq!(bourse.dollars_in_stock().await, (Micros::new(100_000_000 - credits), Micros::ZERO));
    all_is_given_back(&bourse, &customer, 10_000, paid).await;
}

#[tokio::test]
async fn work_that_fails_costs_no_hfr() {
    let bourse = Bourse::open().await;
    let customer = bourse.customer(10_000).await;
    let mut rig = bourse.rig().await;
    let mut body = dear_job();
    body["max_failures"] = json!(1);
    let submitted: Job = customer.post(IN_HFR, &body).await.json().await.expect("a job");
    let offer = begin(&customer, &mut rig, &submitted, 50).await;
    rig.fail(&offer, Reason::ExitCode).await;
    assert_eq!(customer.ended(submitted.id).await.hfr.expect("it was paid in HFR").charged, Micros::ZERO);
    assert_eq!(bourse.dollars_in_stock().await.0, Micros::dollars(100));
    all_is_given_back(&bourse, &customer, 10_000, Micros::ZERO).await;
}

#[tokio::test]
async fn the_limit_of_a_key_counts_what_hfr_is_worth() {
    let bourse = Bourse::open().await;
    let customer = bourse.customer(10_000).await;
    let store = &bourse.app.app().store;
    let limit = Some(Micros::new(2 * WORTH - 1));
    let key = acts::create_limited_key(store, &by(), customer.id, "limited", limit).await.expect("a key");
    let script = Customer { url: customer.url.clone(), id: customer.id, key: key.key, http: customer.http.clone() };
    let first = submit(&script, IN_HFR).await;
    let refused = problem(script.post(IN_HFR, &dear_job()).await).await;
    assert_eq!((refused.status, refused.errors[0].field.as_str()), (403, "spend_max"));
    assert!(refused.detail.contains(&Micros::new(WORTH).to_string()), "in dollars: {}", refused.detail);
    script.cancel(first.id).await;
    submit(&script, IN_HFR).await;
    bourse.app.assert_books().await;
}

#[tokio::test]
async fn a_job_is_charged_at_the_fee_of_its_own_tab() {
    let bourse = Bourse::open().await;
    let customer = bourse.app.customer(0).await;
    // At this tab's fee an hour costs more than it has room for, at the other's it would fit.
    bourse.tab(&customer, HFR, Micros::new(HELD), 1_000).await;
    let other = bourse.tab(&customer, HFR, Micros::dollars(10_000), 600).await;
    let mut rig = bourse.rig().await;
    let submitted = submit(&customer, IN_HFR).await;
    let (_, done) = work(&customer, &mut rig, &submitted, 200).await;
    let paid = done.hfr.expect("it was paid in HFR").charged;
    assert_eq!(bourse.used(&other).await, paid);
    assert_eq!(bourse.balance(Account::Fee, HFR).await, paid.fee(600), "as the contract counts it");
    bourse.app.assert_books().await;
}
