//! A network of honest rigs and cheats, hour by hour, driven by the very rules of [`super`]: does cheating pay, and what do checks
//! cost? For tests and `cargo run --example cheats`; `docs/verification.md` tells the model.
//!
//! An hour's work is paid 15 and costs its rig 10, as an owner's floor is one and a half times his electricity. A cheat's work costs
//! him nothing. Whoever stops waits for everything that is still his, and is looked at once more, as [`super::hold::CHECKED_WITHIN`] has it.

use std::collections::BTreeMap;

use headframe_protocol::{Micros, TimestampMs};
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

use super::{
    Basis, Chance, Hold, Judgement, Record, Tier,
    hold::{SpeaksFor, Terms, drawn_by_worth},
    judge::{Run, judge},
    pace,
    standing::{Deed, Event},
};

mod rig;
mod shared;
mod strategy;
#[cfg(test)]
mod tests;
mod time;

pub use rig::Purse;
pub use strategy::Strategy;

use rig::{Provider, Waits, micros};
use shared::{Base, Brought};
use strategy::Leaves;

/// What an hour's work is paid.
const WAGE: f64 = 15.0;
/// What it costs to do it.
const COST: f64 = 10.0;
/// Hours a rig works in a day.
const HOURS_A_DAY: i64 = 12;
/// How much quicker or slower than others an honest rig is, in thousandths, at most: 3 in 100 is the standard deviation.
const SPREAD: i32 = 52;
/// Of a hundred thousand honest results so many are wrong all the same: a bad memory module, an overclocked card.
const HONEST_WRONG: u32 = 2;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How large the network is, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Rigs.
    pub providers: usize,
    /// Of a hundred, those that cheat.
    pub cheats_percent: usize,
    /// Days.
    pub days: i64,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// All rigs of a strategy together.
    pub purses: BTreeMap<Option<Strategy>, Purse>,
    /// Results of honest rigs, in the second half of the time.
    pub honest_results: u64,
    /// Runs the network paid for to check those, canaries included.
    pub checks: u64,
    /// Made-up results that were accepted, if only for a while.
    pub accepted_wrong: u64,
    /// All made-up results.
    pub made_up: u64,
}

impl Outcome {
    /// What checks cost, as a share of honest work.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of a simulation")]
    pub fn overhead(&self) -> f64 {
        self.checks as f64 / self.honest_results.max(1) as f64
    }
}

/// What a result is: the right one, or somebody's invention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Right,
    /// Of one rig, never twice the same.
    Own(u64),
    /// Of a group, always the same.
    Shared(usize),
    /// What the accomplice has brought for the same work.
    AsHe(usize),
}

/// What was brought for a piece of work.
#[derive(Debug, Clone, Copy)]
struct Done {
    answer: Answer,
    /// Hours the work needs.
    needed: f64,
    /// How many hundredths of that were signed for.
    percent: u16,
}

impl Done {
    /// What it is paid.
    fn worth(self) -> f64 {
        WAGE * self.needed * f64::from(self.percent) / 100.0
    }

    const fn is_made_up(self) -> bool {
        !matches!(self.answer, Answer::Right | Answer::AsHe(_))
    }
}

/// The network.
pub struct Simulation {
    rigs: Vec<Provider>,
    lot: SmallRng,
    now: TimestampMs,
    terms: Terms,
    outcome: Outcome,
    counting: bool,
    made_up: u64,
    /// Jobs that were given back and left a checkpoint.
    open: Vec<Base>,
    /// Accepted results that began from one.
    results: Vec<Brought>,
    /// Attempts so far.
    attempts: u64,
}

impl Simulation {
    /// Honest rigs that have been here for months, but for one in fifty, and one in fifty interrupted nearly always; cheats that
    /// come now, of all strategies alike.
    #[must_use]
    pub fn new(size: Size, seed: u64) -> Self {
        let start = TimestampMs::from_millis(1_000 * DAY_MS);
        let mut simulation = Self {
            rigs: Vec::new(),
            lot: SmallRng::seed_from_u64(seed),
            now: start,
            terms: Terms::default(),
            outcome: Outcome::default(),
            counting: false,
            made_up: 0,
            open: Vec::new(),
            results: Vec::new(),
            attempts: 0,
        };
        let cheats = size.providers * size.cheats_percent / 100;
        let mut group = 0;
        while simulation.rigs.len() < cheats {
            let strategy = Strategy::CHEATS[group % Strategy::CHEATS.len()];
            for _ in 0..strategy.accomplices() {
                simulation.rigs.push(Provider::new(strategy, group, start, strategy.is_established()));
            }
            group += 1;
        }
        for number in simulation.rigs.len()..size.providers {
            let strategy = if number % 50 == 25 { Strategy::InterruptedOften } else { Strategy::Honest };
            simulation.rigs.push(Provider::new(strategy, usize::MAX, start, number % 50 != 0));
        }
        simulation
    }

    /// The same with one strategy alone among the cheats.
    #[must_use]
    pub fn of(strategy: Strategy, size: Size, seed: u64) -> Self {
        let mut simulation = Self::new(Size { cheats_percent: 0, ..size }, seed);
        let cheats = size.providers * size.cheats_percent / 100;
        let start = simulation.now;
        for (number, rig) in simulation.rigs.iter_mut().take(cheats).enumerate() {
            *rig = Provider::new(strategy, number / strategy.accomplices(), start, strategy.is_established());
        }
        simulation
    }

    /// The same with an allowance, in thousandths.
    #[must_use]
    pub const fn allowing(mut self, permille: u16) -> Self {
        self.terms.allowance_permille = permille;
        self
    }

    /// Runs for so many days.
    #[must_use]
    pub fn run(mut self, days: i64) -> Outcome {
        for hour in 0..days * HOURS_A_DAY {
            self.counting = hour >= days * HOURS_A_DAY / 2;
            self.now = TimestampMs::from_millis(self.now.as_millis() + DAY_MS / HOURS_A_DAY);
            for rig in 0..self.rigs.len() {
                if !self.rigs[rig].out {
                    self.hour(rig);
                }
            }
        }
        self.counting = false;
        self.finish_open();
        for rig in 0..self.rigs.len() {
            self.leave(rig);
            let key = Some(self.rigs[rig].strategy);
            let purse = self.rigs[rig].purse;
            self.outcome.purses.entry(key).or_default().add(&purse);
        }
        self.outcome
    }

    /// One hour of one rig's work for a customer.
    fn hour(&mut self, rig: usize) {
        let size = if self.rigs[rig].strategy.is_of_all_sizes() && self.lot.random_ratio(9, 10) { 0.1 } else { 1.0 };
        let base = self.take_open();
        let (of_ten, leaves) = self.rigs[rig].strategy.gives_back();
        let idles = self.rigs[rig].strategy == Strategy::IdleNowAndThen && self.lot.random_ratio(1, 5);
        let leaves = if idles { Leaves::Idle } else { leaves };
        if of_ten > 0 && self.lot.random_ratio(of_ten, 10) {
            self.give_back(rig, base, leaves);
            return;
        }
        let percent = self.takes(rig, size, &base);
        let done = self.bring(rig, (size * 100.0 / f64::from(percent), percent), &base);
        let (honest, tier) = (self.rigs[rig].strategy.is_honest(), self.rigs[rig].tier(self.now));
        let chance = self.rigs[rig].record.chance(tier);
        self.outcome.honest_results += u64::from(honest && self.counting);
        let drawn = chance.draws(self.lot.random());
        if drawn && chance < Chance::ALWAYS && self.lot.random() {
            self.outcome.checks += u64::from(honest && self.counting);
            self.canary();
        } else if drawn {
            self.trial((rig, base), done, honest);
            return;
        }
        // Taken as it is.
        self.outcome.accepted_wrong += u64::from(done.answer != Answer::Right);
        self.accept(rig, &base, done, false);
        self.rigs[rig].since_check += 1;
        let runs_off = self.rigs[rig].strategy == Strategy::HitAndRun && self.rigs[rig].since_check >= 8;
        if runs_off {
            self.leave(rig);
            self.come_back(rig);
        } else if self.rigs[rig].is_overdue(self.now) {
            self.check_late(rig);
        }
    }

    /// How many hundredths of the time it needs a rig takes for a piece of work of so many hours.
    fn takes(&mut self, rig: usize, size: f64, base: &Base) -> u16 {
        let by_lot = self.lot.random_ratio(1, 5);
        self.rigs[rig].strategy.takes_percent(by_lot, size >= 1.0, base.is_anothers(rig))
    }

    /// What the rig says the result is of work that needs so many hours, of which it signs for so many hundredths; and what that costs it.
    fn bring(&mut self, rig: usize, (needed, percent): (f64, u16), base: &Base) -> Done {
        let done = |answer| Done { answer, needed, percent };
        let size = needed * f64::from(percent) / 100.0;
        let (strategy, group, trusted) =
            (self.rigs[rig].strategy, self.rigs[rig].group, self.rigs[rig].record.chance(Tier::Good) < Chance::ALWAYS);
        let cheats = match strategy {
            Strategy::GoesOnFalsely if base.is_anothers(rig) => true,
            _ if strategy.is_honest() || strategy.works_otherwise() => self.lot.random_ratio(HONEST_WRONG, 100_000),
            Strategy::AfterTrust | Strategy::Sybil | Strategy::HitAndRun => trusted,
            Strategy::Percent(percent) => self.lot.random_ratio(u32::from(percent), 100),
            Strategy::SmallWork => size < 1.0,
            Strategy::LargeWork => size >= 1.0,
            Strategy::Copies => rig % 2 == 1,
            _ => true,
        };
        self.rigs[rig].purse.honest += (WAGE - COST) * size;
        let made_up = cheats && !strategy.is_honest() && (!strategy.works_otherwise() || base.is_anothers(rig));
        if !made_up {
            self.rigs[rig].purse.cost += COST * needed;
        }
        if !cheats && !base.is_false {
            return done(Answer::Right);
        }
        self.made_up += 1;
        self.outcome.made_up += 1;
        done(match strategy {
            Strategy::Pair | Strategy::Ring => Answer::Shared(group),
            Strategy::Copies => Answer::AsHe(group),
            _ => Answer::Own(self.made_up),
        })
    }

    /// Others do the same work from its beginning until most agree.
    fn trial(&mut self, (rig, base): (usize, Base), done: Done, honest: bool) {
        let mut runs = vec![(rig, done)];
        let judgement = loop {
            let states = vec![Run::Brought; runs.len()];
            let same = |one: usize, other: usize| are_same(&runs, one, other);
            match judge(&states, 2, same) {
                Judgement::More | Judgement::Wait => {}
                over => break over,
            }
            self.outcome.checks += u64::from(honest && self.counting);
            let run = self.repeat(&runs);
            runs.push(run);
        };
        let of = |run: usize| if run == 0 { base.clone() } else { Base::default() };
        match judgement {
            Judgement::Agreed { right, wrong } => {
                for run in wrong {
                    self.outvoted(runs[run].0, &of(run), None);
                }
                let runs: Vec<(usize, Done, Base)> = right.into_iter().map(|run| (runs[run].0, runs[run].1, of(run))).collect();
                self.agreed(runs, honest);
            }
            Judgement::NotReproducible | Judgement::Wait | Judgement::More => {
                for (run, (rig, done)) in runs.iter().enumerate() {
                    self.accept(*rig, &of(run), *done, false);
                }
            }
        }
    }

    /// Work whose result is known, for whoever takes it.
    fn canary(&mut self) {
        let rig = self.another(&[]);
        if self.rigs[rig].strategy == Strategy::KnowsCanaries {
            self.rigs[rig].purse.cost += COST;
            self.rigs[rig].purse.honest += WAGE - COST;
            self.right(rig, None);
            self.accept(rig, &Base::default(), Done { answer: Answer::Right, needed: 1.0, percent: 100 }, true);
            return;
        }
        let percent = self.takes(rig, 1.0, &Base::default());
        let done = self.bring(rig, (1.0, percent), &Base::default());
        if done.answer == Answer::Right {
            self.right(rig, None);
            // That its bits are right is not that it took no longer than it needs.
            self.accept(rig, &Base::default(), done, percent == 100);
        } else {
            self.wrong(rig);
        }
    }

    /// A rig of another owner, by lot. Nobody knows that accomplices are.
    fn another(&mut self, runs: &[(usize, Done)]) -> usize {
        loop {
            let rig = self.lot.random_range(0..self.rigs.len());
            if !self.rigs[rig].out && runs.iter().all(|(other, _)| *other != rig) && self.rigs[rig].strategy != Strategy::Yields {
                return rig;
            }
        }
    }

    fn right(&mut self, rig: usize, speaks_for: Option<SpeaksFor>) {
        let now = self.now;
        let rig = &mut self.rigs[rig];
        rig.record = rig.record.right();
        if let Some(speaks_for) = speaks_for {
            rig.confirm(speaks_for);
            rig.since_check = 0;
        }
        rig.collect(&self.terms, now);
    }

    fn wrong(&mut self, rig: usize) {
        let now = self.now;
        let sybil = {
            let rig = &mut self.rigs[rig];
            rig.record = Record::wrong();
            rig.events.push(Event { at: now, deed: Deed::Wrong, times: 1 });
            // What could be let go by now was let go before this was found.
            rig.collect(&self.terms, now);
            rig.forfeit();
            rig.out = rig.tier(now) == Tier::Excluded;
            matches!(rig.strategy, Strategy::Sybil | Strategy::HitAndRun)
        };
        if sybil {
            self.come_back(rig);
        }
    }

    /// The same person under another name: nothing is known of him, and what waited under the old name is looked at or lost.
    fn come_back(&mut self, rig: usize) {
        let old = &self.rigs[rig];
        let purse = old.purse;
        let fresh = Provider::new(old.strategy, old.group, self.now, false);
        self.rigs[rig] = fresh;
        self.rigs[rig].purse = purse;
    }

    fn earn(&mut self, rig: usize, (amount, hold): (f64, Hold), delivered: bool, (made_up, percent): (bool, u16)) -> u64 {
        self.attempts += 1;
        let waits = Waits { id: self.attempts, amount, hold, delivered, made_up, percent, result: None };
        self.rigs[rig].earn(waits, &self.terms, self.now);
        self.attempts
    }

    /// One of what waits is compared, whichever.
    fn check_late(&mut self, rig: usize) {
        let open: Vec<Waits> = self.rigs[rig].unconfirmed().copied().collect();
        if open.is_empty() {
            return;
        }
        let honest = self.rigs[rig].strategy.is_honest();
        self.outcome.checks += u64::from(honest && self.counting);
        let worth: Vec<Micros> = open.iter().map(|waits| micros(waits.amount)).collect();
        let Some(drawn) = drawn_by_worth(&worth, self.lot.random()).map(|drawn| open[drawn]) else { return };
        match drawn.result {
            Some(result) => self.compare_late(result),
            None if drawn.made_up => self.wrong(rig),
            None => self.compare_time(rig, &drawn, honest),
        }
        self.rigs[rig].collect(&self.terms, self.now);
    }

    /// The rig stops working: what waits is looked at until nothing is left to look at, and comes due as if it had stayed away long enough.
    fn leave(&mut self, rig: usize) {
        while self.rigs[rig].unconfirmed().next().is_some() {
            self.check_late(rig);
        }
        let whole = self.terms.probation + self.terms.unconfirmed_max;
        let later = self.now.after(whole);
        self.rigs[rig].collect(&self.terms, later);
    }
}

fn are_same(runs: &[(usize, Done)], one: usize, other: usize) -> bool {
    let value = |run: usize| match runs[run].1.answer {
        // He has something to copy only if his accomplice was given the same work.
        Answer::AsHe(_) => {
            let rig = runs[run].0;
            if runs.iter().any(|(other, _)| *other == rig - 1) { Answer::Right } else { runs[run].1.answer }
        }
        answer => answer,
    };
    value(one) == value(other)
}
