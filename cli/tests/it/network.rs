//! A coordinator that is one struct: it knows one customer, takes wallets and orders, and reserves what they let it.

use std::collections::HashMap;

use alloy_primitives::{Address, B256, keccak256};
use headframe_protocol::{
    Micros, TimestampMs,
    api::{Balance, Pot, PotBalance},
    chain::AssetKind,
    error::{Code, Problem},
    spending::{SignedOrder, TabView, Wallet, WalletProof},
};
use serde_json::{Value, json};

use crate::chain::{CHAIN_ID, Ledger, MARKET, Session, USDC};

pub(crate) const NETWORK: &str = "test";

/// What it is asked, and what it answers: status and body.
pub(crate) type Answer = (u16, Vec<u8>);

#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) wallets: Vec<Wallet>,
    pub(crate) orders: Vec<SignedOrder>,
    pub(crate) tabs: Vec<TabView>,
    /// Whether it reserves what orders let it.
    pub(crate) reserves: bool,
    /// Whether wallets are taken for another's.
    pub(crate) taken: bool,
    pub(crate) is_down: bool,
    /// Answers that are not computed, by method and path.
    pub(crate) said: HashMap<String, Answer>,
    /// What was asked with a key, and without.
    pub(crate) asked: Vec<(String, bool)>,
    /// The same with what stood behind the question mark.
    pub(crate) queries: Vec<(String, String)>,
}

impl Default for Network {
    fn default() -> Self {
        let (wallets, orders, tabs) = (Vec::new(), Vec::new(), Vec::new());
        let (said, asked, queries) = (HashMap::new(), Vec::new(), Vec::new());
        Self { wallets, orders, tabs, reserves: true, taken: false, is_down: false, said, asked, queries }
    }
}

pub(crate) fn customer() -> headframe_protocol::CustomerId {
    format!("cus_{:032x}", 7).parse().expect("an id")
}

fn document(value: &impl serde::Serialize) -> Answer {
    (200, serde_json::to_vec(value).expect("plain data"))
}

pub(crate) fn refusal(code: Code, status: u16, detail: &str) -> Answer {
    (status, serde_json::to_vec(&Problem::new(code, status, detail)).expect("plain data"))
}

impl Network {
    pub(crate) fn answer(&mut self, ledger: &mut Ledger, act: &str, has_key: bool, body: &[u8]) -> Answer {
        self.asked.push((act.to_owned(), has_key));
        if self.is_down {
            return refusal(Code::Unavailable, 503, "It is being restarted.");
        }
        if let Some(answer) = self.said.get(act) {
            return answer.clone();
        }
        if !has_key {
            return refusal(Code::Unauthenticated, 401, "Sign in first.");
        }
        let (method, path) = act.split_once(' ').expect("a method and a path");
        match (method, path.trim_start_matches("/v1/").split('/').collect::<Vec<_>>().as_slice()) {
            ("GET", ["account"]) => document(&json!({"customer": customer(), "name": "Acme", "network": NETWORK})),
            ("GET", ["balance"]) => document(&self.balance(ledger)),
            ("GET", ["wallets"]) => document(&self.wallets),
            ("POST", ["wallets"]) => self.add_wallet(body),
            ("POST", ["orders"]) => self.add_order(body),
            ("GET", ["tabs"]) => {
                self.reserve(ledger);
                self.give_back(ledger);
                document(&self.tabs)
            }
            ("POST", ["tabs", id, "close"]) => self.close(id),
            _ => refusal(Code::NotFound, 404, "There is no such thing."),
        }
    }

    fn balance(&self, ledger: &Ledger) -> Balance {
        let free: u128 = self.wallets.iter().filter_map(|wallet| ledger.free.get(&(wallet.wallet, USDC))).sum();
        let reserved: Micros = self.tabs.iter().map(|tab| Micros::new(tab.reserved.get() - tab.used.get())).sum();
        let pot = |pot, amount| PotBalance { pot, chain_id: CHAIN_ID, kind: AssetKind::Stable, amount };
        let free = Micros::new(i64::try_from(free).expect("little money"));
        let pots = vec![pot(Pot::Available, reserved), pot(Pot::Free, free)];
        Balance { customer: customer(), available: reserved, held: Micros::ZERO, spent: Micros::ZERO, pots }
    }

    fn add_wallet(&mut self, body: &[u8]) -> Answer {
        let proof: WalletProof = serde_json::from_slice(body).expect("a proof");
        proof.verify(NETWORK, customer()).expect("the wallet's own word");
        if self.taken {
            return refusal(Code::Conflict, 409, "This wallet belongs to another account.");
        }
        self.wallets.push(Wallet { wallet: proof.wallet, created_ms: proof.issued_ms });
        (204, Vec::new())
    }

    fn add_order(&mut self, body: &[u8]) -> Answer {
        let order: SignedOrder = serde_json::from_slice(body).expect("an order");
        order.verify(MARKET).expect("the wallet's own word");
        assert!(self.wallets.iter().any(|wallet| wallet.wallet == order.customer), "only of a wallet that is known");
        if !self.orders.contains(&order) {
            self.orders.push(order);
        }
        (202, Vec::new())
    }

    /// Every order that is in force takes what is free, as the real one does.
    fn reserve(&mut self, ledger: &mut Ledger) {
        for order in if self.reserves { self.orders.clone() } else { Vec::new() } {
            let under: u128 =
                ledger.sessions.values().filter(|session| session.order == order.order_id).map(|s| s.reserved).sum();
            let left = u128::try_from(order.max_spend).expect("little money") - under;
            let free = ledger.free.entry((order.customer, order.asset)).or_default();
            let amount = left.min(*free);
            if amount > 0 && !ledger.revoked.contains(&(order.customer, order.order_id)) {
                *free -= amount;
                self.open_tab(ledger, order.customer, order.order_id, amount);
            }
        }
    }

    pub(crate) fn open_tab(&mut self, ledger: &mut Ledger, customer: Address, order: B256, amount: u128) -> B256 {
        let id = keccak256([order.as_slice(), &[u8::try_from(self.tabs.len()).expect("few")]].concat());
        ledger.sessions.insert(id, Session { customer, asset: USDC, order, reserved: amount });
        self.tabs.push(TabView {
            id: id.to_string(),
            chain_id: CHAIN_ID,
            kind: headframe_protocol::chain::AssetKind::Stable,
            wallet: format!("{customer:#x}"),
            order: Some(order.to_string()),
            state: "open".to_owned(),
            reserved: Micros::new(i64::try_from(amount).expect("little money")),
            used: Micros::ZERO,
            fee_bps: 1_000,
            settle_by_ms: TimestampMs::from_millis(i64::MAX / 2),
        });
        id
    }

    fn close(&mut self, id: &str) -> Answer {
        match self.tabs.iter_mut().find(|tab| tab.id == id) {
            Some(tab) => {
                tab.state = "closing".to_owned();
                (202, Vec::new())
            }
            None => refusal(Code::NotFound, 404, "No such tab of yours."),
        }
    }

    fn give_back(&mut self, ledger: &mut Ledger) {
        for tab in self.tabs.iter_mut().filter(|tab| tab.state == "closing") {
            let session = ledger.sessions.get_mut(&tab.id.parse::<B256>().expect("a tab's id")).expect("a tab is a session");
            let rest = tab.reserved.get() - tab.used.get();
            session.reserved -= u128::try_from(rest).expect("not negative");
            *ledger.free.entry((session.customer, session.asset)).or_default() += u128::try_from(rest).expect("not negative");
            tab.reserved = tab.used;
            tab.state = "closed".to_owned();
        }
    }
}

/// A quote such as the real one gives.
pub(crate) fn quote() -> Value {
    json!({
        "price_per_hour": "120000", "fee_per_hour": "12000", "owner_per_hour": "108000", "ready": 3, "hold": "250000",
        "hfr": {
            "price_per_hour": "28723404", "discount_per_hour": "5106", "hold": "59840375", "picos_per_hfr": 4_000_000_000_u64,
            "price_seen_ms": 1_764_000_000_000_i64,
        },
        "issued_ms": 1_764_000_020_000_i64, "valid_until_ms": 1_764_000_080_000_i64,
    })
}
