//! Which rigs an owner is shown, and to whom he is not.

use std::time::Duration;

use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use alloy_primitives::Address;
use headframe_coordinator::store::{
    payouts::{self, KeptTerms},
    rigs,
};
use headframe_protocol::{
    DeviceId, Micros, TimestampMs,
    auth::DeviceSignature,
    demand::MarketPlace,
    fleet::{AskFleet, FleetAlone, FleetList, SignedAskFleet},
    payout::PayoutStanding,
};
use serde_json::json;

use crate::support::{
    FakeAgent, PATIENCE, TestApp,
    agent::Rig,
    chain::{CHAIN, StubChain},
    problem,
};

const DAY: Duration = Duration::from_hours(24);

impl TestApp {
    fn ask_fleet(&self, device: DeviceId) -> AskFleet {
        let now = self.app().store.now();
        let origin = self.app().origin().to_owned();
        AskFleet {
            origin,
            device,
            after: None,
            limit: 50,
            today_from_ms: now.before(DAY),
            days_from_ms: now.before(DAY * 7),
            issued_ms: now,
        }
    }

    /// Rigs of one owner: each is paid to his wallet, which has signed for it.
    async fn confirm(&self, rig: &Rig, wallet: &PrivateKeySigner) {
        self.pay_to(rig, wallet.address(), Some(wallet)).await;
    }

    async fn pay_to(&self, rig: &Rig, account: Address, signer: Option<&PrivateKeySigner>) {
        let store = &self.app().store;
        let mut signed = rig.terms(account, 1, false, store.now());
        signed.wallet_signature =
            signer.map(|wallet| DeviceSignature(wallet.sign_hash_sync(&signed.terms.wallet_hash()).expect("a signature")));
        assert_eq!(signed.verify(), Ok(()));
        let mut tx = store.begin().await.expect("a transaction");
        let kept = KeptTerms { confirmed: signer.is_some(), effective: signed.terms.issued_ms, signed };
        payouts::keep_terms(&mut tx, &kept).await.expect("kept");
        tx.commit().await.expect("committed");
    }
}

fn signed(rig: &Rig, ask: AskFleet) -> SignedAskFleet {
    let signature = DeviceSignature(rig.key.sign_hash_sync(&ask.device_hash()).expect("a signature"));
    SignedAskFleet { ask, signature }
}

async fn put(app: &TestApp, device: DeviceId, signed: &SignedAskFleet) -> reqwest::Response {
    let address = format!("{}/v1/devices/{device}/fleet", app.url());
    reqwest::Client::new().post(address).json(signed).send().await.expect("an answer")
}

async fn ask(app: &TestApp, rig: &Rig) -> FleetList {
    page(app, rig, app.ask_fleet(rig.device())).await
}

async fn page(app: &TestApp, rig: &Rig, ask: AskFleet) -> FleetList {
    let answer = put(app, rig.device(), &signed(rig, ask)).await;
    let text = answer.text().await.expect("a body");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"))
}

/// What a rig is told once it is so.
async fn until(app: &TestApp, rig: &Rig, holds: impl Fn(&FleetList) -> bool) -> FleetList {
    let started = tokio::time::Instant::now();
    loop {
        let told = ask(app, rig).await;
        if holds(&told) {
            return told;
        }
        assert!(started.elapsed() < PATIENCE, "{told:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn devices(list: &FleetList) -> Vec<DeviceId> {
    list.rigs.iter().map(|rig| rig.device).collect()
}

fn named(name: &str) -> Rig {
    let mut rig = Rig::new();
    name.clone_into(&mut rig.report.name);
    rig
}

#[tokio::test]
async fn an_owner_sees_every_rig_that_his_wallet_has_signed_for_and_nobody_else_does() {
    let app = TestApp::start().await;
    let wallet = PrivateKeySigner::random();
    let (cellar, attic, thief) = (named("cellar"), named("attic"), named("thief"));
    let _here = cellar.clone().connect(&app.url()).await;
    assert_eq!(ask(&app, &cellar).await.alone, Some(FleetAlone::NoAccount));
    let _there = attic.clone().connect(&app.url()).await;
    let _thief = thief.clone().connect(&app.url()).await;
    app.confirm(&cellar, &wallet).await;
    app.confirm(&attic, &wallet).await;
    // Anybody may have his rig paid to anybody's address.
    app.pay_to(&thief, wallet.address(), None).await;

    let told = ask(&app, &attic).await;
    assert_eq!((told.wallet, told.alone), (Some(wallet.address()), None));
    assert_eq!(devices(&told), [cellar.device(), attic.device()], "in the order in which they came, without the thief");
    assert_eq!((told.total.rigs, told.total.connected, told.next), (2, 2, None));
    let first = &told.rigs[0];
    assert_eq!((first.name.as_str(), first.agent.as_deref(), first.tier.as_str()), ("cellar", Some("test"), "new"));
    assert_eq!((first.connected, first.place, first.attempts), (true, Some(MarketPlace::Open), 0));

    let told = ask(&app, &thief).await;
    assert_eq!((told.wallet, told.alone, devices(&told)), (None, Some(FleetAlone::NotSigned), vec![thief.device()]));
    assert_eq!(told.total.rigs, 1, "not even how many there are");

    // Whoever has stolen its key and was found out looks at nobody's rigs with it.
    let quarantine = async |since| {
        let mut tx = app.app().store.begin().await.expect("a transaction");
        assert!(rigs::set_quarantined(&mut tx, attic.device(), since).await.expect("written"));
        tx.commit().await.expect("committed");
    };
    quarantine(Some(app.app().store.now())).await;
    let told = ask(&app, &attic).await;
    assert_eq!((told.alone, devices(&told)), (Some(FleetAlone::Quarantined), vec![attic.device()]));
    let told = ask(&app, &cellar).await;
    assert_eq!(told.rigs[1].place, Some(MarketPlace::Quarantined), "its owner sees it");
    quarantine(None).await;

    // A rig that is paid elsewhere is not his any more.
    app.confirm(&attic, &PrivateKeySigner::random()).await;
    assert_eq!(devices(&ask(&app, &cellar).await), [cellar.device()]);
    assert_eq!(devices(&ask(&app, &attic).await), [attic.device()]);
}

#[tokio::test]
async fn only_the_rig_itself_can_ask_only_here_and_only_now() {
    let app = TestApp::start().await;
    let rig = Rig::new();
    let unknown = put(&app, rig.device(), &signed(&rig, app.ask_fleet(rig.device()))).await;
    assert_eq!(problem(unknown).await.status, 404, "it has never signed in");
    let _here = rig.clone().connect(&app.url()).await;
    let stranger = Rig::new();
    let good = || app.ask_fleet(rig.device());
    let now = app.app().store.now();
    let all = [
        (signed(&stranger, good()), "signature"),
        (signed(&rig, AskFleet { origin: "https://other.example".to_owned(), ..good() }), "ask.origin"),
        (signed(&rig, AskFleet { issued_ms: now.before(Duration::from_mins(2)), ..good() }), "ask.issued_ms"),
        (signed(&rig, AskFleet { issued_ms: now.after(Duration::from_mins(2)), ..good() }), "ask.issued_ms"),
        (signed(&rig, AskFleet { limit: 0, ..good() }), "ask.limit"),
        (signed(&rig, AskFleet { limit: 51, ..good() }), "ask.limit"),
        (signed(&rig, AskFleet { days_from_ms: TimestampMs::from_millis(0), ..good() }), "ask.days_from_ms"),
        (signed(&stranger, app.ask_fleet(stranger.device())), "ask.device"),
        (SignedAskFleet { ask: AskFleet { limit: 2, ..good() }, ..signed(&rig, good()) }, "signature"),
    ];
    for (asked, field) in all {
        let refused = problem(put(&app, rig.device(), &asked).await).await;
        assert_eq!((refused.status, refused.errors[0].field.as_str()), (422, field), "{refused:?}");
    }
    assert_eq!(devices(&ask(&app, &rig).await), [rig.device()]);
}

#[tokio::test]
async fn many_rigs_come_by_pages_and_their_sum_is_of_all() {
    let app = TestApp::start().await;
    let wallet = PrivateKeySigner::random();
    let rigs: Vec<Rig> = (0..5).map(|nth| named(&format!("rig {nth}"))).collect();
    for rig in &rigs {
        drop(rig.clone().connect(&app.url()).await);
        app.confirm(rig, &wallet).await;
    }
    let (mut after, mut seen) = (None, Vec::new());
    for size in [2, 2, 1] {
        let told = page(&app, &rigs[0], AskFleet { after, limit: 2, ..app.ask_fleet(rigs[0].device()) }).await;
        assert_eq!((told.rigs.len(), told.total.rigs), (size, 5));
        seen.extend(devices(&told));
        after = told.next;
    }
    assert_eq!(after, None);
    assert_eq!(seen, rigs.iter().map(Rig::device).collect::<Vec<_>>());
    // After a rig that is nobody's there is nothing.
    let lost = AskFleet { after: Some(Rig::new().device()), ..app.ask_fleet(rigs[0].device()) };
    assert_eq!(devices(&page(&app, &rigs[0], lost).await), []);
}

#[tokio::test]
async fn what_a_rig_does_and_earns_and_when_it_was_seen_is_told() {
    let app = TestApp::start().await;
    let customer = app.customer(100).await;
    let wallet = PrivateKeySigner::random();
    let watcher = named("watcher");
    let mut watching = Rig { ready: false, ..watcher.clone() }.connect(&app.url()).await;
    watching.beat(Vec::new()).await;
    let mut worker = FakeAgent::connect(&app).await;
    app.confirm(&watcher, &wallet).await;
    app.confirm(&worker.rig, &wallet).await;
    customer.submit(json!({})).await;
    let offer = worker.offer().await;
    worker.run(&offer).await;
    let told = until(&app, &watcher, |told| told.rigs[1].attempts == 1).await;
    assert_eq!((told.rigs[0].place, told.rigs[1].place), (Some(MarketPlace::Closed), Some(MarketPlace::Full)));

    tokio::time::sleep(Duration::from_millis(300)).await;
    let settled = worker.succeed(&offer, 200).await;
    assert!(settled.credit > Micros::ZERO, "{settled:?}");
    let told = until(&app, &watcher, |told| told.rigs[1].attempts == 0).await;
    let sums = [told.rigs[1].today, told.rigs[1].days, told.total.today, told.total.days];
    assert_eq!(sums, [settled.credit; 4]);
    assert_eq!(told.rigs[0].today, Micros::ZERO);
    let tomorrow = AskFleet { today_from_ms: app.app().store.now().after(DAY), ..app.ask_fleet(watcher.device()) };
    let told = page(&app, &watcher, tomorrow).await;
    assert_eq!((told.total.today, told.total.days), (Micros::ZERO, settled.credit));

    let before = app.app().store.now();
    let device = worker.rig.device();
    drop(worker);
    let told = until(&app, &watcher, |told| !told.rigs[1].connected).await;
    assert_eq!((told.rigs[1].device, told.rigs[1].place, told.rigs[1].fu), (device, None, 0));
    assert!(told.rigs[1].seen_ms <= before.after(PATIENCE) && told.rigs[1].seen_ms >= before.before(Duration::from_mins(1)));
    // Written down, it is also told by a coordinator that never had it connected.
    until(&app, &watcher, |told| told.total.connected == 1).await;
}

#[tokio::test]
async fn a_coordinator_that_comes_back_knows_who_was_there() {
    let mut app = TestApp::start().await;
    let rig = Rig::new();
    let here = rig.clone().connect(&app.url()).await;
    app.restart().await;
    drop(here);
    let told = ask(&app, &rig).await;
    assert_eq!(told.rigs[0].agent.as_deref(), Some("test"));
    assert_eq!(told.rigs[0].place, None, "what it does is not known here");
    until(&app, &rig, |told| !told.rigs[0].connected && told.total.connected == 0).await;
}

#[tokio::test]
async fn a_thief_of_a_rigs_key_cannot_undo_what_the_wallet_has_signed() {
    let chain = StubChain::start().await;
    let app = TestApp::start_with(|config| chain.join(config)).await;
    let (owner, thief) = (PrivateKeySigner::random(), Address::repeat_byte(0x66));
    let rig = Rig::new();
    let _here = rig.clone().connect(&app.url()).await;
    let say = async |account, wallet: Option<&PrivateKeySigner>| -> PayoutStanding {
        // Newer than what was said before.
        tokio::time::sleep(Duration::from_millis(5)).await;
        let mut signed = rig.terms(account, CHAIN, false, app.app().store.now());
        signed.wallet_signature =
            wallet.map(|wallet| DeviceSignature(wallet.sign_hash_sync(&signed.terms.wallet_hash()).expect("a signature")));
        let address = format!("{}/v1/devices/{}/payout", app.url(), rig.device());
        let answer = reqwest::Client::new().put(address).json(&signed).send().await.expect("an answer");
        let text = answer.text().await.expect("a body");
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"))
    };
    assert!(say(owner.address(), Some(&owner)).await.confirmed);
    let repeated = say(owner.address(), None).await;
    assert!(repeated.confirmed, "the wallet has signed for this rig and this account: {repeated:?}");
    let moved = say(thief, None).await;
    assert_eq!(moved.terms.map(|terms| terms.account), Some(owner.address()), "the change waits");
    assert!(moved.confirmed && moved.pending.is_some_and(|pending| pending.account == thief));
    assert_eq!(ask(&app, &rig).await.wallet, Some(owner.address()));
}
