//! One challenge on one card.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use headframe_proof::Parameters;
use headframe_protocol::challenge::{
    ASKED_MAX, Answer, Ask, Committed, DeclineReason, Declined, Digest, Over, Prove, READS_MAX, Remember, Remembered, Verdict,
};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{CardProver, Provers, bring::Bringer};
use crate::{coordinator::Say, tasks::apart};

/// How long a card keeps its products for a coordinator that says nothing.
const SILENCE_MAX: Duration = Duration::from_secs(300);

/// Which cards may be used now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Free {
    /// Whether the owner lets his PC work.
    pub ready: bool,
    /// Cards without work, by UUID, with their memory in bytes.
    pub cards: BTreeMap<String, u64>,
}

impl Free {
    /// Why a card may not be used; none if it may.
    fn objection(&self, gpu: &str) -> Option<DeclineReason> {
        if !self.ready {
            return Some(DeclineReason::Yielded);
        }
        if self.cards.contains_key(gpu) { None } else { Some(DeclineReason::Busy) }
    }
}

pub(super) struct Hand {
    pub(super) prove: Prove,
    pub(super) questions: mpsc::Receiver<Ask>,
    pub(super) stop: CancellationToken,
    pub(super) free: watch::Receiver<Free>,
    pub(super) provers: Arc<dyn Provers>,
    pub(super) bringer: Bringer,
    pub(super) say: mpsc::Sender<Say>,
}

/// What is said next, and to whom.
struct Voice {
    seed: Digest,
    say: mpsc::Sender<Say>,
}

impl Voice {
    async fn answer(&self, answer: Answer) {
        // A line that is closed has ended the challenge anyway.
        drop(self.say.send(Say::Answer(answer)).await);
    }
}

impl Hand {
    /// Until it is over.
    pub(super) async fn run(self) {
        let Self { prove, questions, stop, mut free, provers, bringer, say } = self;
        let voice = Voice { seed: prove.seed, say };
        // However this ends, a prover on its own thread hears of it.
        let guard = stop.clone().drop_guard();
        let gpu = prove.gpu.clone();
        let vram_bytes = free.borrow().cards.get(&gpu).copied();
        let answered = tokio::select! {
            biased;
            why = objected(&mut free, &gpu) => Err(why),
            answered = Work { prove, bringer, voice: &voice }.all(provers, vram_bytes, questions, &stop) => answered,
        };
        drop(guard);
        match answered {
            Ok(Over { verdict: Verdict::Passed, .. }) => info!(%gpu, "A card has proved what it can do"),
            Ok(Over { verdict: Verdict::Failed, message, .. }) => warn!(%gpu, "A card has not proved what it can do: {message}"),
            Ok(Over { verdict: Verdict::Void, .. }) => info!(%gpu, "A proof came to nothing"),
            Err(why) => {
                info!(%gpu, "A proof is not given: {why:?}");
                voice.answer(Answer::Declined(Declined { seed: voice.seed, why })).await;
            }
        }
    }
}

/// Returns once the card may not be used any more.
async fn objected(free: &mut watch::Receiver<Free>, gpu: &str) -> DeclineReason {
    let objects = free.wait_for(|free| free.objection(gpu).is_some()).await;
    // Without its loop the agent ends.
    objects.ok().and_then(|free| free.objection(gpu)).unwrap_or(DeclineReason::Yielded)
}

struct Work<'a> {
    prove: Prove,
    bringer: Bringer,
    voice: &'a Voice,
}

impl Work<'_> {
    async fn all(
        self,
        provers: Arc<dyn Provers>,
        vram_bytes: Option<u64>,
        mut questions: mpsc::Receiver<Ask>,
        stop: &CancellationToken,
    ) -> Result<Over, DeclineReason> {
        let parameters = self.checked(vram_bytes)?;
        let seed = self.prove.seed;
        let mut prover = provers.prover(&self.prove.gpu, stop).ok_or(DeclineReason::NoProver)?;
        let roots;
        (prover, roots) = compute(prover, move |prover| prover.compute(&seed, parameters)).await?;
        self.voice.answer(Answer::Committed(Committed { seed, roots })).await;
        loop {
            let ask = timeout(SILENCE_MAX, questions.recv()).await.ok().flatten().ok_or(DeclineReason::Broken)?;
            prover = match ask {
                Ask::Over(over) => return Ok(over),
                Ask::Prove(_) => return Err(DeclineReason::Unfit),
                Ask::Open(open) if open.rows.len() <= ASKED_MAX => {
                    let (prover, openings) = compute(prover, move |prover| prover.open(&open.rows)).await?;
                    self.bring("rows", openings).await?;
                    prover
                }
                Ask::OpenReads(open) if open.reads.len() <= ASKED_MAX => {
                    let (prover, openings) = compute(prover, move |prover| prover.open_reads(&open.reads)).await?;
                    self.bring("reads", openings).await?;
                    prover
                }
                Ask::Remember(Remember { nonce, reads, .. }) if (1..=READS_MAX).contains(&reads) => {
                    let (prover, roots) = compute(prover, move |prover| prover.remember(&nonce, reads)).await?;
                    self.voice.answer(Answer::Remembered(Remembered { seed, roots })).await;
                    prover
                }
                Ask::Open(_) | Ask::OpenReads(_) | Ask::Remember(_) => return Err(DeclineReason::Unfit),
            };
        }
    }

    /// What is asked is possible, fits into the card, and is shown to nobody but the coordinator.
    fn checked(&self, vram_bytes: Option<u64>) -> Result<Parameters, DeclineReason> {
        if let Some(problem) = self.prove.problems().first() {
            warn!("A challenge is not right: {} must be {}", problem.field, problem.message);
            return Err(DeclineReason::Unfit);
        }
        let Prove { size, products, resident, base, .. } = &self.prove;
        let parameters = Parameters::new(*size, *products).and_then(|all| all.keeping(*resident));
        let fits = parameters.ok().filter(|all| vram_bytes.is_some_and(|vram_bytes| all.kept_bytes() <= vram_bytes));
        let parameters = fits.ok_or(DeclineReason::Unfit)?;
        match self.bringer.address(base, "rows") {
            Ok(_) => Ok(parameters),
            Err(error) => {
                warn!("A challenge is not right: {error}");
                Err(DeclineReason::Unfit)
            }
        }
    }

    async fn bring(&self, what: &str, openings: Vec<u8>) -> Result<(), DeclineReason> {
        let brought = async {
            let address = self.bringer.address(&self.prove.base, what)?;
            self.bringer.bring(address, &self.prove.token, openings).await
        };
        brought.await.map_err(|error| {
            warn!("What a card has to show was not brought: {error}");
            DeclineReason::Broken
        })
    }
}

/// Lets the prover work on a thread of its own. If it cannot, or panics, it is gone.
async fn compute<T: Send + 'static>(
    mut prover: CardProver,
    work: impl FnOnce(&mut CardProver) -> Result<T, super::ProverError> + Send + 'static,
) -> Result<(CardProver, T), DeclineReason> {
    let done = apart(move || work(&mut prover).map(|done| (prover, done))).await;
    done.ok_or(DeclineReason::Broken)?.map_err(|error| {
        warn!(error = &*error as &dyn std::error::Error, "A card could not prove what it can do");
        DeclineReason::Broken
    })
}
