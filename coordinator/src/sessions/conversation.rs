//! One session: the actor that speaks with one rig.
//!
//! Frames of a rig are handled in order, each to its end: a report is answered only when it is durable. What the
//! coordinator itself has to say comes through the outbox.

use std::{net::IpAddr, time::Duration};

use axum::extract::ws::{Message, WebSocket};
use headframe_protocol::{DeviceId, Micros};
use headframe_protocol::{
    SessionId,
    challenge::Ask,
    job::{AttemptState, Reason},
    session::{
        AgentMessage, AttemptRef, Beat, CheckpointBrought, CheckpointSettled, CoordinatorMessage, Ended, Finished, Heartbeat,
        LeaseBeat, LeaseVerdict, Outcome, OutputFile, Progress, ReceiptAccepted, RefusedCode, Settled, Welcome,
    },
};
use tokio::{sync::mpsc, time::Instant};

use super::{
    LEASES_MAX, Outgoing, checkpoints,
    handshake::{SEND_TIMEOUT, Welcomed, parse, refuse, send, send_text},
    leases::Heard,
    manifests::{Manifests, TooLong},
    outputs, reasons,
    rtt::Rtt,
};
use crate::{
    App,
    error::Chain,
    journal::{Answer, Report},
    market::{Agent, Verdict},
    store::{
        StoreError, attempts,
        lifecycle::{Ending, overruled},
    },
};

/// A session with nothing heard for this many lease times is over, whatever the network says.
const SILENT_LEASES_MAX: u32 = 2;

/// For how long a rig that comes back is told of results that were found wrong, and of how many.
const OVERRULED_FOR: Duration = Duration::from_hours(30 * 24);
const OVERRULED_MAX: u32 = 100;

/// Why a session ends from our side.
enum Parting {
    Refused(RefusedCode, String),
    /// The rig is gone, or too slow.
    Gone,
}

struct Conversation {
    app: App,
    socket: WebSocket,
    device: DeviceId,
    session: SessionId,
    manifests: Manifests,
    rtt: Rtt,
}

/// Speaks with a rig until one side ends it.
pub(super) async fn hold(app: App, socket: WebSocket, welcomed: Welcomed, address: Option<IpAddr>) {
    let Welcomed { session, hello, standing, history } = welcomed;
    let device = hello.device;
    let outbox = app.sessions.enter(device, session);
    tracing::info!(session.id = %session, rig.device = %device, agent.version = %hello.agent, "A rig has connected");
    // A rig's own word about its cards' scores is never believed.
    let rig = app.challenges.connected(&app, session, &hello, address).await;
    let stands = (standing.trust, standing.country);
    let blocked = app.sessions.pseudonyms().read(device, &rig.refuses.blocked);
    let mut agent = Agent::new(device, session, &rig, stands, app.config.network.fee_bps).blocking(blocked);
    (agent.ready, agent.history) = (hello.ready, history);
    let mut conversation = Conversation { app, socket, device, session, manifests: Manifests::default(), rtt: Rtt::default() };
    let parting = match conversation.welcome(agent, &hello.leases).await {
        Ok(()) => conversation.speak(outbox).await,
        Err(parting) => parting,
    };
    conversation.part(parting).await;
}

impl Conversation {
    /// Compares what the rig has with what the database says it has, and opens the session.
    async fn welcome(&mut self, mut agent: Agent, claimed: &[LeaseBeat]) -> Result<(), Parting> {
        let ours = self.read_leases().await.map_err(unavailable)?;
        let (kept, lost): (Vec<_>, Vec<_>) = ours.into_iter().partition(|lease| claimed.iter().any(|beat| beat.at == lease.at));
        for lease in &lost {
            self.lose(lease).await;
        }
        for lease in &kept {
            self.app.sessions.leases().restored(self.device, lease.at, lease.state);
            self.app.dispatch.answered(lease.at.attempt).await;
            agent.holds(lease.at.attempt, lease.slots);
        }
        let verdicts =
            claimed.iter().map(|beat| LeaseVerdict { at: beat.at, held: kept.iter().any(|lease| lease.at == beat.at) }).collect();
        let timers = &self.app.config.timers;
        let millis = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let welcome = Welcome {
            session: self.session,
            heartbeat_ms: millis(timers.heartbeat),
            lease_ttl_ms: millis(timers.lease_ttl),
            leases: verdicts,
        };
        self.send(CoordinatorMessage::Welcome(welcome)).await?;
        self.hear(claimed).await?;
        for lease in &kept {
            if let Some(reason) = lease.end_reason {
                self.send(CoordinatorMessage::Cancel(Ended { at: lease.at, reason })).await?;
            }
        }
        self.overrule().await?;
        self.app.dispatch.connected(agent).await;
        self.ping().await?;
        // Should an earlier session have left them in the index: they are over, and their slots are free.
        for beat in claimed.iter().filter(|beat| !kept.iter().any(|lease| lease.at.attempt == beat.at.attempt)) {
            self.app.dispatch.released(self.device, beat.at.attempt, Verdict::Void, None).await;
        }
        Ok(())
    }

    /// The rig does not have an attempt we gave it: it never arrived, or was forgotten.
    async fn lose(&mut self, lease: &attempts::Lease) {
        let (state, reason) = match lease.state {
            AttemptState::Offered => (AttemptState::Withdrawn, Reason::NoAnswer),
            AttemptState::Accepted
            | AttemptState::Preparing
            | AttemptState::Running
            | AttemptState::Uploading
            | AttemptState::Succeeded
            | AttemptState::Failed
            | AttemptState::Yielded
            | AttemptState::Lost
            | AttemptState::Withdrawn
            | AttemptState::Cancelled => (AttemptState::Lost, Reason::AgentRestarted),
        };
        let ending = Box::new(Ending { reason: Some(reason), by: Some(self.device), ..Ending::default() });
        let report = Report::End { at: lease.at, state, ending, receipt: None };
        if let Err(error) = self.app.journal.write(report).await {
            tracing::warn!(error = %Chain(&error), attempt.id = %lease.at.attempt, "Could not note a lost attempt; its lease will lapse");
        }
    }

    /// Tells what was found wrong of its results while it may have been away. It may have heard it before.
    async fn overrule(&mut self) -> Result<(), Parting> {
        let since = self.app.store.now().before(OVERRULED_FOR);
        let outvoted = async {
            let mut connection = self.app.store.read().await?;
            attempts::outvoted(&mut connection, self.device, since, OVERRULED_MAX).await
        };
        for at in outvoted.await.map_err(unavailable)? {
            self.send(CoordinatorMessage::Settled(overruled(at))).await?;
        }
        Ok(())
    }

    async fn read_leases(&mut self) -> Result<Vec<attempts::Lease>, StoreError> {
        let mut connection = self.app.store.read().await?;
        attempts::live_of(&mut connection, self.device).await
    }

    async fn speak(&mut self, mut outbox: mpsc::Receiver<Outgoing>) -> Parting {
        let stop = self.app.tasks.stopping();
        let silence = self.app.config.timers.lease_ttl * SILENT_LEASES_MAX;
        let mut silent_at = tokio::time::Instant::now() + silence;
        loop {
            let step = tokio::select! {
                biased;
                () = stop.cancelled() => Err(Parting::Refused(RefusedCode::Unavailable, "The coordinator is going down. Come back soon.".to_owned())),
                outgoing = outbox.recv() => self.outgoing(outgoing).await,
                frame = self.socket.recv() => {
                    silent_at = tokio::time::Instant::now() + silence;
                    match frame {
                        Some(Ok(frame)) => self.frame(&frame).await,
                        Some(Err(_)) | None => Err(Parting::Gone),
                    }
                }
                () = tokio::time::sleep_until(silent_at) => Err(Parting::Gone),
            };
            if let Err(parting) = step {
                return parting;
            }
        }
    }

    async fn outgoing(&mut self, outgoing: Option<Outgoing>) -> Result<(), Parting> {
        match outgoing {
            Some(Outgoing::Message(message)) => self.send(*message).await,
            Some(Outgoing::Ask(ask)) => {
                if let Some(seed) = ask.seed().filter(|_| !matches!(*ask, Ask::Over(_))) {
                    self.app.challenges.sent(&seed, Instant::now());
                }
                self.send(CoordinatorMessage::Ask(*ask)).await
            }
            Some(Outgoing::Frame(frame)) => {
                if send_text(&mut self.socket, frame).await {
                    Ok(())
                } else {
                    Err(Parting::Gone)
                }
            }
            Some(Outgoing::Refuse(code)) => Err(Parting::Refused(code, farewell(code).to_owned())),
            None => Err(Parting::Gone),
        }
    }

    async fn frame(&mut self, frame: &Message) -> Result<(), Parting> {
        let arrived = Instant::now();
        match frame {
            Message::Ping(_) => return Ok(()),
            Message::Pong(payload) => {
                if let Some(rtt_p95) = self.rtt.pong(payload, arrived) {
                    self.app.challenges.measured(self.device, self.session, rtt_p95);
                }
                return Ok(());
            }
            Message::Close(_) => return Err(Parting::Gone),
            Message::Text(_) | Message::Binary(_) => {}
        }
        match parse(frame).ok_or_else(|| bad("A frame could not be read."))? {
            AgentMessage::Hello(_) => Err(bad("`hello` is said once.")),
            AgentMessage::Report(report) => match report.problems().first() {
                Some(problem) => Err(bad(&format!("`{}` must be {}.", problem.field, problem.message))),
                None => {
                    let believed = self.app.challenges.changed(&self.app, self.device, self.session, *report);
                    self.app.dispatch.changed(self.device, self.session, believed).await;
                    Ok(())
                }
            },
            AgentMessage::Heartbeat(heartbeat) => self.heartbeat(heartbeat).await,
            AgentMessage::Accept(at) => self.advance(at, AttemptState::Accepted).await,
            AgentMessage::Decline(Ended { at, reason }) => self.decline(at, reason).await,
            AgentMessage::Progress(Progress { at, state, permille: _ }) => self.advance(at, state).await,
            AgentMessage::Receipt(signed) => {
                let (attempt, epoch) = (signed.receipt.attempt, signed.receipt.epoch);
                let report = Report::Receipt { device: self.device, signed: Box::new(signed) };
                match self.write(report).await? {
                    Answer::Receipt(Some(sequence)) => {
                        let at = AttemptRef { attempt, epoch };
                        self.send(CoordinatorMessage::ReceiptAccepted(ReceiptAccepted { at, sequence })).await
                    }
                    Answer::Receipt(None) | Answer::Advanced { .. } | Answer::Ended(_) | Answer::Done(_) => Ok(()),
                }
            }
            AgentMessage::Outputs(part) => self.manifests.add(part).map_err(|TooLong| bad("A result is too long.")),
            AgentMessage::Finished(finished) => self.finished(*finished).await,
            AgentMessage::CheckpointBrought(brought) => self.checkpoint(brought).await,
            AgentMessage::Answer(answer) => {
                self.app.challenges.heard(self.device, answer, arrived);
                Ok(())
            }
        }
    }

    async fn heartbeat(&mut self, heartbeat: Heartbeat) -> Result<(), Parting> {
        let Heartbeat { sequence, ready, leases } = heartbeat;
        if leases.len() > LEASES_MAX {
            return Err(bad(&format!("`leases` must be at most {LEASES_MAX}.")));
        }
        let leases = self.hear(&leases).await?;
        self.send(CoordinatorMessage::Beat(Beat { sequence, leases })).await?;
        let ready = self.app.challenges.ready(self.device, self.session, ready);
        self.app.dispatch.ready(self.device, self.session, ready).await;
        self.ping().await
    }

    /// Whether each attempt is still the rig's. The database is asked once at most.
    async fn hear(&mut self, beats: &[LeaseBeat]) -> Result<Vec<LeaseVerdict>, Parting> {
        let mut ours = None;
        let mut verdicts = Vec::with_capacity(beats.len());
        for beat in beats {
            let held = match self.app.sessions.leases().hear(self.device, beat.at, beat.state) {
                Heard::Same => true,
                Heard::MovedOn => self.write_advance(beat.at, beat.state).await?,
                Heard::Unknown => {
                    if ours.is_none() {
                        ours = Some(self.read_leases().await.map_err(unavailable)?);
                    }
                    let found = ours.iter().flatten().find(|lease| lease.at == beat.at);
                    if let Some(lease) = found {
                        self.app.sessions.leases().restored(self.device, lease.at, lease.state);
                    }
                    found.is_some()
                }
            };
            verdicts.push(LeaseVerdict { at: beat.at, held });
        }
        Ok(verdicts)
    }

    async fn advance(&mut self, at: AttemptRef, to: AttemptState) -> Result<(), Parting> {
        if to.is_final() || to == AttemptState::Offered {
            return Err(bad("An attempt ends with `finished`."));
        }
        self.app.dispatch.answered(at.attempt).await;
        self.app.sessions.leases().hear(self.device, at, to);
        if self.write_advance(at, to).await? {
            return Ok(());
        }
        self.send(CoordinatorMessage::Withdraw(Ended { at, reason: Reason::LeaseLapsed })).await
    }

    async fn write_advance(&mut self, at: AttemptRef, to: AttemptState) -> Result<bool, Parting> {
        match self.write(Report::Advance { device: self.device, at, to }).await? {
            Answer::Advanced { held } => Ok(held),
            Answer::Receipt(_) | Answer::Ended(_) | Answer::Done(_) => Ok(false),
        }
    }

    async fn decline(&mut self, at: AttemptRef, reason: Reason) -> Result<(), Parting> {
        if !reasons::may_decline(reason) {
            return Err(bad(&format!("A rig does not decline with `{reason}`.")));
        }
        let ending = Box::new(Ending { reason: Some(reason), by: Some(self.device), ..Ending::default() });
        self.write(Report::End { at, state: AttemptState::Withdrawn, ending, receipt: None }).await.map(drop)
    }

    async fn finished(&mut self, finished: Finished) -> Result<(), Parting> {
        let Finished { at, outcome, receipt, log_bytes: _ } = finished;
        if !reasons::may_report(&outcome) {
            return Err(bad("`outcome` has a reason that is not the rig's to give."));
        }
        let (state, ending) = match self.manifests.complete(at, outcome) {
            Outcome::Succeeded { outputs } => match self.check(at, &outputs).await? {
                None => (AttemptState::Succeeded, Ending { exit_code: Some(0), outputs, ..Ending::default() }),
                Some((reason, detail)) => (
                    AttemptState::Failed,
                    Ending { reason: Some(reason), detail: Some(detail), exit_code: Some(0), ..Ending::default() },
                ),
            },
            Outcome::Failed { reason, exit_code, detail } => {
                (AttemptState::Failed, Ending { reason: Some(reason), exit_code, detail, ..Ending::default() })
            }
            Outcome::Yielded { reason } => (AttemptState::Yielded, Ending { reason: Some(reason), ..Ending::default() }),
            Outcome::Cancelled { reason } => (AttemptState::Cancelled, Ending { reason: Some(reason), ..Ending::default() }),
        };
        let ending = Box::new(Ending { by: Some(self.device), ..ending });
        let report = Report::End { at, state, ending, receipt: receipt.map(Box::new) };
        let settled = match self.write(report).await? {
            Answer::Ended(Some(settled)) => settled,
            // Not an attempt of this rig, whatever it believes: it may forget it.
            Answer::Ended(None) | Answer::Advanced { .. } | Answer::Receipt(_) | Answer::Done(_) => {
                Settled { at, state: AttemptState::Lost, reason: None, credit: Micros::ZERO, paid_ms: 0 }
            }
        };
        self.send(CoordinatorMessage::Settled(settled)).await
    }

    async fn checkpoint(&mut self, brought: CheckpointBrought) -> Result<(), Parting> {
        let at = brought.at;
        let brought = checkpoints::believed(&self.app, brought).await.map_err(unavailable)?;
        let report = Report::Checkpoint { device: self.device, at, brought: Box::new(brought) };
        let accepted = match self.write(report).await? {
            Answer::Done(accepted) => accepted,
            Answer::Ended(_) | Answer::Advanced { .. } | Answer::Receipt(_) => false,
        };
        self.send(CoordinatorMessage::CheckpointSettled(CheckpointSettled { at, accepted })).await
    }

    /// What is wrong with a result. The customer sees the check while it lasts; one without files is over at once.
    async fn check(&mut self, at: AttemptRef, outputs: &[OutputFile]) -> Result<Option<(Reason, String)>, Parting> {
        if !outputs.is_empty() {
            // Whether the attempt is still the rig's is found out when its end is written down.
            self.write(Report::Verify { device: self.device, at }).await?;
        }
        outputs::problem(&self.app, at, outputs).await.map_err(unavailable)
    }

    async fn write(&mut self, report: Report) -> Result<Answer, Parting> {
        self.app.journal.write(report).await.map_err(unavailable)
    }

    /// Measures the line.
    async fn ping(&mut self) -> Result<(), Parting> {
        let Some(payload) = self.rtt.ping(Instant::now()) else { return Ok(()) };
        let ping = Message::Ping(payload.to_vec().into());
        let sent = tokio::time::timeout(SEND_TIMEOUT, self.socket.send(ping)).await;
        if matches!(sent, Ok(Ok(()))) { Ok(()) } else { Err(Parting::Gone) }
    }

    async fn send(&mut self, message: CoordinatorMessage) -> Result<(), Parting> {
        if send(&mut self.socket, &message).await { Ok(()) } else { Err(Parting::Gone) }
    }

    async fn part(mut self, parting: Parting) {
        self.app.sessions.leave(self.device, self.session);
        self.app.challenges.gone(self.device, self.session);
        self.app.dispatch.gone(self.device, self.session).await;
        match parting {
            Parting::Refused(code, message) => {
                if code != RefusedCode::Superseded {
                    self.app.sessions.leases().forget_all_of(self.device);
                }
                refuse(&mut self.socket, code, &message).await;
            }
            Parting::Gone => {}
        }
        tracing::info!(session.id = %self.session, rig.device = %self.device, "A rig has disconnected");
    }
}

fn bad(message: &str) -> Parting {
    Parting::Refused(RefusedCode::BadMessage, message.to_owned())
}

/// The database did not answer. The rig keeps its work and reports again in its next session.
fn unavailable(error: impl std::error::Error + 'static) -> Parting {
    tracing::warn!(error = %Chain(&error), "A session ends because a report could not be handled");
    Parting::Refused(RefusedCode::Unavailable, "The coordinator has trouble with its database. Come back soon.".to_owned())
}

const fn farewell(code: RefusedCode) -> &'static str {
    match code {
        RefusedCode::Superseded => "Another agent with the same device key has connected.",
        RefusedCode::Quarantined => {
            "The operator has taken this rig out of work. Ask the network's support address for the reason."
        }
        RefusedCode::TooOld => "This agent is too old for the network. Update it.",
        RefusedCode::BadHandshake => "The signature or the address is not right.",
        RefusedCode::BadMessage => "The agent broke the protocol.",
        RefusedCode::Unavailable => "The coordinator is stopped. Come back later.",
    }
}
