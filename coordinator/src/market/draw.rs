//! Which of the ready rigs are looked at for a job: a few by lot, and if none of them suits, all, as far as their bounds let hope.

use std::hint::black_box;

use headframe_protocol::job::Trust;
use rand::{RngExt as _, rngs::SmallRng};

use super::{
    Want,
    shelf::{Block, Listed, Shelf},
};

/// Ready rigs drawn by lot for one job. The best of eight is close to the best of all, and costs the same in a network of
/// any size. So few are all looked at.
const SAMPLES: usize = 8;

/// They are drawn as neighbours of this many: what stands together on a shelf is read together, and who stands beside whom there is
/// as good as a lot.
const NEIGHBOURS: usize = 4;

/// Shelves the lot is drawn from: all that suit and hold a rig, up to this many; in a network of more classes others each time.
const SHELVES_DRAWN_FROM: usize = 16;

/// Shelves looked at for these, most of which may be empty.
const SHELVES_LOOKED_AT: usize = 256;

/// When none of the drawn rigs suits, all are looked for one that does, by their bounds. At most this many bounds, and behind them this
/// many blocks of rigs; what is left is looked at with the job's next try. So one rig among fifty thousand is found at once.
const BOUNDS_LOOKED_AT: usize = 1_024;
const BLOCKS_LOOKED_AT: usize = 16;

/// The shelves a lot is drawn from, as if they were one.
struct Window {
    /// The number of each and how many rigs it holds.
    shelves: [(usize, usize); SHELVES_DRAWN_FROM],
    filled: usize,
    rigs: usize,
}

impl Window {
    /// Some of the shelves that suit, from a random one on if there are many.
    fn open(suiting: &[u32], shelves: &[Shelf], lot: &mut SmallRng) -> Self {
        let mut window = Self { shelves: [(0, 0); SHELVES_DRAWN_FROM], filled: 0, rigs: 0 };
        let begin = if suiting.len() <= SHELVES_DRAWN_FROM { 0 } else { lot.random_range(0..suiting.len()) };
        for number in suiting.iter().cycle().skip(begin).take(suiting.len().min(SHELVES_LOOKED_AT)) {
            let Some(shelf) = shelves.get(*number as usize).filter(|shelf| shelf.len() > 0) else { continue };
            window.shelves[window.filled] = (*number as usize, shelf.len());
            window.rigs += shelf.len();
            window.filled += 1;
            if window.filled == SHELVES_DRAWN_FROM {
                break;
            }
        }
        window
    }

    /// Which shelf and where on it, for one of all its rigs.
    fn spot(&self, mut place: usize) -> Option<(usize, usize)> {
        for (shelf, len) in &self.shelves[..self.filled] {
            if place < *len {
                return Some((*shelf, place));
            }
            place -= len;
        }
        None
    }
}

/// The best of a few rigs drawn by lot.
pub(super) fn draw(
    suiting: &[u32],
    shelves: &mut [Shelf],
    lot: &mut SmallRng,
    cost: &mut impl FnMut(&mut Listed, Trust) -> Option<i64>,
) -> Option<(i64, u32)> {
    let window = Window::open(suiting, shelves, lot);
    let mut spots = [None; SAMPLES];
    if window.rigs <= SAMPLES {
        spots.iter_mut().enumerate().for_each(|(place, spot)| *spot = window.spot(place));
    } else {
        for neighbours in spots.chunks_mut(NEIGHBOURS) {
            let start = lot.random_range(0..window.rigs);
            neighbours.iter_mut().zip(start..).for_each(|(spot, place)| *spot = window.spot(place % window.rigs));
        }
    }
    // Asked for all at once, they are fetched side by side; one after the other, each would wait for what was decided about the one
    // before.
    let prices = spots.iter().flatten().filter_map(|(shelf, place)| shelves.get(*shelf)?.price_at(*place));
    black_box(prices.fold(0, i64::wrapping_add));
    let costs = spots.into_iter().flatten().filter_map(|(shelf, place)| {
        let shelf = shelves.get_mut(shelf)?;
        let trust = shelf.class.trust;
        let listed = shelf.get_mut(place)?;
        cost(listed, trust).map(|cost| (cost, listed.rig))
    });
    costs.min()
}

/// The best rig of the first block that holds one that suits, looked for from where the last look ended.
pub(super) fn look_through(
    suiting: &[u32],
    at: &mut (usize, usize),
    shelves: &mut [Shelf],
    want: &Want,
    cost: &mut impl FnMut(&mut Listed, Trust) -> Option<i64>,
) -> Option<(i64, u32)> {
    let (mut bounds, mut blocks, mut shelves_seen) = (0, 0, 0);
    // The shelf it begins on is seen in two parts.
    while bounds < BOUNDS_LOOKED_AT && blocks < BLOCKS_LOOKED_AT && shelves_seen <= suiting.len() {
        let number = match suiting.get(at.0) {
            Some(number) => *number,
            None => {
                *at = (0, 0);
                *suiting.first()?
            }
        };
        let shelf = shelves.get_mut(number as usize)?;
        let trust = shelf.class.trust;
        bounds += 1;
        match shelf.look(at.1, want, |listed| cost(listed, trust)) {
            Block::End => {
                shelves_seen += 1;
                *at = (at.0 + 1, 0);
            }
            Block::Passed => at.1 += 1,
            Block::Seen(None) => {
                blocks += 1;
                at.1 += 1;
            }
            Block::Seen(Some(found)) => return Some(found),
        }
    }
    None
}
