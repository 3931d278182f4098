//! Jobs that need the same of a rig, of all customers: whose turn it is among them, and which of his jobs.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
};

use headframe_protocol::{CustomerId, JobId, Micros, TimestampMs, rig::BLOCKED_MAX};

use super::{Customer, Level, Need, QueuedJob};

/// Customers one rig looks at in one kind before it gives the kind up for now: those before him pay less than it asks. Whom
/// it does not reach gets a try of his own with a later tick.
const CUSTOMERS_LOOKED_AT_MAX: usize = 256;

/// A customer's jobs are taken in this order: the best paid first, then the oldest. So one look tells whether any of them
/// pays what a rig asks.
type Rank = (Reverse<Micros>, TimestampMs, JobId);

/// Jobs that need the same.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) need: Need,
    seats: BTreeMap<CustomerId, Seat>,
    /// Least served first, and of two who were served alike the one who sits longer. An entry whose figure is old is put right when met.
    order: BTreeSet<(u64, u64, CustomerId)>,
    /// How often a rig was looked at that could do a job of this kind if all of its slots were free.
    pub(super) passed: u32,
}

/// One customer's jobs in a kind.
#[derive(Debug)]
struct Seat {
    jobs: BTreeSet<Rank>,
    /// As it stands in the order.
    figure: u64,
    /// Its number among all seats.
    number: u64,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    /// How much the customer was served: the least comes first, whatever the kind.
    pub(super) served: u64,
    pub(super) queued: TimestampMs,
    pub(super) job: JobId,
}

/// The jobs of one customer in a kind: who he is, and each with what it pays at most, the best paid first.
pub(in crate::market) type Seated<'a> = (CustomerId, Box<dyn Iterator<Item = (JobId, Micros)> + 'a>);

fn rank(job: &QueuedJob) -> Rank {
    (Reverse(job.want.price_per_hour_max), job.queued_ms, job.id)
}

impl Kind {
    pub(super) fn new(need: Need) -> Self {
        Self { need, seats: BTreeMap::new(), order: BTreeSet::new(), passed: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    pub(super) fn has(&self, customer: CustomerId) -> bool {
        self.seats.contains_key(&customer)
    }

    /// The figure of whom it is the turn of.
    pub(super) fn least_served(&self) -> Option<u64> {
        self.order.first().map(|(figure, _, _)| *figure)
    }

    /// A customer takes his seat, which is the `number`-th of all.
    pub(super) fn sit(&mut self, customer: CustomerId, served: u64, number: u64) {
        self.order.insert((served, number, customer));
        self.seats.insert(customer, Seat { jobs: BTreeSet::new(), figure: served, number });
    }

    /// A job of a customer who has a seat.
    pub(super) fn add(&mut self, job: &QueuedJob) {
        if let Some(seat) = self.seats.get_mut(&job.customer) {
            seat.jobs.insert(rank(job));
        }
    }

    /// Returns the number of the customer's seat if this was the last job on it; he has none any more.
    pub(super) fn remove(&mut self, job: &QueuedJob) -> Option<u64> {
        let seat = self.seats.get_mut(&job.customer)?;
        seat.jobs.remove(&rank(job));
        if !seat.jobs.is_empty() {
            return None;
        }
        let Seat { figure, number, .. } = self.seats.remove(&job.customer)?;
        self.order.remove(&(figure, number, job.customer));
        Some(number)
    }

    /// The first job of one customer, whoever's turn it is.
    pub(super) fn first_of(&self, customer: CustomerId) -> Option<JobId> {
        self.seats.get(&customer)?.jobs.first().map(|(_, _, id)| *id)
    }

    /// Everybody's jobs.
    pub(super) fn seated(&self) -> impl Iterator<Item = Seated<'_>> {
        self.seats.iter().map(|(customer, seat)| {
            let jobs = seat.jobs.iter().map(|(Reverse(pays), _, job)| (*job, *pays));
            (*customer, Box::new(jobs) as Box<_>)
        })
    }

    /// Whether the best paid job of anybody but `barred` customers pays `price`.
    pub(super) fn pays(&self, price: Micros, barred: impl Fn(CustomerId) -> bool) -> bool {
        let pays = |seat: &Seat| seat.jobs.first().is_some_and(|(Reverse(pays), _, _)| *pays >= price);
        self.seats.iter().any(|(customer, seat)| pays(seat) && !barred(*customer))
    }

    /// The job whose turn it is among those that pay `price` and that `may` be given out, `barred` customers aside.
    pub(super) fn next(
        &mut self,
        customers: &HashMap<CustomerId, Customer>,
        level: Level,
        price: Micros,
        barred: impl Fn(CustomerId) -> bool,
        may: impl Fn(JobId) -> bool,
    ) -> Option<Turn> {
        let mut after = Bound::Unbounded;
        // An owner may have blocked as many as are looked at, and they are served less than others: they must not hide those.
        let (mut looked_at, mut passed_over) = (0, 0);
        while looked_at < CUSTOMERS_LOOKED_AT_MAX && passed_over <= BLOCKED_MAX {
            let (figure, number, customer) = *self.order.range((after, Bound::Unbounded)).next()?;
            let seat = self.seats.get_mut(&customer)?;
            let served = customers.get(&customer).map_or(figure, |customer| customer.served).max(level.least());
            if served > figure {
                self.order.remove(&(figure, number, customer));
                self.order.insert((served, number, customer));
                seat.figure = served;
                continue;
            }
            after = Bound::Excluded((figure, number, customer));
            if barred(customer) {
                passed_over += 1;
                continue;
            }
            looked_at += 1;
            let paying = seat.jobs.iter().take_while(|(Reverse(pays), _, _)| *pays >= price);
            if let Some((_, queued, job)) = paying.into_iter().find(|(_, _, job)| may(*job)) {
                return Some(Turn { served, queued: *queued, job: *job });
            }
        }
        None
    }
}
