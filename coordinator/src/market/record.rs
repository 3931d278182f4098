//! How a rig has behaved, and how long it gets no offers for it.
//!
//! Two rules, beside each other. A rig that fails pauses, longer with each failure in a row, so that others have their try. And a rig
//! whose every attempt fails gets at most [`STRIKES_MAX`] attempts in any [`Backoff::window_ms`], whatever the pauses: before it is
//! given one more, those that failed in that time and those it still holds are counted.
//!
//! A job that fails by its own doing tells little about the rig. It counts all the same, or a rig whose every container crashes would
//! eat the queue. But one customer's jobs never count so much that the rig is closed to others ([`STRIKES_OF_ONE_MAX`]), those of a customer whose
//! jobs fail everywhere do not count at all ([`super::blame`]), and one job done well clears everything.

use std::collections::VecDeque;

use headframe_protocol::{CustomerId, TimestampMs};

use super::{
    Verdict,
    held::{Held, HeldAttempts},
};

/// Attempts a rig gets in a window while all of them fail.
pub(super) const STRIKES_MAX: usize = 10;

/// Of those, the most for which one customer's jobs failed by their own doing. He gets no more of this rig for a while; others do.
pub(super) const STRIKES_OF_ONE_MAX: usize = 8;

/// Jobs a rig may give back in a window as unwanted before it counts as unwilling. What an owner does not want is not offered to him once
/// his word has come, so that an honest rig has a few of these in its life.
pub(super) const UNWANTED_MAX: u32 = 8;

/// How long a rig gets no offers after one failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure in a row; doubles from there.
    pub first_ms: i64,
    /// Never longer.
    pub max_ms: i64,
    /// In this long a rig whose every attempt fails gets at most ten.
    pub window_ms: i64,
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

/// An attempt that failed.
#[derive(Debug, Clone, Copy)]
struct Strike {
    /// When the rig was given it.
    given: TimestampMs,
    /// Whose job it was, if it failed by its own doing.
    of: Option<CustomerId>,
}

/// How a rig has behaved. Outlives its sessions, or reconnecting would end a back-off.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    /// What there is against it: nothing against most.
    against: Option<Box<Against>>,
    /// Whether the last attempt that told anything about the rig was done well. Then those it holds are not counted.
    proven: bool,
}

/// What there is against a rig.
#[derive(Debug, Clone, Default)]
struct Against {
    /// In a row.
    failures: u32,
    /// Jobs given back at once, in a row.
    unwilling: u32,
    /// Jobs given back as unwanted since then.
    unwanted: u32,
    unwanted_since: TimestampMs,
    /// Attempts that failed since one was done well, oldest first.
    strikes: VecDeque<Strike>,
    paused_until: TimestampMs,
    spent_until: TimestampMs,
}

impl Record {
    /// Until when the rig gets no offers.
    pub(super) fn rests_until(&self) -> TimestampMs {
        self.against.as_ref().map_or(TimestampMs::default(), |against| against.paused_until.max(against.spent_until))
    }

    /// How often in a row the rig failed.
    pub(super) fn failures(&self) -> u32 {
        self.against.as_ref().map_or(0, |against| against.failures)
    }

    /// Rigs come and go for years; of one that has nothing against it nothing is kept.
    pub(super) fn is_clean(&self, now: TimestampMs) -> bool {
        self.against.as_ref().is_none_or(|against| against.is_nothing(now))
    }

    /// An attempt that the rig was given then is over. `excused`: the job fails everywhere.
    pub(super) fn note(&mut self, backoff: Backoff, verdict: Verdict, was: Held, excused: bool, now: TimestampMs) {
        let pause_ms = match verdict {
            Verdict::Fine | Verdict::Yielded { .. } => {
                self.proven = true;
                let paused_until = self.against.take().map(|against| against.paused_until).filter(|until| *until > now);
                self.against = paused_until.map(|paused_until| Box::new(Against { paused_until, ..Against::default() }));
                0
            }
            Verdict::Unwilling { .. } => {
                let against = self.strike(was.given, None);
                against.unwilling = against.unwilling.saturating_add(1);
                backoff.doubled(backoff.short_ms(), against.unwilling)
            }
            Verdict::Unwanted { job } => {
                let against = self.against.get_or_insert_default();
                if after(against.unwanted_since, backoff.window_ms) <= now {
                    (against.unwanted, against.unwanted_since) = (0, now);
                }
                against.unwanted = against.unwanted.saturating_add(1);
                if against.unwanted > UNWANTED_MAX {
                    return self.note(backoff, Verdict::Unwilling { job }, was, excused, now);
                }
                0
            }
            Verdict::Void => 0,
            Verdict::JobFailed { .. } => {
                if !excused {
                    self.strike(was.given, was.customer);
                }
                backoff.short_ms()
            }
            Verdict::RigFailed => {
                let against = self.strike(was.given, None);
                against.failures = against.failures.saturating_add(1);
                backoff.doubled(backoff.first_ms, against.failures)
            }
        };
        if pause_ms > 0 {
            let against = self.against.get_or_insert_default();
            against.paused_until = against.paused_until.max(after(now, pause_ms));
        }
    }

    fn strike(&mut self, given: TimestampMs, of: Option<CustomerId>) -> &mut Against {
        self.proven = false;
        let against = self.against.get_or_insert_default();
        // Attempts overlap: one given earlier may fail later.
        let place = against.strikes.partition_point(|strike| strike.given <= given);
        against.strikes.insert(place, Strike { given, of });
        against
    }

    /// Counts anew whether the rig may be given one more while it holds `held`.
    pub(super) fn count(&mut self, backoff: Backoff, held: &HeldAttempts, now: TimestampMs) {
        if self.proven || (self.against.is_none() && held.len() < STRIKES_MAX) {
            return;
        }
        let against = self.against.get_or_insert_default();
        while against.strikes.front().is_some_and(|strike| after(strike.given, backoff.window_ms) <= now) {
            against.strikes.pop_front();
        }
        let held = held.iter().map(|held| held.given).filter(|given| after(*given, backoff.window_ms) > now);
        let mut given: Vec<TimestampMs> = against.strikes.iter().map(|strike| strike.given).chain(held).collect();
        given.sort_unstable();
        let over = given.len().checked_sub(STRIKES_MAX).and_then(|place| given.get(place));
        against.spent_until = over.map_or(TimestampMs::default(), |given| after(*given, backoff.window_ms));
        if after(against.unwanted_since, backoff.window_ms) <= now {
            against.unwanted = 0;
        }
        if against.is_nothing(now) {
            self.against = None;
        }
    }

    /// Customers whose jobs this rig gets no more of, each with until when.
    pub(super) fn barred(&self, backoff: Backoff) -> Vec<(CustomerId, TimestampMs)> {
        let mut barred = Vec::new();
        let Some(against) = &self.against else { return barred };
        for strike in &against.strikes {
            let Some(customer) = strike.of.filter(|customer| barred.iter().all(|(known, _)| known != customer)) else { continue };
            let his: Vec<_> = against.strikes.iter().filter(|strike| strike.of == Some(customer)).collect();
            let over = his.len().checked_sub(STRIKES_OF_ONE_MAX).and_then(|place| his.get(place));
            barred.extend(over.map(|strike| (customer, after(strike.given, backoff.window_ms))));
        }
        barred
    }

    /// This customer's jobs fail everywhere: they do not count.
    pub(super) fn excuse(&mut self, customer: CustomerId) {
        if let Some(against) = &mut self.against {
            against.strikes.retain(|strike| strike.of != Some(customer));
        }
    }
}

impl Against {
    fn is_nothing(&self, now: TimestampMs) -> bool {
        self.failures == 0
            && self.unwilling == 0
            && self.unwanted == 0
            && self.strikes.is_empty()
            && self.paused_until <= now
            && self.spent_until <= now
    }
}

fn after(from: TimestampMs, ms: i64) -> TimestampMs {
    TimestampMs::from_millis(from.as_millis().saturating_add(ms))
}
