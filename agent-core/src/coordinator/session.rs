//! One open session: heartbeats, and messages both ways.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use headframe_protocol::{
    receipt::{Receipt, SignedReceipt},
    session::{
        AgentMessage, Beat, CheckpointBrought, CoordinatorMessage, Finished, Heartbeat, OUTPUTS_BYTES_MAX, Outcome, OutputFile,
        Outputs, Refused, Welcome,
    },
};
use rand::RngExt as _;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::{
    Heard, LineConfig, Said, Say, Usage,
    frames::{Frames, LineError},
};
use crate::{
    clock::{self, Moment},
    fault,
    store::Saved,
};

/// Heartbeats sent and not answered that are remembered. More mean the line is dead.
const UNANSWERED_MAX: usize = 16;

/// After this many heartbeat intervals without a word the line is taken for dead, although the network has not said so.
const SILENT_BEATS: u32 = 3;

/// How a session ended.
pub(super) enum End {
    Stopped,
    /// There is something to say that only a greeting says.
    GreetAnew,
    Refused(Refused),
    Broken(LineError),
}

pub(super) struct Session<'a> {
    frames: Frames,
    config: &'a mut LineConfig,
    inbox: &'a mpsc::Sender<Said>,
    network: String,
    heartbeat_every: Duration,
    sequence: u64,
    unanswered: VecDeque<(u64, Moment)>,
    told_ready: bool,
    heard_at: Instant,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        frames: Frames,
        config: &'a mut LineConfig,
        inbox: &'a mpsc::Sender<Said>,
        network: String,
        welcome: &Welcome,
    ) -> Self {
        // A coordinator that asks for a storm of heartbeats is mistaken.
        let heartbeat_every = Duration::from_millis(welcome.heartbeat_ms.max(20));
        let told_ready = config.standing.borrow_and_update().ready;
        let (sequence, unanswered, heard_at) = (0, VecDeque::new(), Instant::now());
        Self { frames, config, inbox, network, heartbeat_every, sequence, unanswered, told_ready, heard_at }
    }

    /// Speaks and listens until one side ends it.
    pub(super) async fn run(mut self, outbox: &mut mpsc::Receiver<Say>, stop: &CancellationToken) -> End {
        let end = loop {
            let step = match self.step(outbox, stop).await {
                Ok(None) => continue,
                Ok(Some(end)) => end,
                Err(error) => End::Broken(error),
            };
            break step;
        };
        if matches!(end, End::Stopped | End::GreetAnew) {
            self.say_last_words(outbox).await;
        }
        self.frames.close().await;
        end
    }

    async fn step(&mut self, outbox: &mut mpsc::Receiver<Say>, stop: &CancellationToken) -> Result<Option<End>, LineError> {
        let beat_at = self.next_beat();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Some(End::Stopped)),
                message = self.frames.next() => {
                    self.heard_at = Instant::now();
                    if let Some(end) = self.hear(message?).await { return Ok(Some(end)) }
                }
                say = outbox.recv() => match say {
                    Some(say) => self.say(say).await?,
                    None => return Ok(Some(End::Stopped)),
                },
                () = sleep_until(beat_at) => {
                    self.check_silence()?;
                    self.beat().await?;
                    return Ok(None);
                }
                Ok(()) = self.config.standing.changed() => {
                    // Told at once: a rig that is free again should not wait a heartbeat for work, nor be offered any while its owner is back.
                    let ready = self.config.standing.borrow_and_update().ready;
                    if ready != self.told_ready {
                        self.beat().await?;
                        return Ok(None);
                    }
                }
                // The PC has been measured for the first time, after which nothing runs yet.
                Ok(()) = self.config.challenges.changed() => return Ok(Some(End::GreetAnew)),
                Ok(()) = self.config.rig.changed() => {
                    let rig = self.config.rig.borrow_and_update().clone();
                    self.frames.send(&AgentMessage::Report(Box::new(rig))).await?;
                    fault::point("said.report");
                }
            }
        }
    }

    /// ±20 %, so that rigs which were welcomed together do not stay in step.
    fn next_beat(&self) -> Instant {
        Instant::now() + self.heartbeat_every.mul_f64(rand::rng().random_range(0.8..1.2))
    }

    fn check_silence(&self) -> Result<(), LineError> {
        let silent = self.heard_at.elapsed() > self.heartbeat_every * SILENT_BEATS || self.unanswered.len() >= UNANSWERED_MAX;
        if silent { Err(LineError::Silent) } else { Ok(()) }
    }

    async fn beat(&mut self) -> Result<(), LineError> {
        let standing = self.config.standing.borrow_and_update().clone();
        self.sequence += 1;
        self.told_ready = standing.ready;
        // Before it is sent: the lease must never live longer here than there.
        self.unanswered.push_back((self.sequence, clock::now().moment));
        let heartbeat = Heartbeat { sequence: self.sequence, ready: standing.ready, leases: standing.leases };
        self.frames.send(&AgentMessage::Heartbeat(heartbeat)).await?;
        fault::point("said.heartbeat");
        self.tell(Said::HeartbeatSent).await;
        Ok(())
    }

    async fn hear(&mut self, message: CoordinatorMessage) -> Option<End> {
        let said = match message {
            CoordinatorMessage::Offer(offer) => Said::Offer(Arc::from(offer)),
            CoordinatorMessage::Withdraw(ended) => Said::Withdraw(ended),
            CoordinatorMessage::Cancel(ended) => Said::Cancel(ended),
            CoordinatorMessage::Beat(beat) => self.answered(beat)?,
            CoordinatorMessage::Settled(settled) => Said::Settled(settled),
            CoordinatorMessage::CheckpointSettled(settled) => Said::CheckpointSettled(settled),
            CoordinatorMessage::Revoke(revoke) => Said::Revoke(revoke.image),
            CoordinatorMessage::Refused(refused) => return Some(End::Refused(refused)),
            CoordinatorMessage::ReceiptAccepted(accepted) => {
                debug!(attempt.id = %accepted.at.attempt, receipt.sequence = accepted.sequence, "Receipt accepted");
                return None;
            }
            CoordinatorMessage::Ask(ask) => {
                if self.config.asks.try_send(Heard::Ask(Box::new(ask))).is_err() {
                    warn!("More challenges than can be answered; one was passed over");
                }
                return None;
            }
            CoordinatorMessage::Challenge(_) | CoordinatorMessage::Welcome(_) => {
                warn!("The coordinator greeted twice; passed over");
                return None;
            }
        };
        self.tell(said).await;
        None
    }

    fn answered(&mut self, beat: Beat) -> Option<Said> {
        while let Some((sequence, sent)) = self.unanswered.pop_front() {
            if sequence == beat.sequence {
                return Some(Said::Beat { sent, verdicts: beat.leases });
            }
            if sequence > beat.sequence {
                self.unanswered.push_front((sequence, sent));
                break;
            }
        }
        None
    }

    /// Says it. What cannot be put into words is told in the log and left out: the line is none the worse for it.
    async fn say(&mut self, say: Say) -> Result<(), LineError> {
        debug!("Saying {say}");
        match self.say_all(say).await {
            Err(LineError::Unsaid(why)) => {
                error!("A message to the coordinator was left out: {why}");
                Ok(())
            }
            said => said,
        }
    }

    async fn say_all(&mut self, say: Say) -> Result<(), LineError> {
        let (message, point) = match say {
            Say::Accept(at) => (AgentMessage::Accept(at), "said.accept"),
            // No point after this one: nothing of what is declined is on the rig.
            Say::Answer(answer) => return self.frames.send(&AgentMessage::Answer(answer)).await,
            Say::Decline(ended) => return self.frames.send(&AgentMessage::Decline(ended)).await,
            Say::Progress(progress) => (AgentMessage::Progress(progress), "said.progress"),
            Say::Receipt(usage) => (AgentMessage::Receipt(self.sign(usage)?), "said.receipt"),
            Say::Checkpoint { at, saved: Saved { files, problem } } => {
                (AgentMessage::CheckpointBrought(CheckpointBrought { at, files, problem }), "said.checkpoint")
            }
            Say::Finished { at, mut outcome, usage, log_bytes } => {
                let receipt = usage.map(|usage| self.sign(usage)).transpose()?;
                for files in parts_before_last(&mut outcome) {
                    self.frames.send(&AgentMessage::Outputs(Outputs { at, files })).await?;
                }
                (AgentMessage::Finished(Box::new(Finished { at, outcome, receipt, log_bytes })), "said.finished")
            }
        };
        self.frames.send(&message).await?;
        fault::point(point);
        Ok(())
    }

    fn sign(&self, usage: Usage) -> Result<SignedReceipt, LineError> {
        let Usage { at, job, sequence, running_ms } = usage;
        let (network, device) = (self.network.clone(), self.config.key.device());
        let receipt = Receipt { network, job, attempt: at.attempt, device, epoch: at.epoch, sequence, running_ms };
        self.config.key.sign_receipt(receipt).map_err(|error| LineError::Unsaid(error.to_string()))
    }

    async fn say_last_words(&mut self, outbox: &mut mpsc::Receiver<Say>) {
        while let Ok(say) = outbox.try_recv() {
            if self.say(say).await.is_err() {
                return;
            }
        }
        info!("Left the coordinator");
    }

    async fn tell(&self, said: Said) {
        // Nobody listens any more only while the agent ends.
        self.inbox.send(said).await.ok();
    }
}

/// Takes out of a long result what does not fit into its last frame, as parts that each fit into one.
fn parts_before_last(outcome: &mut Outcome) -> Vec<Vec<OutputFile>> {
    let Outcome::Succeeded { outputs } = outcome else { return Vec::new() };
    let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for file in std::mem::take(outputs) {
        let more = file.frame_bytes();
        if bytes + more > OUTPUTS_BYTES_MAX && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += more;
        part.push(file);
    }
    *outputs = part;
    parts
}

#[cfg(test)]
mod tests {
    use headframe_protocol::{AttemptId, FRAME_BYTES_MAX, Sha256, session::AttemptRef};

    use super::*;

    #[test]
    fn the_longest_result_fits_into_frames_and_nothing_of_it_is_lost() {
        // Characters that are written as six.
        let file = |number: usize| OutputFile {
            path: format!("{}{number}", "\u{1}".repeat(1_000)),
            sha256: Sha256::of(b""),
            bytes: u64::MAX,
        };
        let all: Vec<OutputFile> = (0..2_000).map(file).collect();
        let mut outcome = Outcome::Succeeded { outputs: all.clone() };
        let parts = parts_before_last(&mut outcome);
        let Outcome::Succeeded { outputs: last } = outcome else { panic!("it stays a success") };
        assert!(!last.is_empty());
        let at = AttemptRef { attempt: AttemptId::generate(), epoch: u64::MAX };
        for files in &parts {
            let message = AgentMessage::Outputs(Outputs { at, files: files.clone() });
            assert!(serde_json::to_string(&message).expect("JSON").len() < FRAME_BYTES_MAX);
        }
        assert_eq!(parts.into_iter().flatten().chain(last).collect::<Vec<_>>(), all);
    }

    #[test]
    fn a_short_result_is_one_frame() {
        let outputs = vec![OutputFile { path: "x".to_owned(), sha256: Sha256::of(b""), bytes: 1 }];
        let mut outcome = Outcome::Succeeded { outputs };
        assert!(parts_before_last(&mut outcome).is_empty());
    }
}
