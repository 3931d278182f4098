//! Challenges of graphics cards, with the reference prover on small matrices.

use std::time::Duration;

use headframe_coordinator::{
    Config,
    store::challenges::{self, Begun, ChallengeRecord, Ended},
    verify::Tier,
};
use headframe_proof::{Parameters, Prover as _, Reference, question};
use headframe_protocol::{
    DeviceId, Sha256,
    challenge::{Answer, Ask, Committed, DeclineReason, Declined, Digest, NOTICE, Over, POG, Prove, Remembered, Verdict},
    demand::{MarketPlace, ProvedCard, RigDemand},
    error::Code,
    rig::{GpuReport, GpuVendor},
    session::{AgentMessage, CoordinatorMessage, Heartbeat, RefusedCode},
    standing::RigStanding,
};
use reqwest::StatusCode;

use crate::{
    support::{FakeAgent, PATIENCE, TestApp, agent::Rig, problem},
    verification::tier_of,
};

/// What a rig answers instead.
type Answering = fn(&Prove) -> AgentMessage;

/// What cards are asked takes the reference prover milliseconds, and may take minutes.
fn unhurried(config: &mut Config) {
    config.challenge.size_max = 64;
    config.challenge.ops_per_s_at_1000_fu = 100_000;
    config.challenge.read_bytes_per_s_at_1000_fu = 1_000;
    config.timers.challenge_opening = PATIENCE;
}

fn card(uuid: &str) -> GpuReport {
    let model = "a card".to_owned();
    GpuReport {
        uuid: uuid.to_owned(),
        model,
        vendor: GpuVendor::Nvidia,
        vram_bytes: 8 << 30,
        fu: 1_000,
        compute_capability: None,
        pci_bus_id: None,
        power_limit_w: None,
        driver: None,
    }
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
    challenges::list(&mut app.app().store.read().await.expect("a connection"), None, 100).await.expect("a list")
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
        Box::pin(Self::of(app, rig("GPU-1"))).await
    }

    async fn of(app: &TestApp, rig: Rig) -> Self {
        let mut agent = rig.connect(&app.url()).await;
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
    let mut scene = Box::pin(Scene::asked(&app)).await;
    assert_eq!(scene.prove.size, 64);
    let over = answer_honestly(&mut scene).await;
    assert_eq!((over.verdict, over.message.as_str()), (Verdict::Passed, ""));
    assert_eq!(reason(&app).await, "passed");
    let record = records(&app).await.remove(0);
    assert!(record.proving_us.is_some() && record.reading_us.is_some() && record.ops_per_us.is_some(), "{record:?}");
}

#[tokio::test]
async fn a_rig_that_wants_to_hears_of_it_before_it_is_asked() {
    let app = TestApp::start_with(unhurried).await;
    let mut rig = rig("GPU-1");
    rig.challenges.push(NOTICE.to_owned());
    let mut agent = rig.connect(&app.url()).await;
    want(&app, agent.rig.device()).await;
    let Ask::Soon(soon) = agent.asked().await else { panic!("a notice comes first") };
    assert_eq!((soon.gpu.as_str(), soon.in_ms), ("GPU-1", 500));
    let Ask::Prove(prove) = agent.asked().await else { panic!("then it is asked") };
    let mut scene = Scene { agent, prover: computed(&prove), prove };
    assert_eq!(answer_honestly(&mut scene).await.verdict, Verdict::Passed);
    assert_eq!(reason(&app).await, "passed");
}

#[tokio::test]
async fn whoever_goes_away_before_he_is_asked_has_not_been_asked() {
    let patient = |config: &mut Config| {
        unhurried(config);
        config.timers.challenge_notice = PATIENCE * 10;
    };
    let app = TestApp::start_with(patient).await;
    let mut rig = rig("GPU-1");
    rig.challenges.push(NOTICE.to_owned());
    let mut agent = rig.connect(&app.url()).await;
    want(&app, agent.rig.device()).await;
    assert!(matches!(agent.asked().await, Ask::Soon(_)));
    agent.say(AgentMessage::Heartbeat(Heartbeat { sequence: 1, ready: false, leases: Vec::new() })).await;
    assert_eq!(reason(&app).await, "yielded");
    assert_eq!(records(&app).await[0].outcome.as_deref(), Some("void"));
    let history = challenges::history(&mut app.app().store.read().await.expect("a connection"), agent.rig.device()).await;
    assert!(!history.expect("a history")[0].questioned, "nothing was asked");
}

#[tokio::test]
async fn what_a_rig_claims_is_not_believed_and_what_it_has_shown_is() {
    let app = TestApp::start_with(unhurried).await;
    let customer = app.customer(10).await;
    let offers = async || customer.get("/v1/offers").await.text().await.expect("offers");
    let mut scene = Box::pin(Scene::asked(&app)).await;
    let device = scene.agent.rig.device();
    let wants = serde_json::json!({ "resources": { "gpu": { "count": 1, "vram_gib": 1, "min_fu": 1_000 } } });
    let job = customer.submit(wants).await;
    let told = async || {
        let address = format!("{}/v1/devices/{}/demand", app.url(), device);
        reqwest::get(address).await.expect("an answer").json::<RigDemand>().await.expect("what there is")
    };
    let before = told().await;
    let card = ProvedCard { card: Sha256::of(b"GPU-1"), fu: None, passed_ms: None, failed_ms: None };
    assert_eq!((before.cards.as_slice(), before.place), ([card].as_slice(), MarketPlace::Challenged));
    // While its card is challenged it gets no work, and without a pass none of this kind.
    assert_eq!(answer_honestly(&mut scene).await.verdict, Verdict::Passed);
    let offer = scene.agent.offer().await;
    assert_eq!(offer.job, job.id, "{}", offers().await);
    assert!(offers().await.contains("\"fu\":1000"), "{}", offers().await);
    let after = told().await;
    assert!(after.cards[0].fu == Some(1_000) && after.cards[0].passed_ms.is_some(), "{after:?}");
}

/// Eight owners have passed with cards like this, as fast as no reference prover is.
async fn eight_have_passed(app: &TestApp, card: &GpuReport) {
    let device = FakeAgent::connect(app).await.rig.device();
    let store = &app.app().store;
    let mut tx = store.begin().await.expect("a transaction");
    for owner in 0..8_u8 {
        let seed = Digest::from_bytes([owner + 1; 32]);
        let begun = Begun {
            seed,
            device,
            gpu: format!("GPU-of-{owner}"),
            model: card.tier(),
            owner: owner.to_string(),
            size: 64,
            products: 20,
            resident: 20,
            claimed_ops_per_us: 1,
            rtt_us: 0,
            ends_by: store.now(),
        };
        challenges::begin(&mut tx, &begun, store.now()).await.expect("written");
        let passed = Ended {
            outcome: "passed",
            reason: "passed",
            detail: String::new(),
            questioned: true,
            proving_us: Some(1),
            reading_us: Some(1),
            ops_per_us: Some(1_000_000_000),
        };
        assert!(challenges::end(&mut tx, seed, &passed, store.now()).await.expect("written"));
    }
    tx.commit().await.expect("written");
}

#[tokio::test]
async fn a_card_held_to_less_power_is_compared_with_its_like() {
    let app = TestApp::start_with(unhurried).await;
    let limited = |uuid: &str, watts| {
        let mut rig = rig(uuid);
        rig.report.gpus[0].power_limit_w = Some(watts);
        rig
    };
    eight_have_passed(&app, &limited("GPU-0", 450).report.gpus[0]).await;
    let mut full = Box::pin(Scene::of(&app, limited("GPU-1", 455))).await;
    let over = answer_honestly(&mut full).await;
    assert_eq!((over.verdict, over.message.as_str()), (Verdict::Failed, "The card is not as fast as others of its model."));
    let mut saving = Box::pin(Scene::of(&app, limited("GPU-2", 300))).await;
    assert_eq!(answer_honestly(&mut saving).await.verdict, Verdict::Passed);
}

#[tokio::test]
async fn wrong_rows_fail_with_the_reason_and_cannot_be_mended() {
    let app = TestApp::start_with(unhurried).await;
    let mut scene = Box::pin(Scene::asked(&app)).await;
    let Ask::Open(open) = scene.commit().await else { panic!("rows are asked for next") };
    let right = scene.prover.open(&open.rows).expect("it has them");
    let mut wrong = right.clone();
    // Behind the header and the first name: an entry of the first row.
    wrong[20] ^= 1;
    let refused = problem(scene.put("rows", &scene.prove.token, wrong).await).await;
    assert_eq!((refused.status, refused.code), (422, Code::InvalidRequest));
    let over = scene.over().await;
    assert_eq!(over.verdict, Verdict::Failed);
    assert!(over.message.starts_with("The proof is wrong"), "{over:?}");
    assert_eq!(reason(&app).await, "refused");
    let late = scene.put("rows", &scene.prove.token, right).await;
    assert_eq!(problem(late).await.code, Code::Unauthenticated, "there is no such challenge any more");
    let device = scene.agent.rig.device();
    let standing = reqwest::get(format!("{}/v1/devices/{device}/standing", app.url())).await.expect("an answer");
    let standing: RigStanding = standing.json().await.expect("a standing");
    let deeds: Vec<(&str, u32)> = standing.deeds.iter().map(|deed| (deed.deed.as_str(), deed.times)).collect();
    assert_eq!((standing.tier.as_str(), deeds), ("distrusted", vec![("cheated", 1)]), "it counts once, as two wrong results");
}

#[tokio::test]
async fn an_answer_to_another_seed_is_worth_nothing() {
    let app = TestApp::start_with(unhurried).await;
    let mut scene = Box::pin(Scene::asked(&app)).await;
    // Yesterday's products, for which everything is at hand.
    scene.prover = computed(&Prove { seed: Digest::from_bytes([7; 32]), ..scene.prove.clone() });
    let Ask::Open(open) = scene.commit().await else { panic!("rows are asked for next") };
    let rows = scene.prover.open(&open.rows).expect("it has them");
    let refused = problem(scene.put("rows", &scene.prove.token, rows).await).await;
    assert!(refused.errors.iter().any(|error| error.message.contains("was not computed")), "{refused:?}");
    assert_eq!(reason(&app).await, "refused");
}

#[tokio::test]
async fn a_proof_that_does_not_come_in_time_is_failed() {
    let hurried = |config: &mut Config| {
        unhurried(config);
        // Nobody is as fast as this. What is left is what a line may take.
        config.challenge.ops_per_s_at_1000_fu = 1 << 60;
    };
    let app = TestApp::start_with(hurried).await;
    let mut agent = rig("GPU-1").connect(&app.url()).await;
    want(&app, agent.rig.device()).await;
    let Ask::Prove(prove) = agent.asked().await else { panic!("a proof comes first") };
    assert!(prove.within_ms <= 301, "{prove:?}");
    let Ask::Over(over) = agent.asked().await else { panic!("it is over") };
    assert_eq!((over.seed, over.verdict), (prove.seed, Verdict::Failed));
    assert_eq!(reason(&app).await, "late_proof");
    assert_eq!(tier_of(&app, agent.rig.device()).await, (Tier::New, vec![]), "slow is not dishonest");
}

#[tokio::test]
async fn whoever_goes_away_or_wants_his_pc_is_not_punished() {
    let declines: [(&str, Answering); 2] = [
        ("yielded", |_| AgentMessage::Heartbeat(Heartbeat { sequence: 1, ready: false, leases: Vec::new() })),
        ("no_prover", |prove| {
            let declined = Declined { seed: prove.seed, why: DeclineReason::NoProver };
            AgentMessage::Answer(Answer::Declined(declined))
        }),
    ];
    for (expected, say) in declines {
        let app = TestApp::start_with(unhurried).await;
        let mut scene = Box::pin(Scene::asked(&app)).await;
        scene.agent.say(say(&scene.prove)).await;
        assert_eq!(scene.over().await.verdict, Verdict::Void);
        assert_eq!(reason(&app).await, expected);
        assert_eq!(records(&app).await[0].outcome.as_deref(), Some("void"));
    }
    let app = TestApp::start_with(unhurried).await;
    let mut scene = Box::pin(Scene::asked(&app)).await;
    scene.commit().await;
    drop(scene);
    assert_eq!(reason(&app).await, "gone");
    assert_eq!(records(&app).await[0].outcome.as_deref(), Some("void"));
}

#[tokio::test]
async fn a_coordinator_that_starts_anew_leaves_nothing_against_the_rig() {
    let mut app = TestApp::start_with(unhurried).await;
    let mut scene = Box::pin(Scene::asked(&app)).await;
    scene.commit().await;
    app.restart().await;
    assert_eq!(records(&app).await[0].outcome.as_deref(), Some("void"));
    assert_eq!(reason(&app).await, "restarted");
    // One that could not even write that: the row is closed when its time is over.
    let store = &app.app().store;
    let begun = challenges::Begun {
        seed: Digest::from_bytes([9; 32]),
        device: scene.agent.rig.device(),
        gpu: "GPU-1".to_owned(),
        model: "a card".to_owned(),
        owner: "somebody".to_owned(),
        size: 64,
        products: 20,
        resident: 20,
        claimed_ops_per_us: 1,
        rtt_us: 1,
        ends_by: store.now().before(Duration::from_millis(1)),
    };
    let mut tx = store.begin().await.expect("a transaction");
    challenges::begin(&mut tx, &begun, store.now().before(Duration::from_secs(60))).await.expect("written");
    tx.commit().await.expect("written");
    let started = tokio::time::Instant::now();
    while records(&app).await.iter().any(|record| record.outcome.as_deref() != Some("void")) {
        assert!(started.elapsed() < PATIENCE, "never closed: {:?}", records(&app).await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn openings_need_the_challenges_own_token_and_their_turn() {
    let app = TestApp::start_with(unhurried).await;
    let mut scene = Box::pin(Scene::asked(&app)).await;
    let early = problem(scene.put("rows", &scene.prove.token, vec![0; 10]).await).await;
    assert_eq!((early.status, early.code), (409, Code::Conflict), "nothing is asked for yet");
    let Ask::Open(open) = scene.commit().await else { panic!("rows are asked for next") };
    let rows = scene.prover.open(&open.rows).expect("it has them");
    for token in ["hfc_stolen", scene.prove.token.trim_start_matches("hfc_"), ""] {
        let refused = problem(scene.put("rows", token, rows.clone()).await).await;
        assert_eq!(refused.code, Code::Unauthenticated);
    }
    let other = format!("{}/v1/challenges/{}/rows", app.url(), Digest::from_bytes([3; 32]));
    let stranger = reqwest::Client::new().put(other).bearer_auth(&scene.prove.token).body(rows.clone());
    assert_eq!(problem(stranger.send().await.expect("an answer")).await.code, Code::Unauthenticated);
    let too_much = problem(scene.put("rows", &scene.prove.token, vec![0; rows.len() + 1]).await).await;
    assert_eq!(too_much.status, 413);
    let reads = problem(scene.put("reads", &scene.prove.token, rows.clone()).await).await;
    assert_eq!(reads.code, Code::Conflict, "rows come first");
    // None of it is held against the rig.
    assert_eq!(scene.put("rows", &scene.prove.token, rows).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn another_rig_cannot_answer_in_its_place() {
    let app = TestApp::start_with(unhurried).await;
    let scene = Box::pin(Scene::asked(&app)).await;
    let mut other = rig("GPU-2").connect(&app.url()).await;
    let declined = Declined { seed: scene.prove.seed, why: DeclineReason::NoProver };
    other.say(AgentMessage::Answer(Answer::Declined(declined))).await;
    other.beat(Vec::new()).await;
    assert_eq!(records(&app).await[0].outcome, None, "it goes on");
}

#[tokio::test]
async fn two_rigs_with_one_card_are_both_out_of_work() {
    let app = TestApp::start_with(unhurried).await;
    let mut first = rig("GPU-1").connect(&app.url()).await;
    let mut honest = rig("GPU-2").connect(&app.url()).await;
    let mut second = rig("GPU-1").connect(&app.url()).await;
    for rig in [&mut first, &mut second] {
        assert_eq!(rig.refused().await.code, RefusedCode::Quarantined);
    }
    honest.beat(Vec::new()).await;
    let (_, answer) = first.rig.knock(&app.url()).await;
    assert!(matches!(answer, CoordinatorMessage::Refused(refused) if refused.code == RefusedCode::Quarantined));
}

#[tokio::test]
async fn who_names_a_card_that_another_has_shown_is_out_of_work_alone() {
    let app = TestApp::start_with(unhurried).await;
    let mut first = Box::pin(Scene::asked(&app)).await;
    assert_eq!(answer_honestly(&mut first).await.verdict, Verdict::Passed);
    let mut second = rig("GPU-1").connect(&app.url()).await;
    let Ask::Prove(prove) = first.agent.asked().await else { panic!("both are asked at once") };
    assert!(matches!(second.asked().await, Ask::Prove(_)));
    (first.prover, first.prove) = (computed(&prove), prove);
    assert_eq!(answer_honestly(&mut first).await.verdict, Verdict::Passed);
    assert_eq!(second.refused().await.code, RefusedCode::Quarantined);
    first.agent.beat(Vec::new()).await;
    let (_, answer) = first.agent.rig.knock(&app.url()).await;
    assert!(matches!(answer, CoordinatorMessage::Welcome(_)), "{answer:?}");
}

#[tokio::test]
async fn an_agent_that_does_not_know_challenges_is_never_asked() {
    let app = TestApp::start_with(unhurried).await;
    let mut old = Rig { challenges: Vec::new(), ..rig("GPU-1") }.connect(&app.url()).await;
    want(&app, old.rig.device()).await;
    let mut new = rig("GPU-2").connect(&app.url()).await;
    want(&app, new.rig.device()).await;
    assert!(matches!(new.asked().await, Ask::Prove(_)));
    old.say(AgentMessage::Heartbeat(Heartbeat { sequence: 7, ready: true, leases: Vec::new() })).await;
    let first = old.hear_until(|message| match message {
        CoordinatorMessage::Beat(beat) => Some(beat.sequence),
        CoordinatorMessage::Ask(ask) => panic!("asked: {ask:?}"),
        _ => None,
    });
    assert_eq!(first.await, 7);
}
