//! How a challenge ends, with the code that is kept and counted, and the words an owner reads.

use headframe_proof::{Refusal, standing};
use headframe_protocol::challenge::{DeclineReason, Verdict};

/// How a challenge ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// Right, and in time.
    Passed,
    /// Wrong, or not in time.
    Failed(Fail),
    /// It came to nothing, and is held against nobody.
    Void(Void),
}

/// Why a challenge was failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fail {
    /// The commitment came too late, or never.
    LateProof,
    /// The opened rows did.
    LateRows,
    /// The answer about the memory did.
    LateReading,
    /// The opened reads did.
    LateReads,
    /// The card is slower or faster than its model is.
    OutOfBand,
    /// Something was wrong.
    Refused(Refusal),
}

/// Why a challenge came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Void {
    /// The session ended.
    Gone,
    /// The rig declined.
    Declined(DeclineReason),
    /// The coordinator was started anew.
    Restarted,
}

impl End {
    /// The code that is kept, and the label it is counted under.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(Fail::LateProof) => "late_proof",
            Self::Failed(Fail::LateRows) => "late_rows",
            Self::Failed(Fail::LateReading) => "late_reading",
            Self::Failed(Fail::LateReads) => "late_reads",
            Self::Failed(Fail::OutOfBand) => "out_of_band",
            Self::Failed(Fail::Refused(_)) => "refused",
            Self::Void(Void::Gone) => "gone",
            Self::Void(Void::Declined(why)) => declined(*why),
            Self::Void(Void::Restarted) => "restarted",
        }
    }

    pub(crate) const fn verdict(&self) -> Verdict {
        match self {
            Self::Passed => Verdict::Passed,
            Self::Failed(_) => Verdict::Failed,
            Self::Void(_) => Verdict::Void,
        }
    }

    /// What it says of the card.
    pub(crate) const fn outcome(&self) -> standing::Outcome {
        match self {
            Self::Passed => standing::Outcome::Passed,
            Self::Failed(Fail::Refused(_)) => standing::Outcome::Refused,
            Self::Failed(Fail::LateProof | Fail::LateRows | Fail::LateReading | Fail::LateReads | Fail::OutOfBand) => {
                standing::Outcome::OutOfTime
            }
            Self::Void(_) => standing::Outcome::Unanswered,
        }
    }

    /// For the owner; empty where there is nothing to say.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Passed | Self::Void(_) => String::new(),
            Self::Failed(Fail::LateProof) => "The proof came too late.".to_owned(),
            Self::Failed(Fail::LateRows | Fail::LateReads) => "What was to be shown came too late.".to_owned(),
            Self::Failed(Fail::LateReading) => "The card's memory was read too slowly.".to_owned(),
            Self::Failed(Fail::OutOfBand) => "The card is not as fast as others of its model.".to_owned(),
            Self::Failed(Fail::Refused(refusal)) => format!("The proof is wrong: {refusal}."),
        }
    }
}

const fn declined(why: DeclineReason) -> &'static str {
    match why {
        DeclineReason::NoProver => "no_prover",
        DeclineReason::Unfit => "unfit",
        DeclineReason::Busy => "busy",
        DeclineReason::Yielded => "yielded",
        DeclineReason::Broken => "broken",
    }
}
