//! The ready rigs of one class, so that one that suits is found without a look at each.

use headframe_protocol::{Sha256, job::Trust};

use super::{Agent, Capacity, Class, Want, agent::image_bit, interrupts::Outlook};

/// Rigs that one bound stands for. Few enough to be looked at one by one, many enough that the bounds of fifty thousand rigs are read
/// in a microsecond.
pub(super) const BLOCK: usize = 64;

/// A ready rig, with all that choosing among rigs looks at, in one line of memory. Beside one another, because a look at each of the drawn rigs' own records
/// costs more the more rigs there are: they no longer fit into the processor's caches.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(super) struct Listed {
    /// Its number among all rigs.
    pub(super) rig: u32,
    pub(super) capacity: Capacity,
    /// See [`image_bit`].
    image_bits: u64,
    pub(super) outlook: Outlook,
    failures: u8,
    /// Some customers' jobs it gets no more of.
    pub(super) bars: bool,
}

impl Listed {
    pub(super) fn of(rig: u32, agent: &Agent, outlook: Outlook, failures: u32, bars: bool) -> Self {
        Self {
            rig,
            capacity: agent.free(),
            image_bits: agent.image_bits,
            outlook,
            failures: u8::try_from(failures).unwrap_or(u8::MAX),
            bars,
        }
    }

    /// Whether it may have an image; what says no is sure.
    pub(super) fn may_have(&self, image: &Sha256) -> bool {
        self.image_bits & image_bit(image) == image_bit(image)
    }

    /// What the rig costs in all for a job; less is better. In micro-dollars per hour of the job's work, so that every part has a
    /// price one can argue about.
    pub(super) fn score(&self, want: &Want, trust: Trust, has_image: bool) -> i64 {
        let price = self.capacity.price_per_hour.get();
        // Fetching an image takes minutes in which nobody earns: worth a tenth of the price and a cent.
        let fetch = if has_image { 0 } else { price / 10 + 10_000 };
        // Work at risk is all since the last checkpoint; what of an hour's work is likely to be done twice is worth its price.
        let interrupted = (price as f64 * self.outlook.interrupted_within(want.at_risk_s)) as i64;
        // Each recent failure in a row makes losing the work likelier.
        let risk = price / 10 * i64::from(self.failures.min(10));
        let trust = match trust {
            Trust::Community => 0,
            Trust::Partner => price / 20,
            Trust::Own => price / 10,
        };
        [fetch, interrupted, risk, -trust].into_iter().fold(price, i64::saturating_add)
    }
}

const _: () = assert!(size_of::<Listed>() == 64, "one line of memory");

/// Ready rigs of one class, in any order.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) class: Class,
    /// Rigs of the class that are connected, ready or not.
    pub(super) connected: u32,
    rigs: Vec<Listed>,
    /// For every [`BLOCK`] of rigs what is at least as good as each of them. Made worse again when a look found nothing behind it.
    bounds: Vec<Capacity>,
}

/// What a look into a block found.
pub(super) enum Block {
    /// There is no such block: the shelf has been seen.
    End,
    /// None of its rigs can suit, as the bound tells.
    Passed,
    /// Its rigs were looked at one by one.
    Seen(Option<(i64, u32)>),
}

impl Shelf {
    pub(super) fn new(class: Class) -> Self {
        Self { class, connected: 0, rigs: Vec::new(), bounds: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.rigs.len()
    }

    pub(super) fn price_at(&self, place: usize) -> Option<i64> {
        self.rigs.get(place).map(|listed| listed.capacity.price_per_hour.get())
    }

    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut Listed> {
        self.rigs.get_mut(place)
    }

    /// Puts a rig at the end and returns its place.
    pub(super) fn put(&mut self, listed: Listed) -> usize {
        let place = self.rigs.len();
        self.bound(place, listed.capacity);
        self.rigs.push(listed);
        place
    }

    /// The rig at a place is this now.
    pub(super) fn set(&mut self, place: usize, listed: Listed) {
        self.bound(place, listed.capacity);
        if let Some(known) = self.rigs.get_mut(place) {
            *known = listed;
        }
    }

    /// Takes the rig at a place out. Returns the number of the one that stands there now, if one does.
    pub(super) fn take(&mut self, place: usize) -> Option<u32> {
        self.rigs.swap_remove(place);
        self.bounds.truncate(self.rigs.len().div_ceil(BLOCK));
        let moved = self.rigs.get(place).map(|listed| (listed.rig, listed.capacity));
        moved.map(|(rig, capacity)| {
            self.bound(place, capacity);
            rig
        })
    }

    fn bound(&mut self, place: usize, capacity: Capacity) {
        match self.bounds.get_mut(place / BLOCK) {
            Some(bound) => *bound = bound.best_of(capacity),
            None => self.bounds.push(capacity),
        }
    }

    /// Looks at a block of rigs for those that suit and that `cost` something; the one that costs least is found.
    pub(super) fn look(&mut self, block: usize, want: &Want, mut cost: impl FnMut(&mut Listed) -> Option<i64>) -> Block {
        match self.bounds.get(block) {
            None => return Block::End,
            Some(bound) if !bound.suits(want) => return Block::Passed,
            Some(_) => {}
        }
        let end = self.rigs.len().min((block + 1) * BLOCK);
        let Some(rigs) = self.rigs.get_mut(block * BLOCK..end) else { return Block::End };
        let suiting = rigs.iter_mut().filter(|listed| listed.capacity.suits(want));
        let found = suiting.filter_map(|listed| cost(listed).map(|cost| (cost, listed.rig))).min();
        if found.is_none() {
            let tight = rigs.iter().map(|listed| listed.capacity).reduce(Capacity::best_of);
            if let (Some(bound), Some(tight)) = (self.bounds.get_mut(block), tight) {
                *bound = tight;
            }
        }
        Block::Seen(found)
    }
}
