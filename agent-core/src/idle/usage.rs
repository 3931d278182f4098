//! How much of the processor others use: what all use without what is ours.

#[cfg(any(test, not(target_os = "linux")))]
use std::{io, time::Duration};

#[cfg(any(test, not(target_os = "linux")))]
use super::{IdleProbe, asked::silence};
use super::{ProbeError, Sign};

/// What all cores together have done since the PC was started, in any one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Used {
    /// All time there was.
    pub(super) total: u64,
    /// What of it anybody used.
    pub(super) busy: u64,
    /// What of it this program and jobs used.
    pub(super) ours: u64,
}

impl Used {
    /// The others' part in percent. Absent where the two do not compare: too close, or a job ended in between and took its figures
    /// along.
    fn others_since(self, before: Self, least: u64) -> Option<u8> {
        let total = self.total.checked_sub(before.total).filter(|total| *total >= least)?;
        let ours = self.ours.checked_sub(before.ours)?;
        let others = self.busy.saturating_sub(before.busy).saturating_sub(ours);
        // In a wide type: some systems count in tenths of microseconds.
        u8::try_from((u128::from(others) * 100 / u128::from(total.max(1))).min(100)).ok()
    }
}

/// Compares each reading with the one before.
#[derive(Debug)]
pub(super) struct Compared {
    before: Option<Used>,
    percent: Option<u8>,
    least: u64,
}

impl Compared {
    /// Begins with a reading, if there is one. Two that are less than `least` apart in total time say nothing.
    pub(super) const fn since(before: Option<Used>, least: u64) -> Self {
        Self { before, percent: None, least }
    }

    /// Begins anew with the next reading.
    pub(super) const fn forget(&mut self) {
        (self.before, self.percent) = (None, None);
    }

    /// What follows from the newest reading.
    pub(super) fn with(&mut self, now: Used) -> Result<Sign, ProbeError> {
        if let Some(percent) = self.before.and_then(|before| now.others_since(before, self.least)) {
            self.percent = Some(percent);
        }
        if self.before.is_none_or(|before| now.total.saturating_sub(before.total) >= self.least) {
            self.before = Some(now);
        }
        let percent = self.percent.ok_or_else(|| ProbeError::Absent("it was not measured for long enough yet".to_owned()))?;
        Ok(Sign::OtherLoad(percent))
    }
}

/// Asks a function for the figures, where one function knows them all.
#[cfg(any(test, not(target_os = "linux")))]
pub(super) struct OtherLoad<A> {
    ask: A,
    compared: Compared,
}

#[cfg(any(test, not(target_os = "linux")))]
impl<A: FnMut() -> io::Result<Used>> OtherLoad<A> {
    /// Asks once now, so that the next time has something to compare with.
    pub(super) fn new(mut ask: A, least: u64) -> Self {
        let first = ask().ok();
        Self { ask, compared: Compared::since(first, least) }
    }
}

#[cfg(any(test, not(target_os = "linux")))]
impl<A: FnMut() -> io::Result<Used> + Send> IdleProbe for OtherLoad<A> {
    fn name(&self) -> &'static str {
        "Other programs' load"
    }

    // Every process is looked at for it.
    fn every(&self) -> Duration {
        Duration::from_secs(3)
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        match (self.ask)() {
            Ok(now) => self.compared.with(now),
            Err(error) => {
                self.compared.forget();
                Err(silence(&error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn used(total: u64, busy: u64, ours: u64) -> Used {
        Used { total, busy, ours }
    }

    #[test]
    fn what_is_ours_is_taken_from_what_all_use() {
        let mut compared = Compared::since(Some(used(1_000, 500, 100)), 20);
        assert_eq!(compared.with(used(2_000, 1_400, 750)), Ok(Sign::OtherLoad(25)));
        assert_eq!(
            compared.with(used(3_000, 1_400, 800)),
            Ok(Sign::OtherLoad(0)),
            "ours is more than all, by a clock's coarseness"
        );
        assert_eq!(compared.with(used(4_000, 9_400, 800)), Ok(Sign::OtherLoad(100)));
    }

    #[test]
    fn a_job_that_ended_took_its_figures_along_and_the_last_answer_stands() {
        let mut compared = Compared::since(Some(used(0, 0, 0)), 20);
        assert_eq!(compared.with(used(1_000, 600, 300)), Ok(Sign::OtherLoad(30)));
        assert_eq!(compared.with(used(2_000, 1_600, 50)), Ok(Sign::OtherLoad(30)));
        assert_eq!(compared.with(used(3_000, 1_700, 50)), Ok(Sign::OtherLoad(10)));
    }

    #[test]
    fn readings_too_close_or_of_another_life_say_nothing() {
        let mut compared = Compared::since(None, 20);
        assert!(matches!(compared.with(used(5_000, 1, 0)), Err(ProbeError::Absent(_))));
        assert!(matches!(compared.with(used(5_019, 20, 0)), Err(ProbeError::Absent(_))), "too close");
        assert_eq!(compared.with(used(5_020, 11, 0)), Ok(Sign::OtherLoad(50)), "with the first, not with the one too close");
        assert_eq!(compared.with(used(10, 9, 0)), Ok(Sign::OtherLoad(50)), "time went backwards");
        compared.forget();
        assert!(matches!(compared.with(used(9_000, 9_000, 0)), Err(ProbeError::Absent(_))));
    }

    #[test]
    fn figures_of_years_do_not_overflow() {
        // A hundred cores for ten years, in tenths of microseconds.
        let years = 100 * 10 * 365 * 86_400 * 10_000_000;
        assert_eq!(used(years, years, 0).others_since(used(0, 0, 0), 1), Some(100));
    }

    #[test]
    fn figures_that_cannot_be_had_are_told_until_they_can() {
        let mut answers = vec![Ok(used(2_000, 2_000, 0)), Ok(used(1_000, 1_000, 0)), Err(io::ErrorKind::Other.into())];
        answers.extend([Ok(used(500, 250, 0)), Ok(used(0, 0, 0))]);
        let mut probe = OtherLoad::new(move || answers.pop().expect("another answer"), 20);
        assert_eq!(probe.read(), Ok(Sign::OtherLoad(50)));
        assert!(matches!(probe.read(), Err(ProbeError::Broken(_))));
        assert!(matches!(probe.read(), Err(ProbeError::Absent(_))), "it begins anew");
        assert_eq!(probe.read(), Ok(Sign::OtherLoad(100)));
    }
}
