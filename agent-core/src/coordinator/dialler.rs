//! Dials, and dials again: one session after the other.

use std::time::Duration;

use headframe_protocol::session::{Refused, RefusedCode};
use rand::RngExt as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    Heard, LineConfig, Said, Say,
    backoff::{Backoff, LONGEST, LONGEST_AT_WORK},
    frames::{Frames, LineError},
    handshake::{Greeting, greet},
    session::{End, Session},
};
use crate::{clock, store::Chain};

/// How long a rig waits that was told no for a reason that takes people to change.
const REFUSED_WAIT: Duration = Duration::from_secs(10 * 60);

/// How often a clock that is wrong is looked at.
const CLOCK_LOOKED_AT_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Dialler {
    config: LineConfig,
    outbox: mpsc::Receiver<Say>,
    inbox: mpsc::Sender<Said>,
    backoff: Backoff,
}

impl Dialler {
    pub(super) fn new(config: LineConfig, outbox: mpsc::Receiver<Say>, inbox: mpsc::Sender<Said>) -> Self {
        let backoff = Backoff::new(config.timers);
        Self { config, outbox, inbox, backoff }
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.tell(Said::Connecting).await;
            let wait = match self.session(&stop).await {
                End::Stopped => return,
                End::GreetAnew => continue,
                End::Broken(error) => Some(self.lost(&error).await),
                End::Refused(refused) => self.refused(refused).await,
            };
            match wait {
                Some(wait) => tokio::select! {
                    biased;
                    () = stop.cancelled() => {}
                    () = self.clock_is_set() => {}
                    () = tokio::time::sleep(wait) => {}
                },
                // The answer would be the same: only an update, or the owner, changes it.
                None => stop.cancelled().await,
            }
        }
    }

    async fn session(&mut self, stop: &CancellationToken) -> End {
        let dialled = tokio::select! {
            biased;
            () = stop.cancelled() => return End::Stopped,
            dialled = dial_and_greet(&mut self.config) => dialled,
        };
        let (frames, network, sent, welcome) = match dialled {
            Err(error) => return End::Broken(error),
            Ok((_, Greeting::Refused(refused))) => return End::Refused(refused),
            Ok((frames, Greeting::Welcome { network, sent, welcome })) => (frames, network, sent, welcome),
        };
        self.backoff.reset();
        // What was said into a broken line is old; what still matters is said again once the session is open.
        while self.outbox.try_recv().is_ok() {}
        info!(session.id = %welcome.session, network = %network, "Connected to network {network}");
        let session = Session::new(frames, &mut self.config, &self.inbox, network.clone(), &welcome);
        let lease_ttl = Duration::from_millis(welcome.lease_ttl_ms);
        self.inbox.send(Said::Opened { network, sent, lease_ttl, verdicts: welcome.leases }).await.ok();
        let end = session.run(&mut self.outbox, stop).await;
        // Nobody listens any more only while the agent ends.
        self.config.asks.send(Heard::Ended).await.ok();
        end
    }

    async fn lost(&mut self, error: &LineError) -> Duration {
        let wait = self.next_wait();
        let message = Chain(error).to_string();
        info!(retry.in_ms = wait.as_millis(), "Not connected: {message}");
        self.tell(Said::Closed { message, retry_at: clock::now() + wait }).await;
        wait
    }

    async fn refused(&mut self, refused: Refused) -> Option<Duration> {
        let Refused { code, message } = refused;
        warn!(refused.code = ?code, "The coordinator refused the session: {message}");
        match code {
            RefusedCode::Unavailable | RefusedCode::BadMessage => {
                let wait = self.next_wait();
                self.tell(Said::Closed { message, retry_at: clock::now() + wait }).await;
                Some(wait)
            }
            RefusedCode::Quarantined | RefusedCode::BadHandshake => {
                self.tell(Said::Refused { code, message }).await;
                Some(self.config.timers.scaled(REFUSED_WAIT))
            }
            RefusedCode::TooOld | RefusedCode::Superseded => {
                self.tell(Said::Refused { code, message }).await;
                None
            }
        }
    }

    /// Ends once a clock that was wrong is right: whoever has set it should not have to wait for us.
    async fn clock_is_set(&self) {
        let is_wrong = || self.config.time.borrow().is_some_and(|time| time.fault(clock::now()).is_some());
        if !is_wrong() {
            return std::future::pending().await;
        }
        while is_wrong() {
            tokio::time::sleep(CLOCK_LOOKED_AT_EVERY).await;
        }
    }

    fn next_wait(&mut self) -> Duration {
        let at_work = !self.config.standing.borrow().leases.is_empty();
        let longest = if at_work { LONGEST_AT_WORK } else { LONGEST };
        self.backoff.next(longest, rand::rng().random_range(0.0..1.0))
    }

    async fn tell(&self, said: Said) {
        self.inbox.send(said).await.ok();
    }
}

async fn dial_and_greet(config: &mut LineConfig) -> Result<(Frames, Greeting), LineError> {
    let mut frames = Frames::dial(&config.url, &config.time).await?;
    let greeting = greet(&mut frames, config).await?;
    Ok((frames, greeting))
}
