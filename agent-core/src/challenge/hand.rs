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

use super::{CardProver, Openings, ProverError, Provers, bring::Bringer};
use crate::{coordinator::Say, store::Chain};

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
    /// Until it is over and the card is free again.
    pub(super) async fn run(self) {
        let Self { prove, questions, stop, mut free, provers, bringer, say } = self;
        let voice = Voice { seed: prove.seed, say };
        // However this ends, a prover on its own thread hears of it.
        let guard = stop.clone().drop_guard();
        let gpu = prove.gpu.clone();
        let vram_bytes = free.borrow().cards.get(&gpu).copied();
        let mut card = None;
        let work = Work { prove, bringer, voice: &voice, stop: &stop };
        let answered = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            why = objected(&mut free, &gpu) => Some(Err(why)),
            answered = work.all(provers, vram_bytes, questions, &mut card) => Some(answered),
        };
        drop(guard);
        // First the card, then the words: whoever hears that it is over may use it.
        if let Some(card) = card {
            card.give_back().await;
        }
        match answered {
            None => info!(%gpu, "A proof is for nobody any more"),
            Some(Ok(Over { verdict: Verdict::Passed, .. })) => info!(%gpu, "A card has proved what it can do"),
            Some(Ok(Over { verdict: Verdict::Failed, message, .. })) => {
                warn!(%gpu, "A card has not proved what it can do: {message}");
            }
            Some(Ok(Over { verdict: Verdict::Void, .. })) => info!(%gpu, "A proof came to nothing"),
            Some(Err(why)) => {
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
    stop: &'a CancellationToken,
}

impl Work<'_> {
    /// Answers until it is over. The prover is left in `card`, for whoever must know that it is gone.
    async fn all(
        self,
        provers: Arc<dyn Provers>,
        vram_bytes: Option<u64>,
        mut questions: mpsc::Receiver<Ask>,
        card: &mut Option<Box<dyn CardProver>>,
    ) -> Result<Over, DeclineReason> {
        let parameters = self.checked(vram_bytes)?;
        let seed = self.prove.seed;
        let started = provers.prover(&self.prove.gpu, self.stop).map_err(unable)?;
        let card = card.insert(started.ok_or(DeclineReason::NoProver)?);
        card.begin().await.map_err(unable)?;
        let roots = card.compute(&seed, parameters).await.map_err(broken)?;
        self.voice.answer(Answer::Committed(Committed { seed, roots })).await;
        loop {
            let ask = timeout(SILENCE_MAX, questions.recv()).await.ok().flatten().ok_or(DeclineReason::Broken)?;
            match ask {
                Ask::Over(over) => return Ok(over),
                Ask::Open(open) if open.rows.len() <= ASKED_MAX => {
                    let openings = card.open(&open.rows).await.map_err(broken)?;
                    self.bring("rows", &openings).await?;
                }
                Ask::OpenReads(open) if open.reads.len() <= ASKED_MAX => {
                    let openings = card.open_reads(&open.reads).await.map_err(broken)?;
                    self.bring("reads", &openings).await?;
                }
                Ask::Remember(Remember { nonce, reads, .. }) if (1..=READS_MAX).contains(&reads) => {
                    let roots = card.remember(&nonce, reads).await.map_err(broken)?;
                    self.voice.answer(Answer::Remembered(Remembered { seed, roots })).await;
                }
                Ask::Prove(_) | Ask::Open(_) | Ask::OpenReads(_) | Ask::Remember(_) => return Err(DeclineReason::Unfit),
            }
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

    async fn bring(&self, what: &str, openings: &Openings) -> Result<(), DeclineReason> {
        let brought = async {
            let address = self.bringer.address(&self.prove.base, what)?;
            self.bringer.bring(address, &self.prove.token, openings).await
        };
        brought.await.map_err(|error| {
            warn!("What a card has to show was not brought: {}", Chain(&error));
            DeclineReason::Broken
        })
    }
}

/// One that does not even begin is one without a prover: it is not asked again today.
fn unable(error: ProverError) -> DeclineReason {
    warn!("A card cannot begin to prove what it can do: {}", Chain(error.as_ref()));
    DeclineReason::NoProver
}

fn broken(error: ProverError) -> DeclineReason {
    warn!("A card could not prove what it can do: {}", Chain(error.as_ref()));
    DeclineReason::Broken
}
