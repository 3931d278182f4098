//! That nothing is paid twice: no transfer, no attempt, no word of an owner.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::B256;
use headframe_protocol::{AttemptId, DeviceId, Micros};

use super::credit::{Cause, Credit};

/// What came up a second time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Repeat {
    /// The transfer is credited already.
    #[error("credit `{0}` is paid a second time")]
    Id(String),
    /// What an attempt was paid before is not where this credit says it goes on.
    #[error("credit `{id}` pays {attempt} from another point than where earlier credits have left it")]
    Attempt {
        /// The credit.
        id: String,
        /// The attempt.
        attempt: AttemptId,
    },
    /// The owner has said it once.
    #[error("credit `{id}` spends earnings on a word that is used up")]
    Spend {
        /// The credit.
        id: String,
    },
}

/// How much of what was ever paid is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// All of it: what an attempt is said to have been paid before is exactly what was counted.
    All,
    /// Some: it may also have been paid in older files, or on other chains. It is never less.
    Some,
}

/// What has been paid, as far as the credits that were counted say.
#[derive(Debug, Default)]
pub(crate) struct Paid<'a> {
    ids: BTreeSet<&'a str>,
    /// Micros of the asset the customer paid in.
    attempts: BTreeMap<AttemptId, i64>,
    spends: BTreeSet<(DeviceId, B256)>,
}

/// Everything in `credits` that the `earlier` ones of one file, or others of these, have paid already.
pub(crate) fn repeats(earlier: &[Credit], credits: &[Credit]) -> Vec<Repeat> {
    let mut paid = Paid::default();
    let mut count_all =
        |credits| -> Vec<Repeat> { in_order(credits).into_iter().flat_map(|credit| paid.count(credit, Counted::Some)).collect() };
    drop(count_all(earlier));
    count_all(credits)
}

/// Slices of one attempt go on from one another, whatever their ids.
fn in_order(credits: &[Credit]) -> Vec<&Credit> {
    let mut order: Vec<&Credit> = credits.iter().collect();
    order.sort_by_key(|credit| credit.paid_before());
    order
}

impl Credit {
    /// What the attempt it pays for is said to have been paid before, if it pays for one.
    pub(crate) fn paid_before(&self) -> Option<Micros> {
        self.work().and_then(|work| work.paid_before)
    }
}

impl<'a> Paid<'a> {
    /// Counts a credit, and says what in it is a repetition.
    pub(crate) fn count(&mut self, credit: &'a Credit, counted: Counted) -> Vec<Repeat> {
        let mut found = Vec::new();
        let id = || credit.id.clone();
        if !self.ids.insert(&credit.id) {
            found.push(Repeat::Id(id()));
        }
        if let Some(work) = credit.work() {
            let attempt = work.signed_receipt.receipt.attempt;
            let stated = work.paid_before.map_or(0, Micros::get);
            let known = self.attempts.get(&attempt).copied().unwrap_or(0);
            let goes_on = match counted {
                Counted::All => stated == known,
                Counted::Some => stated >= known,
            };
            if !goes_on {
                found.push(Repeat::Attempt { id: id(), attempt });
            }
            // A share that cannot be computed is a fault of the credit's own, reported as that.
            let share = work.share().map_or(0, Micros::get);
            self.attempts.insert(attempt, known.max(stated.saturating_add(share)));
        }
        if let Cause::Spent { signed_spend } = &credit.cause {
            let spend = &signed_spend.spend;
            if !self.spends.insert((spend.device, spend.nonce)) {
                found.push(Repeat::Spend { id: id() });
            }
        }
        found
    }
}
