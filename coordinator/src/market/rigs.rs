//! Connected rigs, and the ready ones by class.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use headframe_protocol::{AttemptId, DeviceId, Micros, SessionId, Sha256, TimestampMs, job::Trust, rig::RigReport};
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

use super::{ByDevice, Capacity, Class, Need, Verdict, Want, price};

/// Ready rigs drawn by lot for one job. The best of eight is close to the best of all, and costs the same in a network of
/// any size. So few are all looked at.
const SAMPLES: usize = 8;

/// They are drawn as neighbours of this many: what stands together in a list is read together, and who stands beside whom there is
/// as good as a lot.
const NEIGHBOURS: usize = 4;

/// When none of the drawn rigs suits, this many more are looked at from a random start, so that a job few rigs can do
/// finds one in a small network at once and in a large one after some tries.
const SWEEP: usize = 56;

/// How long a rig gets no offers after one failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure in a row; doubles from there.
    pub first_ms: i64,
    /// Never longer.
    pub max_ms: i64,
}

impl Backoff {
    /// A fifth of the first pause: long enough for another rig to be tried, short enough not to punish the owner.
    fn short_ms(self) -> i64 {
        self.first_ms / 5
    }

    /// A pause of `first_ms`, doubled for each time in a row after the first.
    fn doubled(self, first_ms: i64, in_a_row: u32) -> i64 {
        first_ms.saturating_mul(1_i64 << in_a_row.saturating_sub(1).min(20)).min(self.max_ms)
    }
}

/// A connected rig.
#[derive(Debug, Clone)]
pub struct Agent {
    /// The rig.
    pub device: DeviceId,
    /// Its session.
    pub session: SessionId,
    /// Its class.
    pub class: Class,
    /// Processor cores offered.
    pub cpu: u16,
    /// Memory offered.
    pub memory_gib: u16,
    /// Disk offered.
    pub disk_gib: u16,
    /// How many bytes one attempt may exchange with hosts of the internet; 0 for none.
    pub egress_bytes_max: u64,
    /// How many attempts it takes at once.
    pub slots: u8,
    /// What customers pay for it, the platform's fee included.
    pub price_per_hour: Micros,
    /// Images it has.
    pub images: Arc<HashSet<Sha256>>,
    /// Whether it takes offers.
    pub ready: bool,
    /// Attempts it holds, with the slots each takes.
    pub held: BTreeMap<AttemptId, u8>,
}

impl Agent {
    /// A rig as its report describes it.
    #[must_use]
    pub fn new(device: DeviceId, session: SessionId, report: &RigReport, trust: Trust, fee_bps: u16) -> Self {
        let gib = |bytes: u64| u16::try_from(bytes >> 30).unwrap_or(u16::MAX);
        Self {
            device,
            session,
            class: Class::of(report, trust),
            cpu: report.cpu_cores,
            // A machine sold with 16 GiB reports a little less; half a GiB is given to it.
            memory_gib: gib(report.memory_bytes.saturating_add(512 << 20)),
            disk_gib: gib(report.disk_bytes),
            egress_bytes_max: report.egress_bytes_max,
            slots: report.slots,
            price_per_hour: price(report.floor_per_hour, fee_bps),
            images: Arc::new(report.images.iter().copied().collect()),
            ready: false,
            held: BTreeMap::new(),
        }
    }

    fn slots_free(&self) -> u8 {
        self.slots.saturating_sub(self.held.values().fold(0, |sum, slots| sum.saturating_add(*slots)))
    }

    fn capacity(&self) -> Capacity {
        Capacity {
            class: self.class.clone(),
            cpu: self.cpu,
            memory_gib: self.memory_gib,
            disk_gib: self.disk_gib,
            egress_bytes_max: self.egress_bytes_max,
            slots_free: self.slots_free(),
            price_per_hour: self.price_per_hour,
        }
    }
}

/// How a rig has behaved. Outlives its sessions, or reconnecting would end a back-off.
#[derive(Debug, Clone, Copy, Default)]
struct Record {
    /// In a row.
    failures: u32,
    /// Jobs given back at once, in a row.
    unwilling: u32,
    rests_until: TimestampMs,
    resting: bool,
}

/// A ready rig in the list of its class, with all that choosing among rigs looks at. Beside one another, because a look at each
/// of the drawn rigs' own records costs more the more rigs there are: they no longer fit into the processor's caches.
#[derive(Debug)]
struct Listed {
    device: DeviceId,
    capacity: Capacity,
    images: Arc<HashSet<Sha256>>,
    /// One bit for each image's first: most images a rig does not have are seen here, without a look at the set elsewhere.
    image_bits: u64,
    failures: u32,
}

/// The bit of an image among the bits of a rig's images.
fn image_bit(image: &Sha256) -> u64 {
    1 << (image.as_bytes()[0] % 64)
}

impl Listed {
    fn of(agent: &Agent, failures: u32) -> Self {
        Self {
            device: agent.device,
            capacity: agent.capacity(),
            images: Arc::clone(&agent.images),
            image_bits: agent.images.iter().fold(0, |bits, image| bits | image_bit(image)),
            failures,
        }
    }

    fn has(&self, image: &Sha256) -> bool {
        self.image_bits & image_bit(image) != 0 && self.images.contains(image)
    }

    /// What the rig costs in all for a job that runs `image`; less is better. In micro-dollars per hour, so that every part has
    /// a price one can argue about.
    fn score(&self, image: Sha256) -> i64 {
        let price = self.capacity.price_per_hour.get();
        // Fetching an image takes minutes in which nobody earns: worth a tenth of the price and a cent.
        let fetch = if self.has(&image) { 0 } else { price / 10 + 10_000 };
        // Each recent failure in a row makes losing the work likelier.
        let risk = price / 10 * i64::from(self.failures.min(10));
        let trust = match self.capacity.class.trust {
            Trust::Community => 0,
            Trust::Partner => price / 20,
            Trust::Own => price / 10,
        };
        price.saturating_add(fetch).saturating_add(risk).saturating_sub(trust)
    }
}

#[derive(Debug)]
pub(super) struct Rigs {
    agents: ByDevice<Agent>,
    records: ByDevice<Record>,
    /// Ready rigs with a free slot, by class. The place of each is in `places`.
    ready: HashMap<Class, Vec<Listed>>,
    places: ByDevice<usize>,
    backoff: Backoff,
    lot: SmallRng,
}

impl Rigs {
    pub(super) fn new(backoff: Backoff, seed: u64) -> Self {
        Self {
            agents: HashMap::new(),
            records: HashMap::new(),
            ready: HashMap::new(),
            places: HashMap::new(),
            backoff,
            lot: SmallRng::seed_from_u64(seed),
        }
    }

    pub(super) fn connect(&mut self, mut agent: Agent) {
        let device = agent.device;
        self.unlist(device);
        // Reservations of this replica that are not in the database yet must not be forgotten by a reconnect.
        if let Some(before) = self.agents.remove(&device) {
            for (attempt, slots) in before.held {
                agent.held.entry(attempt).or_insert(slots);
            }
        }
        self.agents.insert(device, agent);
        self.relist(device);
    }

    pub(super) fn disconnect(&mut self, device: DeviceId, session: SessionId) {
        if self.agents.get(&device).is_some_and(|agent| agent.session == session) {
            self.unlist(device);
            self.agents.remove(&device);
        }
    }

    pub(super) fn report(&mut self, device: DeviceId, session: SessionId, report: &RigReport, fee_bps: u16) {
        let Some(agent) = self.agents.get(&device).filter(|agent| agent.session == session) else { return };
        let fresh = Agent::new(device, session, report, agent.class.trust, fee_bps);
        let agent = Agent { ready: agent.ready, held: agent.held.clone(), ..fresh };
        self.unlist(device);
        self.agents.insert(device, agent);
        self.relist(device);
    }

    /// True if it was not ready before and is now.
    pub(super) fn set_ready(&mut self, device: DeviceId, session: SessionId, ready: bool) -> bool {
        let Some(agent) = self.agents.get_mut(&device).filter(|agent| agent.session == session) else { return false };
        let became = ready && !agent.ready;
        agent.ready = ready;
        self.relist(device);
        became
    }

    /// Returns until when the rig rests, if it has to.
    pub(super) fn release(
        &mut self,
        device: DeviceId,
        attempt: AttemptId,
        verdict: Verdict,
        now: TimestampMs,
    ) -> Option<TimestampMs> {
        let held = self.agents.get_mut(&device).and_then(|agent| agent.held.remove(&attempt));
        let record = self.records.entry(device).or_default();
        let pause_ms = match verdict {
            Verdict::Fine | Verdict::Yielded { .. } => {
                (record.failures, record.unwilling) = (0, 0);
                0
            }
            Verdict::Unwilling { .. } => {
                record.unwilling = record.unwilling.saturating_add(1);
                self.backoff.doubled(self.backoff.short_ms(), record.unwilling)
            }
            Verdict::Void => 0,
            Verdict::JobFailed => self.backoff.short_ms(),
            Verdict::RigFailed => {
                record.failures = record.failures.saturating_add(1);
                self.backoff.doubled(self.backoff.first_ms, record.failures)
            }
        };
        if pause_ms > 0 {
            record.rests_until = TimestampMs::from_millis(now.as_millis().saturating_add(pause_ms)).max(record.rests_until);
            record.resting = true;
        }
        let rests_until = record.resting.then_some(record.rests_until);
        if record.failures == 0 && record.unwilling == 0 && !record.resting {
            // Rigs come and go for years; one that has nothing against it needs no record.
            self.records.remove(&device);
        }
        if held.is_some() || rests_until.is_some() {
            self.relist(device);
        }
        if pause_ms > 0 { rests_until } else { None }
    }

    pub(super) fn rested(&mut self, device: DeviceId, now: TimestampMs) {
        if let Some(record) = self.records.get_mut(&device)
            && record.rests_until <= now
        {
            record.resting = false;
            self.relist(device);
        }
    }

    pub(super) fn offer_of(&self, device: DeviceId) -> Option<Capacity> {
        self.places.get(&device)?;
        self.agents.get(&device).map(Agent::capacity)
    }

    pub(super) fn reserve(&mut self, device: DeviceId, attempt: AttemptId, slots: u8) -> Option<(SessionId, Micros)> {
        let agent = self.agents.get_mut(&device)?;
        agent.held.insert(attempt, slots);
        let reserved = (agent.session, agent.price_per_hour);
        self.relist(device);
        Some(reserved)
    }

    /// How long a rig rests after its first failure.
    pub(super) fn first_pause_ms(&self) -> i64 {
        self.backoff.first_ms
    }

    /// Every ready rig with a free slot, in an order that depends on nothing but the rigs.
    pub(super) fn ready(&self) -> Vec<DeviceId> {
        let mut ready: Vec<DeviceId> = self.places.keys().copied().collect();
        ready.sort_unstable();
        ready
    }

    /// The best of a few ready rigs that suit and that `may` have the job.
    pub(super) fn candidate(&mut self, want: &Want, image: Sha256, may: impl Fn(DeviceId) -> bool) -> Option<DeviceId> {
        let Self { ready, lot, .. } = self;
        let lists: Vec<&Vec<Listed>> = ready.iter().filter(|(class, _)| class.suits(&want.need)).map(|(_, list)| list).collect();
        let total: usize = lists.iter().map(|list| list.len()).sum();
        if total == 0 {
            return None;
        }
        let at = |mut place: usize| {
            lists.iter().find_map(|list| {
                let found = list.get(place);
                place = place.wrapping_sub(list.len());
                found
            })
        };
        let cost = |listed: &Listed| {
            let suits = listed.capacity.suits(want) && may(listed.device);
            suits.then(|| (listed.score(image), listed.device))
        };
        let drawn = if total <= SAMPLES {
            (0..total).filter_map(|place| at(place).and_then(cost)).min()
        } else {
            let starts = (0..SAMPLES / NEIGHBOURS).map(|_| lot.random_range(0..total));
            starts.flat_map(|start| start..start + NEIGHBOURS).filter_map(|place| at(place % total).and_then(cost)).min()
        };
        let start = lot.random_range(0..total);
        drawn
            .or_else(|| (0..SWEEP.min(total)).filter_map(|step| at((start + step) % total).and_then(cost)).next())
            .map(|(_, device)| device)
    }

    pub(super) fn classes(&self) -> Vec<(String, u32, u32, Option<Micros>)> {
        let mut named: BTreeMap<String, (u32, u32, Option<Micros>)> = BTreeMap::new();
        for agent in self.agents.values() {
            let (ready, connected, least) = named.entry(agent.class.name()).or_default();
            *connected += 1;
            if self.places.contains_key(&agent.device) {
                *ready += 1;
                *least = Some(least.map_or(agent.price_per_hour, |least| least.min(agent.price_per_hour)));
            }
        }
        named.into_iter().map(|(name, (ready, connected, least))| (name, ready, connected, least)).collect()
    }

    /// The least price among the rigs that could do such a job, and how many of them take work now. Whatever the job itself would
    /// pay at most.
    pub(super) fn cheapest(&self, need: &Need) -> (Option<Micros>, u32) {
        let able = self.agents.values().filter(|agent| {
            let empty = Capacity { slots_free: u8::MAX, ..agent.capacity() };
            empty.fits(need)
        });
        able.fold((None, 0), |(least, ready), agent| {
            let price = agent.price_per_hour;
            let takes = u32::from(self.places.contains_key(&agent.device));
            (Some(least.map_or(price, |least: Micros| least.min(price))), ready + takes)
        })
    }

    /// Puts the rig in the list of ready ones or takes it out, as its state demands.
    fn relist(&mut self, device: DeviceId) {
        let record = self.records.get(&device).copied().unwrap_or_default();
        let Some(agent) = self.agents.get(&device) else { return };
        let belongs = agent.ready && agent.slots_free() > 0 && !record.resting;
        let place = self.places.get(&device).copied();
        if !belongs {
            if place.is_some() {
                self.unlist(device);
            }
            return;
        }
        let listed = Listed::of(agent, record.failures);
        let list = self.ready.entry(agent.class.clone()).or_default();
        match place.and_then(|place| list.get_mut(place)) {
            Some(known) => *known = listed,
            None => {
                self.places.insert(device, list.len());
                list.push(listed);
            }
        }
    }

    fn unlist(&mut self, device: DeviceId) {
        let Some(place) = self.places.remove(&device) else { return };
        let Some(agent) = self.agents.get(&device) else { return };
        let Some(list) = self.ready.get_mut(&agent.class) else { return };
        list.swap_remove(place);
        if let Some(moved) = list.get(place) {
            self.places.insert(moved.device, place);
        }
        if list.is_empty() {
            self.ready.remove(&agent.class);
        }
    }
}
