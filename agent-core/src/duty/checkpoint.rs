//! What an attempt left that gave the PC back: brought while the owner works on, said until the coordinator has decided,
//! then forgotten. The PC comes first; none of this holds it up.
//!
//! ```text
//!  Waiting ─► Bringing ─► Noting ─► Telling ─► decided, or too late
//! ```

use std::{sync::Arc, time::Duration};

use headframe_protocol::{
    AttemptId,
    job::AttemptState,
    session::{AttemptRef, CheckpointSettled, Offer, Outcome, Settled},
};

use super::{Duty, Effect, LinkState, Order, REPEAT_EVERY};
use crate::{
    clock::{Moment, Now},
    coordinator::Say,
    store::{Entry, OpenCheckpoint, Saved},
};

/// How long a checkpoint is kept and brought. As long as the coordinator's default takes one; afterwards the customer's data
/// has no business here.
pub const SAVE_WITHIN: Duration = Duration::from_secs(30 * 60);

/// One checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keeping {
    offer: Arc<Offer>,
    stage: Stage,
    /// When it is given up.
    until: Moment,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    /// Left by an earlier life; the runner has not looked yet.
    Waiting,
    /// The runner brings it.
    Bringing,
    /// It is brought; that is being written down.
    Noting {
        saved: Saved,
        /// When to try again, if it could not be written.
        retry_at: Option<Moment>,
    },
    /// It is said until the coordinator answers, and not before it has heard how the attempt ended.
    Telling { saved: Saved, again_at: Moment },
}

impl Keeping {
    pub(super) fn recovered(past: OpenCheckpoint, until: Moment, now: Now) -> Self {
        let OpenCheckpoint { offer, saved, until_ms: _ } = past;
        let stage = saved.map_or(Stage::Waiting, |saved| Stage::Telling { saved, again_at: now.moment });
        Self { offer: Arc::new(offer), stage, until }
    }

    fn at(&self) -> AttemptRef {
        self.offer.at
    }

    /// Whether what the container left must stay on the disk.
    fn needs_volume(&self) -> bool {
        match &self.stage {
            Stage::Waiting | Stage::Bringing | Stage::Noting { .. } => true,
            Stage::Telling { .. } => false,
        }
    }
}

fn note(at: AttemptRef, saved: &Saved) -> Effect {
    Effect::Write(Entry::CheckpointSaved { at, saved: saved.clone() })
}

/// How long what the attempt left is kept, if it is.
pub(super) fn keep_for(offer: &Offer, outcome: &Outcome) -> Option<Duration> {
    match outcome {
        Outcome::Yielded { .. } => offer.spec.checkpoint.as_ref().map(|_| SAVE_WITHIN),
        Outcome::Succeeded { .. } | Outcome::Failed { .. } | Outcome::Cancelled { .. } => None,
    }
}

impl Duty {
    /// Attempts whose work volumes are still needed although they have ended.
    #[must_use]
    pub fn kept(&self) -> Vec<AttemptId> {
        self.keeping.iter().filter(|keeping| keeping.needs_volume()).map(|keeping| keeping.at().attempt).collect()
    }

    /// Disk that checkpoints still take.
    pub(super) fn kept_disk_bytes(&self) -> u64 {
        let kept = self.keeping.iter().filter(|keeping| keeping.needs_volume());
        kept.map(|keeping| u64::from(keeping.offer.spec.resources.disk_gib) << 30).sum()
    }

    /// The attempt's end is on disk, and that it left something: only now is it touched.
    pub(super) fn keep_checkpoint(&mut self, offer: Arc<Offer>, now: Now, out: &mut Vec<Effect>) {
        let until = now.moment + self.timers.scaled(SAVE_WITHIN);
        out.push(Effect::Run(Order::Save(Arc::clone(&offer))));
        self.keeping.push(Keeping { offer, stage: Stage::Bringing, until });
    }

    /// The runner has looked at what an earlier life left, and kept what is asked for now.
    pub(super) fn resume_checkpoints(&mut self, out: &mut Vec<Effect>) {
        for keeping in self.keeping.iter_mut().filter(|keeping| keeping.stage == Stage::Waiting) {
            keeping.stage = Stage::Bringing;
            out.push(Effect::Run(Order::Save(Arc::clone(&keeping.offer))));
        }
    }

    /// All is brought, or nothing is.
    pub(super) fn checkpoint_saved(&mut self, at: AttemptRef, saved: Saved, out: &mut Vec<Effect>) {
        let found = self.keeping.iter_mut().find(|keeping| keeping.at() == at && keeping.stage == Stage::Bringing);
        let Some(keeping) = found else { return };
        out.push(note(at, &saved));
        keeping.stage = Stage::Noting { saved, retry_at: None };
    }

    /// What was brought is on disk: the work volume is not needed any more.
    pub(super) fn checkpoint_written(&mut self, at: AttemptRef, now: Now, out: &mut Vec<Effect>) {
        for keeping in self.keeping.iter_mut().filter(|keeping| keeping.at() == at) {
            if let Stage::Noting { saved, .. } = &mut keeping.stage {
                let saved = std::mem::take(saved);
                keeping.stage = Stage::Telling { saved, again_at: now.moment };
                out.push(Effect::Run(Order::Discard(at)));
            }
        }
    }

    /// What was brought could not be written down; it is tried again.
    pub(super) fn checkpoint_not_written(&mut self, at: AttemptRef, now: Now) {
        let again_at = now.moment + self.timers.scaled(REPEAT_EVERY);
        for keeping in self.keeping.iter_mut().filter(|keeping| keeping.at() == at) {
            if let Stage::Noting { retry_at, .. } = &mut keeping.stage {
                *retry_at = Some(again_at);
            }
        }
    }

    /// The coordinator has decided; either way there is nothing left to do.
    pub(super) fn checkpoint_settled(&mut self, settled: CheckpointSettled, out: &mut Vec<Effect>) {
        self.give_up_checkpoint(settled.at, out);
    }

    /// A checkpoint of an attempt that was written down otherwise than as given back is of no use to anybody.
    pub(super) fn checkpoint_of_settled(&mut self, settled: &Settled, out: &mut Vec<Effect>) {
        if settled.state != AttemptState::Yielded {
            self.give_up_checkpoint(settled.at, out);
        }
    }

    /// Says whether its work volume was still there; false too if there is no such checkpoint.
    pub(super) fn forget_checkpoint(&mut self, at: AttemptRef, out: &mut Vec<Effect>) -> bool {
        let Some(index) = self.keeping.iter().position(|keeping| keeping.at() == at) else { return false };
        out.push(Effect::Write(Entry::CheckpointEnded(at)));
        self.keeping.remove(index).needs_volume()
    }

    /// Forgets it, and what the container left with it.
    fn give_up_checkpoint(&mut self, at: AttemptRef, out: &mut Vec<Effect>) {
        if self.forget_checkpoint(at, out) {
            out.push(Effect::Run(Order::Discard(at)));
        }
    }

    /// Says what is due, writes again what could not be written, and gives up what took too long.
    pub(super) fn keep_checkpoints(&mut self, now: Now, out: &mut Vec<Effect>) {
        let late: Vec<AttemptRef> = self.keeping.iter().filter(|keeping| now.moment >= keeping.until).map(Keeping::at).collect();
        for at in late {
            self.give_up_checkpoint(at, out);
        }
        let next = now.moment + self.timers.scaled(REPEAT_EVERY);
        let (up, held) = (self.link == LinkState::Up, &self.held);
        for keeping in &mut self.keeping {
            let at = keeping.offer.at;
            let is_heard = held.iter().all(|held| held.at() != at);
            match &mut keeping.stage {
                Stage::Noting { saved, retry_at } if retry_at.is_some_and(|due| now.moment >= due) => {
                    *retry_at = None;
                    out.push(note(at, saved));
                }
                Stage::Telling { saved, again_at } if up && is_heard && now.moment >= *again_at => {
                    *again_at = next;
                    out.push(Effect::Say(Say::Checkpoint { at, saved: saved.clone() }));
                }
                Stage::Waiting | Stage::Bringing | Stage::Noting { .. } | Stage::Telling { .. } => {}
            }
        }
    }

    /// A new session: what was said in the last one may not have been heard.
    pub(super) fn repeat_checkpoints(&mut self, now: Now) {
        for keeping in &mut self.keeping {
            if let Stage::Telling { again_at, .. } = &mut keeping.stage {
                *again_at = now.moment;
            }
        }
    }
}
