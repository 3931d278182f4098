//! The attempts a rig holds. Most rigs hold one or none, and that one lies within the rig's own memory.

use headframe_protocol::{AttemptId, CustomerId, TimestampMs};

/// An attempt a rig holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) attempt: AttemptId,
    /// When it was given; the beginning of time for one of before this coordinator started.
    pub(super) given: TimestampMs,
    /// Whose job it is, as far as this coordinator knows.
    pub(super) customer: Option<CustomerId>,
    /// How many of the rig's slots it takes.
    pub(super) slots: u8,
}

/// All of them, in any order.
#[derive(Debug, Clone, Default)]
pub(super) struct HeldAttempts {
    first: Option<Held>,
    more: Option<Box<More>>,
}

/// Those beyond the first. Behind a pointer, so that a rig without any is as small as can be.
#[derive(Debug, Clone, Default)]
struct More(Vec<Held>);

impl HeldAttempts {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.first.iter().chain(self.more())
    }

    fn more(&self) -> &[Held] {
        self.more.as_ref().map_or(&[], |more| &more.0)
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more().len()
    }

    /// One more. One that is held already is passed over.
    pub(super) fn add(&mut self, held: Held) {
        if self.iter().any(|known| known.attempt == held.attempt) {
            return;
        }
        match self.first {
            None => self.first = Some(held),
            Some(_) => self.more.get_or_insert_default().0.push(held),
        }
    }

    /// One less.
    pub(super) fn take(&mut self, attempt: AttemptId) -> Option<Held> {
        let more = self.more.as_mut().map(|more| &mut more.0);
        if let Some(first) = self.first.filter(|held| held.attempt == attempt) {
            self.first = more.and_then(Vec::pop);
            return Some(first);
        }
        let more = more?;
        let place = more.iter().position(|held| held.attempt == attempt)?;
        Some(more.swap_remove(place))
    }

    pub(super) fn slots(&self) -> u8 {
        self.iter().fold(0, |sum, held| sum.saturating_add(held.slots))
    }
}
