//! What a guest is told of the work there is, and of the cards.

use headframe_agent::challenge::NoProvers;
use headframe_control::{AgentPaths, Client, ClientError};
use headframe_protocol::{
    Micros, Sha256, TimestampMs,
    control::{CardProof, ControlCode, MeasureArgs, StandingView},
    demand::{KindDemand, MarketPlace, ProvedCard, Requirement, RigDemand, StandingInBrief, Unmet},
};

use crate::{rig::Rig, wallet::home_of, wallet_office::Office};

/// The only card of a rig with one.
const CARD: &str = "GPU-1";

fn demand() -> RigDemand {
    let money = Micros::new;
    RigDemand {
        class: Some("nvidia 24 GiB".to_owned()),
        place: MarketPlace::Open,
        rests_until_ms: None,
        waiting: 3,
        more: false,
        fitting: 1,
        unmet: vec![Unmet { requirement: Requirement::Vram, jobs: 2, alone: 2 }],
        kind: Some(KindDemand {
            jobs: 20,
            wait_s: 60,
            low_per_hour: money(1),
            middle_per_hour: money(2),
            high_per_hour: money(3),
        }),
        cards: Vec::new(),
        standing: None,
    }
}

async fn guest(home: &std::path::Path) -> Client {
    let paths = AgentPaths::resolve(Some(home.to_owned())).expect("absolute");
    Client::connect(&paths).await.expect("the agent listens")
}

#[tokio::test]
async fn the_network_is_asked_when_a_guest_asks_and_then_once_a_minute() {
    let office = Office::open().await;
    let home = home_of(&office);
    let rig = Rig::with_card(home.path(), std::sync::Arc::new(NoProvers)).await;
    let mut guest = guest(home.path()).await;
    assert_eq!(office.books().demand_asked, 0, "nobody has asked");
    let proved = |uuid: &str| ProvedCard {
        card: Sha256::of(uuid.as_bytes()),
        fu: Some(900),
        passed_ms: Some(TimestampMs::from_millis(5)),
        failed_ms: None,
    };
    office.books().demand = Some(RigDemand { cards: vec![proved(CARD), proved("GPU-of-another")], ..demand() });
    let told = guest.demand().await.expect("an answer").network.expect("the network speaks");
    assert_eq!((told.place, told.waiting, told.fitting), (MarketPlace::Open, 3, 1));
    assert_eq!(told.unmet, demand().unmet);
    assert_eq!(told.kind.map(|kind| (kind.jobs, kind.wait_s)), Some((20, 60)));
    let card = CardProof { gpu: CARD.to_owned(), fu: Some(900), passed_ms: Some(TimestampMs::from_millis(5)), failed_ms: None };
    assert_eq!(told.cards, [card], "a card that is not here is not shown");
    office.books().demand = None;
    assert!(guest.demand().await.expect("an answer").network.is_some(), "what was said a moment ago is good");
    assert_eq!(office.books().demand_asked, 1);
    rig.agent.shutdown().await;
}

#[tokio::test]
async fn an_owner_reads_how_his_rig_stands_and_that_others_are_quicker_before_it_costs_him() {
    for (behind_permille, slow) in [(0, false), (59, false), (60, true), (120, true)] {
        let office = Office::open().await;
        let home = home_of(&office);
        let rig = Rig::fresh(home.path()).await;
        let standing = StandingInBrief { tier: "watched".to_owned(), reliability_percent: 97, behind_permille };
        office.books().demand = Some(RigDemand { standing: Some(standing), ..demand() });
        let told = guest(home.path()).await.demand().await.expect("an answer").network.expect("the network speaks");
        let expected = StandingView { tier: "watched".to_owned(), reliability_percent: 97, slow };
        assert_eq!(told.standing, Some(expected), "{behind_permille}");
        rig.agent.shutdown().await;
    }
}

#[tokio::test]
async fn a_network_that_does_not_answer_is_no_error() {
    let office = Office::open().await;
    let home = home_of(&office);
    let rig = Rig::fresh(home.path()).await;
    let mut guest = guest(home.path()).await;
    assert_eq!(guest.demand().await.expect("an answer").network, None);
    rig.agent.shutdown().await;
}

#[tokio::test]
async fn a_card_is_wanted_measured_again_until_it_was_and_only_one_that_is_here() {
    let office = Office::open().await;
    let home = home_of(&office);
    let rig = Rig::with_card(home.path(), std::sync::Arc::new(NoProvers)).await;
    let mut guest = guest(home.path()).await;
    let page = guest.cards().await.expect("an answer");
    let shown: Vec<_> =
        page.cards.iter().map(|card| (card.gpu.as_str(), card.benchmark.is_some(), card.measure_wanted)).collect();
    assert_eq!(shown, [(CARD, false, false)]);
    let page = guest.measure_again(MeasureArgs { gpu: CARD.to_owned() }).await.expect("an answer");
    assert!(page.cards[0].measure_wanted);
    for stranger in ["GPU-of-another".to_owned(), "x".repeat(10_000)] {
        let refused = guest.measure_again(MeasureArgs { gpu: stranger }).await;
        assert!(matches!(refused, Err(ClientError::Refused(error)) if error.code == ControlCode::BadRequest));
    }
    rig.agent.shutdown().await;
}
