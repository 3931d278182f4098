//! What the runner and the journal tell, and what follows.

use std::{sync::Arc, time::Duration};

use headframe_protocol::{
    job::{AttemptState, Fault, Reason},
    session::{AttemptRef, Ended, Outcome, Progress},
};

use super::{
    BACKOFF, BACKOFF_MAX, Duty, Effect, Held, Life, Order, REPEAT_EVERY, Rest, checkpoint::keep_for, held::dropped_state,
};
use crate::{
    clock::Now,
    coordinator::{Say, Usage},
    runner::{Adopted, Ending, Found, RunEvent, RunEventKind},
    store::{Entry, Parting, Written},
};

/// How often progress within a stage is told.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

impl Duty {
    /// Something happened to a container.
    pub(super) fn ran(&mut self, event: RunEvent, now: Now, out: &mut Vec<Effect>) {
        let RunEvent { at, kind } = event;
        let kind = match kind {
            RunEventKind::Saved(saved) => return self.checkpoint_saved(at, saved, out),
            other => other,
        };
        let Some(index) = self.position(at) else {
            if matches!(kind, RunEventKind::Ended(_)) {
                out.push(Effect::Run(Order::Discard(at)));
            }
            return;
        };
        let held = &mut self.held[index];
        match &held.life {
            Life::Doing | Life::Stopping { .. } | Life::Recovering { .. } => {}
            // It has ended already, or was never started; what is still in the queue is old.
            Life::Writing | Life::Resuming | Life::Closing { .. } | Life::Reporting { .. } => return,
        }
        match kind {
            RunEventKind::Preparing { permille } => advance(held, AttemptState::Preparing, permille, now, out),
            RunEventKind::Started => advance(held, AttemptState::Running, None, now, out),
            RunEventKind::Log { bytes_total } => held.log_bytes = held.log_bytes.max(bytes_total),
            RunEventKind::Running { running_ms } => held.ran(running_ms),
            RunEventKind::Exited { code: 0 } => advance(held, AttemptState::Uploading, None, now, out),
            // The ending follows at once and says why.
            RunEventKind::Exited { .. } => {}
            RunEventKind::Uploading { permille } => advance(held, AttemptState::Uploading, Some(permille), now, out),
            RunEventKind::Ended(ending) => self.ended(index, ending, now, out),
            RunEventKind::Saved(_) => {}
        }
    }

    fn ended(&mut self, index: usize, ending: Ending, now: Now, out: &mut Vec<Effect>) {
        let held = &mut self.held[index];
        let by_itself = match ending {
            Ending::Succeeded { outputs, running_ms, log_bytes } => {
                held.ran_in_all(running_ms, log_bytes);
                Some(Outcome::Succeeded { outputs })
            }
            Ending::Failed { reason, exit_code, detail, running_ms, log_bytes } => {
                held.ran_in_all(running_ms, log_bytes);
                Some(Outcome::Failed { reason, exit_code, detail })
            }
            Ending::Stopped { running_ms, log_bytes } => {
                held.ran_in_all(running_ms, log_bytes);
                None
            }
        };
        let parting = outcome(&held.life, by_itself);
        if let Some(parting) = self.gone(index, parting, now) {
            self.conclude(index, parting, now, out);
        }
    }

    /// Nothing of the container is left here: says how it ended, or forgets it.
    pub(super) fn conclude(&mut self, index: usize, parting: Parting, now: Now, out: &mut Vec<Effect>) {
        self.write_yield(index, now, out);
        match parting {
            Parting::Report { outcome } => {
                self.held[index].close(outcome.clone(), out);
                self.count(&outcome, now);
            }
            Parting::Silence { reason } => self.let_go(index, reason, out),
        }
    }

    /// Forgets an attempt nobody wants to hear of any more.
    pub(super) fn let_go(&mut self, index: usize, reason: Reason, out: &mut Vec<Effect>) {
        let at = self.held.remove(index).at();
        self.forget_checkpoint(at, out);
        out.push(Effect::Write(Entry::Dropped { at, state: dropped_state(reason), reason }));
        out.push(Effect::Run(Order::Discard(at)));
    }

    /// Rests after the rig's own failures, longer each time; a success is a fresh start.
    fn count(&mut self, outcome: &Outcome, now: Now) {
        match outcome {
            Outcome::Succeeded { .. } => self.failures_before = 0,
            // A lapsed lease and a restart say nothing about whether the next job will work.
            Outcome::Failed { reason: Reason::LeaseLapsed | Reason::AgentRestarted, .. } => {}
            Outcome::Failed { reason, .. } if reason.fault() == Fault::Rig => {
                let failures = self.rest.map_or(self.failures_before, |rest| rest.failures).saturating_add(1);
                let pause = BACKOFF.saturating_mul(1 << (failures - 1).min(16)).min(BACKOFF_MAX);
                self.rest = Some(Rest { failures, until: now + self.timers.scaled(pause) });
            }
            Outcome::Failed { .. } | Outcome::Yielded { .. } | Outcome::Cancelled { .. } => {}
        }
    }

    /// The runner has looked at what an earlier life left.
    pub(super) fn adopted(&mut self, found: &[Adopted], now: Now, out: &mut Vec<Effect>) {
        let stop = self.stop();
        self.resume_checkpoints(out);
        for Adopted { at, found } in found {
            let Some(index) = self.position(*at) else {
                // Given up while the runner was looking.
                out.push(Effect::Run(Order::Kill(*at)));
                out.push(Effect::Run(Order::Discard(*at)));
                continue;
            };
            let cards = self.cards_of(&self.held[index].cards());
            let held = &mut self.held[index];
            let Life::Recovering { parting } = held.life.clone() else { continue };
            let ran = matches!(held.doing, AttemptState::Running | AttemptState::Uploading);
            match (found, parting) {
                (Found::Running, None) => held.life = Life::Doing,
                (Found::Exited, None) => {
                    // Nothing runs any more, so that an owner who is here has nothing to get back.
                    held.life = Life::Doing;
                    held.doing = AttemptState::Uploading;
                }
                (Found::Running | Found::Exited, Some(parting)) => held.part(parting, stop, now, out),
                (Found::NotStarted | Found::Missing, Some(Parting::Report { outcome })) => held.close(outcome, out),
                (Found::NotStarted | Found::Missing, Some(Parting::Silence { reason })) => self.let_go(index, reason, out),
                (Found::Missing, None) if ran => {
                    held.close(Outcome::Failed { reason: Reason::AgentRestarted, exit_code: None, detail: None }, out);
                }
                (Found::NotStarted | Found::Missing, None) if held.confirmed => held.start(cards, out),
                // It may have gone to another rig while we were dead; nothing is lost by asking first.
                (Found::NotStarted | Found::Missing, None) => held.life = Life::Resuming,
            }
        }
    }

    /// The journal has written an entry.
    pub(super) fn written(&mut self, written: Written, now: Now, out: &mut Vec<Effect>) {
        let at = match written {
            Written::Accepted(at) | Written::Ended(at) | Written::NotAccepted(at) | Written::NotEnded(at) => at,
            Written::Receipt { at, .. } | Written::Settled(at) => at,
            Written::CheckpointSaved(at) => return self.checkpoint_written(at, now, out),
            Written::CheckpointNotSaved(at) => return self.checkpoint_not_written(at, now),
            Written::Choice => return,
        };
        let Some(index) = self.position(at) else { return };
        let repeat = self.timers.scaled(REPEAT_EVERY);
        match (written, &self.held[index].life) {
            (Written::Accepted(at), Life::Writing) => self.begin(index, at, now, out),
            (Written::NotAccepted(at), Life::Writing) => {
                self.held.remove(index);
                self.disk_is_full();
                out.push(Effect::Say(Say::Decline(Ended { at, reason: Reason::RigDiskFull })));
            }
            (Written::Ended(at), Life::Closing { outcome, .. }) => {
                let outcome = outcome.clone();
                let held = &mut self.held[index];
                let saves = keep_for(&held.offer, &outcome).map(|_| Arc::clone(&held.offer));
                held.life = Life::Reporting { outcome, again_at: now.moment, give_up_at: None };
                held.report(now.moment + repeat, out);
                match saves {
                    Some(offer) => self.keep_checkpoint(offer, now, out),
                    None => out.push(Effect::Run(Order::Discard(at))),
                }
            }
            (Written::NotEnded(_), Life::Closing { .. }) => {
                if let Life::Closing { retry_at, .. } = &mut self.held[index].life {
                    *retry_at = Some(now.moment + repeat);
                }
            }
            (Written::Receipt { at, sequence, running_ms }, Life::Doing | Life::Stopping { .. }) => {
                let job = self.held[index].offer.job;
                out.push(Effect::Say(Say::Receipt(Usage { at, job, sequence, running_ms })));
            }
            // Too late to matter: the attempt has moved on while the disk was busy.
            (
                Written::Accepted(_)
                | Written::NotAccepted(_)
                | Written::Ended(_)
                | Written::NotEnded(_)
                | Written::Settled(_)
                | Written::CheckpointSaved(_)
                | Written::CheckpointNotSaved(_)
                | Written::Choice
                | Written::Receipt { .. },
                Life::Writing
                | Life::Recovering { .. }
                | Life::Resuming
                | Life::Doing
                | Life::Stopping { .. }
                | Life::Closing { .. }
                | Life::Reporting { .. },
            ) => {}
        }
    }

    /// The acceptance is on disk: say so and start, unless the owner came back meanwhile, or the disk was so slow (or the PC
    /// slept so long) that the coordinator has given the offer to another.
    fn begin(&mut self, index: usize, at: AttemptRef, now: Now, out: &mut Vec<Effect>) {
        let too_late = (now.moment >= self.held[index].answer_by).then_some(Reason::NoAnswer);
        let offer = &self.held[index].offer;
        let forbidden = (!self.lets_out(offer)).then_some(Reason::EgressForbidden);
        if let Some(reason) = too_late.or_else(|| self.unwilling()).or(forbidden).or_else(|| self.unwanted(offer)) {
            self.held.remove(index);
            out.push(Effect::Write(Entry::Dropped { at, state: AttemptState::Withdrawn, reason }));
            out.push(Effect::Say(Say::Decline(Ended { at, reason })));
            return;
        }
        out.push(Effect::Say(Say::Accept(at)));
        let cards = self.cards_of(&self.held[index].cards());
        self.held[index].start(cards, out);
    }
}

/// The outcome of a container that ended as `by_itself`, or because it was stopped.
fn outcome(life: &Life, by_itself: Option<Outcome>) -> Parting {
    let parting = match life {
        Life::Stopping { parting, .. } | Life::Recovering { parting: Some(parting) } => Some(parting.clone()),
        Life::Doing
        | Life::Recovering { parting: None }
        | Life::Resuming
        | Life::Writing
        | Life::Closing { .. }
        | Life::Reporting { .. } => None,
    };
    match (parting, by_itself) {
        // It was done before the stop reached it. Only who cancelled does not want it any more.
        (
            Some(Parting::Report { outcome: Outcome::Yielded { .. } | Outcome::Failed { .. } }),
            Some(done @ Outcome::Succeeded { .. }),
        ) => Parting::Report { outcome: done },
        (Some(parting), _) => parting,
        (None, Some(outcome)) => Parting::Report { outcome },
        (None, None) => Parting::Report { outcome: Outcome::Yielded { reason: Reason::RigPaused } },
    }
}

/// Moves on to `doing`, never back, and tells: each stage once, progress within one now and then.
fn advance(held: &mut Held, doing: AttemptState, permille: Option<u16>, now: Now, out: &mut Vec<Effect>) {
    let at = held.at();
    if stage(doing) < stage(held.doing) {
        return;
    }
    let new_stage = held.doing != doing;
    held.permille = permille;
    if new_stage {
        held.doing = doing;
        out.push(Effect::Write(Entry::Stage { at, stage: doing }));
    }
    if new_stage || now.moment >= held.progress_at {
        held.progress_at = now.moment + PROGRESS_EVERY;
        out.push(Effect::Say(Say::Progress(Progress { at, state: doing, permille })));
    }
}

/// The order of what a runner does.
const fn stage(doing: AttemptState) -> u8 {
    match doing {
        AttemptState::Offered | AttemptState::Accepted => 0,
        AttemptState::Preparing => 1,
        AttemptState::Running => 2,
        AttemptState::Uploading => 3,
        AttemptState::Succeeded
        | AttemptState::Failed
        | AttemptState::Yielded
        | AttemptState::Lost
        | AttemptState::Withdrawn
        | AttemptState::Cancelled => 4,
    }
}
