//! How the system is asked, whatever it is, and how often.

#[cfg(any(test, not(target_os = "linux")))]
use std::io;
use std::time::Duration;
#[cfg(any(test, not(target_os = "macos")))]
use std::time::Instant;

use super::{IdleProbe, ProbeError, Sign};

/// How often a broken probe is asked at least: twice before its silence counts.
const BROKEN_EVERY: Duration = Duration::from_secs(1);

/// A probe that is asked again soon once it is broken, however seldom it is asked otherwise: one bad answer in a row of good ones is to
/// be forgotten before it stops a job.
pub(super) struct AskedAgain {
    probe: Box<dyn IdleProbe>,
    is_broken: bool,
}

impl AskedAgain {
    /// Asks `probe` so.
    pub(super) fn boxed(probe: Box<dyn IdleProbe>) -> Box<dyn IdleProbe> {
        Box::new(Self { probe, is_broken: false })
    }
}

impl IdleProbe for AskedAgain {
    fn name(&self) -> &'static str {
        self.probe.name()
    }

    fn every(&self) -> Duration {
        let every = self.probe.every();
        if self.is_broken { every.min(BROKEN_EVERY) } else { every }
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        let says = self.probe.read();
        self.is_broken = matches!(says, Err(ProbeError::Broken(_)));
        says
    }
}

/// A probe that asks one function of the system, and remembers nothing.
#[cfg(any(test, not(target_os = "linux")))]
pub(super) struct Asked<T> {
    pub(super) name: &'static str,
    pub(super) every: Duration,
    /// What it asks. Where the system has nothing of the kind, the error is [`io::ErrorKind::Unsupported`].
    pub(super) ask: fn() -> io::Result<T>,
    /// What the answer means.
    pub(super) means: fn(T) -> Result<Sign, ProbeError>,
}

#[cfg(any(test, not(target_os = "linux")))]
impl<T> IdleProbe for Asked<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        (self.ask)().map_err(|error| silence(&error)).and_then(self.means)
    }
}

/// What it means that the system does not answer.
#[cfg(any(test, not(target_os = "linux")))]
pub(super) fn silence(error: &io::Error) -> ProbeError {
    match error.kind() {
        io::ErrorKind::Unsupported => ProbeError::Absent(error.to_string()),
        _ => ProbeError::Broken(format!("the system does not answer: {error}")),
    }
}

/// Stands for something that this system tells no program, so that the owner reads why his rule has no effect.
#[cfg(any(test, not(target_os = "linux")))]
pub(super) const fn untold(name: &'static str, ask: fn() -> io::Result<Sign>) -> Asked<Sign> {
    Asked { name, every: Duration::from_secs(3_600), ask, means: Ok }
}

/// Says when something that was not there is worth looking for again.
#[cfg(any(test, not(target_os = "macos")))]
#[derive(Debug)]
pub(super) struct Pace {
    pub(super) every: Duration,
    pub(super) last: Option<Instant>,
}

#[cfg(any(test, not(target_os = "macos")))]
impl Pace {
    pub(super) const fn new(every: Duration) -> Self {
        Self { every, last: None }
    }

    /// Whether it is time; if so, the next time is a period later.
    pub(super) fn is_due(&mut self) -> bool {
        let is_due = self.last.is_none_or(|last| last.elapsed() >= self.every);
        if is_due {
            self.last = Some(Instant::now());
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Once(Option<Sign>);

    impl IdleProbe for Once {
        fn name(&self) -> &'static str {
            "Once"
        }

        fn every(&self) -> Duration {
            Duration::from_secs(5)
        }

        fn read(&mut self) -> Result<Sign, ProbeError> {
            self.0.take().ok_or_else(|| ProbeError::Broken("it has answered".to_owned()))
        }
    }

    #[test]
    fn a_broken_probe_is_asked_again_before_its_silence_counts() {
        let mut probe = AskedAgain { probe: Box::new(Once(None)), is_broken: false };
        assert_eq!(probe.every(), Duration::from_secs(5));
        assert!(matches!(probe.read(), Err(ProbeError::Broken(_))));
        assert!(probe.every() * 2 <= super::super::policy::SILENCE_MAX);
        probe.probe = Box::new(Once(Some(Sign::OnBattery(false))));
        assert_eq!(probe.read(), Ok(Sign::OnBattery(false)));
        assert_eq!(probe.every(), Duration::from_secs(5));
    }

    #[test]
    fn what_a_system_does_not_have_is_absent_and_what_fails_is_broken() {
        let mut probe = Asked {
            name: "Test",
            every: Duration::from_secs(5),
            ask: || Ok(0_u8),
            means: |value| if value == 0 { Ok(Sign::OnBattery(false)) } else { Err(ProbeError::Broken("what?".to_owned())) },
        };
        assert_eq!(probe.read(), Ok(Sign::OnBattery(false)));
        probe.ask = || Ok(7);
        assert_eq!(probe.read(), Err(ProbeError::Broken("what?".to_owned())));
        probe.ask = || Err(io::ErrorKind::PermissionDenied.into());
        assert!(matches!(probe.read(), Err(ProbeError::Broken(why)) if why.contains("permission denied")));
        let mut untold = untold("Test", || Err(io::Error::new(io::ErrorKind::Unsupported, "nobody is told")));
        assert_eq!(untold.read(), Err(ProbeError::Absent("nobody is told".to_owned())));
    }
}
