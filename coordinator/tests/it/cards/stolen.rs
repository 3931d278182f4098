//! Whoever pays with somebody else's card wants to be paid for it. He is not given his own rig; and if he gets to one that nobody knows
//! to be his, what it earns waits until the card's owner has had his say.

use std::time::Duration;

use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use headframe_coordinator::{
    admin::acts,
    store::{
        ledger::{self, Account, Coin, Kind, Posted, Transfer},
        links,
    },
};
use headframe_protocol::{Micros, auth::DeviceSignature, job::JobState, spending::WalletProof};
use serde_json::json;

use crate::support::{
    Customer, FakeAgent,
    agent::Rig,
    by,
    cards::{Shop, dispute},
    chain::CHAIN,
};

/// A household's network, and another's.
const HERE: &str = "8.8.8.8";
const THERE: &str = "9.9.9.9";

/// A customer with card money who calls from `network`.
async fn payer(shop: &Shop, network: &'static str) -> Customer {
    let mut customer = shop.app.customer(0).await;
    let headers = std::iter::once((
        reqwest::header::HeaderName::from_static("x-forwarded-for"),
        reqwest::header::HeaderValue::from_static(network),
    ));
    customer.http = reqwest::Client::builder().default_headers(headers.collect()).build().expect("a client");
    shop.pay(&customer, "ch_1", 20).await;
    shop.until_spendable(&customer, 20).await;
    customer
}

async fn rig_at(shop: &Shop, network: &'static str) -> FakeAgent {
    Rig { from: Some(network), ..Rig::new() }.connect(&shop.app.url()).await
}

/// Nobody's job comes to the rig for a while in which any other's would.
async fn gets_nothing(rig: &mut FakeAgent) {
    let offered = tokio::time::timeout(Duration::from_millis(600), rig.offer()).await;
    assert!(offered.is_err(), "a rig was given a job of whoever may own it: {offered:?}");
}

/// A rig that is not linked to anybody gets the customer's next job at once.
async fn another_gets_it(shop: &Shop) {
    let mut other = Box::pin(Rig::new().connect(&shop.app.url())).await;
    let offer = Box::pin(other.offer()).await;
    other.run(&offer).await;
    other.succeed(&offer, 0).await;
}

#[tokio::test]
async fn stolen_card_own_rig() {
    let shop = Shop::open().await;
    let thief = payer(&shop, HERE).await;
    let mut own = rig_at(&shop, "8.8.8.77").await;
    let submitted = thief.submit(json!({})).await;
    gets_nothing(&mut own).await;
    drop(own);

    // From somewhere else, under a name nobody knows, his second rig gets it.
    let mut unknown = rig_at(&shop, THERE).await;
    let offer = unknown.offer().await;
    assert_eq!(offer.job, submitted.id);
    unknown.run(&offer).await;
    thief.in_state(submitted.id, JobState::Running).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    unknown.succeed(&offer, 50).await;
    assert!(thief.ended(submitted.id).await.charged > Micros::ZERO);
    let device = unknown.rig.device();
    assert!(shop.balance(Account::Maturing(device)).await > Micros::ZERO, "what it earned waits");
    assert_eq!(shop.balance(Account::Credit(device)).await, Micros::ZERO, "and cannot be paid out");

    shop.hear(&dispute("ch_1", 20)).await;
    assert_eq!(shop.balance(Account::Maturing(device)).await, Micros::ZERO, "the card's owner has it back");
    assert_eq!(shop.balance(Account::Credit(device)).await, Micros::ZERO);
    assert_eq!(shop.card_money(thief.id).await, Micros::ZERO);
    let kept = shop.payment("ch_1").await.expect("it is kept");
    assert_eq!((kept.recovered, kept.borne), (Micros::dollars(20), Micros::ZERO), "nobody but the thief has lost");
    shop.app.assert_books().await;
}

#[tokio::test]
async fn a_rig_is_known_by_the_wallet_it_pays_to() {
    let shop = Shop::open().await;
    let thief = payer(&shop, HERE).await;
    let wallet = PrivateKeySigner::random().address();
    let mut tx = shop.app.app().store.begin().await.expect("a transaction");
    headframe_coordinator::store::wallets::add(&mut tx, thief.id, wallet, shop.app.app().store.now()).await.expect("added");
    tx.commit().await.expect("committed");
    let paid_to_him = Rig { from: Some(THERE), ..Rig::new() };
    shop.terms(&paid_to_him, wallet).await;
    let mut own = paid_to_him.connect(&shop.app.url()).await;
    thief.submit(json!({})).await;
    gets_nothing(&mut own).await;
    drop(own);
    Box::pin(another_gets_it(&shop)).await;
    shop.app.assert_books().await;
}

#[tokio::test]
async fn a_rig_is_known_by_whom_its_owner_gave_earnings_and_by_its_sisters() {
    let shop = Shop::open().await;
    let thief = payer(&shop, HERE).await;
    let account = PrivateKeySigner::random().address();
    let (giver, sister) = (Rig { from: Some(THERE), ..Rig::new() }, Rig { from: Some(THERE), ..Rig::new() });
    shop.terms(&giver, account).await;
    shop.terms(&sister, account).await;
    let mut tx = shop.app.app().store.begin().await.expect("a transaction");
    links::note_spending(&mut tx, thief.id, giver.device()).await.expect("noted");
    tx.commit().await.expect("committed");
    thief.submit(json!({})).await;
    for rig in [giver, sister] {
        let mut own = rig.connect(&shop.app.url()).await;
        gets_nothing(&mut own).await;
    }
    Box::pin(another_gets_it(&shop)).await;
    shop.app.assert_books().await;
}

#[tokio::test]
async fn other_money_may_be_spent_on_ones_own_rig() {
    let shop = Shop::open().await;
    let customer = payer(&shop, HERE).await;
    acts::grant(&shop.app.app().store, &by(), customer.id, Micros::dollars(5), "g").await.expect("granted");
    let mut own = rig_at(&shop, HERE).await;
    let submitted = customer.submit(json!({})).await;
    let offer = own.offer().await;
    assert_eq!(offer.job, submitted.id, "practice money is spent first, and no card is behind it");
    own.run(&offer).await;
    own.succeed(&offer, 0).await;
    shop.app.assert_books().await;
}

#[tokio::test]
async fn a_job_waits_for_another_rig_while_its_customers_own_is_free() {
    let shop = Shop::open().await;
    let (thief, other) = (payer(&shop, HERE).await, shop.app.customer(5).await);
    let mut own = rig_at(&shop, HERE).await;
    thief.submit(json!({})).await;
    let theirs = other.submit(json!({})).await;
    let offer = own.offer().await;
    assert_eq!(offer.job, theirs.id, "the rig works for others meanwhile");
    own.run(&offer).await;
    own.succeed(&offer, 0).await;
    gets_nothing(&mut own).await;
    Box::pin(another_gets_it(&shop)).await;
    shop.app.assert_books().await;
}

#[tokio::test]
async fn a_wallet_that_is_shown_brings_what_it_had_deposited() {
    let shop = Shop::open().await;
    let customer = shop.app.customer(0).await;
    let (store, key) = (&shop.app.app().store, PrivateKeySigner::random());
    let (wallet, coin) = (key.address(), Coin::stable(CHAIN));
    let mut tx = store.begin().await.expect("a transaction");
    let (from, to) = (Account::Outside, Account::Unclaimed(wallet));
    let deposit = Transfer::between(Kind::Deposit, "test", from, to, (coin, Micros::dollars(7)));
    assert_eq!(ledger::post(&mut tx, &[deposit], store.now()).await.expect("booked"), Posted::Yes);
    tx.commit().await.expect("committed");
    let issued_ms = store.now();
    let hash = WalletProof::hash("test", customer.id, wallet, issued_ms);
    let signature = DeviceSignature(key.sign_hash_sync(&hash).expect("a signature"));
    let proof = WalletProof { wallet, issued_ms, signature };
    for _ in 0..2 {
        let answer = customer.post("/v1/wallets", &serde_json::to_value(&proof).expect("JSON")).await;
        assert_eq!(answer.status(), 204, "{}", answer.text().await.unwrap_or_default());
    }
    assert_eq!(shop.balance(Account::Free(customer.id)).await, Micros::dollars(7));
    assert_eq!(shop.balance(to).await, Micros::ZERO);
    shop.app.assert_books().await;
}
