//! The GPU challenge `pog/1` from our side: who is asked when, what is asked, and what came of it.
//!
//! [`headframe_proof`] has the arithmetic and every judgement. Here a challenge is led: [`course`](self) is the pure state machine
//! of one, `actor` carries out what it decides, `check` verifies openings as they arrive, `rigs` knows the cards of connected rigs and
//! chooses who is asked, `rounds` asks them, `score` turns claims into demands and rates into Frame Units.
//!
//! A challenge lives in the RAM of the replica that has the rig's session; the database has its row from before the first question.
//! Should the replica end, the row is closed as void. Openings are brought to the address that the first message names: with
//! several replicas, a balancer must lead `/v1/challenges/` to where the session is, or challenges come to nothing.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use headframe_proof::Refusal;
use headframe_protocol::{
    DeviceId, SessionId, Sha256,
    challenge::{Answer, DeclineReason, Digest, NOTICE, POG, Verdict},
    demand::ProvedCard,
    rig::RigReport,
    session::Hello,
};
use subtle::ConstantTimeEq as _;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use crate::{
    App,
    error::Chain,
    store::{StoreError, challenges, payouts},
};

mod actor;
mod check;
mod course;
mod outcome;
mod rigs;
pub(crate) mod rounds;
mod score;
mod when;

pub(crate) use actor::Kind;
pub(crate) use check::Unchecked;
pub(crate) use course::Opening;
pub(crate) use score::shown_fu;
pub use score::verified_fu;
pub(crate) use when::pasts;

use actor::Command;
use check::Checks;
use outcome::{End, Fail, Void};
use rigs::{Connected, Rigs};

/// How many challenges ended, by outcome and reason.
pub(crate) const CHALLENGES: &str = "headframe_challenges_total";

/// A challenge under way, as the rest of the coordinator reaches it.
#[derive(Debug)]
struct Live {
    device: DeviceId,
    session: SessionId,
    token: Sha256,
    inbox: mpsc::Sender<Command>,
}

#[derive(Debug, Default)]
struct Known {
    live: HashMap<Digest, Live>,
    rigs: Rigs,
}

/// Challenges and the rigs they are for. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Challenges {
    known: Arc<Mutex<Known>>,
    checks: Checks,
}

/// The right to bring openings of one challenge. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    inbox: mpsc::Sender<Command>,
    checked: bool,
}

impl Turn {
    /// They were checked to their end.
    pub(crate) async fn opened(mut self, result: Result<(), Refusal>) {
        self.checked = true;
        drop(self.inbox.send(Command::Opened(result)).await);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.checked {
            drop(self.inbox.try_send(Command::BrokeOff));
        }
    }
}

/// Why nothing is brought now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoTurn {
    /// There is no such challenge here, or the token is another's.
    Stranger,
    /// It is not what is to be brought now, or it is on its way already.
    NotNow,
}

impl Challenges {
    /// A rig has signed in. What it reports comes back with the scores of its cards that are believed.
    pub(crate) async fn connected(&self, app: &App, session: SessionId, hello: &Hello, address: Option<IpAddr>) -> RigReport {
        let now = app.store.now();
        let mut rig = Connected::new(session, hello.rig.clone());
        let says = |name: &str| hello.challenges.iter().any(|told| told == name);
        (rig.answers, rig.wants_notice) = (says(POG), says(NOTICE));
        (rig.address, rig.ready) = (address, hello.ready);
        let (account, history) = match past_of(app, hello.device).await {
            Ok(past) => past,
            Err(error) => {
                // Nothing is believed of a rig whose past cannot be read. It may still work where no score is asked for.
                tracing::warn!(error = %Chain(&error), rig.device = %hello.device, "Could not read what a rig's cards have proved");
                (None, Vec::new())
            }
        };
        rig.account = account;
        rig.remember(history, now, rand::random);
        let believed = rig.believed(now, &app.config.challenge);
        self.lock().rigs.enter(hello.device, rig);
        believed
    }

    /// A rig says what it is now. Comes back as it is believed.
    pub(crate) fn changed(&self, app: &App, device: DeviceId, session: SessionId, report: RigReport) -> RigReport {
        let now = app.store.now();
        let mut known = self.lock();
        match known.rigs.of(device, session) {
            Some(rig) => {
                rig.reports(report, now);
                rig.believed(now, &app.config.challenge)
            }
            None => Connected::new(session, report).believed(now, &app.config.challenge),
        }
    }

    /// A rig says whether it takes work. Whether it is to be given any comes back: not while it is challenged.
    pub(crate) fn ready(&self, device: DeviceId, session: SessionId, ready: bool) -> bool {
        let mut known = self.lock();
        if let Some(rig) = known.rigs.of(device, session) {
            rig.ready = ready;
        }
        if !ready {
            known.leave(device, session, Void::Declined(DeclineReason::Yielded));
        }
        ready && !known.rigs.is_held(device)
    }

    /// How long the line to a rig takes.
    pub(crate) fn measured(&self, device: DeviceId, session: SessionId, rtt_p95: Duration) {
        if let Some(rig) = self.lock().rigs.of(device, session) {
            rig.rtt_p95 = Some(rtt_p95);
        }
    }

    /// A question goes onto the wire.
    pub(crate) fn sent(&self, seed: &Digest, at: Instant) {
        self.tell(seed, Command::Sent(at));
    }

    /// A rig has answered. An answer to another's challenge is no answer.
    pub(crate) fn heard(&self, device: DeviceId, answer: Answer, at: Instant) {
        let known = self.lock();
        if let Some(live) = known.live.get(&answer.seed()).filter(|live| live.device == device) {
            drop(live.inbox.try_send(Command::Heard(answer, at)));
        }
    }

    /// A session is over.
    pub(crate) fn gone(&self, device: DeviceId, session: SessionId) {
        let mut known = self.lock();
        known.leave(device, session, Void::Gone);
        known.rigs.leave(device, session);
    }

    /// Somebody with a token brings openings.
    pub(crate) async fn bring(&self, seed: &Digest, token: &str, kind: Kind) -> Result<(Opening, Turn), NoTurn> {
        let sum = Sha256::of(token.as_bytes());
        let inbox = {
            let known = self.lock();
            let live = known.live.get(seed).ok_or(NoTurn::Stranger)?;
            if !bool::from(live.token.as_bytes().ct_eq(sum.as_bytes())) {
                return Err(NoTurn::Stranger);
            }
            live.inbox.clone()
        };
        let (reply, answered) = oneshot::channel();
        inbox.send(Command::Bring(kind, reply)).await.map_err(|_| NoTurn::Stranger)?;
        // From here on the turn is ours to give back.
        let turn = Turn { inbox, checked: false };
        match answered.await {
            Ok(Some(opening)) => Ok((opening, turn)),
            Ok(None) | Err(_) => {
                turn.not_ours();
                Err(NoTurn::NotNow)
            }
        }
    }

    /// Whether a rig gets no work because of a challenge.
    pub(crate) fn holds(&self, device: DeviceId) -> bool {
        self.lock().rigs.is_held(device)
    }

    /// What the cards of a connected rig have proved, in the order of its report.
    pub(crate) fn proved(&self, app: &App, device: DeviceId) -> Vec<ProvedCard> {
        let now = app.store.now();
        let known = self.lock();
        known.rigs.get(device).map(|rig| rig.proved(now, &app.config.challenge)).unwrap_or_default()
    }

    /// Frame Units that are believed now, of all cards of a rig that is connected here.
    pub(crate) fn worth(&self, app: &App, device: DeviceId) -> u32 {
        self.proved(app, device).iter().filter_map(|card| card.fu).fold(0, u32::saturating_add)
    }

    /// What bounds the checking of openings.
    pub(crate) const fn checks(&self) -> &Checks {
        &self.checks
    }

    /// A challenge has come to its end and is written down.
    async fn over(&self, app: &App, (seed, device): (&Digest, DeviceId), record: challenges::Record, end: &End, chance: u64) {
        let no_prover = matches!(end, End::Void(Void::Declined(DeclineReason::NoProver)));
        let now = app.store.now();
        let told = {
            let mut known = self.lock();
            known.live.remove(seed);
            known.rigs.ended(device, seed, record, chance, no_prover);
            let held = known.rigs.is_held(device);
            known.rigs.get_mut(device).map(|rig| {
                let report = rig.believed(now, &app.config.challenge);
                (rig.session, report, rig.ready && !held)
            })
        };
        if let Some((session, report, ready)) = told {
            app.dispatch.changed(device, session, report).await;
            app.dispatch.ready(device, session, ready).await;
        }
    }

    fn tell(&self, seed: &Digest, command: Command) {
        if let Some(live) = self.lock().live.get(seed) {
            // An inbox that is full belongs to a rig that says more than there is to say.
            drop(live.inbox.try_send(command));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Whole after every statement, so a panic elsewhere leaves nothing half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// It was refused: nothing is given back.
    fn not_ours(mut self) {
        self.checked = true;
    }
}

impl Known {
    fn leave(&mut self, device: DeviceId, session: SessionId, void: Void) {
        for live in self.live.values().filter(|live| live.device == device && live.session == session) {
            drop(live.inbox.try_send(Command::Left(void)));
        }
    }
}

/// The account a rig's earnings go to, and what its cards have done.
async fn past_of(app: &App, device: DeviceId) -> Result<(Option<String>, Vec<challenges::Record>), StoreError> {
    let mut connection = app.store.read().await?;
    let terms = payouts::terms_at(&mut connection, device, app.store.now()).await?;
    let account = terms.map(|terms| format!("{:#x}", terms.signed.terms.account));
    Ok((account, challenges::history(&mut connection, device).await?))
}

fn counted(end: &End) {
    count(end, 1);
}

/// Counts nothing, so that a rise from nothing to one is seen: a series that is not there has no rate.
pub(crate) fn count_from_zero() {
    let refused = End::Failed(Fail::Refused(Refusal::Question));
    let late = [Fail::LateProof, Fail::LateRows, Fail::LateReading, Fail::LateReads, Fail::OutOfBand];
    late.map(End::Failed).iter().chain([&End::Passed, &refused]).for_each(|end| count(end, 0));
}

fn count(end: &End, more: u64) {
    metrics::counter!(CHALLENGES, "outcome" => name(end.verdict()), "reason" => end.code()).increment(more);
}

const fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::Void => "void",
    }
}
