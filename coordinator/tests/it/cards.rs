//! Money that comes by card: once, spendable, and taken back by whoever's card it was.

use headframe_coordinator::fiat::PaymentState;
use headframe_protocol::{Micros, error::Code, job::JobState};
use serde_json::json;

use crate::support::{
    FakeAgent, TestApp,
    cards::{Shop, charge, dispute, refund},
    job, problem,
};

mod reversals;
mod stolen;

#[tokio::test]
async fn only_the_processor_is_believed() {
    let shop = Shop::open().await;
    let customer = shop.app.customer(0).await;
    let event = charge(customer.id, "ch_1", 20, "authenticated").to_string();
    let now = shop.app.app().store.now().as_millis() / 1_000;
    for signature in ["", "t=1,v1=00", &format!("t={now},v1={}", "0".repeat(64)), "nonsense"] {
        let refused = problem(shop.send(signature, event.clone()).await).await;
        assert_eq!((refused.status, refused.code), (401, Code::Unauthenticated), "{signature}");
    }
    assert_eq!(shop.payment("ch_1").await, None);
    let large = problem(shop.send("t=1,v1=00", " ".repeat(300 * 1024)).await).await;
    assert_eq!(large.status, 413);

    let none = TestApp::start().await;
    let answer =
        reqwest::Client::new().post(format!("{}/v1/fiat/stripe", none.url())).body(event).send().await.expect("an answer");
    assert_eq!(problem(answer).await.status, 404, "a network that takes no cards hears of none");
}

#[tokio::test]
async fn what_means_nothing_here_is_heard_and_forgotten() {
    let shop = Shop::open().await;
    let stranger = headframe_protocol::CustomerId::generate();
    for event in [
        json!({ "type": "customer.created", "data": { "object": {} } }),
        json!({ "type": "charge.succeeded", "data": { "object": { "id": "ch_9", "amount": 5, "currency": "eur" } } }),
        json!({ "nonsense": true }),
        charge(stranger, "ch_8", 5, "authenticated"),
        dispute("ch_7", 5),
        charge(stranger, "ch:8", 5, "authenticated"),
    ] {
        shop.hear(&event).await;
    }
    for reference in ["ch_7", "ch_8", "ch_9"] {
        assert_eq!(shop.payment(reference).await, None);
    }
}

#[tokio::test]
async fn a_payment_can_be_spent_once_the_chain_has_it() {
    let shop = Shop::open().await;
    let customer = shop.app.customer(0).await;
    shop.pay(&customer, "ch_1", 20).await;
    let early = problem(customer.post("/v1/jobs", &job(json!({}))).await).await;
    assert_eq!(early.code, Code::InsufficientBalance, "the chain does not know of it yet");
    shop.until_spendable(&customer, 20).await;
    shop.pay(&customer, "ch_1", 20).await;
    assert_eq!(shop.card_money(customer.id).await, Micros::dollars(20), "told a third time it is still one payment");

    let mut rig = FakeAgent::connect(&shop.app).await;
    let submitted = customer.submit(json!({})).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    customer.in_state(submitted.id, JobState::Running).await;
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    rig.succeed(&offer, 50).await;
    let done = customer.ended(submitted.id).await;
    assert!(done.charged > Micros::ZERO);
    assert_eq!(shop.card_money(customer.id).await, Micros::new(20_000_000 - done.charged.get()));
    shop.app.assert_books().await;
}

#[tokio::test]
async fn a_new_customer_is_limited_and_what_is_above_is_not_credited() {
    let shop = Shop::open().await;
    let customer = shop.app.customer(0).await;
    shop.hear(&charge(customer.id, "ch_1", 30, "failed")).await;
    shop.pay(&customer, "ch_2", 30).await;
    shop.pay(&customer, "ch_3", 21).await;
    shop.pay(&customer, "ch_4", 20).await;
    for (reference, state) in [
        ("ch_1", PaymentState::Refused),
        ("ch_2", PaymentState::Paid),
        ("ch_3", PaymentState::Refused),
        ("ch_4", PaymentState::Paid),
    ] {
        let kept = shop.payment(reference).await.expect("it is kept").state;
        let on_its_way = [PaymentState::Crediting, PaymentState::Credited].contains(&kept);
        assert!(kept == state || (state == PaymentState::Paid && on_its_way), "{reference} is {kept:?}");
    }
    shop.until_spendable(&customer, 50).await;
    shop.app.assert_books().await;
}

#[tokio::test]
async fn jobs_never_set_more_aside_of_a_tab_than_it_has() {
    let shop = Shop::open().await;
    let customer = shop.app.customer(0).await;
    shop.pay(&customer, "ch_1", 20).await;
    shop.until_spendable(&customer, 20).await;
    shop.pay(&customer, "ch_2", 20).await;
    shop.until_spendable(&customer, 40).await;
    // Each holds 12 dollars of one of two tabs with 20 each.
    let body = job(json!({ "max_price_per_hour": "720000000" }));
    let together = futures_util::future::join_all((0..4).map(|_| customer.post("/v1/jobs", &body))).await;
    let taken = together.iter().filter(|response| response.status() == 201).count();
    assert_eq!(taken, 2, "sixteen dollars are left, and no tab has room for another");
    let refused = problem(customer.post("/v1/jobs", &body).await).await;
    assert_eq!(refused.code, Code::InsufficientBalance);
    assert!(refused.detail.contains("/v1/tabs"), "{}", refused.detail);
    assert_eq!(customer.post("/v1/jobs", &job(json!({ "max_price_per_hour": "480000000" }))).await.status(), 201, "eight fit");
    shop.app.assert_books().await;
}

#[tokio::test]
async fn two_payments_at_the_same_moment_are_one_after_the_other() {
    let shop = Shop::open().await;
    let customer = shop.app.customer(0).await;
    let events: Vec<_> = (0..4).map(|number| charge(customer.id, &format!("ch_{number}"), 20, "authenticated")).collect();
    let told = futures_util::future::join_all(events.iter().map(|event| shop.tell(event))).await;
    assert!(told.iter().all(|answer| answer.status() == 200));
    shop.until_spendable(&customer, 40).await;
    shop.hear(&refund("ch_9", 5)).await;
    shop.app.assert_books().await;
}
