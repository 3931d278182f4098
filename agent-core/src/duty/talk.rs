//! What the coordinator tells, and what follows.

use std::sync::Arc;

use headframe_protocol::{
    Sha256,
    job::Reason,
    session::{AttemptRef, Ended, LeaseVerdict, Offer, Outcome, Settled},
};

use super::{Duty, Effect, Life, LinkState, Order, REPEAT_EVERY, REPEAT_FOR};
use crate::{
    clock::{Moment, Now},
    coordinator::{Said, Say},
    store::{Entry, Parting},
};

impl Duty {
    /// The coordinator spoke, or the line to it changed.
    pub(super) fn heard(&mut self, said: Said, now: Now, out: &mut Vec<Effect>) {
        match said {
            Said::Connecting => {}
            Said::Closed { .. } => self.link = LinkState::Down,
            Said::Refused { code, message } => self.link = LinkState::Refused { code, message },
            Said::Opened { network: _, sent, lease_ttl, verdicts } => {
                self.link = LinkState::Up;
                self.lease_ttl = lease_ttl;
                self.judged(&verdicts, sent, now, out);
                self.repeat_outcomes(now, out);
                self.repeat_checkpoints(now);
            }
            Said::Beat { sent, verdicts } => self.judged(&verdicts, sent, now, out),
            Said::HeartbeatSent => self.held.iter_mut().for_each(|held| held.number_receipt(out)),
            Said::Offer(offer) => self.offered(offer, now, out),
            Said::Withdraw(ended) => self.withdrawn(ended, now, out),
            Said::Cancel(ended) => self.cancelled(ended, now, out),
            Said::Settled(settled) => self.settled(settled, now, out),
            Said::CheckpointSettled(settled) => self.checkpoint_settled(settled, out),
            Said::Revoke(image) => self.revoked(image, now, out),
        }
    }

    fn offered(&mut self, offer: Arc<Offer>, now: Now, out: &mut Vec<Effect>) {
        let at = offer.at;
        if let Some(index) = self.position(at) {
            // Our answer was lost, or is being written; the same offer is the same attempt.
            match &self.held[index].life {
                Life::Writing => {}
                Life::Recovering { .. }
                | Life::Resuming
                | Life::Doing
                | Life::Stopping { .. }
                | Life::Closing { .. }
                | Life::Reporting { .. } => {
                    out.push(Effect::Say(Say::Accept(at)));
                }
            }
            return;
        }
        let slots = match self.unwilling() {
            Some(reason) => Err(reason),
            None if !self.lets_out(&offer) => Err(Reason::EgressForbidden),
            None if self.unwanted(&offer).is_some() => Err(self.unwanted(&offer).unwrap_or(Reason::Declined)),
            // The coordinator knows what we ask, but power may have become dearer since. His rules say no; nobody is at fault.
            None if self.gate.is_some_and(|gate| offer.earns_per_hour < gate.floor_per_hour) => Err(Reason::OwnerReturned),
            None => self.slots_for(&offer),
        };
        match slots {
            Ok(slots) => self.take(offer, slots, now, out),
            Err(reason) => out.push(Effect::Say(Say::Decline(Ended { at, reason }))),
        }
    }

    /// Leases that are still ours live on; the others are not.
    fn judged(&mut self, verdicts: &[LeaseVerdict], sent: Moment, now: Now, out: &mut Vec<Effect>) {
        for LeaseVerdict { at, held: ours } in verdicts {
            let Some(index) = self.position(*at) else { continue };
            if *ours {
                self.renewed(index, sent, now, out);
                continue;
            }
            let give_up = now.moment + self.timers.scaled(REPEAT_FOR);
            match &mut self.held[index].life {
                // It may be over because it was settled and we never heard: say the outcome a little longer.
                Life::Reporting { give_up_at, .. } => {
                    give_up_at.get_or_insert(give_up);
                }
                Life::Closing { .. } => {}
                Life::Writing | Life::Recovering { .. } | Life::Resuming | Life::Doing | Life::Stopping { .. } => {
                    self.withdrawn(Ended { at: *at, reason: Reason::LeaseLapsed }, now, out);
                }
            }
        }
    }

    fn renewed(&mut self, index: usize, sent: Moment, now: Now, out: &mut Vec<Effect>) {
        let cards = self.cards_of(&self.held[index].cards());
        let (lease_ttl, held) = (self.lease_ttl, &mut self.held[index]);
        held.renew(sent, lease_ttl);
        held.confirmed = true;
        match &held.life {
            // Its end is already decided; how long the lease would live does not matter any more.
            Life::Closing { .. } | Life::Reporting { .. } => return,
            Life::Resuming => held.start(cards, out),
            Life::Writing | Life::Recovering { .. } | Life::Doing | Life::Stopping { .. } => {}
        }
        let sent_ms = now.wall.before(now.moment.since(sent));
        out.push(Effect::Write(Entry::Renewed { at: held.at(), sent_ms }));
    }

    fn repeat_outcomes(&mut self, now: Now, out: &mut Vec<Effect>) {
        let again_at = now.moment + self.timers.scaled(REPEAT_EVERY);
        self.held.iter_mut().for_each(|held| held.report(again_at, out));
    }

    /// No longer ours: stop, clean up, say nothing.
    fn withdrawn(&mut self, ended: Ended, now: Now, out: &mut Vec<Effect>) {
        let Ended { at, reason } = ended;
        let Some(index) = self.position(at) else { return };
        let stop = self.stop();
        let held = &mut self.held[index];
        let silence = Parting::Silence { reason };
        match &mut held.life {
            Life::Doing => held.part(silence, stop, now, out),
            Life::Stopping { parting, .. } => replace(parting, silence, at, out),
            Life::Recovering { parting } => {
                replace(parting.get_or_insert_with(|| silence.clone()), silence.clone(), at, out);
            }
            Life::Writing | Life::Resuming | Life::Closing { .. } | Life::Reporting { .. } => self.let_go(index, reason, out),
        }
    }

    /// End it and say so.
    fn cancelled(&mut self, ended: Ended, now: Now, out: &mut Vec<Effect>) {
        let Ended { at, reason } = ended;
        let Some(index) = self.position(at) else { return };
        let stop = self.stop();
        let held = &mut self.held[index];
        let outcome = Outcome::Cancelled { reason };
        let parting = Parting::Report { outcome: outcome.clone() };
        match &mut held.life {
            Life::Writing | Life::Resuming => held.close(outcome, out),
            Life::Doing => held.part(parting, stop, now, out),
            Life::Stopping { parting: Parting::Silence { .. }, .. } => {}
            Life::Stopping { parting: earlier, .. } => replace(earlier, parting, at, out),
            Life::Recovering { parting: earlier } => {
                replace(earlier.get_or_insert_with(|| parting.clone()), parting.clone(), at, out);
            }
            // It has ended; how, the coordinator is about to hear.
            Life::Closing { .. } | Life::Reporting { .. } => {}
        }
    }

    fn settled(&mut self, settled: Settled, now: Now, out: &mut Vec<Effect>) {
        let at = settled.at;
        let Some(index) = self.position(at) else {
            // It was settled before, and something was found out about it since; or it was given up here, and not there.
            out.push(Effect::Write(Entry::Settled(settled)));
            return;
        };
        self.checkpoint_of_settled(&settled, out);
        out.push(Effect::Write(Entry::Settled(settled)));
        match &self.held[index].life {
            // What it left was discarded when its outcome was written, or with all else an earlier life had left.
            Life::Reporting { .. } => drop(self.held.remove(index)),
            Life::Closing { .. } => {
                self.held.remove(index);
                // Its end may be on its way to the disk, and with it that it left something.
                out.push(Effect::Write(Entry::CheckpointEnded(at)));
                out.push(Effect::Run(Order::Discard(at)));
            }
            // Settled without our word, as when the lease lapsed: the container has no business here any more.
            Life::Writing | Life::Recovering { .. } | Life::Resuming | Life::Doing | Life::Stopping { .. } => {
                self.withdrawn(Ended { at, reason: Reason::LeaseLapsed }, now, out);
            }
        }
    }

    fn revoked(&mut self, image: Sha256, now: Now, out: &mut Vec<Effect>) {
        let hit: Vec<AttemptRef> =
            self.held.iter().filter(|held| held.offer.spec.image.digest() == image).map(super::Held::at).collect();
        for at in hit {
            self.cancelled(Ended { at, reason: Reason::ImageRevoked }, now, out);
        }
    }
}

/// What was to be said changes; written down, so that a crash does not change it back.
fn replace(parting: &mut Parting, with: Parting, at: AttemptRef, out: &mut Vec<Effect>) {
    out.push(Effect::Write(Entry::Parting { at, parting: with.clone() }));
    *parting = with;
}
