//! A network that takes HFR: a home chain with dollars and HFR, an island with dollars only, and a price that tests name.

use std::time::Duration;

use alloy_primitives::Address;
use headframe_accounts::{EpochFile, audit, price::Observation};
use headframe_coordinator::{
    config::Config,
    store::{
        ledger::{self, Account, Coin, Kind, Posted, Transfer},
        payouts::{self, KeptTerms},
        prices::{self, Source},
        tabs::{self, Tab, TabState},
    },
};
use headframe_protocol::{
    JobId, Micros, Sha256,
    api::{Job, QuoteView},
    chain::AssetKind,
    job::JobState,
    payout::PayoutStanding,
    session::{Offer, Settled},
};
use serde_json::{Value, json};

use super::{
    Customer, FakeAgent, PATIENCE, TestApp,
    agent::Rig,
    chain::{CHAIN, ISLAND, StubChain},
    job,
};

/// Four tenths of a cent for an HFR, in millionths of a millionth of a dollar.
pub(crate) const PICOS: u64 = 4_000_000_000;

/// The home chain's HFR.
pub(crate) const HFR: Coin = Coin { chain: CHAIN, kind: AssetKind::Hfr };

/// The home chain's dollar.
pub(crate) const USD: Coin = Coin::stable(CHAIN);

/// The island's dollar.
pub(crate) const ISLAND_USD: Coin = Coin::stable(ISLAND);

/// Where a customer pays in HFR.
pub(crate) const IN_HFR: &str = "/v1/jobs?pay_in=hfr";

/// What a rig asks that costs a thousand dollars an hour: in the moments of a test it earns what can be counted.
const FLOOR: i32 = 900;

/// A coordinator on both chains.
pub(crate) struct Bourse {
    pub(crate) app: TestApp,
    pub(crate) home: StubChain,
    island: StubChain,
}

impl Bourse {
    /// HFR is worth [`PICOS`], and the operator has a hundred dollars in stock at home.
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub(crate) async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let bourse = Self::open_bare_with(change).await;
        bourse.price(PICOS).await;
        bourse.stock(USD, Micros::dollars(100)).await;
        bourse
    }

    /// HFR has no price, and the operator has nothing in stock.
    pub(crate) async fn open_bare() -> Self {
        Self::open_bare_with(|_| {}).await
    }

    async fn open_bare_with(change: impl FnOnce(&mut Config)) -> Self {
        let (home, island) = (StubChain::start().await, StubChain::start_as(ISLAND).await);
        let app = TestApp::start_with(|config| {
            home.join_with_hfr(config);
            island.join(config);
            change(config);
        });
        Self { app: app.await, home, island }
    }

    /// Both observers see `picos` now.
    pub(crate) async fn price(&self, picos: u64) {
        for source in [Source::Twap, Source::Oracle] {
            self.observe(source, picos, Duration::ZERO).await;
        }
    }

    /// One observer saw `picos` a while ago.
    pub(crate) async fn observe(&self, source: Source, picos: u64, ago: Duration) {
        let at_ms = self.app.app().store.now().before(ago);
        let mut tx = self.app.app().store.begin().await.expect("a transaction");
        prices::observe(&mut tx, source, Observation { picos, at_ms }).await.expect("observed");
        tx.commit().await.expect("committed");
    }

    /// Nobody has ever seen a price.
    pub(crate) async fn forget_prices(&self) {
        let mut tx = self.app.app().store.begin().await.expect("a transaction");
        sqlx::query("DELETE FROM price").execute(&mut *tx).await.expect("forgotten");
        tx.commit().await.expect("committed");
    }

    /// The operator puts so much into stock.
    pub(crate) async fn stock(&self, coin: Coin, amount: Micros) {
        self.bring(Kind::Inventory, Account::Inventory, coin, amount).await;
    }

    async fn bring(&self, kind: Kind, to: Account, coin: Coin, amount: Micros) {
        let store = &self.app.app().store;
        let mut tx = store.begin().await.expect("a transaction");
        let key = format!("test:{}", JobId::generate());
        let transfer = Transfer::between(kind, &key, Account::Outside, to, (coin, amount));
        assert_eq!(ledger::post(&mut tx, &[transfer], store.now()).await.expect("booked"), Posted::Yes);
        tx.commit().await.expect("committed");
    }

    /// A customer who has so many HFR reserved for jobs, in one tab.
    pub(crate) async fn customer(&self, hfr: i32) -> Customer {
        let customer = self.app.customer(0).await;
        self.tab(&customer, HFR, Micros::dollars(hfr), 600).await;
        customer
    }

    /// So much of a customer's is reserved in a tab of its own, of which the platform keeps `fee_bps`.
    pub(crate) async fn tab(&self, customer: &Customer, coin: Coin, reserved: Micros, fee_bps: u16) -> String {
        let store = &self.app.app().store;
        let id = format!("0x{}", Sha256::of(JobId::generate().to_string().as_bytes()));
        let tab = Tab {
            id: id.clone(),
            customer: customer.id,
            coin,
            wallet: format!("{:#x}", Address::repeat_byte(0x88)),
            order: Some(format!("0x{}", Sha256::of(id.as_bytes()))),
            fee_bps,
            reserved,
            used: Micros::ZERO,
            settled: Micros::ZERO,
            settle_by: store.now().after(Duration::from_hours(7 * 24)),
            state: TabState::Open,
        };
        let mut tx = store.begin().await.expect("a transaction");
        assert!(tabs::insert(&mut tx, &tab, store.now()).await.expect("written down"));
        tx.commit().await.expect("committed");
        self.bring(Kind::Tab, Account::Available(customer.id), coin, reserved).await;
        id
    }

    /// What was used of a tab.
    pub(crate) async fn used(&self, tab: &str) -> Micros {
        let mut connection = self.app.app().store.read().await.expect("a connection");
        tabs::find(&mut connection, tab).await.expect("a tab").expect("it is there").used
    }

    pub(crate) async fn balance(&self, account: Account, coin: Coin) -> Micros {
        let mut connection = self.app.app().store.read().await.expect("a connection");
        ledger::balance(&mut connection, account, coin).await.expect("a balance")
    }

    /// What of the operator's stock is free, and what of it is promised to rigs.
    pub(crate) async fn dollars_in_stock(&self) -> (Micros, Micros) {
        (self.balance(Account::Inventory, USD).await, self.balance(Account::Promised, USD).await)
    }

    /// A rig that costs a thousand dollars an hour.
    pub(crate) async fn rig(&self) -> FakeAgent {
        let mut rig = Rig::new();
        rig.report.floor_per_hour = Micros::dollars(FLOOR);
        rig.connect(&self.app.url()).await
    }

    /// A rig's owner says where its earnings go.
    pub(crate) async fn terms(&self, rig: &Rig, account: Address, chain: u64, in_hfr: bool) {
        let signed = rig.terms(account, chain, in_hfr, self.app.app().store.now());
        let address = format!("{}/v1/devices/{}/payout", self.app.url(), rig.device());
        let answer = reqwest::Client::new().put(address).json(&signed).send().await.expect("an answer");
        let text = answer.text().await.expect("a body");
        let standing: PayoutStanding = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
        assert_eq!(standing.terms, Some(signed.terms));
    }

    /// Several owners say so at the same moment: what their rigs have earned is in one payout.
    pub(crate) async fn terms_together(&self, owners: &[(&Rig, Address, bool)]) {
        let store = &self.app.app().store;
        let mut tx = store.begin().await.expect("a transaction");
        for (rig, account, in_hfr) in owners {
            let signed = rig.terms(*account, CHAIN, *in_hfr, store.now());
            let kept = KeptTerms { confirmed: false, effective: signed.terms.issued_ms, signed };
            payouts::keep_terms(&mut tx, &kept).await.expect("kept");
        }
        tx.commit().await.expect("committed");
    }

    /// The first payout of a chain, in which a stranger finds nothing wrong.
    pub(crate) async fn payout(&self, chain: u64) -> EpochFile {
        self.payout_but(chain, &[]).await
    }

    /// The same, which is not the one that is known already.
    pub(crate) async fn payout_but(&self, chain: u64, known: &[u8]) -> EpochFile {
        let address = format!("{}/v1/payouts/{chain}/1", self.app.url());
        let started = tokio::time::Instant::now();
        let bytes = loop {
            let answer = reqwest::get(&address).await.expect("an answer");
            let status = answer.status();
            let bytes = answer.bytes().await.expect("a body");
            if status == 200 && bytes != known {
                break bytes;
            }
            for stub in [&self.home, &self.island] {
                stub.obey(self.app.app()).await;
            }
            assert!(started.elapsed() < PATIENCE, "nothing was paid out on chain {chain}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let found = audit::audit(&bytes, None, None);
        assert!(found.is_empty(), "a stranger finds {found:?}");
        EpochFile::parse(&bytes).expect("an epoch file")
    }
}

/// A job that holds ten dollars of a rig's list price: 36 seconds at a thousand dollars an hour.
pub(crate) fn dear_job() -> Value {
    job(json!({ "max_price_per_hour": "1000000000", "timeout_s": 36 }))
}

/// What a customer is told of such a job.
pub(crate) async fn quote(customer: &Customer) -> QuoteView {
    customer.post("/v1/quotes", &dear_job()).await.json().await.expect("a quote")
}

/// Submits such a job, paid in HFR or in dollars.
pub(crate) async fn submit(customer: &Customer, path: &str) -> Job {
    let answer = customer.post(path, &dear_job()).await;
    let (status, text) = (answer.status(), answer.text().await.expect("a body"));
    assert_eq!(status, 201, "{text}");
    serde_json::from_str(&text).expect("a job")
}

/// A rig takes the job and runs for so long.
pub(crate) async fn begin(customer: &Customer, rig: &mut FakeAgent, submitted: &Job, ms: u64) -> Offer {
    let offer = rig.offer().await;
    assert_eq!(offer.job, submitted.id);
    rig.run(&offer).await;
    customer.in_state(submitted.id, JobState::Running).await;
    // The coordinator pays for no more than it has seen itself.
    tokio::time::sleep(Duration::from_millis(ms + 20)).await;
    offer
}

/// A rig does the job in so much time. Returns what the rig and what the customer is told.
pub(crate) async fn work(customer: &Customer, rig: &mut FakeAgent, submitted: &Job, ms: u64) -> (Settled, Job) {
    let offer = begin(customer, rig, submitted, ms).await;
    let settled = rig.succeed(&offer, ms).await;
    assert_eq!(settled.paid_ms, ms);
    (settled, customer.ended(submitted.id).await)
}
