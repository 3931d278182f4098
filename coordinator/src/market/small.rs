//! What a rig keeps in half the room it would take.

use std::num::NonZeroU32;

use headframe_protocol::TimestampMs;

/// Where a rig stands on its shelf: counted from 1, so that standing nowhere takes no room of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(NonZeroU32);

impl Place {
    pub(super) fn of(index: usize) -> Option<Self> {
        u32::try_from(index + 1).ok().and_then(NonZeroU32::new).map(Self)
    }

    pub(super) const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Whole seconds since 1970, good until 2106: half as long as a time, and a rig's four lines of memory are full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Second(u32);

impl Second {
    pub(super) fn of(at: TimestampMs) -> Self {
        Self(u32::try_from(at.as_millis() / 1_000).unwrap_or(0))
    }

    /// How long ago that was, in seconds.
    pub(super) fn ago(self, now: TimestampMs) -> u32 {
        Self::of(now).0.saturating_sub(self.0)
    }
}
