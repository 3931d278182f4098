//! Owners who join another network, and profiles from strangers.

use std::{fs, path::Path, sync::Arc, time::Duration};

use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use headframe_agent::{
    clock,
    runner::Found,
    store::{self, Entry},
    tasks::Tasks,
};
use headframe_control::{AgentPaths, Client};
use headframe_protocol::{
    DeviceId,
    auth::DeviceSignature,
    control::{Link, NetworkAnswer, NetworkFault, NetworkRequest, NetworkView, ProfileArgs},
    job::Reason,
    profile::{NetworkProfile, PROFILE_VERSION, SignedProfile},
    session::{CoordinatorMessage, Outcome},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{
    coordinator::{FakeCoordinator, offer},
    rig::{Rig, home},
};

/// A profile of the network at `coordinator`, signed now.
fn signed(coordinator: &str) -> SignedProfile {
    let key = PrivateKeySigner::random();
    let issued_ms = clock::wall();
    let profile = NetworkProfile {
        version: PROFILE_VERSION,
        name: "attic".to_owned(),
        coordinator: coordinator.parse().expect("an address"),
        operator: "Attic Computing S.L.".to_owned(),
        key: DeviceId(key.address()),
        fee_bps: 1_000,
        support: "help@attic.example".to_owned(),
        content_policy: "No mining.".to_owned(),
        website: None,
        issued_ms,
        expires_ms: issued_ms.after(Duration::from_secs(3600)),
    };
    let signature = DeviceSignature(key.sign_hash_sync(&profile.signing_hash()).expect("signed"));
    SignedProfile { profile, signature }
}

struct Owner(Client);

impl Owner {
    async fn of(rig: &Rig) -> Self {
        let paths = AgentPaths::resolve(Some(rig.agent.data_dir().to_owned())).expect("absolute");
        Self(Client::connect(&paths).await.expect("the agent listens"))
    }

    async fn asks(&mut self, ask: NetworkRequest) -> NetworkAnswer {
        self.0.network(ask).await.expect("an answer")
    }

    async fn is_refused(&mut self, ask: NetworkRequest) -> NetworkFault {
        match self.asks(ask).await {
            NetworkAnswer::Refused { fault, .. } => fault,
            other => panic!("this should have been refused: {other:?}"),
        }
    }

    async fn is_at(&mut self, ask: NetworkRequest) -> NetworkView {
        match self.asks(ask).await {
            NetworkAnswer::Here { network } => network,
            other => panic!("this should be a network: {other:?}"),
        }
    }
}

fn join(text: &str) -> NetworkRequest {
    NetworkRequest::Join(ProfileArgs { text: text.to_owned() })
}

fn look(text: &str) -> NetworkRequest {
    NetworkRequest::Look(ProfileArgs { text: text.to_owned() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rig_that_joins_begins_again_and_works_for_the_other_network() {
    let (old, new) = (FakeCoordinator::start().await, FakeCoordinator::start().await);
    let home = home(&old);
    let file = home.path().join("agent.toml");
    let own = fs::read_to_string(&file).expect("settings").replace("[rig]", "# The cold one.\n[rig]");
    fs::write(&file, own).expect("written");
    let mut rig = Rig::fresh(home.path()).await;
    let mut owner = Owner::of(&rig).await;
    let before = owner.is_at(NetworkRequest::Show).await;
    assert!(before.chosen && before.profile.is_none() && !before.practice, "{before:?}");

    let profile = signed(&new.url());
    let NetworkAnswer::Offered { profile: offered } = owner.asks(look(&profile.text())).await else { panic!("it is good") };
    assert_eq!(offered.key, profile.profile.key.0.to_checksum(None));
    let joined = owner.is_at(join(&offered.link)).await;
    assert_eq!(joined.profile.as_ref(), Some(&offered));
    rig.agent.join().await;
    assert!(rig.agent.begins_again());
    let text = fs::read_to_string(&file).expect("settings");
    assert!(text.contains("# The cold one.\n[rig]") && text.contains(&offered.coordinator), "{text}");

    drop(rig);
    let mut rig = Rig::fresh(home.path()).await;
    let (_, mut line) = new.welcomed().await;
    line.beats_until(|ready, _| ready).await;
    assert_eq!(Owner::of(&rig).await.is_at(NetworkRequest::Show).await.profile, Some(offered));
    line.say(CoordinatorMessage::Offer(Box::new(offer()))).await;
    rig.starts().await;
    rig.agent.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_leaves_a_network_with_a_job_of_it_on_his_rig() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let mut rig = Rig::fresh(home.path()).await;
    let (_, mut line) = coordinator.welcomed().await;
    line.beats_until(|ready, _| ready).await;
    line.say(CoordinatorMessage::Offer(Box::new(offer()))).await;
    rig.starts().await;
    let settings = fs::read_to_string(home.path().join("agent.toml")).expect("settings");
    let mut owner = Owner::of(&rig).await;
    let link = signed("https://attic.example").link();
    assert_eq!(owner.is_refused(join(&link)).await, NetworkFault::AtWork);
    assert_eq!(owner.is_refused(NetworkRequest::StopPractising).await, NetworkFault::AtWork);
    assert_eq!(fs::read_to_string(home.path().join("agent.toml")).expect("settings"), settings);
    assert!(!rig.agent.begins_again());
    rig.agent.abandon().await;
}

/// A job that is over, whose network was heard last so long ago.
async fn untold(home: &Path, silent: Duration) {
    let (_, journal) = store::open(home).await.expect("opened");
    let offer = offer();
    let at = offer.at;
    let outcome = Outcome::Failed { reason: Reason::LeaseLapsed, exit_code: None, detail: None };
    let tasks = Tasks::new();
    let (entries, mut written) = journal.start(&tasks);
    for entry in [
        Entry::Accepted(Arc::new(offer)),
        Entry::Renewed { at, sent_ms: clock::wall().before(silent) },
        Entry::Ended { at, outcome, sequence: 1, running_ms: 5, log_bytes: 2, keep_for: None },
    ] {
        entries.send(entry).await.expect("the journal writes");
    }
    drop(entries);
    while written.recv().await.is_some() {}
    tasks.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_silent_keeps_nobody() {
    for (silent, leaves) in [(Duration::from_secs(60), false), (Duration::from_secs(3_600), true)] {
        let coordinator = FakeCoordinator::start().await;
        let home = home(&coordinator);
        drop(coordinator);
        untold(home.path(), silent).await;
        let mut rig = Rig::begin(home.path()).await;
        rig.adopts(Found::Missing).await;
        let mut owner = Owner::of(&rig).await;
        let link = signed("https://attic.example").link();
        if leaves {
            owner.is_at(join(&link)).await;
            rig.agent.join().await;
            assert!(rig.agent.begins_again());
            let (store, _) = store::open(home.path()).await.expect("opened");
            assert_eq!(store.open_attempts().await.expect("read"), [], "nothing of it is told to the other network");
        } else {
            assert_eq!(owner.is_refused(join(&link)).await, NetworkFault::AtWork);
            rig.agent.abandon().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_sends_is_neither_believed_nor_written() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let rig = Rig::fresh(home.path()).await;
    let settings = fs::read_to_string(home.path().join("agent.toml")).expect("settings");
    let mut owner = Owner::of(&rig).await;
    let forged = signed("https://attic.example").text().replace("No mining.", "Anything.");
    for (text, fault) in [
        (forged, NetworkFault::Forged),
        (signed("http://attic.example").link(), NetworkFault::Insecure),
        ("x".repeat(20_000), NetworkFault::TooLong),
        ("hello".to_owned(), NetworkFault::Malformed),
    ] {
        assert_eq!(owner.is_refused(look(&text)).await, fault);
        assert_eq!(owner.is_refused(join(&text)).await, fault);
    }
    // An address is looked at only: what is joined is what its owner has seen.
    assert_eq!(owner.is_refused(join("https://attic.example")).await, NetworkFault::Malformed);
    assert_eq!(fs::read_to_string(home.path().join("agent.toml")).expect("settings"), settings);
    rig.agent.abandon().await;
}

/// Answers one request with `body`, and says where.
async fn answers(
    status: &'static str,
    body: impl FnOnce(&str) -> String + Send + 'static,
) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let body = body(&url);
    let serving = Tasks::new().spawn("coordinator", async move {
        let (mut guest, _) = listener.accept().await.expect("a guest");
        let mut request = [0; 2048];
        let read = guest.read(&mut request).await.expect("a request");
        assert!(request[..read].starts_with(b"GET /v1/network "), "{}", String::from_utf8_lossy(&request[..read]));
        let head = format!("HTTP/1.1 {status}\r\nlocation: https://attic.example/\r\ncontent-length: {}\r\n\r\n", body.len());
        guest.write_all((head + &body).as_bytes()).await.ok();
        // The guest hangs up as soon as it has read enough.
        guest.shutdown().await.ok();
    });
    (url, serving)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_is_asked_for_its_profile_and_no_other_one_is_taken() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let rig = Rig::fresh(home.path()).await;
    let mut owner = Owner::of(&rig).await;
    let (url, _serving) = answers("200 OK", |url| signed(url).text()).await;
    let NetworkAnswer::Offered { profile } = owner.asks(look(&url)).await else { panic!("its own profile") };
    assert_eq!(profile.coordinator.trim_end_matches('/'), url);

    let (url, _serving) = answers("200 OK", |_| signed("https://attic.example").text()).await;
    assert_eq!(owner.is_refused(look(&url)).await, NetworkFault::Elsewhere);
    let (url, _serving) = answers("302 Found", |_| String::new()).await;
    assert_eq!(owner.is_refused(look(&url)).await, NetworkFault::Unreachable);
    let (url, _serving) = answers("200 OK", |_| "x".repeat(1 << 20)).await;
    assert_eq!(owner.is_refused(look(&url)).await, NetworkFault::Unreachable);
    assert_eq!(owner.is_refused(look("http://192.0.2.1")).await, NetworkFault::Insecure);
    rig.agent.abandon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn practice_has_a_memory_of_its_own_and_never_the_network_that_was_joined() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let file = home.path().join("agent.toml");
    let settings = fs::read_to_string(&file).expect("settings");
    let mut rig = Rig::fresh(home.path()).await;
    let real = coordinator.welcomed().await;
    assert_eq!(Owner::of(&rig).await.is_refused(NetworkRequest::Practise).await, NetworkFault::NoPractice);
    assert_eq!(fs::read_to_string(&file).expect("settings"), settings, "the program is not beside this test");
    rig.agent.shutdown().await;
    drop(real);

    fs::write(&file, settings.replace("[start]", "practice = true\n[start]")).expect("written");
    rig = Rig::fresh(home.path()).await;
    rig.shows(|now| now.practice && matches!(now.link, Link::Waiting { .. })).await;
    assert!(home.path().join("practice/agent.db").is_file());
    let mut owner = Owner::of(&rig).await;
    let here = owner.is_at(NetworkRequest::Show).await;
    assert!(here.practice && here.no_practice.is_some(), "{here:?}");
    assert!(!owner.is_at(NetworkRequest::StopPractising).await.practice);
    rig.agent.join().await;
    assert!(rig.agent.begins_again());
    drop(rig);
    let rig = Rig::fresh(home.path()).await;
    coordinator.welcomed().await;
    rig.shows(|now| !now.practice).await;
    rig.agent.abandon().await;
}
