//! One rig of the simulation, and what it has and waits for.

use headframe_protocol::{Micros, TimestampMs};

use super::{COST, DAY_MS, Strategy, WAGE};
use crate::verify::{
    Basis, Hold, Pace, Record, Tier,
    hold::{ALLOWANCE_WINDOW, Budget, CHECKED_WITHIN, Earner, SHARED_CHECKED_WITHIN, SpeaksFor, Terms},
    standing::{Deed, Event, standing},
};

/// One rig's purse at the end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Purse {
    /// What it was paid, or is safe to be.
    pub paid: f64,
    /// Of that, for results.
    pub delivered: f64,
    /// What its work cost it.
    pub cost: f64,
    /// What it lost of what it had earned.
    pub forfeited: f64,
    /// What lapsed of time it gave back.
    pub lapsed: f64,
    /// What it would have had by doing all that it was given.
    pub honest: f64,
}

impl Purse {
    /// What is left.
    #[must_use]
    pub fn net(&self) -> f64 {
        self.paid - self.cost
    }

    /// Of that, what its honest work does not account for.
    #[must_use]
    pub fn by_cheating(&self) -> f64 {
        self.net() - self.cost * (WAGE - COST) / COST
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.paid += other.paid;
        self.delivered += other.delivered;
        self.cost += other.cost;
        self.forfeited += other.forfeited;
        self.lapsed += other.lapsed;
        self.honest += other.honest;
    }
}

/// What waits of one attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    /// Of which attempt.
    pub(super) id: u64,
    pub(super) amount: f64,
    pub(super) hold: Hold,
    pub(super) delivered: bool,
    pub(super) made_up: bool,
    /// How many hundredths of the time it needed were signed for.
    pub(super) percent: u16,
    /// Of a shared one, which result it came of.
    pub(super) result: Option<usize>,
}

pub(super) struct Provider {
    pub(super) strategy: Strategy,
    /// Accomplices share it. Nobody else knows.
    pub(super) group: usize,
    pub(super) record: Record,
    pub(super) pace: Pace,
    pub(super) events: Vec<Event>,
    pub(super) earner: Earner,
    pub(super) holds: Vec<Waits>,
    pub(super) purse: Purse,
    pub(super) out: bool,
    pub(super) since_check: u32,
    /// What its results have earned, its checkpoints were worth, and it was paid for other time.
    let_go: Vec<(TimestampMs, f64)>,
    shown: Vec<(TimestampMs, f64)>,
    spent: Vec<(TimestampMs, f64)>,
}

/// As the rules count it.
#[expect(clippy::cast_possible_truncation, reason = "a few thousand dollars")]
pub(super) fn micros(amount: f64) -> Micros {
    Micros::new((amount * 1e6).round() as i64)
}

fn lately(all: &[(TimestampMs, f64)], now: TimestampMs) -> Micros {
    let since = now.before(ALLOWANCE_WINDOW);
    micros(all.iter().filter(|(at, _)| *at >= since).map(|(_, amount)| amount).sum())
}

impl Provider {
    pub(super) fn new(strategy: Strategy, group: usize, now: TimestampMs, established: bool) -> Self {
        let first_seen = if established { TimestampMs::from_millis(now.as_millis() - 200 * DAY_MS) } else { now };
        let record = Record { right_in_a_row: if established { 60 } else { 0 } };
        let earner = Earner { first_seen };
        Self {
            strategy,
            group,
            record,
            pace: Pace::default(),
            events: Vec::new(),
            earner,
            holds: Vec::new(),
            purse: Purse::default(),
            out: false,
            since_check: 0,
            let_go: Vec::new(),
            shown: Vec::new(),
            spent: Vec::new(),
        }
    }

    pub(super) fn tier(&self, now: TimestampMs) -> Tier {
        standing(&self.events, now).tier
    }

    /// What a comparison would speak for.
    pub(super) fn unconfirmed(&self) -> impl Iterator<Item = &Waits> {
        self.holds.iter().filter(|Waits { hold, .. }| match hold.basis {
            Basis::Result | Basis::Shared | Basis::Doubted => !hold.confirmed,
            Basis::GivenBack => false,
        })
    }

    pub(super) fn is_overdue(&self, now: TimestampMs) -> bool {
        let within = |basis| if basis == Basis::Result { CHECKED_WITHIN } else { SHARED_CHECKED_WITHIN };
        self.unconfirmed().any(|Waits { hold, .. }| now.since(hold.earned) >= within(hold.basis))
    }

    /// Earnings of now: they wait, or are its own.
    pub(super) fn earn(&mut self, waits: Waits, terms: &Terms, now: TimestampMs) {
        let kept = Event { at: now, deed: Deed::Kept, times: 1 };
        if waits.delivered && self.events.first().is_none_or(|event| event.deed != Deed::Kept) {
            self.events.insert(0, kept);
        }
        if waits.hold.waits(&self.earner, terms, now) {
            self.holds.push(waits);
        } else {
            self.pay(&waits, now);
        }
    }

    fn pay(&mut self, waits: &Waits, now: TimestampMs) {
        self.purse.paid += waits.amount;
        if waits.delivered && waits.hold.basis != Basis::GivenBack {
            self.purse.delivered += waits.amount;
            self.let_go.push((now, waits.amount));
        }
    }

    /// One of its results was found right.
    pub(super) fn confirm(&mut self, speaks_for: SpeaksFor) {
        let (until, worth) = speaks_for.bounds();
        for Waits { hold, amount, .. } in &mut self.holds {
            hold.confirmed |= hold.basis == Basis::Result && hold.earned <= until && micros(*amount) <= worth;
        }
    }

    /// Its results that wait took longer than others need: they are worth so many thousandths.
    pub(super) fn was_slow(&mut self, share: u64, now: TimestampMs) {
        self.worth_a_share(share, now, |waits| waits.delivered && waits.hold.basis == Basis::Result);
    }

    /// What waits and `counts` is worth so many thousandths of what it claims.
    fn worth_a_share(&mut self, share: u64, now: TimestampMs, counts: impl Fn(&Waits) -> bool) {
        #[expect(clippy::cast_precision_loss, reason = "a share of a thousand")]
        let part = share as f64 / 1_000.0;
        let mut shown = 0.0;
        for waits in self.holds.iter_mut().filter(|waits| !waits.hold.confirmed && counts(waits)) {
            (waits.hold.basis, waits.result) = (Basis::GivenBack, None);
            shown += waits.amount * part;
        }
        self.shown.push((now, shown));
    }

    /// A result speaks for time it gave back.
    pub(super) fn speak_for(&mut self, id: u64, result: usize, basis: Basis) {
        if let Some(waits) = self.holds.iter_mut().find(|waits| waits.id == id) {
            (waits.hold.basis, waits.result) = (basis, Some(result));
        }
    }

    /// A result it brought from others' checkpoints was found right.
    pub(super) fn right_with_others(&mut self, result: usize) {
        for waits in self.holds.iter_mut().filter(|waits| waits.delivered) {
            waits.hold.confirmed |= waits.hold.basis == Basis::Shared || waits.result == Some(result);
        }
    }

    /// A comparison of a result has shown what its part of the checkpoints is worth, in thousandths; `alone` if nobody else had one.
    pub(super) fn show(&mut self, result: usize, (share, alone): (u64, bool), now: TimestampMs) {
        let counts = |waits: &Waits| {
            let of_it = waits.result == Some(result) && matches!(waits.hold.basis, Basis::Shared | Basis::Doubted);
            !waits.delivered && (of_it || (waits.hold.basis == Basis::Shared && alone))
        };
        if share < 1_000 {
            self.worth_a_share(share, now, counts);
            return;
        }
        for waits in self.holds.iter_mut().filter(|waits| counts(waits)) {
            waits.hold.confirmed = true;
        }
    }

    /// A result it brought from others' checkpoints took longer than the work and they leave room for.
    pub(super) fn was_slow_with_others(&mut self, result: usize, share: u64, now: TimestampMs) {
        self.worth_a_share(share, now, |waits| waits.delivered && waits.result == Some(result));
        for waits in self.holds.iter_mut().filter(|waits| waits.delivered && waits.hold.basis == Basis::Shared) {
            waits.hold.basis = if waits.hold.confirmed { Basis::Shared } else { Basis::Doubted };
        }
    }

    /// It had a part in a result that was outvoted.
    pub(super) fn doubt(&mut self, result: Option<usize>, now: TimestampMs) {
        self.events.push(Event { at: now, deed: Deed::Doubted, times: 1 });
        let counts = |waits: &Waits| match waits.hold.basis {
            Basis::Shared => !waits.hold.confirmed,
            Basis::Doubted => !waits.delivered && waits.result == result && !waits.hold.confirmed,
            Basis::Result | Basis::GivenBack => false,
        };
        for waits in self.holds.iter_mut().filter(|waits| counts(waits)) {
            waits.hold.basis = if waits.delivered { Basis::Doubted } else { Basis::GivenBack };
        }
    }

    /// What waits for its own result is lost: that was outvoted.
    pub(super) fn lose(&mut self, result: usize) {
        for waits in self.holds.extract_if(.., |waits| waits.delivered && waits.result == Some(result)) {
            self.purse.forfeited += waits.amount;
        }
    }

    /// What waits is lost.
    pub(super) fn forfeit(&mut self) {
        self.purse.forfeited += self.holds.drain(..).map(|waits| waits.amount).sum::<f64>();
    }

    /// What waits no longer is its own; of time that nothing speaks for, as much as its budget covers.
    pub(super) fn collect(&mut self, terms: &Terms, now: TimestampMs) {
        let earner = self.earner;
        let all = std::mem::take(&mut self.holds);
        let (over, waiting): (Vec<_>, Vec<_>) = all.into_iter().partition(|waits| waits.hold.is_over(&earner, terms, now));
        for waits in over {
            self.pay(&waits, now);
        }
        let may = now >= earner.first_seen.after(terms.probation);
        for waits in waiting {
            let is_covered = || waits.amount > 0.0 && micros(waits.amount) <= self.budget(now).left(terms);
            if waits.hold.basis == Basis::GivenBack && may && is_covered() {
                self.spent.push((now, waits.amount));
                self.pay(&waits, now);
            } else if waits.hold.lapses(&earner, terms, now) {
                self.purse.lapsed += waits.amount;
            } else {
                self.holds.push(waits);
            }
        }
    }

    fn budget(&self, now: TimestampMs) -> Budget {
        let of = |all| lately(all, now);
        Budget { delivered: of(&self.let_go), shown: of(&self.shown), spent: of(&self.spent) }
    }
}
