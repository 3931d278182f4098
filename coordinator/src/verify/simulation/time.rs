//! How long results took, held against how long others take.

use rand::RngExt as _;

use super::{Base, Done, HOUR_MS, Simulation, SpeaksFor, Waits, micros, pace};

impl Done {
    /// How long the work takes, and for how long it was signed, in milliseconds.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a few hours")]
    pub(super) fn needed_and_signed_ms(self) -> (u64, u64) {
        let needed = self.needed * HOUR_MS as f64;
        (needed as u64, (needed * f64::from(self.percent) / 100.0) as u64)
    }
}

impl Simulation {
    /// For how long a rig signs: no two are equally quick.
    fn took(&mut self, done: Done) -> u64 {
        let spread = 1_000 + self.lot.random_range(-super::SPREAD..=super::SPREAD);
        done.needed_and_signed_ms().1 * u64::from(spread.unsigned_abs()) / 1_000
    }

    /// Another rig does the same work from its beginning.
    pub(super) fn repeat(&mut self, runs: &[(usize, Done)]) -> (usize, Done) {
        let needed = runs[0].1.needed;
        let other = self.another(runs);
        let percent = self.takes(other, needed, &Base::default());
        (other, self.bring(other, (needed, percent), &Base::default()))
    }

    /// These have brought what most brought.
    pub(super) fn agreed(&mut self, mut runs: Vec<(usize, Done, Base)>, honest: bool) {
        let mut times: Vec<Option<u64>> = Vec::new();
        for (_, done, base) in &runs {
            times.push(base.is_empty().then(|| self.took(*done)));
        }
        if (0..runs.len()).any(|run| self.pace_of(&runs, &times, run).1 == pace::Found::Unsure) {
            self.outcome.checks += u64::from(honest && self.counting);
            let known: Vec<(usize, Done)> = runs.iter().map(|(rig, done, _)| (*rig, *done)).collect();
            let (rig, done) = self.repeat(&known);
            times.push(Some(self.took(done)));
            runs.push((rig, done, Base::default()));
        }
        for run in 0..runs.len() {
            let (pace, found) = self.pace_of(&runs, &times, run);
            let (rig, done, base) = runs[run].clone();
            self.outcome.accepted_wrong += u64::from(done.is_made_up());
            if times[run].is_some() {
                self.rigs[rig].pace = pace;
            }
            match found {
                pace::Found::Fits => {
                    self.right(rig, Some(SpeaksFor::NoMoreThan { worth: micros(done.worth()), until: self.now }));
                    self.accept(rig, &base, done, true);
                }
                pace::Found::Unsure | pace::Found::Slow { .. } => {
                    self.accept(rig, &base, done, false);
                    self.slow(rig, found);
                }
            }
        }
    }

    fn pace_of(&self, runs: &[(usize, Done, Base)], times: &[Option<u64>], run: usize) -> (pace::Pace, pace::Found) {
        let (rig, done, _) = &runs[run];
        let others: Vec<u64> = (0..runs.len()).filter(|other| *other != run).filter_map(|other| times[other]).collect();
        match times[run] {
            Some(own) => self.rigs[*rig].pace.after((own, micros(done.worth())), &others),
            None => (self.rigs[*rig].pace, pace::Found::Fits),
        }
    }

    /// It is right, and took longer than it needs.
    fn slow(&mut self, rig: usize, found: pace::Found) {
        self.rigs[rig].record = self.rigs[rig].record.right();
        self.rigs[rig].since_check = 0;
        if let pace::Found::Slow { share } = found {
            self.rigs[rig].was_slow(share, self.now);
        }
        self.rigs[rig].collect(&self.terms, self.now);
    }

    /// A result that waits and is right is compared: how long did it take?
    pub(super) fn compare_time(&mut self, rig: usize, drawn: &Waits, honest: bool) {
        let needed = drawn.amount / super::WAGE * 100.0 / f64::from(drawn.percent);
        let done = Done { answer: super::Answer::Right, needed, percent: drawn.percent };
        let own = (self.took(done), micros(drawn.amount));
        let mut others = Vec::new();
        let (pace, found) = loop {
            let other = self.another(&[(rig, done)]);
            let percent = self.takes(other, needed, &Base::default());
            others.push(self.took(Done { percent, ..done }));
            let (pace, found) = self.rigs[rig].pace.after(own, &others);
            if found != pace::Found::Unsure {
                break (pace, found);
            }
            self.outcome.checks += u64::from(honest && self.counting);
        };
        self.rigs[rig].pace = pace;
        match found {
            pace::Found::Fits => self.right(rig, Some(SpeaksFor::All { until: self.now })),
            pace::Found::Unsure | pace::Found::Slow { .. } => self.slow(rig, found),
        }
    }
}
