//! Connected rigs, and which of them is given a job.

use std::{
    cell::Cell,
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use headframe_protocol::{
    AttemptId, CustomerId, DeviceId, Micros, SessionId, TimestampMs, demand::MarketPlace, job::Trust, rig::RigReport,
};
use rand::{SeedableRng as _, rngs::SmallRng};

use super::{
    Agent, Backoff, ByDevice, Capacity, Class, QueuedJob, Ran, Seeker, Verdict,
    aisles::Aisles,
    draw::{draw, look_through},
    fleet::{Fleet, Member},
    held::Held,
    interrupts::{Outlook, hour_of_week},
    numbers::Numbers,
    record::Record,
    shelf::Listed,
    small::{Place, Second},
};

/// The number of no rig.
const NOBODY: u32 = u32::MAX;

/// How long the record of a rig that has gone is kept.
const GONE_KEPT_MS: i64 = 24 * 3_600_000;

/// A connected rig with what is kept of it. What every match looks at stands first and together, and the rest behind it: each line of
/// memory that has to be fetched costs as much as all of the arithmetic.
#[derive(Debug)]
#[repr(C, align(64))]
struct Rig {
    /// The number of its class's shelf.
    shelf: u32,
    /// Where it stands there, if it is ready.
    place: Option<Place>,
    /// How likely it is to be interrupted, at the hour it was last asked.
    outlook: Outlook,
    /// It is kept free for a job that needs more of its slots than are free. Then it stands on no shelf.
    kept: bool,
    /// Since when it waits for a job: it became free for one then, or was given its last.
    waits_since: Second,
    record: Record,
    agent: Agent,
}

const _: () = assert!(size_of::<Option<Rig>>() == 256, "four lines of memory");

/// What comes of a rig that is reserved.
pub(super) struct Reserved {
    pub(super) session: SessionId,
    pub(super) price_per_hour: Micros,
    pub(super) class: Class,
    /// How long it has waited, in seconds.
    pub(super) waited_s: u32,
    /// When it is to be looked at again, if it gets no more for now.
    pub(super) wake_at: Option<TimestampMs>,
}

#[derive(Debug)]
pub(super) struct Rigs {
    numbers: Numbers,
    /// Who was asked for last: most questions about a rig come several in a row.
    recent: Cell<(DeviceId, u32)>,
    /// By number; a number that is free is in `free`.
    rigs: Vec<Option<Rig>>,
    free: Vec<u32>,
    aisles: Aisles,
    /// Records of rigs that are not connected and have something against them, and when they went, the earliest first.
    gone: ByDevice<(TimestampMs, Record)>,
    went: VecDeque<(TimestampMs, DeviceId)>,
    backoff: Backoff,
    lot: SmallRng,
    /// Changes with the rigs: what was copied of them may be old.
    version: u64,
}

impl Rigs {
    pub(super) fn new(backoff: Backoff, seed: u64) -> Self {
        Self {
            numbers: Numbers::default(),
            recent: Cell::new((DeviceId(alloy_primitives::Address::ZERO), NOBODY)),
            rigs: Vec::new(),
            free: Vec::new(),
            aisles: Aisles::default(),
            gone: HashMap::new(),
            went: VecDeque::new(),
            backoff,
            lot: SmallRng::seed_from_u64(seed),
            version: 0,
        }
    }

    pub(super) const fn backoff(&self) -> Backoff {
        self.backoff
    }

    #[cfg(test)]
    pub(super) fn set_backoff(&mut self, backoff: Backoff) {
        self.backoff = backoff;
    }

    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    fn number(&self, device: DeviceId) -> Option<u32> {
        let (recent, number) = self.recent.get();
        if recent == device && number != NOBODY {
            return Some(number);
        }
        let number = self.numbers.find(device, device_of(&self.rigs))?;
        self.recent.set((device, number));
        Some(number)
    }

    fn rig(&self, device: DeviceId) -> Option<&Rig> {
        self.rigs.get(self.number(device)? as usize)?.as_ref()
    }

    fn rig_mut(&mut self, device: DeviceId) -> Option<&mut Rig> {
        let number = self.number(device)?;
        self.rigs.get_mut(number as usize)?.as_mut()
    }

    pub(super) fn connect(&mut self, mut agent: Agent, now: TimestampMs) {
        let device = agent.device;
        let waits_since = self.rig(device).filter(|rig| rig.place.is_some()).map(|rig| rig.waits_since);
        let mut record = self.gone.remove(&device).map(|(_, record)| record);
        // Reservations of this replica that are not in the database yet must not be forgotten by a reconnect.
        if let Some(before) = self.remove(device) {
            before.agent.held.iter().for_each(|held| agent.held.add(*held));
            agent.history = before.agent.history.or_newer(agent.history);
            record = Some(before.record);
        }
        let shelf = self.aisles.shelf_of(&agent.class);
        self.aisles.shelves[shelf as usize].connected += 1;
        let outlook = Outlook::of(&agent.history, now);
        let rig = Rig {
            agent,
            record: record.unwrap_or_default(),
            shelf,
            place: None,
            outlook,
            kept: false,
            waits_since: Second::of(now),
        };
        let number = self.free.pop().unwrap_or_else(|| {
            self.rigs.push(None);
            // Sessions are limited far below.
            u32::try_from(self.rigs.len() - 1).unwrap_or(u32::MAX)
        });
        self.rigs[number as usize] = Some(rig);
        self.numbers.insert(device, number, device_of(&self.rigs));
        self.count(device, now);
        self.relist(device, now);
        // Another report is no reason to begin anew.
        if let (Some(rig), Some(since)) = (self.rig_mut(device), waits_since) {
            rig.waits_since = since;
        }
    }

    /// Whose jobs it held; nothing if its session was not this.
    pub(super) fn disconnect(&mut self, device: DeviceId, session: SessionId, now: TimestampMs) -> Option<Vec<CustomerId>> {
        self.rig(device).filter(|rig| rig.agent.session == session)?;
        let rig = self.remove(device)?;
        self.keep_record(device, rig.record, now);
        Some(rig.agent.held.iter().filter_map(|held| held.customer).collect())
    }

    fn keep_record(&mut self, device: DeviceId, record: Record, now: TimestampMs) {
        if record.is_clean(now) {
            self.gone.remove(&device);
        } else {
            self.gone.insert(device, (now, record));
            self.went.push_back((now, device));
        }
        self.forget_gone(now);
    }

    /// Records of rigs that did not come back.
    fn forget_gone(&mut self, now: TimestampMs) {
        while let Some(&(at, device)) = self.went.front() {
            if now.as_millis().saturating_sub(at.as_millis()) < GONE_KEPT_MS {
                break;
            }
            self.went.pop_front();
            // One that came and went again stands there once more.
            if self.gone.get(&device).is_some_and(|(went, _)| *went == at) {
                self.gone.remove(&device);
            }
        }
    }

    fn remove(&mut self, device: DeviceId) -> Option<Rig> {
        self.unlist(device);
        let number = self.numbers.remove(device, device_of(&self.rigs))?;
        self.recent.set((device, NOBODY));
        let rig = self.rigs.get_mut(number as usize)?.take()?;
        self.free.push(number);
        self.version += 1;
        if let Some(shelf) = self.aisles.shelves.get_mut(rig.shelf as usize) {
            shelf.connected = shelf.connected.saturating_sub(1);
        }
        Some(rig)
    }

    pub(super) fn report(
        &mut self,
        (device, session): (DeviceId, SessionId),
        report: &RigReport,
        blocked: HashSet<CustomerId>,
        fee_bps: u16,
        now: TimestampMs,
    ) {
        let Some(rig) = self.rig(device).filter(|rig| rig.agent.session == session) else { return };
        let fresh =
            Agent::new(device, session, report, (rig.agent.class.trust, rig.agent.class.country), fee_bps).blocking(blocked);
        let agent = Agent { ready: rig.agent.ready, history: rig.agent.history.clone(), ..fresh };
        self.connect(agent, now);
    }

    /// True if it was not ready before and is now.
    pub(super) fn set_ready(&mut self, device: DeviceId, session: SessionId, ready: bool, now: TimestampMs) -> bool {
        let Some(rig) = self.rig_mut(device).filter(|rig| rig.agent.session == session) else { return false };
        let became = ready && !rig.agent.ready;
        rig.agent.ready = ready;
        self.relist(device, now);
        became
    }

    /// An attempt is over. Returns when the rig is to be looked at again, if it rests or is barred from somebody's jobs.
    pub(super) fn release(
        &mut self,
        (device, attempt): (DeviceId, AttemptId),
        verdict: Verdict,
        excused: bool,
        now: TimestampMs,
    ) -> Option<TimestampMs> {
        let backoff = self.backoff;
        let unknown = Held { attempt, slots: 0, given: TimestampMs::default(), customer: None };
        let Some(rig) = self.rig_mut(device) else {
            let mut record = self.gone.remove(&device).map(|(_, record)| record).unwrap_or_default();
            record.note(backoff, verdict, unknown, excused, now);
            self.keep_record(device, record, now);
            return None;
        };
        let was = rig.agent.held.take(attempt);
        if was.is_none() && matches!(verdict, Verdict::Void) {
            return None;
        }
        rig.record.note(backoff, verdict, was.unwrap_or(unknown), excused, now);
        self.count(device, now);
        self.relist(device, now);
        self.wake_at(device, now)
    }

    /// Whose job an attempt of a rig is, as far as is known.
    pub(super) fn customer_of(&self, device: DeviceId, attempt: AttemptId) -> Option<CustomerId> {
        self.rig(device)?.agent.held.iter().find(|held| held.attempt == attempt)?.customer
    }

    fn count(&mut self, device: DeviceId, now: TimestampMs) {
        let backoff = self.backoff;
        if let Some(rig) = self.rig_mut(device) {
            rig.record.count(backoff, &rig.agent.held, now);
        }
    }

    /// When a rig is to be looked at again although nothing happens to it.
    pub(super) fn wake_at(&self, device: DeviceId, now: TimestampMs) -> Option<TimestampMs> {
        let rig = self.rig(device)?;
        let rests = Some(rig.record.rests_until()).filter(|until| *until > now);
        let barred = rig.record.barred(self.backoff).into_iter().map(|(_, until)| until).filter(|until| *until > now).min();
        [rests, barred].into_iter().flatten().min()
    }

    /// A rig may have rested. Returns when it is to be looked at again, if it has not.
    pub(super) fn rested(&mut self, device: DeviceId, now: TimestampMs) -> Option<TimestampMs> {
        self.count(device, now);
        self.relist(device, now);
        self.wake_at(device, now)
    }

    /// A customer's jobs fail everywhere; this rig is excused of them.
    pub(super) fn excuse(&mut self, device: DeviceId, customer: CustomerId, now: TimestampMs) {
        if let Some(rig) = self.rig_mut(device) {
            rig.record.excuse(customer);
            self.rested(device, now);
        }
    }

    /// A rig's attempt is over, and tells how likely it is to be interrupted.
    pub(super) fn learn(&mut self, device: DeviceId, ran: Ran, now: TimestampMs) {
        if let Some(rig) = self.rig_mut(device) {
            rig.agent.history.learn(ran);
            rig.outlook = Outlook::of(&rig.agent.history, now);
            self.relist(device, now);
        }
    }

    /// What of a rig is free and whether it takes offers now, be it kept free or not.
    pub(super) fn offer_of(&self, device: DeviceId) -> Option<(&Agent, Capacity)> {
        let rig = self.rig(device)?;
        (rig.place.is_some() || rig.kept).then(|| (&rig.agent, rig.agent.free()))
    }

    pub(super) fn is_kept(&self, device: DeviceId) -> bool {
        self.rig(device).is_some_and(|rig| rig.kept)
    }

    /// Customers whose jobs the rig gets no more of.
    pub(super) fn barred(&self, device: DeviceId, now: TimestampMs) -> Vec<CustomerId> {
        let barred = self.rig(device).map(|rig| rig.record.barred(self.backoff)).unwrap_or_default();
        barred.into_iter().filter(|(_, until)| *until > now).map(|(customer, _)| customer).collect()
    }

    /// Keeps a rig free for a job that needs more of it than is free, or no longer. False if it takes no offers.
    pub(super) fn keep(&mut self, device: DeviceId, kept: bool, now: TimestampMs) -> bool {
        let Some(rig) = self.rig_mut(device) else { return false };
        if kept && rig.place.is_none() {
            return false;
        }
        rig.kept = kept;
        let since = rig.waits_since;
        self.relist(device, now);
        // It waits all the while.
        if let Some(rig) = self.rig_mut(device) {
            rig.waits_since = since;
        }
        true
    }

    /// Reserves a rig for a job.
    pub(super) fn reserve(
        &mut self,
        device: DeviceId,
        attempt: AttemptId,
        job: &QueuedJob,
        now: TimestampMs,
    ) -> Option<Reserved> {
        let rig = self.rig_mut(device)?;
        rig.agent.held.add(Held { attempt, slots: job.want.slots(), given: now, customer: Some(job.customer) });
        let waited_s = rig.waits_since.ago(now);
        rig.waits_since = Second::of(now);
        let (session, price_per_hour, class) = (rig.agent.session, rig.agent.capacity.price_per_hour, rig.agent.class.clone());
        self.count(device, now);
        self.relist(device, now);
        Some(Reserved { session, price_per_hour, class, waited_s, wake_at: self.wake_at(device, now) })
    }

    /// A rig, as far as what it may be given depends on it.
    pub(super) fn seeker(&self, device: DeviceId, linked: Option<&HashSet<CustomerId>>, now: TimestampMs) -> Option<Seeker> {
        let rig = self.rig(device)?;
        let rests_until = Some(rig.record.rests_until()).filter(|until| *until > now);
        let place = match rests_until {
            _ if rig.agent.free().slots_free == 0 => MarketPlace::Full,
            Some(_) => MarketPlace::Resting,
            None if !rig.agent.ready => MarketPlace::Closed,
            None if rig.kept => MarketPlace::KeptFree,
            None => MarketPlace::Open,
        };
        Some(Seeker {
            device,
            class: rig.agent.class.clone(),
            capacity: rig.agent.capacity,
            place,
            rests_until,
            barred: self.barred(device, now).into_iter().collect(),
            linked: linked.cloned().unwrap_or_default(),
            told: Arc::clone(&rig.agent.told),
        })
    }

    /// Every ready rig with a free slot, in an order that depends on nothing but the rigs.
    pub(super) fn ready(&self) -> Vec<DeviceId> {
        let ready = self.rigs.iter().flatten().filter(|rig| rig.place.is_some());
        let mut ready: Vec<DeviceId> = ready.map(|rig| rig.agent.device).collect();
        ready.sort_unstable();
        ready
    }

    /// The best of a few ready rigs that suit and that `may` have the job; any may if it is left out.
    pub(super) fn candidate(
        &mut self,
        job: &QueuedJob,
        now: TimestampMs,
        may: Option<impl Fn(DeviceId) -> bool>,
    ) -> Option<DeviceId> {
        let Self { rigs, aisles, lot, backoff, recent, .. } = self;
        let want = &job.want;
        let hour = hour_of_week(now);
        let (aisle, shelves) = aisles.aisle(&want.need);
        let mut cost = |listed: &mut Listed, trust: Trust| {
            let agent = |rig: u32| rigs.get(rig as usize).and_then(Option::as_ref);
            if !listed.capacity.suits(want) {
                return None;
            }
            if let Some(may) = &may
                && !may(agent(listed.rig)?.agent.device)
            {
                return None;
            }
            if listed.bars {
                let rig = agent(listed.rig)?;
                let barred = rig.record.barred(*backoff);
                if rig.agent.told.blocked.contains(&job.customer)
                    || barred.iter().any(|(customer, until)| *customer == job.customer && *until > now)
                {
                    return None;
                }
            }
            if listed.outlook.is_old(hour) {
                listed.outlook = Outlook::of(&agent(listed.rig)?.agent.history, now);
            }
            let has_image = listed.may_have(&job.image) && agent(listed.rig)?.agent.told.images.contains(&job.image);
            Some(listed.score(want, trust, has_image))
        };
        let found = draw(&aisle.shelves, shelves, lot, &mut cost)
            .or_else(|| look_through(&aisle.shelves, &mut aisle.at, shelves, want, &mut cost));
        let (_, number) = found?;
        let device = rigs.get(number as usize)?.as_ref()?.agent.device;
        recent.set((device, number));
        Some(device)
    }

    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Per class: the class, rigs ready, rigs connected, the least price among the ready.
    pub(super) fn fleet(&self) -> Fleet {
        let member = |rig: &Rig| Member { class: rig.shelf, capacity: rig.agent.capacity, ready: rig.place.is_some() };
        Fleet {
            classes: self.aisles.shelves.iter().map(|shelf| shelf.class.clone()).collect(),
            members: self.rigs.iter().flatten().map(member).collect(),
        }
    }

    /// Puts the rig on its shelf or takes it off, as its state demands.
    fn relist(&mut self, device: DeviceId, now: TimestampMs) {
        let Some(number) = self.number(device) else { return };
        let Self { rigs, aisles, backoff, version, .. } = self;
        let Some(rig) = rigs.get_mut(number as usize).and_then(Option::as_mut) else { return };
        let free = rig.agent.free().slots_free > 0 && rig.record.rests_until() <= now;
        rig.kept &= rig.agent.ready && rig.record.rests_until() <= now;
        if !rig.agent.ready || !free || rig.kept {
            self.unlist(device);
            return;
        }
        let bars = !rig.agent.told.blocked.is_empty() || !rig.record.barred(*backoff).is_empty();
        if rig.outlook.is_old(hour_of_week(now)) {
            rig.outlook = Outlook::of(&rig.agent.history, now);
        }
        let listed = Listed::of(number, &rig.agent, rig.outlook, rig.record.failures(), bars);
        let Some(shelf) = aisles.shelves.get_mut(rig.shelf as usize) else { return };
        match rig.place {
            Some(place) => shelf.set(place.index(), listed),
            None => {
                rig.place = Place::of(shelf.put(listed));
                rig.waits_since = Second::of(now);
                *version += 1;
            }
        }
    }

    fn unlist(&mut self, device: DeviceId) {
        let Some(rig) = self.rig_mut(device) else { return };
        let Some(place) = rig.place.take() else { return };
        let shelf = rig.shelf;
        self.version += 1;
        let Some(shelf) = self.aisles.shelves.get_mut(shelf as usize) else { return };
        let moved = shelf.take(place.index());
        if let Some(moved) = moved.and_then(|moved| self.rigs.get_mut(moved as usize)).and_then(Option::as_mut) {
            moved.place = Some(place);
        }
    }
}

/// Tells whose a number is.
fn device_of(rigs: &[Option<Rig>]) -> impl Fn(u32) -> Option<DeviceId> {
    |number| Some(rigs.get(number as usize)?.as_ref()?.agent.device)
}
