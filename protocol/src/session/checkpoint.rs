//! What is said of checkpoints: what a job left so that its next attempt need not begin anew.
//!
//! A rig that was asked for the PC back reports `yielded` at once, brings the checkpoint afterwards, and says so here.

use serde::{Deserialize, Serialize};

use super::{AttemptRef, OutputFile};

/// Most files of one checkpoint. It travels in one frame each way, and in the next offer beside the whole specification; what
/// has more files belongs in an archive.
pub const CHECKPOINT_FILES_MAX: usize = 256;

/// Most bytes of the list of a checkpoint's files, as JSON: what an offer has left beside the longest specification.
pub const CHECKPOINT_LIST_BYTES_MAX: usize = 48 * 1024;

/// Most characters of [`CheckpointBrought::problem`].
pub const CHECKPOINT_PROBLEM_CHARS_MAX: usize = 500;

/// A rig has brought what an attempt left at its checkpoint's path, or found nothing there that could be brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointBrought {
    /// Which attempt's. It has been reported as yielded before.
    #[serde(flatten)]
    pub at: AttemptRef,
    /// Every file of it. None: there is no checkpoint, and the job need not wait for one.
    pub files: Vec<OutputFile>,
    /// A line for the customer why what is there could not be brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The coordinator has decided about a checkpoint; the rig may forget it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointSettled {
    /// Which attempt's.
    #[serde(flatten)]
    pub at: AttemptRef,
    /// Whether the next attempt begins with it. False also where there was none.
    pub accepted: bool,
}

/// Whether the list of files is short enough to be offered.
#[must_use]
pub fn is_short_enough(files: &[OutputFile]) -> bool {
    files.len() <= CHECKPOINT_FILES_MAX && serde_json::to_string(files).is_ok_and(|text| text.len() <= CHECKPOINT_LIST_BYTES_MAX)
}

/// Whether `path` is the checkpoint at `named`, or inside it, and nothing but a plain path under `/work`.
#[must_use]
pub fn is_path_of(named: &str, path: &str) -> bool {
    let inside = path.strip_prefix(named).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    inside
        && path.len() <= crate::job::limits::PATH_BYTES_MAX
        && !path.chars().any(|c| c.is_control() || c == '\\')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FRAME_BYTES_MAX, Sha256, job::limits::SPEC_BYTES_MAX};

    fn file(path: String) -> OutputFile {
        OutputFile { path, sha256: Sha256::of(b""), bytes: u64::MAX }
    }

    #[test]
    fn the_longest_list_fits_into_an_offer_with_the_longest_specification() {
        // What else is in an offer: a token, an address, a registry's login of some KiB.
        const { assert!(CHECKPOINT_LIST_BYTES_MAX + SPEC_BYTES_MAX + 8 * 1024 <= FRAME_BYTES_MAX) };
        assert!(is_short_enough(&vec![file("state/x".to_owned()); CHECKPOINT_FILES_MAX]));
        assert!(!is_short_enough(&vec![file("state/x".to_owned()); CHECKPOINT_FILES_MAX + 1]));
        // A control character is six bytes of JSON.
        assert!(!is_short_enough(&vec![file("\u{1}".repeat(500)); 20]));
    }

    #[test]
    fn a_checkpoint_stays_where_the_job_said() {
        for good in ["state", "state/a", "state/a/b"] {
            assert!(is_path_of("state", good), "{good}");
        }
        for bad in ["", "stat", "state2", "state/", "state//a", "state/../a", "/state", "state/a\\b", "state/\u{7}", "out/state"]
        {
            assert!(!is_path_of("state", bad), "{bad:?}");
        }
    }
}
