//! A connected rig, as the market is told of it.

use std::{collections::HashSet, sync::Arc};

use headframe_protocol::{AttemptId, CustomerId, DeviceId, SessionId, Sha256, TimestampMs, job::Trust, rig::RigReport};

use super::{
    Capacity, Class, Country, History,
    held::{Held, HeldAttempts},
};

/// The two bits of an image among the bits of a rig's images, as in a Bloom filter: most images a rig does not have are seen in them,
/// without a look at the set.
pub(super) fn image_bit(image: &Sha256) -> u64 {
    let [first, second, ..] = image.as_bytes();
    1 << (first % 64) | 1 << (second % 64)
}

/// Lists a rig has told. One pointer for both: a rig's four lines of memory are full.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Images it has.
    pub(super) images: HashSet<Sha256>,
    /// Customers its owner has blocked.
    pub(super) blocked: HashSet<CustomerId>,
}

/// A connected rig.
#[derive(Debug, Clone)]
#[repr(C)]
pub struct Agent {
    /// The rig.
    pub device: DeviceId,
    /// Whether it takes offers.
    pub ready: bool,
    pub(super) held: HeldAttempts,
    /// Its session.
    pub session: SessionId,
    /// What it has and asks, with all its slots.
    pub(super) capacity: Capacity,
    /// One bit for each of them; see [`image_bit`].
    pub(super) image_bits: u64,
    /// How its attempts have ended.
    pub history: History,
    /// What it told that is too large for every look.
    pub(super) told: Arc<Told>,
    /// Its class.
    pub class: Class,
}

impl Agent {
    /// A rig as its report describes it, behind which `trust` stands and which stands in `country`, and whose owner has blocked nobody:
    /// who that is, the report tells only to whoever can read it.
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
            told: Arc::new(Told { images: report.images.iter().copied().collect(), blocked: HashSet::new() }),
            image_bits: report.images.iter().fold(0, |bits, image| bits | image_bit(image)),
            ready: false,
            history: History::default(),
            held: HeldAttempts::default(),
        }
    }

    /// Its owner has blocked these customers.
    #[must_use]
    pub fn blocking(self, blocked: HashSet<CustomerId>) -> Self {
        let images = self.told.images.clone();
        Self { told: Arc::new(Told { images, blocked }), ..self }
    }

    /// It holds an attempt of before, which takes so many of its slots.
    pub fn holds(&mut self, attempt: AttemptId, slots: u8) {
        self.held.add(Held { attempt, given: TimestampMs::default(), customer: None, slots });
    }

    /// What of it is free now.
    pub(super) fn free(&self) -> Capacity {
        Capacity { slots_free: self.capacity.slots_free.saturating_sub(self.held.slots()), ..self.capacity }
    }
}
