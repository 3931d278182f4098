//! A network that takes cards, and what a processor tells it.

use std::os::unix::fs::OpenOptionsExt as _;

use alloy_primitives::Address;
use aws_lc_rs::hmac;
use headframe_coordinator::{
    Config,
    store::{
        fiat,
        ledger::{self, Account, Coin},
        payouts::{self, KeptTerms},
    },
};
use headframe_protocol::{CustomerId, Micros};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::{
    Customer, PATIENCE, TestApp,
    agent::Rig,
    chain::{CHAIN, StubChain},
};

/// What the processor signs with.
const SECRET: &str = "whsec_of_a_test";

/// Lets a network with a chain take cards, one proxy before it.
pub(crate) fn take_cards(config: &mut Config) {
    use std::io::Write as _;
    let path = config.data_dir.join("stripe.secret");
    let mut open = std::fs::OpenOptions::new();
    let mut file = open.write(true).create_new(true).mode(0o600).open(&path).expect("a file");
    writeln!(file, "{SECRET}").expect("written");
    config.fiat.stripe_secret_file = Some(path);
    config.fiat.proxies = 1;
}

/// A coordinator that takes cards, and its chain.
pub(crate) struct Shop {
    pub(crate) app: TestApp,
    pub(crate) chain: StubChain,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub(crate) async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let chain = StubChain::start().await;
        let app = TestApp::start_with(|config| {
            chain.join(config);
            take_cards(config);
            change(config);
        });
        Self { app: app.await, chain }
    }

    /// The processor sends a message.
    pub(crate) async fn tell(&self, event: &Value) -> Response {
        let body = event.to_string();
        let now = self.app.app().store.now().as_millis() / 1_000;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), format!("{now}.{body}").as_bytes());
        self.send(&format!("t={now},v1={}", hex::encode(tag.as_ref())), body).await
    }

    pub(crate) async fn send(&self, signature: &str, body: String) -> Response {
        let request = reqwest::Client::new().post(format!("{}/v1/fiat/stripe", self.app.url()));
        request.header("stripe-signature", signature).body(body).send().await.expect("an answer")
    }

    /// The processor tells something, twice as processors do, and is heard.
    pub(crate) async fn hear(&self, event: &Value) {
        for _ in 0..2 {
            assert_eq!(self.tell(event).await.status(), StatusCode::OK, "{event}");
        }
    }

    /// A customer pays by card, and his bank has asked him.
    pub(crate) async fn pay(&self, customer: &Customer, reference: &str, dollars: i64) {
        self.hear(&charge(customer.id, reference, dollars, "authenticated")).await;
    }

    /// Lets the chain do what is recorded until `customer` has `dollars` to spend that he paid by card.
    pub(crate) async fn until_spendable(&self, customer: &Customer, dollars: i32) {
        self.until("the money cannot be spent", async || {
            let tabs: Value = customer.get("/v1/tabs").await.json().await.expect("tabs");
            let open: i64 = tabs.as_array().expect("a list").iter().filter(|tab| tab["state"] == "open").map(room).sum();
            open == Micros::dollars(dollars).get() && self.card_money(customer.id).await == Micros::dollars(dollars)
        })
        .await;
    }

    /// Lets the chain do what is recorded until `done`.
    pub(crate) async fn until(&self, complaint: &str, mut done: impl AsyncFnMut() -> bool) {
        let started = tokio::time::Instant::now();
        while !done().await {
            self.chain.obey(self.app.app()).await;
            assert!(started.elapsed() < PATIENCE, "{complaint}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// What a customer has to spend that he paid by card.
    pub(crate) async fn card_money(&self, customer: CustomerId) -> Micros {
        self.balance(Account::Fiat(customer)).await
    }

    pub(crate) async fn balance(&self, account: Account) -> Micros {
        let mut connection = self.app.app().store.read().await.expect("a connection");
        ledger::balance(&mut connection, account, Coin::stable(CHAIN)).await.expect("a balance")
    }

    /// A rig's owner says where its earnings go.
    pub(crate) async fn terms(&self, rig: &Rig, account: Address) {
        let signed = rig.terms(account, CHAIN, false, self.app.app().store.now());
        let mut tx = self.app.app().store.begin().await.expect("a transaction");
        let kept = KeptTerms { confirmed: false, effective: signed.terms.issued_ms, signed };
        payouts::keep_terms(&mut tx, &kept).await.expect("kept");
        tx.commit().await.expect("committed");
    }

    /// What is kept of a payment.
    pub(crate) async fn payment(&self, reference: &str) -> Option<headframe_coordinator::fiat::KeptPayment> {
        let mut connection = self.app.app().store.read().await.expect("a connection");
        fiat::find(&mut connection, reference).await.expect("a payment")
    }
}

fn room(tab: &Value) -> i64 {
    let number = |name: &str| tab[name].as_str().and_then(|text| text.parse::<i64>().ok()).expect("micros");
    number("reserved") - number("used")
}

/// A charge, as Stripe tells of it.
pub(crate) fn charge(customer: CustomerId, reference: &str, dollars: i64, secure: &str) -> Value {
    json!({ "type": "charge.succeeded", "data": { "object": {
        "id": reference, "amount": dollars * 100, "currency": "usd", "metadata": { "headframe_customer": customer.to_string() },
        "payment_method_details": { "card": { "three_d_secure": { "result": secure } } },
    } } })
}

/// A bank takes so much of a charge back.
pub(crate) fn dispute(reference: &str, dollars: i64) -> Value {
    let object = json!({ "charge": reference, "amount": dollars * 100, "currency": "usd" });
    json!({ "type": "charge.dispute.created", "data": { "object": object } })
}

/// The operator has given so much of a charge back, in all.
pub(crate) fn refund(reference: &str, dollars: i64) -> Value {
    let object = json!({ "id": reference, "amount": 100_000, "amount_refunded": dollars * 100, "currency": "usd" });
    json!({ "type": "charge.refunded", "data": { "object": object } })
}
