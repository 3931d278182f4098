//! What an attempt has exchanged, and what was refused to it.

use std::{
    fmt::Write as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::gate::Refusal;

/// Refusals told one by one. A job that is refused more often is refused for the same few reasons.
const REFUSALS_TOLD_MAX: usize = 32;

/// Counts, and never beyond what may be exchanged.
#[derive(Debug)]
pub(super) struct Traffic {
    bytes_max: u64,
    sent: AtomicU64,
    received: AtomicU64,
    spent: AtomicU64,
    opened: AtomicU64,
    refused: AtomicU64,
    /// Each reason once.
    reasons: Mutex<Vec<String>>,
}

/// Where bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the job to a host.
    Sent,
    /// From a host to the job.
    Received,
}

impl Traffic {
    /// `spent` bytes were exchanged in an earlier life of the agent.
    pub(super) fn new(bytes_max: u64, spent: u64) -> Self {
        Self {
            bytes_max,
            sent: AtomicU64::default(),
            received: AtomicU64::default(),
            spent: AtomicU64::new(spent),
            opened: AtomicU64::default(),
            refused: AtomicU64::default(),
            reasons: Mutex::default(),
        }
    }

    /// Takes `bytes` of what is left, or none of them.
    pub(super) fn spend(&self, direction: Direction, bytes: u64) -> Result<(), Refusal> {
        let take = |spent: u64| spent.checked_add(bytes).filter(|spent| *spent <= self.bytes_max);
        if self.spent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            // However little is left, it is not given to a later, smaller piece: the end is an end.
            self.spent.store(self.bytes_max, Ordering::Relaxed);
            return Err(Refusal::Spent(self.bytes_max));
        }
        let counter = match direction {
            Direction::Sent => &self.sent,
            Direction::Received => &self.received,
        };
        counter.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Whether anything is left.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.spent() < self.bytes_max { Ok(()) } else { Err(Refusal::Spent(self.bytes_max)) }
    }

    pub(super) fn spent(&self) -> u64 {
        self.spent.load(Ordering::Relaxed)
    }

    pub(super) fn opened(&self) {
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, refusal: &Refusal) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.note(refusal.to_string());
    }

    /// Something the customer should read at the end of the log.
    pub(super) fn note(&self, reason: String) {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        if reasons.len() < REFUSALS_TOLD_MAX && !reasons.contains(&reason) {
            tracing::info!("Of a job's way out: {reason}");
            reasons.push(reason);
        }
    }

    /// What stands at the end of the attempt's log.
    pub(super) fn told(&self) -> String {
        let [sent, received, opened, refused] =
            [&self.sent, &self.received, &self.opened, &self.refused].map(|counter| counter.load(Ordering::Relaxed));
        let mut text =
            format!("[headframe] Network: {opened} connections, {sent} bytes sent, {received} received, {refused} refused.\n");
        for reason in self.reasons.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            // Into a text nothing fails.
            writeln!(text, "[headframe] {reason}").ok();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_more_than_may_be_is_exchanged_and_the_end_is_an_end() {
        let traffic = Traffic::new(100, 20);
        assert_eq!(traffic.spend(Direction::Sent, 50), Ok(()));
        assert_eq!(traffic.spend(Direction::Received, 29), Ok(()));
        assert_eq!(traffic.spend(Direction::Received, 2), Err(Refusal::Spent(100)));
        assert_eq!(traffic.spend(Direction::Sent, 1), Err(Refusal::Spent(100)));
        assert_eq!(traffic.check(), Err(Refusal::Spent(100)));
        assert!(traffic.told().starts_with("[headframe] Network: 0 connections, 50 bytes sent, 29 received, 0 refused."));
    }

    #[test]
    fn a_reason_is_told_once_and_few_are_told() {
        let traffic = Traffic::new(1, 0);
        for number in 0..100 {
            traffic.refused(&Refusal::Forbidden);
            traffic.note(format!("reason {number}"));
        }
        let told = traffic.told();
        assert_eq!(told.lines().count(), 1 + REFUSALS_TOLD_MAX, "{told}");
        assert!(told.contains("100 refused"), "{told}");
    }
}
