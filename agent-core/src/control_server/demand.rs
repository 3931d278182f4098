//! What the network has for the rig to do. Asked only when a guest asks, and then once a minute at most.

use std::{collections::BTreeMap, time::Duration};

use headframe_protocol::{
    DeviceId, Sha256, TimestampMs,
    control::{CardProof, DemandView, KindFares, NetworkDemand, Snapshot, StandingView},
    demand::{KindDemand, ProvedCard, RigDemand, StandingInBrief},
    standing::BEHIND_MAX_PERMILLE,
};
use tokio::{sync::Mutex, time::Instant};
use tracing::debug;

use crate::{clock, store::Chain, wallet::Payroll};

/// How long an answer is good. Nothing in it changes so quickly that an owner would miss it.
const KEPT: Duration = Duration::from_secs(60);

/// How long no answer is one: a coordinator that is restarted is back within seconds.
const SILENCE_KEPT: Duration = Duration::from_secs(10);

/// From here on an owner is told that others are quicker. Below it, honest rigs differ.
const SLOW_PERMILLE: u32 = BEHIND_MAX_PERMILLE / 2;

/// Asks the coordinator, and keeps what it said.
#[derive(Debug)]
pub struct Demand {
    coordinator: Payroll,
    device: DeviceId,
    known: Mutex<Option<(Instant, TimestampMs, Option<RigDemand>)>>,
}

impl Demand {
    /// Asks about this rig.
    pub(crate) fn new(coordinator: Payroll, device: DeviceId) -> Self {
        Self { coordinator, device, known: Mutex::new(None) }
    }

    /// What the network says, now or a little before.
    pub(super) async fn show(&self, present: &Snapshot) -> DemandView {
        // Held while it is asked: whoever asks meanwhile gets the same answer.
        let mut known = self.known.lock().await;
        let is_good = |(at, _, said): &(Instant, TimestampMs, Option<RigDemand>)| {
            at.elapsed() < if said.is_some() { KEPT } else { SILENCE_KEPT }
        };
        if !known.as_ref().is_some_and(is_good) {
            let said = self.coordinator.demand(self.device).await;
            let said = said.inspect_err(|error| debug!("Nobody says what there is to do: {}", Chain(error))).ok();
            *known = Some((Instant::now(), clock::wall(), said));
        }
        let (asked_ms, said) = known.as_ref().map_or((clock::wall(), None), |(_, asked, said)| (*asked, said.clone()));
        DemandView { asked_ms, network: said.map(|said| view(said, present)) }
    }
}

fn view(said: RigDemand, present: &Snapshot) -> NetworkDemand {
    let RigDemand { class, place, rests_until_ms, waiting, more, fitting, unmet, kind, cards, standing } = said;
    // The coordinator names cards by a sum of their UUIDs.
    let uuids: BTreeMap<Sha256, &str> =
        present.rig.gpus.iter().map(|gpu| (Sha256::of(gpu.uuid.as_bytes()), gpu.uuid.as_str())).collect();
    let card = |ProvedCard { card, fu, passed_ms, failed_ms }| {
        let gpu = (*uuids.get(&card)?).to_owned();
        Some(CardProof { gpu, fu, passed_ms, failed_ms })
    };
    NetworkDemand {
        class,
        place,
        rests_until_ms,
        waiting,
        more,
        fitting,
        unmet,
        kind: kind.map(|KindDemand { jobs, wait_s, low_per_hour, middle_per_hour, high_per_hour }| KindFares {
            jobs,
            wait_s,
            low_per_hour,
            middle_per_hour,
            high_per_hour,
        }),
        cards: cards.into_iter().filter_map(card).collect(),
        standing: standing.map(|StandingInBrief { tier, reliability_percent, behind_permille }| StandingView {
            tier,
            reliability_percent,
            slow: behind_permille >= SLOW_PERMILLE,
        }),
    }
}
