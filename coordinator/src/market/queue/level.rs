//! How far the round of all customers has come: the virtual time of fair queueing (Parekh and Gallager 1993).
//!
//! It goes on by what is given out, divided among those who wait. A customer's own figure is what he was given. Nobody's figure counts
//! as less than [`Level::least`], so that turns cannot be saved up for ever, and nobody's becomes more than [`Level::most`], so that who was
//! served much while nobody else could be is not left out for as long afterwards. Together: whoever waits is the least served
//! after the level has risen by twice [`LEAD_SLOTS`], whatever newcomers there are, for they start at the level.

/// One slot. In parts, because one slot is divided among all customers.
pub(super) const SLOT: u64 = 1 << 20;

/// Slots a customer can be behind or ahead.
pub(super) const LEAD_SLOTS: u64 = 16;

/// How far the round has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Level(u64);

impl Level {
    pub(super) fn now(self) -> u64 {
        self.0
    }

    /// So many slots were given out while so many customers wait.
    pub(super) fn serve(&mut self, slots: u64, waiting: u64) {
        self.0 = self.0.saturating_add((slots * SLOT).div_ceil(waiting.max(1)));
    }

    /// In whole slots, or every entry of every order would be put right at every look.
    pub(super) fn least(self) -> u64 {
        (self.0 / SLOT).saturating_sub(LEAD_SLOTS) * SLOT
    }

    pub(super) fn most(self) -> u64 {
        self.0.saturating_add(LEAD_SLOTS * SLOT)
    }
}
