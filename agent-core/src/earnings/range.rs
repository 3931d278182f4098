//! What a stretch of work brought in the past: its spread, and of how much of the past it is told.

use headframe_protocol::{
    Micros, TimestampMs,
    control::{EarningsBy, EarningsRange},
};
use jiff::tz::TimeZone;
use std::time::Duration;

use super::calendar;
use crate::store::EarnedRow;

const HOUR_MS: u64 = 3_600_000;

/// Hours of work are looked for in so much of the past: what jobs pay changes within months.
const HOURS_OF: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Days that are looked at, the present one counted.
const DAYS: u16 = 91;

/// Months that are looked at, the present one counted.
const MONTHS: u16 = 37;

/// A job shorter than this says nothing about an hour.
const RUNNING_MS_MIN: u64 = 60_000;

/// What has been seen of the past.
#[derive(Debug)]
pub(super) struct Past {
    by: EarningsBy,
    /// Where it begins.
    pub(super) since: TimestampMs,
    /// Where whole days or months begin and end.
    edges: Vec<TimestampMs>,
    /// What was settled in each; nothing if nothing was.
    brought: Vec<Option<i64>>,
    /// What jobs paid for an hour, and how long they ran.
    rates: Vec<(i64, u64)>,
}

impl Past {
    pub(super) fn new(by: EarningsBy, now: TimestampMs, zone: &TimeZone) -> Option<Self> {
        let count = match by {
            EarningsBy::Hour => 0,
            EarningsBy::Day => DAYS,
            EarningsBy::Month => MONTHS,
        };
        let mut edges = if count > 0 { calendar::edges(by, count, now, zone)? } else { Vec::new() };
        // The present day or month is not over.
        edges.pop();
        let since = edges.first().copied().unwrap_or_else(|| now.before(HOURS_OF));
        let brought = vec![None; edges.len().saturating_sub(1)];
        Some(Self { by, since, edges, brought, rates: Vec::new() })
    }

    pub(super) fn add(&mut self, row: &EarnedRow) {
        match self.by {
            EarningsBy::Hour if row.place.settled_ms >= self.since && row.running_ms >= RUNNING_MS_MIN => {
                let rate = i128::from(row.credit.get()) * i128::from(HOUR_MS) / i128::from(row.running_ms);
                self.rates.push((i64::try_from(rate).unwrap_or(i64::MAX), row.running_ms));
            }
            EarningsBy::Hour => {}
            EarningsBy::Day | EarningsBy::Month => {
                let begun = self.edges.partition_point(|edge| *edge <= row.place.settled_ms);
                if let Some(brought) = begun.checked_sub(1).and_then(|index| self.brought.get_mut(index)) {
                    *brought = Some(brought.unwrap_or_default().saturating_add(row.credit.get()));
                }
            }
        }
    }

    pub(super) fn range(self) -> EarningsRange {
        // An hour of a long job weighs as much as one of many short ones.
        let (mut worked, per, needed) = match self.by {
            EarningsBy::Hour => (self.rates, HOUR_MS, 20),
            EarningsBy::Day => (whole(self.brought), 1, 7),
            EarningsBy::Month => (whole(self.brought), 1, 6),
        };
        worked.sort_unstable();
        let all: u64 = worked.iter().map(|(_, weight)| weight).sum();
        let basis = u32::try_from(all / per).unwrap_or(u32::MAX);
        let told = |percent| (basis >= needed).then(|| Micros::new(within(&worked, all, percent)));
        EarningsRange { basis, needed, p10: told(10), p50: told(50), p90: told(90) }
    }
}

fn whole(brought: Vec<Option<i64>>) -> Vec<(i64, u64)> {
    brought.into_iter().flatten().map(|micros| (micros, 1)).collect()
}

/// The smallest of the sorted figures that `percent` of the whole weight does not pass (nearest rank).
fn within(sorted: &[(i64, u64)], all: u64, percent: u64) -> i64 {
    let rank = u128::from(all) * u128::from(percent);
    let mut passed = 0_u128;
    for (figure, weight) in sorted {
        passed += u128::from(*weight) * 100;
        if passed >= rank {
            return *figure;
        }
    }
    sorted.last().map_or(0, |(figure, _)| *figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_counts_as_often_as_it_says() {
        let ten: Vec<(i64, u64)> = (1..=10).map(|figure| (figure, 1)).collect();
        assert_eq!([10, 50, 90, 100].map(|percent| within(&ten, 10, percent)), [1, 5, 9, 10]);
        assert_eq!(within(&[(1, 1), (2, 98), (3, 1)], 100, 10), 2);
        assert_eq!(within(&[], 0, 50), 0);
    }
}
