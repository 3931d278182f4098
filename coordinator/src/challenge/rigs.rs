//! The rigs connected to this replica and what is known of their cards. In RAM: the database has every outcome, and a rig that
//! connects again brings its cards back.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    time::Duration,
};

use headframe_proof::{
    groups::{self, Device},
    standing::{self, Outcome, Tier},
};
use headframe_protocol::{
    DeviceId, SessionId, Sha256, TimestampMs,
    challenge::Digest,
    demand::ProvedCard,
    rig::{GpuReport, RigReport},
};

mod contest;

use contest::{Contest, Contested};

use super::{
    score::{shown_fu, verified_fu},
    when,
};
use crate::{config::ChallengeConfig, store::challenges::Record};

/// A group of several devices is not asked more often than this, whatever one of them has to make up for: all of them stand still
/// meanwhile.
const GROUP_REST: Duration = Duration::from_secs(600);

/// When a card is asked again that its agent cannot use for a proof, unless the rig connects anew.
const NO_PROVER_REST: Duration = Duration::from_secs(20 * 3_600);

/// A connected rig.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) session: SessionId,
    /// The account its earnings go to, if it has said so.
    pub(super) account: Option<String>,
    /// Where it comes from, if that says anything. Kept in RAM only, while it is connected.
    pub(super) address: Option<IpAddr>,
    /// Whether it can answer.
    pub(super) answers: bool,
    /// Whether it wants to hear of a challenge beforehand.
    pub(super) wants_notice: bool,
    pub(super) ready: bool,
    pub(super) rtt_p95: Option<Duration>,
    /// As it came: what it claims is in it.
    pub(super) report: RigReport,
    pub(super) cards: BTreeMap<String, Card>,
    /// What the market was told last, card for card.
    told: Vec<u32>,
    /// When one of its cards was asked last.
    asked: Option<TimestampMs>,
    /// It is to be asked as soon as its work is done: it gets no more until then.
    reserved: bool,
    /// It names a card that is another's, perhaps: it gets no work until that is known.
    set_aside: bool,
}

/// What is known of a card.
#[derive(Debug, Default)]
pub(super) struct Card {
    /// Since when its rig has named it, as far as is known.
    pub(super) met: TimestampMs,
    pub(super) history: Vec<Record>,
    pub(super) next: TimestampMs,
    pub(super) live: Option<Digest>,
}

/// What one look comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Round {
    /// Asked now, those of one group together.
    pub(super) groups: Vec<Vec<(DeviceId, String)>>,
    /// Name a card that another names too.
    pub(super) quarantined: BTreeSet<DeviceId>,
    /// Perhaps do, and get no more work until that is known.
    pub(super) set_aside: Vec<(DeviceId, SessionId)>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Rigs {
    rigs: HashMap<DeviceId, Connected>,
    /// Cards that several name, until it is known whose they are.
    contests: HashMap<String, Contest>,
}

impl Connected {
    pub(super) fn new(session: SessionId, report: RigReport) -> Self {
        Self {
            session,
            account: None,
            address: None,
            answers: false,
            wants_notice: false,
            ready: false,
            rtt_p95: None,
            report,
            cards: BTreeMap::new(),
            told: Vec::new(),
            asked: None,
            reserved: false,
            set_aside: false,
        }
    }

    /// Takes in what its cards have done before, and those it has now. Each is asked at a time drawn by `chance`.
    pub(super) fn remember(&mut self, history: Vec<Record>, now: TimestampMs, mut chance: impl FnMut() -> u64) {
        for record in history {
            self.cards.entry(record.gpu.clone()).or_default().history.push(record);
        }
        for card in self.cards.values_mut() {
            let last = card.history.last().map_or(now, |last| last.at);
            card.met = card.history.first().map_or(now, |first| first.at);
            card.next = last.after(when::next_after(&card.history, chance()));
        }
        self.meet(now, chance);
    }

    /// A card that was not seen before is asked soon.
    fn meet(&mut self, now: TimestampMs, mut chance: impl FnMut() -> u64) {
        for gpu in &self.report.gpus {
            let unseen = || Card { met: now, next: now.after(when::next_after(&[], chance())), ..Card::default() };
            self.cards.entry(gpu.uuid.clone()).or_insert_with(unseen);
        }
    }

    /// It has become something else.
    pub(super) fn reports(&mut self, report: RigReport, now: TimestampMs) {
        self.report = report;
        self.meet(now, rand::random);
    }

    /// What it reports, with scores that were shown instead of those that it claims. Notes it as told.
    pub(super) fn believed(&mut self, now: TimestampMs, config: &ChallengeConfig) -> RigReport {
        let mut report = self.report.clone();
        for gpu in &mut report.gpus {
            gpu.fu = self.cards.get(&gpu.uuid).map_or(0, |card| card.fu(gpu.fu, now, config));
        }
        self.told = report.gpus.iter().map(|gpu| gpu.fu).collect();
        report
    }

    /// What its cards have proved, in the order of its report.
    pub(super) fn proved(&self, now: TimestampMs, config: &ChallengeConfig) -> Vec<ProvedCard> {
        let proved = |gpu: &GpuReport| {
            let card = self.cards.get(&gpu.uuid);
            let last = |outcomes: &[Outcome]| {
                card.and_then(|card| card.history.iter().rev().find(|record| outcomes.contains(&record.outcome)))
            };
            ProvedCard {
                card: Sha256::of(gpu.uuid.as_bytes()),
                fu: card.map(|card| card.fu(gpu.fu, now, config)).filter(|fu| *fu > 0),
                passed_ms: last(&[Outcome::Passed]).map(|record| record.at),
                failed_ms: last(&[Outcome::OutOfTime, Outcome::Refused]).map(|record| record.at),
            }
        };
        self.report.gpus.iter().map(proved).collect()
    }

    fn gpu(&self, uuid: &str) -> Option<&GpuReport> {
        self.report.gpus.iter().find(|gpu| gpu.uuid == uuid)
    }

    fn is_challenged(&self) -> bool {
        self.cards.values().any(|card| card.live.is_some())
    }

    /// Whether its work leaves room. Which card an attempt has is known to the rig alone: one with several is asked while any is
    /// free, and says so if it is another.
    fn has_room(&self, held: usize) -> bool {
        held < usize::from(self.report.slots.max(1))
    }
}

impl Card {
    /// What it is worth that claims `claimed`.
    fn fu(&self, claimed: u32, now: TimestampMs, config: &ChallengeConfig) -> u32 {
        match standing::tier(&when::pasts(&self.history), now) {
            Tier::Unverified => 0,
            Tier::Verified | Tier::Proven => verified_fu(claimed, self.shown(config).unwrap_or(0)),
        }
    }

    /// What it did when it passed last.
    pub(super) fn shown(&self, config: &ChallengeConfig) -> Option<u32> {
        shown_fu(&self.history, config)
    }
}

impl Rigs {
    pub(super) fn enter(&mut self, device: DeviceId, rig: Connected) {
        self.rigs.insert(device, rig);
    }

    pub(super) fn leave(&mut self, device: DeviceId, session: SessionId) {
        if self.of(device, session).is_some() {
            self.rigs.remove(&device);
        }
    }

    pub(super) fn of(&mut self, device: DeviceId, session: SessionId) -> Option<&mut Connected> {
        self.rigs.get_mut(&device).filter(|rig| rig.session == session)
    }

    pub(super) fn get(&self, device: DeviceId) -> Option<&Connected> {
        self.rigs.get(&device)
    }

    pub(super) fn get_mut(&mut self, device: DeviceId) -> Option<&mut Connected> {
        self.rigs.get_mut(&device)
    }

    /// Whether it must get no work now.
    pub(super) fn is_held(&self, device: DeviceId) -> bool {
        self.rigs.get(&device).is_some_and(|rig| rig.reserved || rig.set_aside || rig.is_challenged())
    }

    /// Rigs with cards of which the market must hear something else than it was told, because a pass has become stale.
    pub(super) fn news(&mut self, now: TimestampMs, config: &ChallengeConfig) -> Vec<(DeviceId, SessionId, RigReport)> {
        let mut news = Vec::new();
        for (device, rig) in &mut self.rigs {
            let before = rig.told.clone();
            let report = rig.believed(now, config);
            if rig.told != before {
                news.push((*device, rig.session, report));
            }
        }
        news
    }

    /// Who is asked now. `held` is how many attempts a rig has; `wanted` are rigs that the operator wants asked.
    pub(super) fn round(&mut self, now: TimestampMs, wanted: &BTreeSet<DeviceId>, held: impl Fn(DeviceId) -> usize) -> Round {
        let Contested { quarantined, wished: contested, set_aside } = self.contested(now);
        let (aside, set_aside) = (&set_aside, self.set_aside(&set_aside));
        let mut round = Round { groups: Vec::new(), quarantined, set_aside };
        for group in groups::plan(&self.devices()).groups {
            let wished = group.iter().any(|device| wanted.contains(device) || contested.contains(device));
            let rests =
                group.len() > 1 && !wished && group.iter().any(|device| self.asked_since(*device, now.before(GROUP_REST)));
            let due = |card: &Card| wished || (card.next <= now && !rests);
            let mut asked = Vec::new();
            let mut begins = false;
            // Who names another's card is asked with it or not at all.
            let alone = group.iter().any(|device| contested.contains(device) && !self.is_free(*device, held(*device)));
            let asks = |device: &&DeviceId| !(round.quarantined.contains(device) || alone && aside.contains(device));
            for device in group.iter().filter(asks) {
                let Some(rig) = self.rigs.get_mut(device).filter(|rig| rig.answers && rig.ready) else { continue };
                let (busy, room) = (held(*device), rig.has_room(held(*device)));
                let idle = |gpu: &&GpuReport| rig.cards.get(&gpu.uuid).is_some_and(|card| card.live.is_none());
                let cards: Vec<String> = rig.report.gpus.iter().filter(idle).map(|gpu| gpu.uuid.clone()).collect();
                let is_due = cards.iter().any(|uuid| rig.cards.get(uuid).is_some_and(due));
                rig.reserved = is_due && busy > 0 && rig.report.slots <= 1;
                if room {
                    begins |= is_due;
                    asked.extend(cards.into_iter().map(|uuid| (*device, uuid)));
                }
            }
            if begins {
                for (device, _) in &asked {
                    if let Some(rig) = self.rigs.get_mut(device) {
                        rig.asked = Some(now);
                    }
                }
                self.contest_asked(&asked);
                round.groups.push(asked);
            }
        }
        round
    }

    fn is_free(&self, device: DeviceId, held: usize) -> bool {
        self.rigs.get(&device).is_some_and(|rig| rig.answers && rig.ready && rig.has_room(held))
    }

    /// Notes who gets no work until it is known whose a card is. Returns those who might get some now.
    fn set_aside(&mut self, now: &BTreeSet<DeviceId>) -> Vec<(DeviceId, SessionId)> {
        let mut newly = Vec::new();
        for (device, rig) in &mut self.rigs {
            let was = std::mem::replace(&mut rig.set_aside, now.contains(device));
            if rig.set_aside && !was {
                newly.push((*device, rig.session));
            }
        }
        newly
    }

    /// The card a challenge is about to be for, with what its rig says of it.
    pub(super) fn card(&self, device: DeviceId, uuid: &str) -> Option<(&Connected, &GpuReport, &Card)> {
        let rig = self.rigs.get(&device)?;
        Some((rig, rig.gpu(uuid)?, rig.cards.get(uuid)?))
    }

    /// A challenge of a card begins.
    pub(super) fn begins(&mut self, device: DeviceId, uuid: &str, seed: Digest) {
        if let Some(card) = self.rigs.get_mut(&device).and_then(|rig| rig.cards.get_mut(uuid)) {
            card.live = Some(seed);
        }
    }

    /// A challenge is over. `no_prover`: the agent could not even try.
    pub(super) fn ended(&mut self, device: DeviceId, seed: &Digest, record: Record, chance: u64, no_prover: bool) {
        let Some(rig) = self.rigs.get_mut(&device) else { return };
        let Some(card) = rig.cards.get_mut(&record.gpu) else { return };
        if card.live == Some(*seed) {
            card.live = None;
        }
        let at = record.at;
        card.history.push(record);
        let rest = if no_prover { NO_PROVER_REST } else { when::next_after(&card.history, chance) };
        card.next = at.after(rest);
    }

    fn asked_since(&self, device: DeviceId, since: TimestampMs) -> bool {
        self.rigs.get(&device).and_then(|rig| rig.asked).is_some_and(|asked| asked > since)
    }

    /// In the order of their names, so that a group is the same whenever it is looked at.
    fn devices(&self) -> Vec<Device> {
        let device = |(device, rig): (&DeviceId, &Connected)| Device {
            device: *device,
            owner: rig.account.clone(),
            address: rig.address,
            gpus: rig.report.gpus.iter().map(|gpu| gpu.uuid.clone()).collect(),
        };
        let mut devices: Vec<_> = self.rigs.iter().filter(|(_, rig)| !rig.report.gpus.is_empty()).map(device).collect();
        devices.sort_by_key(|device| device.device);
        devices
    }
}

#[cfg(test)]
mod tests;
