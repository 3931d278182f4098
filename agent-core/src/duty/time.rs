//! What time alone brings about.

use headframe_protocol::{
    job::{AttemptState, Reason},
    session::Outcome,
};

use super::{
    DiskState, Duty, Effect, EngineState, LINGER, Life, LinkState, Order, REPEAT_EVERY, Wish, held::dropped_state, paused,
};
use crate::{
    clock::Now,
    store::{Choice, Entry, Parting},
};

impl Duty {
    /// Ends every lease that no answered heartbeat has prolonged. The container must be gone from here before the
    /// coordinator starts the job elsewhere.
    pub(super) fn fence(&mut self, now: Now, out: &mut Vec<Effect>) {
        let stop = self.stop();
        for held in &mut self.held {
            if now.moment < held.fence_at {
                continue;
            }
            let outcome = Outcome::Failed { reason: Reason::LeaseLapsed, exit_code: None, detail: None };
            match &held.life {
                Life::Doing => held.part(Parting::Report { outcome }, stop, now, out),
                // What may still run of it is unknown to the journal then, and removed when the runner looks.
                Life::Recovering { parting: None } | Life::Resuming => held.close(outcome, out),
                Life::Recovering { parting: Some(Parting::Report { outcome }) } => {
                    let outcome = outcome.clone();
                    held.close(outcome, out);
                }
                Life::Recovering { parting: Some(Parting::Silence { .. }) }
                | Life::Writing
                | Life::Stopping { .. }
                | Life::Closing { .. }
                | Life::Reporting { .. } => {}
            }
        }
        self.held.retain(|held| match &held.life {
            Life::Recovering { parting: Some(Parting::Silence { reason }) } if now.moment >= held.fence_at => {
                out.push(Effect::Write(Entry::Dropped { at: held.at(), state: dropped_state(*reason), reason: *reason }));
                false
            }
            Life::Recovering { .. }
            | Life::Resuming
            | Life::Writing
            | Life::Doing
            | Life::Stopping { .. }
            | Life::Closing { .. }
            | Life::Reporting { .. } => true,
        });
    }

    /// Everything that follows from the state and the time, whatever the event was.
    pub(super) fn keep_time(&mut self, now: Now, out: &mut Vec<Effect>) {
        self.end_rests(now, out);
        self.give_back(now, out);
        self.wait_for_cards(now, out);
        self.keep_deadlines(now, out);
        self.keep_checkpoints(now, out);
        self.end_finishing(now, out);
        self.keep_measuring(out);
        self.leave(now, out);
    }

    fn end_rests(&mut self, now: Now, out: &mut Vec<Effect>) {
        if matches!(self.wish, Wish::Paused { until: Some(until), .. } if now.moment >= until.moment) {
            self.wish = Wish::On;
            out.push(Effect::Write(Entry::Choice(Choice::On)));
        }
        self.cool_down(now);
        // The count of failures stays until something succeeds; only the waiting is over.
        if let Some(rest) = self.rest
            && now.moment >= rest.until.moment
        {
            self.failures_before = rest.failures;
            self.rest = None;
        }
    }

    fn keep_deadlines(&mut self, now: Now, out: &mut Vec<Effect>) {
        let again_at = now.moment + self.timers.scaled(REPEAT_EVERY);
        let up = self.link == LinkState::Up;
        let mut given_up = Vec::new();
        for held in &mut self.held {
            let at = held.at();
            match &mut held.life {
                Life::Stopping { kill_at, killed, wanted, .. }
                    if !*killed && now.moment >= *kill_at && wanted.is_none_or(|wanted| wanted.gone_at.is_none()) =>
                {
                    *killed = true;
                    out.push(Effect::Run(Order::Kill(at)));
                }
                Life::Closing { retry_at: Some(due), .. } if now.moment >= *due => held.write_outcome(out),
                Life::Reporting { give_up_at: Some(due), .. } if now.moment >= *due => given_up.push(at),
                Life::Reporting { again_at: due, .. } if up && now.moment >= *due => held.report(again_at, out),
                Life::Writing
                | Life::Recovering { .. }
                | Life::Resuming
                | Life::Doing
                | Life::Stopping { .. }
                | Life::Closing { .. }
                | Life::Reporting { .. } => {}
            }
        }
        for at in given_up {
            self.held.retain(|held| held.at() != at);
            out.push(Effect::Write(Entry::Dropped { at, state: AttemptState::Lost, reason: Reason::LeaseLapsed }));
        }
    }

    fn end_finishing(&mut self, now: Now, out: &mut Vec<Effect>) {
        let idle = self.held.iter().all(|held| !held.is_active());
        if self.wish == Wish::Finishing && idle {
            // Not off: that is a rig that was never started.
            let (wish, choice) = paused(now, None);
            self.wish = wish;
            out.push(Effect::Write(Entry::Choice(choice)));
        }
    }

    /// Ends the agent once nothing runs and the last words were heard, or could not be.
    fn leave(&mut self, now: Now, out: &mut Vec<Effect>) {
        let Some(mut leaving) = self.leaving else { return };
        let engine_is_missing = match &self.engine {
            EngineState::Missing | EngineState::Unusable { .. } => true,
            EngineState::Unknown | EngineState::Ready => false,
        };
        let gone = self.held.iter().all(|held| match &held.life {
            // Without an engine nothing can be done about it now; the next life looks again. While one is still being looked
            // for, a container may be running that the owner does not want any more.
            Life::Recovering { .. } => engine_is_missing,
            Life::Writing | Life::Resuming | Life::Doing | Life::Stopping { .. } | Life::Closing { .. } => false,
            Life::Reporting { .. } => true,
        });
        if gone && leaving.linger_until.is_none() {
            leaving.linger_until = Some(now.moment + self.timers.scaled(LINGER));
        }
        // A small checkpoint is brought in this time; a large one by the next life.
        let unheard = self.link == LinkState::Up && !(self.held.is_empty() && self.keeping.is_empty());
        let done = gone && (!unheard || leaving.linger_until.is_some_and(|until| now.moment >= until));
        if !leaving.said && (done || now.moment >= leaving.at_latest) {
            leaving.said = true;
            out.push(Effect::Leave);
        }
        self.leaving = Some(leaving);
    }

    /// A rig whose disk is full has stopped being able to promise anything.
    pub(super) fn disk_is_full(&mut self) {
        self.disk = DiskState::Full;
    }
}
