//! How closely the PC is looked at: what nobody waits for is looked at seldom, so that an agent at rest wakes nobody.

use std::time::Duration;

/// What is at stake now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// No work can begin anyway.
    #[default]
    Resting,
    /// The same, and somebody looks at the window.
    Watched,
    /// Work may begin any moment.
    Ready,
    /// Something runs that the owner may want to be gone.
    Working,
    /// The owner waits for his PC.
    Yielding,
}

/// What changes in an instant, such as input, is measured this often at least where it matters; the rest is slower by nature.
const QUICK: Duration = Duration::from_secs(1);

impl Pace {
    /// How often something is measured that is measured `every` so often while jobs run.
    #[must_use]
    pub fn stretch(self, every: Duration) -> Duration {
        match self {
            Self::Working | Self::Yielding => every,
            Self::Ready => every.max(Duration::from_millis(500)),
            Self::Watched => every.max(QUICK),
            Self::Resting if every <= QUICK => Duration::from_secs(5),
            Self::Resting => (every * 10).min(Duration::from_secs(60)),
        }
    }

    /// Whether it makes a difference that something is noticed a moment sooner.
    #[must_use]
    pub const fn is_pressing(self) -> bool {
        matches!(self, Self::Working | Self::Yielding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rest_is_slower_than_work_and_nothing_is_slower_than_a_minute() {
        for every in [250, 1_000, 2_000, 3_000, 10_000].map(Duration::from_millis) {
            let of = |pace: Pace| pace.stretch(every);
            assert_eq!(of(Pace::Working), every);
            assert!(of(Pace::Working) <= of(Pace::Ready) && of(Pace::Ready) <= of(Pace::Watched));
            assert!(of(Pace::Watched) < of(Pace::Resting) && of(Pace::Resting) <= Duration::from_secs(60));
        }
    }
}
