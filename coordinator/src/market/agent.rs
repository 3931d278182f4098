//! A connected rig, as the market is told of it.

use std::{collections::HashSet, sync::Arc};

use headframe_protocol::{AttemptId, CustomerId, DeviceId, SessionId, Sha256, TimestampMs, job::Trust, rig::RigReport};

use super::{Capacity, Class, Country, History};

/// An attempt a rig holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) attempt: AttemptId,
    /// How many of the rig's slots it takes.
    pub(super) slots: u8,
    /// When it was given; the beginning of time for one of before this coordinator started.
    pub(super) given: TimestampMs,
    /// Whose job it is, as far as this coordinator knows.
    pub(super) customer: Option<CustomerId>,
}

/// The bit of an image among the bits of a rig's images: most images a rig does not have are seen in them, without a look at the set.
pub(super) fn image_bit(image: &Sha256) -> u64 {
    1 << (image.as_bytes()[0] % 64)
}

/// A connected rig.
#[derive(Debug, Clone)]
pub struct Agent {
    /// The rig.
    pub device: DeviceId,
    /// Its session.
    pub session: SessionId,
    /// Its class.
    pub class: Class,
    /// What it has and asks, with all its slots.
    pub(super) capacity: Capacity,
    /// Images it has.
    pub images: Arc<HashSet<Sha256>>,
    /// One bit for each of them; see [`image_bit`].
    pub(super) image_bits: u64,
    /// Whether it takes offers.
    pub ready: bool,
    /// How its attempts have ended.
    pub history: History,
    pub(super) held: Vec<Held>,
}

impl Agent {
    /// A rig as its report describes it, behind which `trust` stands and which stands in `country`.
    #[must_use]
    pub fn new(
        device: DeviceId,
        session: SessionId,
        report: &RigReport,
        (trust, country): (Trust, Option<Country>),
        fee_bps: u16,
    ) -> Self {
        Self {
            device,
            session,
            class: Class::of(report, trust, country),
            capacity: Capacity::of(report, fee_bps),
            images: Arc::new(report.images.iter().copied().collect()),
            image_bits: report.images.iter().fold(0, |bits, image| bits | image_bit(image)),
            ready: false,
            history: History::default(),
            held: Vec::new(),
        }
    }

    /// It holds an attempt of before, which takes so many of its slots.
    pub fn holds(&mut self, attempt: AttemptId, slots: u8) {
        self.hold(Held { attempt, slots, given: TimestampMs::default(), customer: None });
    }

    /// The same, known in full. One that it holds already is passed over.
    pub(super) fn hold(&mut self, held: Held) {
        if self.held.iter().all(|known| known.attempt != held.attempt) {
            self.held.push(held);
        }
    }

    /// An attempt is over.
    pub(super) fn let_go(&mut self, attempt: AttemptId) -> Option<Held> {
        let place = self.held.iter().position(|held| held.attempt == attempt)?;
        Some(self.held.swap_remove(place))
    }

    fn slots_held(&self) -> u8 {
        self.held.iter().fold(0, |sum, held| sum.saturating_add(held.slots))
    }

    /// What of it is free now.
    pub(super) fn free(&self) -> Capacity {
        Capacity { slots_free: self.capacity.slots_free.saturating_sub(self.slots_held()), ..self.capacity }
    }
}
