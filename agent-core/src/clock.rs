//! The two clocks of the agent, and the only place that reads them.
//!
//! Leases and grace periods are measured on a clock that goes on counting while the PC sleeps: a rig that
//! was suspended for an hour has been away for an hour. The wall clock is for people and for ordering history; it may
//! jump, so nothing is decided by it but which hour of the owner's week it is.

use std::{
    ops::{Add, Sub},
    time::Duration,
};

use headframe_protocol::TimestampMs;

/// A point on the clock that counts sleep. Its zero means nothing and differs from boot to boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(Duration);

impl Moment {
    /// From the clock's own zero; for tests and for reading the clock.
    #[must_use]
    pub const fn from_origin(since_origin: Duration) -> Self {
        Self(since_origin)
    }

    /// How long after `earlier` this is; zero if it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration))
    }
}

/// One point in time on both clocks: decided by the first, shown by the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// On the clock that counts sleep.
    pub moment: Moment,
    /// For people.
    pub wall: TimestampMs,
}

impl Add<Duration> for Now {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self { moment: self.moment + duration, wall: self.wall.after(duration) }
    }
}

impl Sub<Duration> for Now {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self { moment: self.moment - duration, wall: self.wall.before(duration) }
    }
}

/// Reads both clocks.
#[must_use]
pub fn now() -> Now {
    Now { moment: Moment(since_origin()), wall: wall() }
}

/// Now, for people.
#[must_use]
pub fn wall() -> TimestampMs {
    #[expect(clippy::disallowed_methods, reason = "this module is the clock the others ask")]
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    TimestampMs::from_millis(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}

/// A wall time that an earlier life wrote down, on both clocks of this one.
#[must_use]
pub fn at_wall(time: TimestampMs) -> Now {
    let now = now();
    if time >= now.wall { now + time.since(now.wall) } else { now - now.wall.since(time) }
}

/// The last local midnight before `time`.
#[must_use]
pub fn midnight_before(time: TimestampMs) -> TimestampMs {
    let midnight = jiff::Timestamp::from_millisecond(time.as_millis())
        .ok()
        .and_then(|timestamp| timestamp.to_zoned(jiff::tz::TimeZone::system()).start_of_day().ok());
    midnight.map_or(time, |zoned| TimestampMs::from_millis(zoned.timestamp().as_millisecond()))
}

/// `CLOCK_BOOTTIME`: like the monotonic clock, but it does not stop in suspend.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn since_origin() -> Duration {
    from_timespec(rustix::time::clock_gettime(rustix::time::ClockId::Boottime))
}

/// Darwin's `CLOCK_MONOTONIC` counts sleep; it is the one behind `mach_continuous_time`. Rust's `Instant` there does not.
#[cfg(target_os = "macos")]
fn since_origin() -> Duration {
    from_timespec(rustix::time::clock_gettime(rustix::time::ClockId::Monotonic))
}

#[cfg(unix)]
fn from_timespec(time: rustix::time::Timespec) -> Duration {
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// On Windows `Instant` is the performance counter, which counts sleep and hibernation.
#[cfg(windows)]
fn since_origin() -> Duration {
    static ORIGIN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    ORIGIN.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remembered_time_lies_as_far_ahead_on_both_clocks() {
        let later = at_wall(wall().after(Duration::from_secs(60)));
        let ahead = later.moment.since(now().moment);
        assert!(ahead > Duration::from_secs(59) && ahead <= Duration::from_secs(60), "{ahead:?}");
    }

    #[test]
    fn midnight_is_at_most_a_long_day_ago() {
        let ago = wall().since(midnight_before(wall()));
        assert!(ago <= Duration::from_secs(25 * 3_600), "{ago:?}");
    }
}
