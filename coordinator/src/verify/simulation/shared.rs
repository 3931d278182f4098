//! Work that goes through several hands: given back, gone on with, and what follows for all of them.

use rand::RngExt as _;

use super::{Basis, COST, Done, HOUR_MS, Hold, Leaves, Simulation, WAGE};
use crate::verify::hold::{Claimed, share_of_last, share_shown};

/// As a coordinator has it by default.
const INTERRUPTIONS_MAX: usize = 10;

/// What a job goes on from. Without any links it begins from its beginning.
#[derive(Debug, Clone, Default)]
pub(super) struct Base {
    /// Who has worked on it, or said so, and what waits for him.
    links: Vec<(usize, u64)>,
    /// Whether it leads to a wrong result.
    pub(super) is_false: bool,
    /// Hours of work that were really done.
    hours: u64,
}

/// An accepted result that began from a checkpoint.
#[derive(Debug, Clone)]
pub(super) struct Brought {
    rig: usize,
    base: Base,
    done: Done,
}

impl Base {
    /// Whether it is the beginning.
    pub(super) const fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Whether another than `rig` had a part in it.
    pub(super) fn is_anothers(&self, rig: usize) -> bool {
        self.links.iter().any(|(maker, _)| *maker != rig)
    }

    /// What a comparison shows of one maker's part: the work needs what was done, and what the result needed.
    fn share(&self, of: usize, done: Done) -> u64 {
        let hour = HOUR_MS.unsigned_abs();
        let own = self.links.iter().filter(|(maker, _)| *maker == of).count();
        let claimed = Claimed { all_ms: self.links.len() as u64 * hour, own_ms: own as u64 * hour };
        let (needed, signed) = done.needed_and_signed_ms();
        share_shown(self.hours * hour + needed, signed, claimed)
    }

    /// The same of the one who brought the result.
    fn share_of_last(&self, rig: usize, done: Done) -> u64 {
        let hour = HOUR_MS.unsigned_abs();
        let own = self.links.iter().filter(|(maker, _)| *maker == rig).count();
        let (needed, signed) = done.needed_and_signed_ms();
        let claimed = Claimed { all_ms: self.links.len() as u64 * hour, own_ms: own as u64 * hour };
        share_of_last(self.hours * hour + needed, signed, claimed)
    }

    /// Everybody who made it.
    fn makers(&self) -> Vec<usize> {
        let mut all: Vec<usize> = self.links.iter().map(|(maker, _)| *maker).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Everybody who made it, and who went on from it.
    fn involved(&self, rig: usize) -> Vec<usize> {
        let mut all = self.makers();
        if !all.contains(&rig) {
            all.push(rig);
        }
        all
    }
}

impl Simulation {
    /// What a rig is given: now and then a job that was given back, as often as there are some.
    pub(super) fn take_open(&mut self) -> Base {
        let (open, rigs) = (self.open.len(), self.rigs.len());
        if open == 0 || self.lot.random_range(0..rigs) >= open {
            return Base::default();
        }
        let which = self.lot.random_range(0..open);
        self.open.swap_remove(which)
    }

    /// The hour is given back, and the job goes on elsewhere.
    pub(super) fn give_back(&mut self, rig: usize, mut base: Base, leaves: Leaves) {
        let purse = &mut self.rigs[rig].purse;
        purse.honest += WAGE - COST;
        let works = leaves == Leaves::Checkpoint || self.rigs[rig].strategy.is_honest();
        if works {
            self.rigs[rig].purse.cost += COST;
        }
        let hold = Hold { earned: self.now, confirmed: false, basis: Basis::GivenBack };
        let id = self.earn(rig, (WAGE, hold), false, (!works, 100));
        if leaves != Leaves::Nothing {
            base.links.push((rig, id));
            base.is_false |= leaves == Leaves::False;
            base.hours += u64::from(works);
        }
        // A job is not interrupted more often than that.
        if !base.links.is_empty() && base.links.len() < INTERRUPTIONS_MAX {
            self.open.push(base);
        }
    }

    /// A result is accepted, and speaks for what it began from.
    pub(super) fn accept(&mut self, rig: usize, base: &Base, done: Done, confirmed: bool) {
        let basis = if base.is_anothers(rig) { Basis::Shared } else { Basis::Result };
        // Where others had a part it is not its bits alone that count.
        let hold = Hold { earned: self.now, confirmed: confirmed && basis == Basis::Result, basis };
        let id = self.earn(rig, (done.worth(), hold), true, (done.is_made_up(), done.percent));
        if base.links.is_empty() {
            return;
        }
        let result = self.results.len();
        self.results.push(Brought { rig, base: base.clone(), done });
        let of_makers = if base.makers().len() == 1 { Basis::Shared } else { Basis::Doubted };
        for (maker, id) in &base.links {
            self.rigs[*maker].speak_for(*id, result, of_makers);
        }
        if basis == Basis::Shared {
            self.rigs[rig].speak_for(id, result, Basis::Shared);
        }
        if confirmed {
            self.show(result);
        }
    }

    /// A result was compared and found right.
    fn show(&mut self, result: usize) {
        let Brought { rig, base, done } = self.results[result].clone();
        match base.share_of_last(rig, done) {
            share if share < 1_000 && base.is_anothers(rig) => self.rigs[rig].was_slow_with_others(result, share, self.now),
            _ => self.rigs[rig].right_with_others(result),
        }
        let makers = base.makers();
        for maker in &makers {
            self.rigs[*maker].show(result, (base.share(*maker, done), makers.len() == 1), self.now);
        }
        for involved in base.involved(rig) {
            self.rigs[involved].collect(&self.terms, self.now);
        }
    }

    /// A result was outvoted: its maker is to blame, or nobody.
    pub(super) fn outvoted(&mut self, rig: usize, base: &Base, result: Option<usize>) {
        if !base.is_anothers(rig) {
            self.wrong(rig);
            return;
        }
        for involved in base.involved(rig) {
            self.rigs[involved].doubt(result, self.now);
            self.rigs[involved].out = self.rigs[involved].tier(self.now) == crate::verify::Tier::Excluded;
        }
    }

    /// An accepted result that others' earnings wait for is compared.
    pub(super) fn compare_late(&mut self, result: usize) {
        let Brought { rig, base, done } = self.results[result].clone();
        if done.is_made_up() {
            self.rigs[rig].lose(result);
            self.outvoted(rig, &base, Some(result));
        } else {
            self.show(result);
        }
    }

    /// At the end others finish what was given back.
    pub(super) fn finish_open(&mut self) {
        while let Some(base) = self.open.pop() {
            let rig = self.another(&[]);
            let percent = self.takes(rig, 1.0, &base);
            let done = self.bring(rig, (100.0 / f64::from(percent), percent), &base);
            self.accept(rig, &base, done, false);
        }
    }
}
