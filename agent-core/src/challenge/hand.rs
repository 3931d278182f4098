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

/// How much later than was said a card may be asked.
const LATE_MAX: Duration = Duration::from_secs(20);

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
    pub(super) fn objection(&self, gpu: &str) -> Option<DeclineReason> {
        if !self.ready {
            return Some(DeclineReason::Yielded);
        }
        if self.cards.contains_key(gpu) { None } else { Some(DeclineReason::Busy) }
    }
}

pub(super) struct Hand {
    pub(super) gpu: String,
    /// How long after now the card is asked. None if it is asked now.
    pub(super) notice: Option<Duration>,
    /// The first of them is to prove.
    pub(super) questions: mpsc::Receiver<Ask>,
    pub(super) stop: CancellationToken,
    pub(super) free: watch::Receiver<Free>,
    pub(super) provers: Arc<dyn Provers>,
    pub(super) bringer: Bringer,
    pub(super) say: mpsc::Sender<Say>,
}

/// What there is of a challenge while it is answered.
#[derive(Default)]
struct Here {
    /// For whoever must know that it is gone.
    card: Option<Box<dyn CardProver>>,
    /// Once it was asked.
    seed: Option<Digest>,
}

impl Hand {
    /// Until it is over and the card is free again.
    pub(super) async fn run(self) {
        let Self { gpu, notice, mut questions, stop, mut free, provers, bringer, say } = self;
        // However this ends, a prover on its own thread hears of it.
        let guard = stop.clone().drop_guard();
        let vram_bytes = free.borrow().cards.get(&gpu).copied();
        let mut here = Here::default();
        let work = Work { gpu: &gpu, vram_bytes, provers: provers.as_ref(), bringer, say: &say, stop: &stop };
        let answered = tokio::select! {
            biased;
            () = stop.cancelled() => Ok(None),
            why = objected(&mut free, &gpu) => Err(why),
            answered = work.all(notice, &mut questions, &mut here) => answered,
        };
        drop(guard);
        let Here { card, seed } = here;
        // First the card, then the words: whoever hears that it is over may use it.
        if let Some(card) = card {
            card.give_back().await;
        }
        match answered {
            Ok(None) => info!(%gpu, "A proof is for nobody any more"),
            Ok(Some(Over { verdict: Verdict::Passed, .. })) => info!(%gpu, "A card has proved what it can do"),
            Ok(Some(Over { verdict: Verdict::Failed, message, .. })) => {
                warn!(%gpu, "A card has not proved what it can do: {message}");
            }
            Ok(Some(Over { verdict: Verdict::Void, .. })) => info!(%gpu, "A proof came to nothing"),
            Err(why) => {
                info!(%gpu, "A proof is not given: {why:?}");
                // Before it is asked there is nothing to decline.
                if let Some(seed) = seed.or_else(|| unheard(questions)) {
                    answer(&say, Answer::Declined(Declined { seed, why })).await;
                }
            }
        }
    }
}

/// The challenge that was asked for while nobody listened any more.
fn unheard(mut questions: mpsc::Receiver<Ask>) -> Option<Digest> {
    questions.close();
    questions.try_recv().ok().and_then(|ask| ask.seed())
}

async fn answer(say: &mpsc::Sender<Say>, answer: Answer) {
    // A line that is closed has ended the challenge anyway.
    drop(say.send(Say::Answer(answer)).await);
}

/// Returns once the card may not be used any more.
async fn objected(free: &mut watch::Receiver<Free>, gpu: &str) -> DeclineReason {
    let objects = free.wait_for(|free| free.objection(gpu).is_some()).await;
    // Without its loop the agent ends.
    objects.ok().and_then(|free| free.objection(gpu)).unwrap_or(DeclineReason::Yielded)
}

struct Work<'a> {
    gpu: &'a str,
    vram_bytes: Option<u64>,
    provers: &'a dyn Provers,
    bringer: Bringer,
    say: &'a mpsc::Sender<Say>,
    stop: &'a CancellationToken,
}

impl Work<'_> {
    /// Answers until it is over; nothing if it never was asked.
    async fn all(
        self,
        notice: Option<Duration>,
        questions: &mut mpsc::Receiver<Ask>,
        here: &mut Here,
    ) -> Result<Option<Over>, DeclineReason> {
        if notice.is_some() {
            self.ready(&mut here.card).await?;
        }
        let first = timeout(notice.unwrap_or_default() + LATE_MAX, questions.recv()).await;
        let Ok(Some(Ask::Prove(prove))) = first else { return Ok(None) };
        here.seed = Some(prove.seed);
        let parameters = self.checked(&prove)?;
        let card = self.ready(&mut here.card).await?;
        let roots = card.compute(&prove.seed, parameters).await.map_err(broken)?;
        answer(self.say, Answer::Committed(Committed { seed: prove.seed, roots })).await;
        self.show(&prove, card.as_mut(), questions).await.map(Some)
    }

    /// Answers what is asked of what was committed to.
    async fn show(
        &self,
        prove: &Prove,
        card: &mut dyn CardProver,
        questions: &mut mpsc::Receiver<Ask>,
    ) -> Result<Over, DeclineReason> {
        loop {
            let ask = timeout(SILENCE_MAX, questions.recv()).await.ok().flatten().ok_or(DeclineReason::Broken)?;
            match ask {
                Ask::Over(over) => return Ok(over),
                Ask::Open(open) if open.rows.len() <= ASKED_MAX => {
                    let openings = card.open(&open.rows).await.map_err(broken)?;
                    self.bring(prove, "rows", &openings).await?;
                }
                Ask::OpenReads(open) if open.reads.len() <= ASKED_MAX => {
                    let openings = card.open_reads(&open.reads).await.map_err(broken)?;
                    self.bring(prove, "reads", &openings).await?;
                }
                Ask::Remember(Remember { nonce, reads, .. }) if (1..=READS_MAX).contains(&reads) => {
                    let roots = card.remember(&nonce, reads).await.map_err(broken)?;
                    answer(self.say, Answer::Remembered(Remembered { seed: prove.seed, roots })).await;
                }
                Ask::Soon(_) | Ask::Prove(_) | Ask::Open(_) | Ask::OpenReads(_) | Ask::Remember(_) => {
                    return Err(DeclineReason::Unfit);
                }
            }
        }
    }

    /// The card's prover, which has begun.
    async fn ready<'c>(&self, card: &'c mut Option<Box<dyn CardProver>>) -> Result<&'c mut Box<dyn CardProver>, DeclineReason> {
        if card.is_none() {
            let started = self.provers.prover(self.gpu, self.stop).map_err(unable)?;
            card.insert(started.ok_or(DeclineReason::NoProver)?).begin().await.map_err(unable)?;
        }
        card.as_mut().ok_or(DeclineReason::NoProver)
    }

    /// What is asked is possible, fits into the card, and is shown to nobody but the coordinator.
    fn checked(&self, prove: &Prove) -> Result<Parameters, DeclineReason> {
        if let Some(problem) = prove.problems().first() {
            warn!("A challenge is not right: {} must be {}", problem.field, problem.message);
            return Err(DeclineReason::Unfit);
        }
        let Prove { size, products, resident, base, .. } = prove;
        let parameters = Parameters::new(*size, *products).and_then(|all| all.keeping(*resident));
        let fits = parameters.ok().filter(|all| self.vram_bytes.is_some_and(|vram_bytes| all.kept_bytes() <= vram_bytes));
        let parameters = fits.ok_or(DeclineReason::Unfit)?;
        match self.bringer.address(base, "rows") {
            Ok(_) => Ok(parameters),
            Err(error) => {
                warn!("A challenge is not right: {error}");
                Err(DeclineReason::Unfit)
            }
        }
    }

    async fn bring(&self, prove: &Prove, what: &str, openings: &Openings) -> Result<(), DeclineReason> {
        let brought = async {
            let address = self.bringer.address(&prove.base, what)?;
            self.bringer.bring(address, &prove.token, openings).await
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
