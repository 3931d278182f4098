//! What a guest is told of the owner's rigs.

use headframe_control::{AgentPaths, Client, ClientError};
use headframe_protocol::{
    DeviceId, Micros, TimestampMs,
    control::{ControlCode, FleetArgs, FleetSaid},
    demand::MarketPlace,
    fleet::{FleetAlone, FleetCard, FleetList, FleetRig, FleetTotal},
};

use crate::{
    rig::Rig,
    wallet::home_of,
    wallet_office::{Fault, Office},
};

fn one(device: DeviceId, name: &str) -> FleetRig {
    FleetRig {
        device,
        name: name.to_owned(),
        agent: Some("0.1.0".to_owned()),
        connected: true,
        seen_ms: TimestampMs::from_millis(5),
        attempts: 1,
        place: Some(MarketPlace::Full),
        cpu_model: "test".to_owned(),
        cpu_cores: 8,
        cards: vec![FleetCard { model: "RTX 4090".to_owned(), vram_bytes: 24 << 30, fu: Some(900) }],
        fu: 900,
        today: Micros::new(1),
        days: Micros::new(2),
        tier: "good".to_owned(),
    }
}

fn list(rigs: Vec<FleetRig>) -> FleetList {
    let total = FleetTotal { rigs: 2, connected: 2, fu: 1_800, today: Micros::new(2), days: Micros::new(4) };
    FleetList { wallet: None, alone: None, rigs, total, next: None }
}

#[tokio::test]
async fn the_network_is_asked_in_the_rigs_name_and_which_one_is_here_is_told() {
    let office = Office::open().await;
    let home = home_of(&office);
    let rig = Rig::fresh(home.path()).await;
    let paths = AgentPaths::resolve(Some(home.path().to_owned())).expect("absolute");
    let mut guest = Client::connect(&paths).await.expect("the agent listens");
    let here: DeviceId = guest.status().await.expect("a snapshot").rig.device.parse().expect("a device");
    let other = DeviceId([7; 20].into());
    office.books().fleet = Some(FleetList { next: Some(other), ..list(vec![one(here, "cellar"), one(other, "attic")]) });

    let said = guest.fleet(FleetArgs::default()).await.expect("an answer").said;
    let FleetSaid::Listed { page } = said else { panic!("a list: {said:?}") };
    let shown: Vec<_> = page.rigs.iter().map(|rig| (rig.name.as_str(), rig.here, rig.attempts, rig.fu)).collect();
    assert_eq!(shown, [("cellar", true, 1, 900), ("attic", false, 1, 900)]);
    assert_eq!((page.total.fu, page.next), (1_800, Some(other.to_string())));
    let asked = office.books().fleet_asked.clone();
    let now = headframe_agent::clock::wall();
    assert_eq!((asked[0].ask.device, asked[0].ask.after), (here, None));
    let since = |at: TimestampMs| now.since(at).as_secs() / 3_600;
    assert!(since(asked[0].ask.today_from_ms) < 25 && (143..169).contains(&since(asked[0].ask.days_from_ms)), "{asked:?}");

    guest.fleet(FleetArgs { after: Some(other.to_string()) }).await.expect("an answer");
    assert_eq!(office.books().fleet_asked[1].ask.after, Some(other));
    let refused = guest.fleet(FleetArgs { after: Some("the third".to_owned()) }).await;
    assert!(matches!(refused, Err(ClientError::Refused(error)) if error.code == ControlCode::BadRequest));
    rig.agent.shutdown().await;
}

#[tokio::test]
async fn why_there_is_no_list_is_an_answer_too() {
    let office = Office::open().await;
    let home = home_of(&office);
    let rig = Rig::fresh(home.path()).await;
    let paths = AgentPaths::resolve(Some(home.path().to_owned())).expect("absolute");
    let mut guest = Client::connect(&paths).await.expect("the agent listens");
    assert_eq!(guest.fleet(FleetArgs::default()).await.expect("an answer").said, FleetSaid::Silent);
    office.books().fleet_fault = Fault::Clock;
    assert_eq!(guest.fleet(FleetArgs::default()).await.expect("an answer").said, FleetSaid::ClockWrong);
    office.books().fleet_fault = Fault::No;
    let FleetSaid::Refused { message } = guest.fleet(FleetArgs::default()).await.expect("an answer").said else { panic!("no") };
    assert_eq!(message, "Not today.");
    office.books().fleet_fault = Fault::None;
    office.books().fleet = Some(FleetList { alone: Some(FleetAlone::NotSigned), ..list(Vec::new()) });
    let FleetSaid::Listed { page } = guest.fleet(FleetArgs::default()).await.expect("an answer").said else { panic!("a list") };
    assert_eq!(page.alone, Some(FleetAlone::NotSigned));
    rig.agent.shutdown().await;
}
