//! How much of the owner's line the rig itself uses for jobs: what it fetches for them and what it brings of them. Images are fetched
//! by the container engine, which cannot be slowed down; what jobs send themselves is counted in [`super::egress`].

use std::num::NonZeroU64;

use tokio::sync::watch;

use super::rate::Rate;

/// What an owner returns to: a fraction of most lines, and still a hundred megabytes in the minute for which a job waits.
const GENTLE_PER_SECOND: u64 = 2 << 20;

/// Uploads of attempts that may go on at once. Each gets its part of a limit.
const UPLOADS_MAX: u64 = 16;

/// The most that is sent and fetched, in bytes a second; none is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bandwidth {
    /// Results, logs and checkpoints, all attempts together.
    pub up_per_second: Option<NonZeroU64>,
    /// Inputs, all attempts together.
    pub down_per_second: Option<NonZeroU64>,
}

/// How soon something must have been brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    /// As soon as the line allows: nobody is there whom it would disturb.
    Full,
    /// The owner is back, and needs his line.
    Gentle,
}

/// The one line of all attempts.
#[derive(Debug)]
pub(super) struct Line {
    limits: watch::Receiver<Bandwidth>,
    up: Rate,
    down: Rate,
    gentle: Rate,
}

impl Line {
    pub(super) fn new(limits: watch::Receiver<Bandwidth>) -> Self {
        Self { limits, up: Rate::default(), down: Rate::default(), gentle: Rate::default() }
    }

    #[cfg(test)]
    pub(super) fn free() -> Self {
        Self::new(watch::channel(Bandwidth::default()).1)
    }

    /// Waits until so many bytes may be sent.
    pub(super) async fn send(&self, bytes: usize, haste: Haste) {
        if haste == Haste::Gentle {
            self.gentle.pass(bytes as u64, GENTLE_PER_SECOND).await;
        }
        let limit = self.limits.borrow().up_per_second;
        if let Some(limit) = limit {
            self.up.pass(bytes as u64, limit.get()).await;
        }
    }

    /// Waits until it was right to have fetched so many bytes: whoever sends them waits with us.
    pub(super) async fn fetch(&self, bytes: usize) {
        let limit = self.limits.borrow().down_per_second;
        if let Some(limit) = limit {
            self.down.pass(bytes as u64, limit.get()).await;
        }
    }

    /// The slowest an upload may be that is not stuck, in bytes a second: `usual`, or its part of the owner's limit.
    pub(super) fn least_up(&self, usual: u64) -> u64 {
        self.limits.borrow().up_per_second.map_or(usual, |limit| usual.min(limit.get() / UPLOADS_MAX)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    fn line(up: u64, down: u64) -> Line {
        let limits = Bandwidth { up_per_second: NonZeroU64::new(up), down_per_second: NonZeroU64::new(down) };
        Line::new(watch::channel(limits).1)
    }

    /// Whether it takes at least so long; nothing is said of what a busy machine adds.
    async fn waits(transfer: impl Future<Output = ()>, ms: u64) -> bool {
        let begun = Instant::now();
        transfer.await;
        begun.elapsed() >= Duration::from_millis(ms)
    }

    #[tokio::test]
    async fn each_direction_keeps_to_its_own_limit() {
        let line = line(100_000, 50_000);
        // Of every second's bytes as many may come at once.
        let up = async {
            line.send(100_000, Haste::Full).await;
            line.send(20_000, Haste::Full).await;
        };
        assert!(waits(up, 190).await);
        let down = async {
            line.fetch(50_000).await;
            line.fetch(10_000).await;
        };
        assert!(waits(down, 190).await);
    }

    #[tokio::test]
    async fn without_a_limit_only_an_owner_is_waited_for() {
        let line = Line::free();
        let years = async {
            line.send(usize::MAX, Haste::Full).await;
            line.fetch(usize::MAX).await;
        };
        tokio::time::timeout(Duration::from_secs(60), years).await.expect("nothing waits");
        let gently = async {
            line.send(2 << 20, Haste::Gentle).await;
            line.send(1 << 20, Haste::Gentle).await;
        };
        assert!(waits(gently, 490).await);
    }

    #[tokio::test]
    async fn an_owner_who_changes_his_limit_is_heard_at_once() {
        let (owner, limits) = watch::channel(Bandwidth::default());
        let line = Line::new(limits);
        owner.send_replace(Bandwidth { up_per_second: NonZeroU64::new(100_000), down_per_second: None });
        assert!(waits(line.send(110_000, Haste::Full), 90).await);
    }

    #[tokio::test]
    async fn a_slow_line_is_not_taken_for_a_stuck_one() {
        assert_eq!(Line::free().least_up(32_768), 32_768);
        assert_eq!(line(64_000, 0).least_up(32_768), 4_000);
        assert_eq!(line(1 << 30, 0).least_up(32_768), 32_768);
    }
}
