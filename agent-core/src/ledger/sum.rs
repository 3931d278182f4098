//! What attempts earned and drew, as sums that are added up. Pure.

use headframe_protocol::{Micros, control::EarningsSum};

use crate::store::{CardRow, EarnedRow};

/// A measurement may miss so much of an attempt: the card is looked at twice a second, a container starts and ends in between.
const UNSEEN_MS: u64 = 5_000;

/// What one attempt earned and drew.
pub(crate) fn sum_of(row: &EarnedRow) -> EarningsSum {
    let is_known = row.cards.is_some_and(|cards| cards > 0 && usize::try_from(cards) == Ok(row.drawn.len()));
    sum(row, row.credit, &row.drawn, is_known)
}

/// The same with a part of its pay and of its cards. `is_known` says whether it is known which cards it had.
pub(crate) fn sum(row: &EarnedRow, jobs: Micros, drawn: &[CardRow], is_known: bool) -> EarningsSum {
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

/// All amounts together; absent if there is none.
pub(crate) fn all(amounts: impl Iterator<Item = Micros>) -> Option<Micros> {
    amounts.reduce(|one, other| Micros::new(one.get().saturating_add(other.get())))
}

/// Whether nine tenths of `whole` were seen, or all but a moment.
const fn is_most(seen: u64, whole: u64) -> bool {
    let tenth = whole / 10;
    seen.saturating_add(if tenth > UNSEEN_MS { tenth } else { UNSEEN_MS }) >= whole
}

/// Adds `other`. What is known of neither stays unknown; an amount that is known of one is that one's.
pub(crate) fn add(sum: &mut EarningsSum, other: &EarningsSum) {
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
