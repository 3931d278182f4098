//! What the agent asks of the program that answers challenges, and what it is told: one line of JSON each, as in [`super::line`]. Openings are
//! megabytes and go through a file instead.
//!
//! These are not the coordinator's own words ([`headframe_protocol::challenge::Ask`]): a program that loads drivers needs no tokens and no addresses.

use headframe_protocol::challenge::{Digest, ReadAt, RowAt};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::line::{BYTES_MAX, LineError};

/// The version of these lines. Both programs are installed together.
pub const VERSION: u32 = 1;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "want", rename_all = "snake_case")]
pub enum Want {
    /// Compute the chain and commit to it.
    Prove {
        /// From which the matrices follow.
        seed: Digest,
        /// Rows and columns of every matrix.
        size: u32,
        /// How many products.
        products: u32,
        /// How many of them, the last ones, stay in memory.
        resident: u32,
    },
    /// Write the openings of these rows into the file.
    Open {
        /// In this order.
        rows: Vec<RowAt>,
    },
    /// Read the memory in rounds.
    Remember {
        /// From which the first round's addresses follow.
        nonce: Digest,
        /// Blocks of each round.
        reads: u32,
    },
    /// Write the openings of these reads into the file.
    OpenReads {
        /// In this order.
        reads: Vec<ReadAt>,
    },
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "snake_case")]
pub enum Told {
    /// The card is open. Comes first.
    Ready,
    /// Of the products, or of the rounds.
    Roots {
        /// In order.
        roots: Vec<Digest>,
    },
    /// The file is written.
    Opened {
        /// Its length.
        bytes: u64,
    },
    /// It cannot, and has ended.
    Failed {
        /// Why, for the log.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Line<T> {
    line: u32,
    #[serde(flatten)]
    says: T,
}

/// As it is written, without the line's end.
#[must_use]
pub fn to_line(says: &impl Serialize) -> String {
    // Plain data; it always has a JSON form.
    serde_json::to_string(&Line { line: VERSION, says }).unwrap_or_default()
}

/// Reads one line.
///
/// # Errors
/// [`LineError`].
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, LineError> {
    if text.len() > BYTES_MAX {
        return Err(LineError::TooLong);
    }
    let line: Line<serde_json::Value> = serde_json::from_str(text).map_err(LineError::Garbled)?;
    if line.line != VERSION {
        return Err(LineError::Version(line.line));
    }
    serde_json::from_value(line.says).map_err(LineError::Garbled)
}

#[cfg(test)]
mod tests {
    use headframe_protocol::challenge::{ASKED_MAX, PRODUCTS_MAX};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_longest_question_and_the_longest_answer_fit_into_a_line() {
        let reads = vec![ReadAt { round: u32::MAX, read: u32::MAX }; ASKED_MAX];
        let want = Want::OpenReads { reads };
        assert_eq!(parse::<Want>(&to_line(&want)).expect("a line"), want);
        let told = Told::Roots { roots: vec![Digest::from_bytes([7; 32]); PRODUCTS_MAX as usize] };
        assert_eq!(parse::<Told>(&to_line(&told)).expect("a line"), told);
        assert_eq!(to_line(&Told::Ready), r#"{"line":1,"told":"ready"}"#);
        assert!(matches!(parse::<Told>(r#"{"line":2,"told":"new"}"#), Err(LineError::Version(2))));
        assert!(matches!(parse::<Told>(r#"{"line":1,"told":"new"}"#), Err(LineError::Garbled(_))));
    }

    proptest! {
        #[test]
        fn no_line_makes_either_program_panic(line in ".{0,200}") {
            parse::<Want>(&line).ok();
            parse::<Told>(&line).ok();
        }
    }
}
