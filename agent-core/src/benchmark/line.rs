//! What the measuring program says to the agent: one line of JSON each, on its standard output. The agent says one word, on its standard input.

use headframe_protocol::benchmark::{Benchmark, Card, Progress};
use serde::{Deserialize, Serialize};

/// The version of these lines. Both programs are installed together; a line of another version is of an old one that was left lying.
pub const VERSION: u32 = 1;

/// The longest line. A PC with sixteen cards is described in a tenth of it.
pub const BYTES_MAX: usize = 64 * 1024;

/// What the agent says to have the card back. The end of the input says the same: then the agent is gone.
pub const ABORT: &str = "abort";

/// The argument with which a card's matrix units are left alone.
pub const WITHOUT_MATRIX_UNITS: &str = "--without-matrix-units";

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// [`VERSION`]. Not called so on the wire: a benchmark has a version of its own.
    #[serde(rename = "line")]
    pub version: u32,
    /// What it says.
    #[serde(flatten)]
    pub says: Says,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Says {
    /// These cards are there. The only line of a look.
    Cards {
        /// One entry each.
        cards: Vec<Card>,
    },
    /// So far is it.
    Progress(Progress),
    /// This came of it. The last line.
    Benchmark(Box<Benchmark>),
}

/// Why a line was not understood.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It is longer than any.
    #[error("it said a line of more than {BYTES_MAX} bytes")]
    TooLong,
    /// It is none of ours.
    #[error("it said something that is not understood")]
    Garbled(#[source] serde_json::Error),
    /// It belongs to another version of this program.
    #[error("it is of another version ({0}); install both programs together")]
    Version(u32),
}

impl Says {
    /// As it is written, without the line's end.
    #[must_use]
    pub fn to_line(self) -> String {
        // Plain data; it always has a JSON form.
        serde_json::to_string(&Line { version: VERSION, says: self }).unwrap_or_default()
    }

    /// Reads one line.
    ///
    /// # Errors
    /// [`LineError`].
    pub fn parse(line: &str) -> Result<Self, LineError> {
        #[derive(Deserialize)]
        struct Only {
            line: u32,
        }
        if line.len() > BYTES_MAX {
            return Err(LineError::TooLong);
        }
        let Only { line: version } = serde_json::from_str(line).map_err(LineError::Garbled)?;
        if version != VERSION {
            return Err(LineError::Version(version));
        }
        serde_json::from_str::<Line>(line).map(|line| line.says).map_err(LineError::Garbled)
    }
}

#[cfg(test)]
mod tests {
    use headframe_protocol::benchmark::{Figure, MeasureStage};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let progress = Progress { stage: MeasureStage::Burst, figure: Some(Figure::FmaFp32), permille: 120, left_ms: 30_000 };
        let line = Says::Progress(progress).to_line();
        assert_eq!(line, r#"{"line":1,"kind":"progress","stage":"burst","figure":"fma_fp32","permille":120,"leftMs":30000}"#);
        assert!(matches!(Says::parse(&line), Ok(Says::Progress(read)) if read.permille == 120));
    }

    #[test]
    fn an_old_programs_line_is_refused_by_its_version_whatever_it_says() {
        assert!(matches!(Says::parse(r#"{"line":2,"kind":"new"}"#), Err(LineError::Version(2))));
        assert!(matches!(Says::parse(r#"{"line":1,"kind":"new"}"#), Err(LineError::Garbled(_))));
        assert!(matches!(Says::parse(&"x".repeat(BYTES_MAX + 1)), Err(LineError::TooLong)));
    }

    proptest! {
        #[test]
        fn no_line_makes_the_agent_panic(line in ".{0,200}") {
            Says::parse(&line).ok();
        }
    }
}
