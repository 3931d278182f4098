//! How long the line to a rig takes, by WebSocket pings. A rig may answer them late to win time for a proof; what a late answer
//! is worth is bounded where it counts.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// Answers that are remembered: five minutes of heartbeats.
const SAMPLES: usize = 20;

/// One ping at a time.
#[derive(Debug, Default)]
pub(super) struct Rtt {
    samples: VecDeque<Duration>,
    sequence: u64,
    waiting: Option<Instant>,
}

impl Rtt {
    /// The payload of a ping that leaves now; none while one is on its way.
    pub(super) fn ping(&mut self, now: Instant) -> Option<[u8; 8]> {
        if self.waiting.is_some() {
            return None;
        }
        self.sequence += 1;
        self.waiting = Some(now);
        Some(self.sequence.to_be_bytes())
    }

    /// A pong has come. How long nineteen of twenty took at most, if it was ours.
    pub(super) fn pong(&mut self, payload: &[u8], now: Instant) -> Option<Duration> {
        if payload != self.sequence.to_be_bytes() {
            return None;
        }
        let took = now.saturating_duration_since(self.waiting.take()?);
        if self.samples.len() >= SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(took);
        let mut sorted: Vec<_> = self.samples.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get((sorted.len() * 95).div_ceil(100).saturating_sub(1)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_late_answer_of_twenty_does_not_count_and_a_strange_one_never() {
        let (mut rtt, mut now) = (Rtt::default(), Instant::now());
        let mut last = None;
        for turn in 0..20 {
            let ping = rtt.ping(now).expect("none is on its way");
            assert_eq!(rtt.ping(now), None, "one at a time");
            assert_eq!(rtt.pong(b"whatever", now), None);
            now += Duration::from_millis(if turn == 7 { 900 } else { 20 });
            last = rtt.pong(&ping, now);
            assert_eq!(rtt.pong(&ping, now), None, "an answer counts once");
        }
        assert_eq!(last, Some(Duration::from_millis(20)));
    }
}
