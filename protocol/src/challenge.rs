//! What coordinator and rig say to one another during the GPU challenge `pog/1`. What the words prove is `docs/proof.md`'s
//! matter; here is how they are written.
//!
//! The order is fixed. [`Ask::Soon`], where the rig wants it; [`Ask::Prove`] → [`Answer::Committed`] → [`Ask::Open`] → openings → [`Ask::Remember`] →
//! [`Answer::Remembered`] → [`Ask::OpenReads`] → openings → [`Ask::Over`]. A rig may decline at any time ([`Answer::Declined`]),
//! and a challenge may be over at any time. Openings are megabytes of packed numbers and travel as bytes over
//! HTTPS to the address that the first message names, never in frames.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::{FieldError, Noting};

/// The name of the protocol. Another seed expansion, hash or encoding is another name.
pub const POG: &str = "pog/1";

/// What a rig that answers [`POG`] says beside it if it wants to hear of a challenge before it is asked ([`Ask::Soon`]).
pub const NOTICE: &str = "pog/1 notice";

/// The longest that a card is told beforehand, in milliseconds.
pub const NOTICE_MS_MAX: u64 = 60_000;

/// The smallest matrix, in rows: below it a challenge says nothing, and blocks would not fill up.
pub const SIZE_MIN: u32 = 64;

/// The largest: sums of so many products of two numbers up to 31 are still exact in 32-bit floating point.
pub const SIZE_MAX: u32 = 16_384;

/// Sizes are multiples of it, so that a product of 16-bit numbers is a whole number of blocks of 4 KiB.
pub const SIZE_STEP: u32 = 64;

/// The fewest products of a chain.
pub const PRODUCTS_MIN: u32 = 20;

/// The most: as many roots still fit into one frame many times over.
pub const PRODUCTS_MAX: u32 = 100;

/// Most rows or reads asked for at once. 64 are usual; their openings are 3 MB.
pub const ASKED_MAX: usize = 256;

/// Rounds in which a card reads its memory, each at addresses that only the one before tells.
pub const ROUNDS: u32 = 20;

/// Most blocks of 4 KiB read in one round: 64 GiB, more than the fastest card reads in ten seconds.
pub const READS_MAX: u32 = 1 << 24;

/// The longest UUID of a GPU, in bytes.
const GPU_BYTES_MAX: usize = 120;

/// A text that is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a digest of a challenge is 64 lower-case hex digits")]
pub struct ParseDigestError;

/// 32 bytes of a challenge: a BLAKE3 digest, a seed or a nonce. On the wire: 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// From its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 64 || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(ParseDigestError);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| ParseDigestError)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = ParseDigestError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// What the coordinator asks of a rig during a challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// You will be asked soon.
    Soon(Soon),
    /// Compute the chain of products and commit to it.
    Prove(Prove),
    /// Open these rows.
    Open(Open),
    /// Read your memory as this nonce says.
    Remember(Remember),
    /// Open these reads.
    OpenReads(OpenReads),
    /// It is over: forget it.
    Over(Over),
}

/// What a rig answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// The products are there.
    Committed(Committed),
    /// The memory was read.
    Remembered(Remembered),
    /// There will be no answer.
    Declined(Declined),
}

/// A card will be asked: opening it and compiling for it may begin now, which is no part of what is timed. All cards that are asked at one
/// second hear of it at one second. There is no answer, and the question may not come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Soon {
    /// Which card, by the driver's UUID.
    pub gpu: String,
    /// After so many milliseconds, at most [`NOTICE_MS_MAX`].
    pub in_ms: u64,
}

/// Compute the chain of products and commit to it. The seed names the challenge: it is used once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prove {
    /// What is spoken, [`POG`].
    pub protocol: String,
    /// 32 random bytes from which the matrices follow.
    pub seed: Digest,
    /// Which card, by the driver's UUID.
    pub gpu: String,
    /// Rows and columns of every matrix.
    pub size: u32,
    /// How many products the chain has.
    pub products: u32,
    /// How many of them, the last ones, stay in the card's memory.
    pub resident: u32,
    /// Answer within this, in milliseconds.
    pub within_ms: u64,
    /// Where openings are brought, with [`Prove::token`] as bearer token: `PUT rows` and `PUT reads`.
    pub base: Url,
    /// Bearer token of this challenge.
    pub token: String,
}

/// One row of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RowAt {
    /// Which product of the chain, from 0.
    pub product: u32,
    /// Which row of it, from 0.
    pub row: u32,
}

/// Open these rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Of which challenge.
    pub seed: Digest,
    /// In this order; at most [`ASKED_MAX`].
    pub rows: Vec<RowAt>,
}

/// Read your memory as this nonce says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remember {
    /// Of which challenge.
    pub seed: Digest,
    /// 32 random bytes from which the first round's addresses follow.
    pub nonce: Digest,
    /// Blocks of 4 KiB read in each of the [`ROUNDS`] rounds.
    pub reads: u32,
    /// Answer within this, in milliseconds.
    pub within_ms: u64,
}

/// One read of one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReadAt {
    /// Which round, from 0.
    pub round: u32,
    /// Which read of it, from 0.
    pub read: u32,
}

/// Open these reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenReads {
    /// Of which challenge.
    pub seed: Digest,
    /// In this order; at most [`ASKED_MAX`].
    pub reads: Vec<ReadAt>,
}

/// The products are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// Of which challenge.
    pub seed: Digest,
    /// The root over the rows of each product, in order.
    pub roots: Vec<Digest>,
}

/// The memory was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Of which challenge.
    pub seed: Digest,
    /// The root over the reads of each round, in order.
    pub roots: Vec<Digest>,
}

/// There will be no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declined {
    /// To which challenge.
    pub seed: Digest,
    /// Why.
    pub why: DeclineReason,
}

/// Why a rig does not answer. None of these is held against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclineReason {
    /// This agent can make no use of the card for a proof.
    NoProver,
    /// What was asked is out of bounds, does not fit into the card, or would have to be shown to somebody else.
    Unfit,
    /// An attempt runs, or another challenge.
    Busy,
    /// The owner wants his PC.
    Yielded,
    /// The card or its driver failed, or openings could not be brought.
    Broken,
}

/// A challenge is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Over {
    /// Which.
    pub seed: Digest,
    /// How.
    pub verdict: Verdict,
    /// Why, in words for the owner; empty where it was passed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// How a challenge ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Right, and in time.
    Passed,
    /// Wrong, or not in time.
    Failed,
    /// It came to nothing and counts for nothing.
    Void,
}

impl Answer {
    /// Of which challenge.
    #[must_use]
    pub const fn seed(&self) -> Digest {
        match self {
            Self::Committed(Committed { seed, .. })
            | Self::Remembered(Remembered { seed, .. })
            | Self::Declined(Declined { seed, .. }) => *seed,
        }
    }
}

impl Ask {
    /// Of which challenge. One that is yet to come has no name that is told.
    #[must_use]
    pub const fn seed(&self) -> Option<Digest> {
        match self {
            Self::Soon(_) => None,
            Self::Prove(Prove { seed, .. })
            | Self::Open(Open { seed, .. })
            | Self::Remember(Remember { seed, .. })
            | Self::OpenReads(OpenReads { seed, .. })
            | Self::Over(Over { seed, .. }) => Some(*seed),
        }
    }
}

impl fmt::Debug for Prove {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, seed, gpu, size, products, resident, within_ms, base, token: _ } = self;
        f.debug_struct("Prove")
            .field("protocol", protocol)
            .field("seed", seed)
            .field("gpu", gpu)
            .field("size", size)
            .field("products", products)
            .field("resident", resident)
            .field("within_ms", within_ms)
            .field("base", &base.as_str())
            .finish_non_exhaustive()
    }
}

impl Prove {
    /// Every reason not to begin; empty if there is none.
    #[must_use]
    pub fn problems(&self) -> Vec<FieldError> {
        let mut found = Vec::new();
        let mut noting = Noting(&mut found);
        noting.say(self.protocol != POG, "protocol", "only pog/1 is spoken");
        noting.say(!is_size(self.size), "size", "a multiple of 64 from 64 to 16,384");
        noting.say(!(PRODUCTS_MIN..=PRODUCTS_MAX).contains(&self.products), "products", "20 to 100");
        noting.say(!(1..=self.products).contains(&self.resident), "resident", "at least one and at most all products");
        noting.say(self.gpu.len() > GPU_BYTES_MAX || self.gpu.chars().any(char::is_control), "gpu", "at most 120 plain bytes");
        found
    }
}

/// Whether matrices may have so many rows.
#[must_use]
pub const fn is_size(size: u32) -> bool {
    size >= SIZE_MIN && size <= SIZE_MAX && size.is_multiple_of(SIZE_STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prove() -> Prove {
        let Ask::Prove(prove) = serde_json::from_str(include_str!("../tests/wire/ask-prove.json")).expect("a golden file") else {
            panic!("ask-prove.json begins a challenge");
        };
        prove
    }

    #[test]
    fn a_card_begins_no_challenge_that_it_could_not_finish() {
        assert_eq!(prove().problems(), []);
        let odd =
            Prove { protocol: "pog/2".to_owned(), size: 16_385, products: 101, resident: 102, gpu: "\n".to_owned(), ..prove() };
        let fields: Vec<_> = odd.problems().into_iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["protocol", "size", "products", "resident", "gpu"]);
    }

    #[test]
    fn a_digest_has_one_spelling() {
        let text = "00ff".repeat(16);
        assert_eq!(text.parse::<Digest>().expect("a digest").to_string(), text);
        for odd in ["", "00FF", &text.to_uppercase(), &text[1..], &format!("{text}00"), &text.replace('f', "g")] {
            assert_eq!(odd.parse::<Digest>(), Err(ParseDigestError), "{odd}");
        }
    }
}
