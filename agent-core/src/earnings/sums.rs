//! Adding up. Pure: attempts in, sums out.

use std::collections::BTreeMap;

use headframe_protocol::{
    Micros, TimestampMs,
    control::{EarningsBucket, EarningsSum, Worker, WorkerSum},
};

use super::range::Past;
use crate::{
    ledger::sum::{add, all, sum, sum_of},
    store::{CardRow, EarnedRow},
};

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
