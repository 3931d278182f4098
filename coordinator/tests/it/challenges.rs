//! Challenges of graphics cards, with the reference prover on small matrices.

use std::time::Duration;

use headframe_coordinator::{
    Config,
    store::challenges::{self, ChallengeRecord},
};
use headframe_proof::{Parameters, Prover as _, Reference, question};
use headframe_protocol::{
    DeviceId,
    challenge::{Answer, Ask, Committed, DeclineReason, Declined, Digest, Over, POG, Prove, Remembered, Verdict},
    error::Code,
    rig::{GpuReport, GpuVendor},
    session::{AgentMessage, CoordinatorMessage, RefusedCode},
};
use reqwest::StatusCode;

use crate::support::{FakeAgent, PATIENCE, TestApp, agent::Rig, problem};

/// What cards are asked takes the reference prover milliseconds, and may take minutes.
fn unhurried(config: &mut Config) {
    config.challenge.size_max = 64;
    config.challenge.ops_per_s_at_1000_fu = 100_000;
    config.challenge.read_bytes_per_s_at_1000_fu = 1_000;
    config.timers.challenge_opening = PATIENCE;
}

fn card(uuid: &str) -> GpuReport {
    let model = "a card".to_owned();
    GpuReport { uuid: uuid.to_owned(), model, vendor: GpuVendor::Nvidia, vram_bytes: 8 << 30, fu: 1_000 }
}

fn rig(uuid: &str) -> Rig {
    let mut rig = Rig::new();
    rig.report.gpus = vec![card(uuid)];
    rig.challenges = vec![POG.to_owned()];
    rig
}

/// The operator does not wait until a card is due.
async fn want(app: &TestApp, device: DeviceId) {
    let store = &app.app().store;
    let mut tx = store.begin().await.expect("a transaction");
    assert!(challenges::want(&mut tx, device, store.now()).await.expect("written"));
    tx.commit().await.expect("written");
}

async fn records(app: &TestApp) -> Vec<ChallengeRecord> {
    challenges::list(&mut *app.app().store.read().await.expect("a connection"), None, 100).await.expect("a list")
}

/// The reason of the only challenge, once it is over.
async fn reason(app: &TestApp) -> String {
    let started = tokio::time::Instant::now();
    loop {
        let records = records(app).await;
        if let [ChallengeRecord { outcome: Some(_), reason: Some(reason), .. }] = records.as_slice() {
            return reason.clone();
        }
        assert!(started.elapsed() < PATIENCE, "never over: {records:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A rig under challenge, with a prover that may be made to lie.
struct Scene {
    agent: FakeAgent,
    prove: Prove,
    prover: Reference,
}

impl Scene {
    /// A connected rig that has been asked to prove what its card can do.
    async fn asked(app: &TestApp) -> Self {
        let mut agent = rig("GPU-1").connect(&app.url()).await;
        want(app, agent.rig.device()).await;
        let Ask::Prove(prove) = agent.asked().await else { panic!("a proof comes first") };
        Self { agent, prover: computed(&prove), prove }
    }

    async fn commit(&mut self) -> Ask {
        let answer = Answer::Committed(Committed { seed: self.prove.seed, roots: self.prover.roots() });
        self.agent.say(AgentMessage::Answer(answer)).await;
        self.agent.asked().await
    }

    async fn put(&self, what: &str, token: &str, bytes: Vec<u8>) -> reqwest::Response {
        let address = self.prove.base.join(what).expect("an address");
        reqwest::Client::new().put(address).bearer_auth(token).body(bytes).send().await.expect("an answer")
    }

    async fn over(&mut self) -> Over {
        match self.agent.asked().await {
            Ask::Over(over) => over,
            other => panic!("it is over: {other:?}"),
        }
    }
}

impl FakeAgent {
    async fn asked(&mut self) -> Ask {
        self.hear_until(|message| if let CoordinatorMessage::Ask(ask) = message { Some(ask) } else { None }).await
    }
}

fn computed(prove: &Prove) -> Reference {
    assert_eq!(prove.problems(), []);
    let parameters = Parameters::new(prove.size, prove.products).and_then(|all| all.keeping(prove.resident));
    Reference::of(&prove.seed, parameters.expect("a good question")).expect("a prover")
}

/// Answers everything as it should be.
async fn answer_honestly(scene: &mut Scene) -> Over {
    let Ask::Open(open) = scene.commit().await else { panic!("rows are asked for next") };
    assert_eq!(open.rows.len(), question::ASKED);
    let rows = scene.prover.open(&open.rows).expect("it has them");
    assert_eq!(scene.put("rows", &scene.prove.token, rows).await.status(), StatusCode::NO_CONTENT);
    let Ask::Remember(remember) = scene.agent.asked().await else { panic!("memory comes next") };
    let roots = scene.prover.remember(&remember.nonce, remember.reads).expect("it has them");
    let answer = Answer::Remembered(Remembered { seed: scene.prove.seed, roots });
    scene.agent.say(AgentMessage::Answer(answer)).await;
    let Ask::OpenReads(open) = scene.agent.asked().await else { panic!("reads are asked for next") };
    let reads = scene.prover.open_reads(&open.reads).expect("it has them");
    assert_eq!(scene.put("reads", &scene.prove.token, reads).await.status(), StatusCode::NO_CONTENT);
    scene.over().await
}

#[tokio::test]
async fn an_honest_card_passes_and_is_worth_what_it_claims() {
    let app = TestApp::start_with(unhurried).await;
    let mut scene = Scene::asked(&app).await;
    assert_eq!(scene.prove.size, 64);
    let over = answer_honestly(&mut scene).await;
    assert_eq!((over.verdict, over.message.as_str()), (Verdict::Passed, ""));
    assert_eq!(reason(&app).await, "passed");
    let record = records(&app).await.remove(0);
    assert!(record.proving_us.is_some() && record.reading_us.is_some() && record.ops_per_us.is_some(), "{record:?}");
}
