//! What a customer allows to be reserved, and what he is told of it.

use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use alloy_primitives::{Address, B256, U256};
use headframe_coordinator::store::{tabs, wallets};
use headframe_protocol::{
    Micros, TimestampMs,
    auth::DeviceSignature,
    chain::AssetKind,
    spending::{OrderView, SignedOrder, WalletProof},
};
use serde_json::json;

use crate::support::{
    Customer, TestApp,
    chain::{CHAIN, DOLLAR, MARKET},
    hfr::Bourse,
    problem,
};

fn sign(key: &PrivateKeySigner, hash: B256) -> DeviceSignature {
    DeviceSignature(key.sign_hash_sync(&hash).expect("a signature"))
}

/// A customer's wallet, which the coordinator knows.
async fn wallet(app: &TestApp, customer: &Customer) -> PrivateKeySigner {
    let (key, issued_ms) = (PrivateKeySigner::random(), app.app().store.now());
    let signature = sign(&key, WalletProof::hash("test", customer.id, key.address(), issued_ms));
    let proof = WalletProof { wallet: key.address(), issued_ms, signature };
    assert_eq!(customer.post("/v1/wallets", &json!(proof)).await.status(), 204);
    key
}

/// An order for so many dollars, an hour long.
fn order(app: &TestApp, key: &PrivateKeySigner, name: u8, dollars: u64) -> SignedOrder {
    let unsigned = SignedOrder {
        chain_id: CHAIN,
        order_id: B256::repeat_byte(name),
        customer: key.address(),
        asset: DOLLAR,
        max_spend: U256::from(dollars * 1_000_000),
        max_fee_bps: 1_200,
        expiry: app.app().store.now().as_millis().unsigned_abs() / 1_000 + 3_600,
        signature: sign(key, B256::ZERO),
    };
    let hash = unsigned.hash(MARKET).expect("a sum the contract holds");
    SignedOrder { signature: sign(key, hash), ..unsigned }
}

async fn listed(customer: &Customer) -> Vec<OrderView> {
    customer.get("/v1/orders").await.json().await.expect("orders")
}

#[tokio::test]
async fn a_customer_sees_what_he_has_allowed_and_how_much_of_it_is_used_up() {
    let bourse = Bourse::open_bare().await;
    let (customer, other) = (bourse.app.customer(0).await, bourse.app.customer(0).await);
    assert_eq!(listed(&customer).await, []);
    let key = wallet(&bourse.app, &customer).await;
    let (one, two) = (order(&bourse.app, &key, 1, 100), order(&bourse.app, &key, 2, 5));
    for order in [&one, &two, &one] {
        assert_eq!(customer.post("/v1/orders", &json!(order)).await.status(), 202);
    }
    let forged = SignedOrder { max_spend: U256::from(1_000_000_000), ..two.clone() };
    assert_eq!(problem(customer.post("/v1/orders", &json!(forged)).await).await.status, 422);

    let store = &bourse.app.app().store;
    let mut tx = store.begin().await.expect("a transaction");
    for (id, reserved) in [(B256::repeat_byte(3), 60), (B256::repeat_byte(4), 7)] {
        let tab = tabs::Tab {
            id: id.to_string(),
            customer: customer.id,
            coin: crate::support::hfr::USD,
            wallet: format!("{:#x}", key.address()),
            order: Some(one.order_id.to_string()),
            fee_bps: 1_000,
            reserved: Micros::dollars(reserved),
            used: Micros::ZERO,
            settled: Micros::ZERO,
            settle_by: store.now(),
            state: tabs::TabState::Closed,
        };
        assert!(tabs::insert(&mut tx, &tab, store.now()).await.expect("written down"));
    }
    wallets::revoke_order(&mut tx, &two.order_id.to_string(), TimestampMs::from_millis(7)).await.expect("revoked");
    tx.commit().await.expect("committed");

    let mut orders = listed(&customer).await;
    orders.sort_by_key(|order| order.id.clone());
    let [first, second] = &orders[..] else { panic!("two orders, each once: {orders:?}") };
    assert_eq!((first.id.as_str(), first.chain_id, first.kind), (one.order_id.to_string().as_str(), CHAIN, AssetKind::Stable));
    assert_eq!((first.max_spend, first.reserved, first.max_fee_bps), (Micros::dollars(100), Micros::dollars(67), 1_200));
    assert_eq!(first.wallet.parse::<Address>().expect("an address"), key.address());
    assert_eq!((first.revoked_ms, second.revoked_ms), (None, Some(TimestampMs::from_millis(7))));
    assert_eq!(second.reserved, Micros::ZERO);
    assert_eq!(listed(&other).await, [], "another's are another's");
}
