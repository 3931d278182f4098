//! Answers the coordinator's challenges: what a graphics card can do is computed by a [`CardProver`], and shown.
//!
//! Each challenge has a task of its own, and a task ends at once when the owner wants his PC, when work begins on the card, when the
//! session ends or the agent. What is asked is bounded before anything is computed: a coordinator may ask too much.
//! On a real PC what computes is [a child](measured), which is gone 100 ms after it is not wanted.
//!
//! How the line carries questions and answers is [`crate::coordinator`]'s matter; which card is free is said by the agent's loop.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use headframe_protocol::challenge::{Answer, Ask, DeclineReason, Declined, Digest, NOTICE, NOTICE_MS_MAX, POG, Prove, Soon};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;

use crate::{
    benchmark::child::beside_us,
    coordinator::{Heard, Say},
    tasks::Tasks,
};

mod bring;
mod hand;
mod measured;
mod prover;

pub use hand::Free;
pub use measured::{CardNames, MeasuredCards};
pub use prover::{Answering, Apart, CardProver, NoProvers, Openings, ProverError, Provers, References};

use bring::Bringer;
use hand::Hand;

/// Questions waiting for the task. A card has one at a time.
const HEARD_MAX: usize = 64;

/// Questions waiting for one challenge.
const ASKS_MAX: usize = 8;

/// How long the cards may take to be given back when a session ends. They take a tenth of it.
const GIVING_BACK_MAX: Duration = Duration::from_secs(1);

/// Where the provers of an agent come from.
#[derive(Clone)]
pub enum ProverSource {
    /// The cards that this PC has measured, by the program beside ours that measured them.
    Measured,
    /// They are given.
    Given(Arc<dyn Provers>),
}

impl ProverSource {
    /// Gets them. Nothing is started before anybody asks.
    pub(crate) fn open(self, names: &watch::Receiver<CardNames>) -> Arc<dyn Provers> {
        match (self, beside_us()) {
            (Self::Given(provers), _) => provers,
            (Self::Measured, Ok(program)) => Arc::new(MeasuredCards::new(program, names.clone())),
            (Self::Measured, Err(error)) => {
                warn!(%error, "Where this program lies is not known, and so not where the one lies that proves");
                Arc::new(NoProvers)
            }
        }
    }
}

/// By UUID, the cards of which something is computed for a challenge now.
pub(crate) type Proving = BTreeSet<String>;

/// What is needed to answer.
pub(crate) struct Config {
    pub(crate) provers: Arc<dyn Provers>,
    /// The coordinator: nothing is brought elsewhere.
    pub(crate) coordinator: Url,
    pub(crate) say: mpsc::Sender<Say>,
    pub(crate) heard: mpsc::Receiver<Heard>,
    pub(crate) free: watch::Receiver<Free>,
    pub(crate) proving: watch::Sender<Proving>,
}

/// The loop's ends of challenges.
pub(crate) struct Ends {
    /// Which cards may be used.
    pub(crate) free: watch::Sender<Free>,
    /// Whether any can be.
    pub(crate) answerable: Answerable,
    /// Which are.
    pub(crate) proving: watch::Receiver<Proving>,
}

/// The two ends of the questions' way from the line.
pub(crate) fn channel() -> (mpsc::Sender<Heard>, mpsc::Receiver<Heard>) {
    mpsc::channel(HEARD_MAX)
}

/// What the greeting says of challenges, as far as is known.
pub(crate) struct Answerable {
    provers: Arc<dyn Provers>,
    names: watch::Sender<Vec<String>>,
}

impl Answerable {
    /// What these provers can answer.
    pub(crate) fn of(provers: Arc<dyn Provers>) -> (Self, watch::Receiver<Vec<String>>) {
        let (names, told) = watch::channel(names(provers.as_ref()));
        (Self { provers, names }, told)
    }

    /// A card may have a prover by now.
    pub(crate) fn look_again(&self) {
        let names = names(self.provers.as_ref());
        self.names.send_if_modified(|known| std::mem::replace(known, names.clone()) != names);
    }
}

fn names(provers: &dyn Provers) -> Vec<String> {
    if provers.is_any() { vec![POG.to_owned(), NOTICE.to_owned()] } else { Vec::new() }
}

/// Starts to answer, until the tasks are stopped.
///
/// # Errors
/// There is no way to bring anything anywhere.
pub(crate) fn answer(config: Config, tasks: &Tasks) -> Result<(), reqwest::Error> {
    let bringer = Bringer::new(&config.coordinator)?;
    let answerer = Answerer { config, bringer, hands: Vec::new(), tasks: JoinSet::new() };
    tasks.spawn("challenges", answerer.run(tasks.stopped()));
    Ok(())
}

struct Answerer {
    config: Config,
    bringer: Bringer,
    hands: Vec<Reach>,
    tasks: JoinSet<()>,
}

/// By which a challenge under way is reached.
struct Reach {
    gpu: String,
    /// None until it is asked.
    seed: Option<Digest>,
    asks: mpsc::Sender<Ask>,
    stop: CancellationToken,
}

impl Answerer {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                // However it ended, its channel is closed.
                Some(_) = self.tasks.join_next() => {
                    self.hands.retain(|reach| !reach.asks.is_closed());
                    self.tell();
                }
                heard = self.config.heard.recv() => match heard {
                    Some(Heard::Ask(ask)) => self.asked(*ask),
                    Some(Heard::Ended) => self.forget_all().await,
                    None => break,
                },
            }
        }
        self.forget_all().await;
    }

    fn asked(&mut self, ask: Ask) {
        match ask {
            Ask::Soon(Soon { gpu, in_ms }) => {
                if self.reach(&gpu).is_none() {
                    self.begin(gpu, Some(Duration::from_millis(in_ms.min(NOTICE_MS_MAX))));
                }
            }
            Ask::Prove(prove) => self.prove(prove),
            Ask::Open(_) | Ask::Remember(_) | Ask::OpenReads(_) | Ask::Over(_) => {
                // Of a challenge that was declined there may be a question on its way.
                if let Some(reach) = self.hands.iter().find(|reach| reach.seed.is_some() && reach.seed == ask.seed()) {
                    drop(reach.asks.try_send(ask));
                }
            }
        }
    }

    fn reach(&mut self, gpu: &str) -> Option<&mut Reach> {
        self.hands.iter_mut().find(|reach| reach.gpu == gpu)
    }

    fn prove(&mut self, prove: Prove) {
        info!(gpu = %prove.gpu, "The coordinator wants proof of what a card can do");
        let gpu = prove.gpu.clone();
        let (seed, is_known) = (prove.seed, self.hands.iter().any(|reach| reach.seed == Some(prove.seed)));
        let reach = match self.reach(&prove.gpu) {
            Some(reach) if reach.seed.is_none() && !reach.asks.is_closed() => reach,
            // One that was told beforehand and could not is found out about once more, and says why.
            Some(reach) if reach.seed.is_none() => self.begin(prove.gpu.clone(), None),
            Some(_) => return self.decline(seed, DeclineReason::Busy),
            None if is_known => return self.decline(seed, DeclineReason::Busy),
            None => self.begin(prove.gpu.clone(), None),
        };
        reach.seed = Some(seed);
        if reach.asks.try_send(Ask::Prove(prove)).is_err() {
            // It was told beforehand, and has just given its card back: for whatever stands in the way now.
            let why = self.config.free.borrow().objection(&gpu);
            self.decline(seed, why.unwrap_or(DeclineReason::Busy));
        }
    }

    fn begin(&mut self, gpu: String, notice: Option<Duration>) -> &mut Reach {
        self.hands.retain(|reach| reach.gpu != gpu);
        let (asks, questions) = mpsc::channel(ASKS_MAX);
        let stop = CancellationToken::new();
        let hand = Hand {
            gpu: gpu.clone(),
            notice,
            questions,
            stop: stop.clone(),
            free: self.config.free.clone(),
            provers: Arc::clone(&self.config.provers),
            bringer: self.bringer.clone(),
            say: self.config.say.clone(),
        };
        self.tasks.spawn(hand.run());
        self.hands.push(Reach { gpu, seed: None, asks, stop });
        self.tell();
        let last = self.hands.len() - 1;
        &mut self.hands[last]
    }

    fn decline(&self, seed: Digest, why: DeclineReason) {
        if self.config.say.try_send(Say::Answer(Answer::Declined(Declined { seed, why }))).is_err() {
            warn!("The line is jammed; a challenge was not declined");
        }
    }

    /// Whatever they compute is for nobody any more. The next session finds the cards free.
    async fn forget_all(&mut self) {
        self.hands.iter().for_each(|reach| reach.stop.cancel());
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(GIVING_BACK_MAX, all).await.is_err() {
            self.tasks.shutdown().await;
        }
        self.hands.clear();
        self.tell();
    }

    fn tell(&self) {
        let proving: Proving = self.hands.iter().map(|reach| reach.gpu.clone()).collect();
        self.config.proving.send_if_modified(|known| std::mem::replace(known, proving.clone()) != proving);
    }
}
