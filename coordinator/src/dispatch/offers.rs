//! Offers on their way: pushed after the commit, taken back when the rig does not answer.

use super::{AttemptId, AttemptRef, DeviceId, Duration, HashSet, Instant, VecDeque};

/// Offers pushed and not answered. All have the same time to answer, so the oldest is always first.
#[derive(Debug)]
pub(crate) struct Offers {
    answer_within: Duration,
    pushed: VecDeque<(Instant, AttemptRef, DeviceId)>,
    open: HashSet<AttemptId>,
}

impl Offers {
    pub(crate) fn new(answer_within: Duration) -> Self {
        Self { answer_within, pushed: VecDeque::new(), open: HashSet::new() }
    }

    pub(crate) fn pushed(&mut self, at: AttemptRef, device: DeviceId, now: Instant) {
        self.open.insert(at.attempt);
        self.pushed.push_back((now + self.answer_within, at, device));
    }

    pub(crate) fn answered(&mut self, attempt: AttemptId) {
        self.open.remove(&attempt);
    }

    /// When the next one is late.
    pub(crate) fn next(&mut self) -> Option<Instant> {
        while self.pushed.front().is_some_and(|(_, at, _)| !self.open.contains(&at.attempt)) {
            self.pushed.pop_front();
        }
        self.pushed.front().map(|(by, _, _)| *by)
    }

    /// Offers that are late now; each is returned once.
    pub(crate) fn late(&mut self, now: Instant) -> Vec<AttemptRef> {
        let mut late = Vec::new();
        while self.next().is_some_and(|by| by <= now) {
            if let Some((_, at, _)) = self.pushed.pop_front()
                && self.open.remove(&at.attempt)
            {
                late.push(at);
            }
        }
        late
    }
}
