//! What waits for a rig and what it lacks for the rest: a copy of the queue, looked through beside the market and not in it.
//!
//! Only figures leave this module. Which job, whose, and what it pays stay here.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use headframe_protocol::{
    CustomerId, DeviceId, JobId, Micros, TimestampMs,
    demand::{MarketPlace, Requirement, Unmet},
};

use super::{Capacity, Class, Need, Want, agent::Told, asked::asked, queue::Seated};

/// Jobs copied at most. That takes about as long as a few hundred matches, and nobody needs to know of more.
const JOBS_MAX: usize = 20_000;

/// Of those, the most of one customer in one kind: a long queue of his must not hide what others want.
const JOBS_OF_ONE_MAX: usize = 1_000;

/// What waited at some moment.
#[derive(Debug, Default)]
pub struct Board {
    kinds: Vec<Kind>,
    more: bool,
    apart: HashSet<(DeviceId, JobId)>,
    stopped: bool,
}

/// Jobs that need the same.
#[derive(Debug)]
struct Kind {
    want: Want,
    jobs: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    job: JobId,
    customer: CustomerId,
    pays: Micros,
}

/// A rig that looks for work, as far as what it may be given depends on it.
#[derive(Debug, Clone)]
pub struct Seeker {
    pub(super) device: DeviceId,
    /// Its class.
    pub class: Class,
    /// What it has with all its slots.
    pub(super) capacity: Capacity,
    pub(super) place: MarketPlace,
    /// Until when it gets no offers, if it rests.
    pub rests_until: Option<TimestampMs>,
    /// Customers whose jobs it gets no more of.
    pub(super) barred: HashSet<CustomerId>,
    /// Customers whose jobs it gets none of that are paid by card.
    pub(super) linked: HashSet<CustomerId>,
    /// Whom its owner has blocked.
    pub(super) told: Arc<Told>,
}

/// What waits for a rig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prospects {
    /// Whether it would be given a job now.
    pub place: MarketPlace,
    /// Jobs looked at.
    pub waiting: u32,
    /// Whether there are more.
    pub more: bool,
    /// How many of those it could do.
    pub fitting: u32,
    /// Why it cannot do the others, what keeps it from the most first.
    pub unmet: Vec<Unmet>,
}

impl Board {
    pub(super) fn new<'a, Jobs: Iterator<Item = Seated<'a>>>(
        waiting: impl Iterator<Item = (&'a Need, Jobs)>,
        apart: impl Iterator<Item = (DeviceId, JobId)>,
        stopped: bool,
    ) -> Self {
        let mut board = Self { apart: apart.take(JOBS_MAX).collect(), stopped, ..Self::default() };
        let mut room = JOBS_MAX;
        for (need, seated) in waiting {
            let mut jobs = Vec::new();
            for (customer, mut his) in seated {
                let most = room.min(JOBS_OF_ONE_MAX);
                let before = jobs.len();
                jobs.extend(his.by_ref().take(most).map(|(job, pays)| Waiting { job, customer, pays }));
                room -= jobs.len() - before;
                board.more |= his.next().is_some();
            }
            let want = Want { need: need.clone(), price_per_hour_max: Micros::ZERO, at_risk_s: 0 };
            board.kinds.push(Kind { want, jobs });
            if room == 0 {
                board.more = true;
                break;
            }
        }
        board
    }

    /// What of it a rig could do, and what it lacks for the rest.
    #[must_use]
    pub fn for_rig(&self, rig: &Seeker) -> Prospects {
        let mut unmet: BTreeMap<Requirement, (u32, u32)> = BTreeMap::new();
        let (mut waiting, mut fitting) = (0, 0);
        for Kind { want, jobs } in &self.kinds {
            let of_need: Vec<Requirement> = asked(&want.need)
                .iter()
                .filter(|asked| !(asked.met)(want, &rig.class, rig.capacity))
                .map(|asked| asked.requirement)
                .collect();
            for job in jobs {
                waiting += 1;
                let lacking = || of_need.iter().copied().chain(self.of_job(rig, job, want.need.by_card));
                let count = lacking().count();
                fitting += u32::from(count == 0);
                for requirement in lacking() {
                    let (all, alone) = unmet.entry(requirement).or_default();
                    *all += 1;
                    *alone += u32::from(count == 1);
                }
            }
        }
        let mut unmet: Vec<Unmet> =
            unmet.into_iter().map(|(requirement, (jobs, alone))| Unmet { requirement, jobs, alone }).collect();
        unmet.sort_by_key(|unmet| std::cmp::Reverse((unmet.alone, unmet.jobs)));
        Prospects { place: self.place(rig), waiting, more: self.more, fitting, unmet }
    }

    /// Whether a rig would be given a job now.
    #[must_use]
    pub const fn place(&self, rig: &Seeker) -> MarketPlace {
        if self.stopped { MarketPlace::Stopped } else { rig.place }
    }

    /// How many wait, for a rig that is not here.
    #[must_use]
    pub fn for_nobody(&self, place: MarketPlace) -> Prospects {
        let waiting = self.kinds.iter().map(|kind| kind.jobs.len()).sum::<usize>();
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        Prospects { place, waiting, more: self.more, fitting: 0, unmet: Vec::new() }
    }

    /// What stands between a rig and one job beyond what jobs of its kind need.
    fn of_job(&self, rig: &Seeker, job: &Waiting, by_card: bool) -> impl Iterator<Item = Requirement> {
        let Waiting { job, customer, pays } = job;
        let stands = [
            (rig.capacity.price_per_hour > *pays, Requirement::Price),
            (self.apart.contains(&(rig.device, *job)), Requirement::AnotherTry),
            (by_card && rig.linked.contains(customer), Requirement::AnotherOwner),
            (rig.barred.contains(customer), Requirement::FewerFailures),
            (rig.told.blocked.contains(customer), Requirement::Unblocked),
        ];
        stands.into_iter().filter(|(stands, _)| *stands).map(|(_, requirement)| requirement)
    }
}
