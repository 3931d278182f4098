//! Results that come in several frames, until their last one.

use std::collections::HashMap;

use headframe_protocol::session::{AttemptRef, OUTPUT_FILES_MAX, Outcome, OutputFile, Outputs};

/// Attempts whose results may be on their way at once in one session. A rig reports one after the other.
const ATTEMPTS_MAX: usize = 16;

/// More than a result may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

/// The parts heard in one session. A new session begins anew, as does the rig.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    parts: HashMap<AttemptRef, Vec<OutputFile>>,
}

impl Manifests {
    /// Keeps one part.
    pub(super) fn add(&mut self, part: Outputs) -> Result<(), TooLong> {
        let Outputs { at, files } = part;
        if self.parts.len() >= ATTEMPTS_MAX && !self.parts.contains_key(&at) {
            return Err(TooLong);
        }
        let known = self.parts.entry(at).or_default();
        if known.len() + files.len() > OUTPUT_FILES_MAX {
            return Err(TooLong);
        }
        known.extend(files);
        Ok(())
    }

    /// The outcome with all that was said of it before.
    pub(super) fn complete(&mut self, at: AttemptRef, outcome: Outcome) -> Outcome {
        let Some(mut files) = self.parts.remove(&at) else { return outcome };
        match outcome {
            Outcome::Succeeded { outputs } => {
                files.extend(outputs);
                Outcome::Succeeded { outputs: files }
            }
            other @ (Outcome::Failed { .. } | Outcome::Yielded { .. } | Outcome::Cancelled { .. }) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use headframe_protocol::{AttemptId, Sha256};

    use super::*;

    fn files(range: std::ops::Range<usize>) -> Vec<OutputFile> {
        range.map(|number| OutputFile { path: number.to_string(), sha256: Sha256::of(b""), bytes: 0 }).collect()
    }

    fn at() -> AttemptRef {
        AttemptRef { attempt: AttemptId::generate(), epoch: 1 }
    }

    #[test]
    fn parts_are_put_together_in_order_and_only_once() {
        let (mut manifests, at) = (Manifests::default(), at());
        manifests.add(Outputs { at, files: files(0..3) }).expect("short");
        manifests.add(Outputs { at, files: files(3..5) }).expect("short");
        let whole = manifests.complete(at, Outcome::Succeeded { outputs: files(5..6) });
        assert_eq!(whole, Outcome::Succeeded { outputs: files(0..6) });
        let again = manifests.complete(at, Outcome::Succeeded { outputs: files(5..6) });
        assert_eq!(again, Outcome::Succeeded { outputs: files(5..6) }, "a repeated report begins with its own parts");
    }

    #[test]
    fn a_rig_cannot_fill_our_memory() {
        let mut manifests = Manifests::default();
        let first = at();
        manifests.add(Outputs { at: first, files: files(0..OUTPUT_FILES_MAX) }).expect("just short enough");
        assert_eq!(manifests.add(Outputs { at: first, files: files(0..1) }), Err(TooLong));
        for _ in 1..ATTEMPTS_MAX {
            manifests.add(Outputs { at: at(), files: Vec::new() }).expect("few");
        }
        assert_eq!(manifests.add(Outputs { at: at(), files: Vec::new() }), Err(TooLong));
    }
}
