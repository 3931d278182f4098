//! One challenge as a state machine: pure, without a clock and without randomness of its own.
//!
//! ```text
//!  Proving ─committed─► OpeningRows ─right─► Reading ─remembered─► OpeningReads ─right─► over: passed
//!     └────── late ───────────┴── late, wrong ──┴────── late ───────────┴── late, wrong ──► over: failed
//!  from anywhere: the session ends, the rig declines, the coordinator stops ───────────────► over: void
//! ```
//! What a rig is asked next is drawn only when its answer has arrived: randomness comes as a function that is called then. Times
//! are those of our clock, from just before a question is put on the wire until its answer is taken from it.

use std::time::Duration;

use headframe_proof::{
    Parameters, Refusal,
    band::Band,
    question, residency,
    standing::Outcome,
    timing::{self, Class},
};
use headframe_protocol::challenge::{
    Answer, Ask, Committed, Declined, Digest, Open, OpenReads, POG, Prove, ROUNDS, ReadAt, Remember, Remembered, RowAt,
};
use tokio::time::Instant;
use url::Url;

use super::{
    actor::Kind,
    outcome::{End, Fail, Void},
};

/// What is decided before a challenge begins.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) seed: Digest,
    pub(crate) parameters: Parameters,
    /// What was claimed.
    pub(crate) class: Class,
    pub(crate) rtt_p95: Duration,
    /// How fast cards of the model are, if that is known.
    pub(crate) band: Option<Band>,
    /// How long openings may be on their way.
    pub(crate) opening: Duration,
    /// A question that has not left us after this long never will.
    pub(crate) sending: Duration,
}

impl Terms {
    /// After so long a challenge is over, whatever happens.
    pub(crate) fn longest(&self) -> Duration {
        let reads = timing::reads_per_round(self.class);
        let answers = timing::proving_deadline(self.class, self.parameters, self.rtt_p95)
            .saturating_add(timing::reading_deadline(self.class, reads, self.rtt_p95));
        // Four questions, and a little for what is between them.
        answers.saturating_add((self.opening + self.sending * 2) * 2).saturating_add(Duration::from_secs(10))
    }
}

/// What happens to a challenge.
#[derive(Debug)]
pub(crate) enum Event {
    /// The question is on the wire from now on.
    Sent,
    /// The rig has said something.
    Heard(Answer),
    /// Openings have come to their end, and are right or not.
    Opened(Result<(), Refusal>),
    /// It comes to nothing.
    Left(Void),
    /// Time has passed.
    Time,
}

/// What is to be done. At most one thing for each event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Ask this.
    Ask(Ask),
    /// It is over.
    End(End),
}

/// What openings are checked against. Has the secret: it goes to the check and nowhere else.
#[derive(Clone)]
pub(crate) enum Opening {
    /// Rows of products.
    Rows { terms: Terms, secret: Digest, roots: Vec<Digest>, asked: Vec<RowAt> },
    /// Reads of memory.
    Reads { terms: Terms, nonce: Digest, reads: u32, answer: Vec<Digest>, roots: Vec<Digest>, asked: Vec<ReadAt> },
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rows { .. } => "Rows",
            Self::Reads { .. } => "Reads",
        })
    }
}

/// How far a challenge has come; kept with its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Proving,
    OpeningRows,
    Reading,
    OpeningReads,
}

/// How long the rig took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Took {
    pub(crate) proving: Option<Duration>,
    pub(crate) reading: Option<Duration>,
}

#[derive(Debug)]
enum State {
    Proving,
    OpeningRows { secret: Digest, roots: Vec<Digest>, asked: Vec<RowAt> },
    Reading { roots: Vec<Digest>, nonce: Digest },
    OpeningReads { roots: Vec<Digest>, nonce: Digest, answer: Vec<Digest>, asked: Vec<ReadAt> },
    Over,
}

/// A challenge under way.
#[derive(Debug)]
pub(crate) struct Course {
    terms: Terms,
    reads: u32,
    state: State,
    reached: Stage,
    took: Took,
    /// When the present question was decided on.
    decided: Instant,
    /// When it was put on the wire.
    sent: Option<Instant>,
}

impl Course {
    /// Begins. The first question is [`Course::prove`].
    pub(crate) fn new(terms: Terms, now: Instant) -> Self {
        let reads = timing::reads_per_round(terms.class);
        Self { terms, reads, state: State::Proving, reached: Stage::Proving, took: Took::default(), decided: now, sent: None }
    }

    /// The first question, for a card.
    pub(crate) fn prove(&self, gpu: String, base: Url, token: String) -> Prove {
        let parameters = self.terms.parameters;
        Prove {
            protocol: POG.to_owned(),
            seed: self.terms.seed,
            gpu,
            size: parameters.size(),
            products: parameters.products(),
            resident: parameters.resident(),
            within_ms: millis(self.proving_limit()),
            base,
            token,
        }
    }

    /// How far it has come.
    pub(crate) const fn reached(&self) -> Stage {
        self.reached
    }

    /// How long the rig took.
    pub(crate) const fn took(&self) -> Took {
        self.took
    }

    /// Operations a microsecond, the line's delay taken off; none while the proof has not come.
    pub(crate) fn ops_per_us(&self) -> Option<u64> {
        let took = self.took.proving?.saturating_sub(self.terms.rtt_p95.min(timing::RTT_MAX));
        let rate = u128::from(self.terms.parameters.work_ops()) / took.as_micros().max(1);
        Some(u64::try_from(rate).unwrap_or(u64::MAX))
    }

    /// When [`Event::Time`] changes something; never, once it is over.
    pub(crate) fn due(&self) -> Option<Instant> {
        let limit = match self.state {
            State::Proving => self.proving_limit(),
            State::Reading { .. } => self.reading_limit(),
            State::OpeningRows { .. } | State::OpeningReads { .. } => self.terms.opening,
            State::Over => return None,
        };
        Some(self.sent.map_or(self.decided + self.terms.sending, |sent| sent + limit))
    }

    /// What must be opened now, if anything.
    pub(crate) fn opening(&self) -> Option<Opening> {
        let terms = self.terms.clone();
        match &self.state {
            State::OpeningRows { secret, roots, asked } => {
                Some(Opening::Rows { terms, secret: *secret, roots: roots.clone(), asked: asked.clone() })
            }
            State::OpeningReads { roots, nonce, answer, asked } => Some(Opening::Reads {
                terms,
                nonce: *nonce,
                reads: self.reads,
                answer: answer.clone(),
                roots: roots.clone(),
                asked: asked.clone(),
            }),
            State::Proving | State::Reading { .. } | State::Over => None,
        }
    }

    /// Takes an event. `fresh` gives 32 random bytes and is called only for what is asked because of this event. What is no
    /// answer to the question that stands changes nothing.
    pub(crate) fn step(&mut self, event: Event, now: Instant, fresh: impl FnMut() -> Digest) -> Option<Effect> {
        if matches!(self.state, State::Over) {
            return None;
        }
        match event {
            Event::Sent => {
                self.sent = self.sent.or(Some(now));
                None
            }
            Event::Left(void) => self.end(End::Void(void)),
            Event::Heard(answer) if answer.seed() == self.terms.seed => self.heard(answer, now, fresh),
            Event::Heard(_) => None,
            Event::Opened(Ok(())) => self.opened(now, fresh),
            Event::Opened(Err(refusal)) => {
                if self.opening().is_some() {
                    self.refused(refusal)
                } else {
                    None
                }
            }
            Event::Time if self.due().is_some_and(|due| now >= due) => self.too_late(),
            Event::Time => None,
        }
    }

    fn heard(&mut self, answer: Answer, now: Instant, mut fresh: impl FnMut() -> Digest) -> Option<Effect> {
        // What was not asked yet cannot be answered.
        let took = now.saturating_duration_since(self.sent?);
        match (answer, std::mem::replace(&mut self.state, State::Over)) {
            (Answer::Declined(Declined { why, .. }), _) => self.end(End::Void(Void::Declined(why))),
            (Answer::Committed(Committed { roots, .. }), State::Proving) => {
                if took > self.proving_limit() {
                    return self.end(End::Failed(Fail::LateProof));
                }
                let expected = self.terms.parameters.products() as usize;
                if roots.len() != expected {
                    return self.refused(Refusal::Roots { found: roots.len(), expected });
                }
                self.took.proving = Some(took);
                let asked = question::rows(self.terms.parameters, &fresh(), question::ASKED);
                let ask = Ask::Open(Open { seed: self.terms.seed, rows: asked.clone() });
                self.go_on(State::OpeningRows { secret: fresh(), roots, asked }, Stage::OpeningRows, ask, now)
            }
            (Answer::Remembered(Remembered { roots: answer, .. }), State::Reading { roots, nonce }) => {
                if took > self.reading_limit() {
                    return self.end(End::Failed(Fail::LateReading));
                }
                if answer.len() != ROUNDS as usize {
                    return self.refused(Refusal::Roots { found: answer.len(), expected: ROUNDS as usize });
                }
                self.took.reading = Some(took);
                let asked = question::reads(self.reads, &fresh(), question::ASKED);
                let ask = Ask::OpenReads(OpenReads { seed: self.terms.seed, reads: asked.clone() });
                self.go_on(State::OpeningReads { roots, nonce, answer, asked }, Stage::OpeningReads, ask, now)
            }
            (Answer::Committed(_) | Answer::Remembered(_), state) => {
                self.state = state;
                None
            }
        }
    }

    fn opened(&mut self, now: Instant, mut fresh: impl FnMut() -> Digest) -> Option<Effect> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::OpeningRows { roots, .. } => {
                let nonce = fresh();
                let (seed, within_ms) = (self.terms.seed, millis(self.reading_limit()));
                let ask = Ask::Remember(Remember { seed, nonce, reads: self.reads, within_ms });
                self.go_on(State::Reading { roots, nonce }, Stage::Reading, ask, now)
            }
            State::OpeningReads { .. } => {
                let Terms { class, parameters, rtt_p95, band, .. } = self.terms;
                let took = self.took.proving.unwrap_or(Duration::MAX);
                match timing::judged(class, parameters, rtt_p95, took, band) {
                    Outcome::Passed => self.end(End::Passed),
                    Outcome::OutOfTime | Outcome::Refused | Outcome::Unanswered => self.end(End::Failed(Fail::OutOfBand)),
                }
            }
            state @ (State::Proving | State::Reading { .. } | State::Over) => {
                self.state = state;
                None
            }
        }
    }

    fn too_late(&mut self) -> Option<Effect> {
        if self.sent.is_none() {
            // The rig's line takes nothing more.
            return self.end(End::Void(Void::Gone));
        }
        let fail = match self.state {
            State::Proving => Fail::LateProof,
            State::OpeningRows { .. } => Fail::LateRows,
            State::Reading { .. } => Fail::LateReading,
            State::OpeningReads { .. } => Fail::LateReads,
            State::Over => return None,
        };
        self.end(End::Failed(fail))
    }

    fn go_on(&mut self, state: State, reached: Stage, ask: Ask, now: Instant) -> Option<Effect> {
        (self.state, self.reached, self.decided, self.sent) = (state, reached, now, None);
        Some(Effect::Ask(ask))
    }

    fn refused(&mut self, refusal: Refusal) -> Option<Effect> {
        self.end(End::Failed(Fail::Refused(refusal)))
    }

    fn end(&mut self, end: End) -> Option<Effect> {
        self.state = State::Over;
        Some(Effect::End(end))
    }

    fn proving_limit(&self) -> Duration {
        timing::proving_deadline(self.terms.class, self.terms.parameters, self.terms.rtt_p95)
    }

    fn reading_limit(&self) -> Duration {
        timing::reading_deadline(self.terms.class, self.reads, self.terms.rtt_p95)
    }
}

impl Opening {
    /// What of the two it is.
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Rows { .. } => Kind::Rows,
            Self::Reads { .. } => Kind::Reads,
        }
    }

    /// The most bytes these openings have.
    pub(crate) fn bytes_max(&self) -> u64 {
        let bytes = match self {
            Self::Rows { terms, asked, .. } => headframe_proof::opening::rows_bytes(terms.parameters, asked),
            Self::Reads { terms, asked, .. } => {
                let parameters = terms.parameters;
                // A block lies in one row more than it fills, at most.
                let rows = residency::Block(0).rows(parameters).len() + 1;
                let row = parameters.row_bytes() + headframe_proof::tree::path_bytes(parameters.rows());
                let path = headframe_proof::tree::path_bytes(self.reads() as usize);
                headframe_proof::opening::HEADER_BYTES + asked.len() * (headframe_proof::opening::NAME_BYTES + rows * row + path)
            }
        };
        bytes as u64
    }

    const fn reads(&self) -> u32 {
        match self {
            Self::Rows { .. } => 0,
            Self::Reads { reads, .. } => *reads,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
