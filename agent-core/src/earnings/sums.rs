//! Adding up. Pure: attempts in, sums out.

use std::collections::BTreeMap;

use headframe_protocol::{
    Micros, TimestampMs,
    control::{EarningsBucket, EarningsSum, Worker, WorkerSum},
};

use super::range::Past;
use crate::store::{CardRow, EarnedRow};

/// A measurement may miss so much of an attempt: the card is looked at twice a second, a container starts and ends in between.
const UNSEEN_MS: u64 = 5_000;

/// Sums so far.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) buckets: Vec<EarningsBucket>,
    pub(super) total: EarningsSum,
    pub(super) workers: BTreeMap<Worker, EarningsSum>,
    pub(super) past: Past,
}

impl Fold {
    /// Nothing yet. `edges` are where the buckets begin, and where the last ends.
    pub(super) fn new(edges: Vec<TimestampMs>, past: Past) -> Self {
        let bucket = |(from_ms, until_ms): (&TimestampMs, &TimestampMs)| EarningsBucket {
            from_ms: *from_ms,
            until_ms: *until_ms,
            sum: EarningsSum::default(),
        };
        let buckets = edges.iter().zip(edges.iter().skip(1)).map(bucket).collect();
        Self { buckets, total: EarningsSum::default(), workers: BTreeMap::new(), past }
    }

    pub(super) fn add(&mut self, row: &EarnedRow) {
        self.past.add(row);
        let begun = self.buckets.partition_point(|bucket| bucket.from_ms <= row.place.settled_ms);
        let Some(bucket) = begun.checked_sub(1).and_then(|index| self.buckets.get_mut(index)) else { return };
        if row.place.settled_ms >= bucket.until_ms {
            return;
        }
        let sum = sum_of(row);
        add(&mut bucket.sum, &sum);
        add(&mut self.total, &sum);
        for (worker, part) in parts_of(row, sum) {
            add(self.workers.entry(worker).or_default(), &part);
        }
    }
}

/// What one attempt earned and drew.
pub(super) fn sum_of(row: &EarnedRow) -> EarningsSum {
    let is_known = row.cards.is_some_and(|cards| cards > 0 && usize::try_from(cards) == Ok(row.drawn.len()));
    sum(row, row.credit, &row.drawn, is_known)
}

fn sum(row: &EarnedRow, jobs: Micros, drawn: &[CardRow], is_known: bool) -> EarningsSum {
    let power = all(drawn.iter().filter_map(|card| card.cost));
    let energy = drawn.iter().filter_map(|card| card.energy_millijoules).reduce(u64::saturating_add);
    let measured = is_known && drawn.iter().all(|card| is_most(card.measured_ms, row.running_ms));
    let priced = drawn.iter().all(|card| is_most(card.priced_ms, card.measured_ms));
    EarningsSum {
        jobs,
        rewards: None,
        virtual_rigs: None,
        power,
        net: power.map(|power| Micros::new(jobs.get().saturating_sub(power.get()))),
        energy_joules: energy.map(|millijoules| millijoules / 1_000),
        running_ms: row.running_ms,
        attempts: 1,
        unmeasured: u32::from(!measured),
        unpriced: u32::from(measured && !priced),
    }
}

fn all(amounts: impl Iterator<Item = Micros>) -> Option<Micros> {
    amounts.reduce(|one, other| Micros::new(one.get().saturating_add(other.get())))
}

/// Whether nine tenths of `whole` were seen, or all but a moment.
const fn is_most(seen: u64, whole: u64) -> bool {
    let tenth = whole / 10;
    seen.saturating_add(if tenth > UNSEEN_MS { tenth } else { UNSEEN_MS }) >= whole
}

/// An attempt by what worked for it. Parts of its pay are equal; a remainder stays with the first card, so that nothing is lost.
fn parts_of(row: &EarnedRow, whole: EarningsSum) -> Vec<(Worker, EarningsSum)> {
    if row.cards == Some(0) {
        return vec![(Worker::Processor, whole)];
    }
    let Ok(cards @ 1..) = i64::try_from(row.drawn.len()) else { return vec![(Worker::Unknown, whole)] };
    let (each, rest) = (row.credit.get() / cards, row.credit.get() % cards);
    let part = |(index, card): (usize, &CardRow)| {
        let jobs = Micros::new(if index == 0 { each.saturating_add(rest) } else { each });
        let worker = Worker::Card { gpu: card.gpu.clone(), model: card.model.clone() };
        (worker, sum(row, jobs, std::slice::from_ref(card), true))
    };
    row.drawn.iter().enumerate().map(part).collect()
}

/// Adds `other`. What is known of neither stays unknown; an amount that is known of one is that one's.
pub(super) fn add(sum: &mut EarningsSum, other: &EarningsSum) {
    let EarningsSum { jobs, rewards, virtual_rigs, power, net: _, energy_joules, running_ms, attempts, unmeasured, unpriced } =
        other;
    let both = |one: Option<Micros>, two: Option<Micros>| all([one, two].into_iter().flatten());
    let power = both(sum.power, *power);
    let jobs = Micros::new(sum.jobs.get().saturating_add(jobs.get()));
    *sum = EarningsSum {
        jobs,
        rewards: both(sum.rewards, *rewards),
        virtual_rigs: both(sum.virtual_rigs, *virtual_rigs),
        power,
        net: power.map(|power| Micros::new(jobs.get().saturating_sub(power.get()))),
        energy_joules: [sum.energy_joules, *energy_joules].into_iter().flatten().reduce(u64::saturating_add),
        running_ms: sum.running_ms.saturating_add(*running_ms),
        attempts: sum.attempts.saturating_add(*attempts),
        unmeasured: sum.unmeasured.saturating_add(*unmeasured),
        unpriced: sum.unpriced.saturating_add(*unpriced),
    };
}

/// The largest first.
pub(super) fn by_worker(workers: BTreeMap<Worker, EarningsSum>) -> Vec<WorkerSum> {
    let mut workers: Vec<WorkerSum> = workers.into_iter().map(|(worker, sum)| WorkerSum { worker, sum }).collect();
    workers.sort_by_key(|worker| std::cmp::Reverse(worker.sum.jobs));
    workers
}

/// The most that a bucket brought from all sources together, as far as they are known.
pub(super) fn highest(buckets: &[EarningsBucket]) -> Micros {
    let brought =
        |EarningsBucket { sum, .. }: &EarningsBucket| all([Some(sum.jobs), sum.rewards, sum.virtual_rigs].into_iter().flatten());
    buckets.iter().filter_map(brought).max().unwrap_or_default()
}
