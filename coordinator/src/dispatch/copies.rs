//! Copies of what the market holds, for questions that look at all of it. They are looked at beside the matching, and made so seldom
//! that it does not matter how often somebody asks.

use super::{Arc, Board, Duration, Fleet, Instant, Market};

/// A copy of a large network is made at most this often: it takes as long as hundreds of matches.
const FLEET_EVERY: Duration = Duration::from_secs(1);

/// A copy of so few takes no longer than a match.
const COPIED_AT_ONCE: usize = 256;

/// The same for a copy of the queue. Owners look at it once a minute.
const BOARD_EVERY: Duration = Duration::from_secs(5);

/// The last copies.
#[derive(Debug, Default)]
pub(super) struct Copies {
    fleet: Option<Fleets>,
    board: Option<(Instant, Arc<Board>)>,
}

#[derive(Debug)]
struct Fleets {
    fleet: Arc<Fleet>,
    version: u64,
    made: Instant,
}

impl Copies {
    /// What is connected.
    pub(super) fn fleet(&mut self, market: &Market) -> Arc<Fleet> {
        let (version, now) = (market.fleet_version(), Instant::now());
        let is_old =
            |known: &Fleets| version != known.version && (now >= known.made + FLEET_EVERY || market.rigs() <= COPIED_AT_ONCE);
        if self.fleet.as_ref().is_none_or(is_old) {
            self.fleet = None;
        }
        let known = self.fleet.get_or_insert_with(|| Fleets { fleet: Arc::new(market.fleet()), version, made: now });
        Arc::clone(&known.fleet)
    }

    /// What waits.
    pub(super) fn board(&mut self, market: &Market) -> Arc<Board> {
        let now = Instant::now();
        let is_new = |made: Instant| now < made + BOARD_EVERY && market.jobs_waiting() > COPIED_AT_ONCE;
        if self.board.as_ref().is_some_and(|(made, _)| !is_new(*made)) {
            self.board = None;
        }
        let (_, board) = self.board.get_or_insert_with(|| (now, Arc::new(market.board())));
        Arc::clone(board)
    }
}
