//! How attempts end, as matching sees it.

use headframe_protocol::JobId;

/// A rig and a job it gave back are kept apart for this many of its first pauses: half a minute with the default timers. Long
/// enough for every other rig to have its try, short enough for a network of one rig.
pub(super) const PAUSES_APART: i64 = 6;

/// The same for a job that failed by its own doing: whether it fails elsewhere too is what tells whose fault it is, and in a network of
/// one rig somebody who mends his job waits for the answer.
const PAUSES_APART_FAILED: i64 = 2;

/// How an attempt went, as far as the next offers to the rig depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The rig did what it should; earlier failures are forgiven.
    Fine,
    /// The rig worked and then gave the job back of its own will: earlier failures are forgiven, but others have their try at
    /// the job first.
    Yielded {
        /// Which job.
        job: JobId,
    },
    /// The rig gave the job back before it did any work to speak of. A short pause that doubles with each in a row, or one
    /// rig could keep the queue turning for nothing; and others have their try at the job first.
    Unwilling {
        /// Which job.
        job: JobId,
    },
    /// The rig's owner does not want such jobs, and it was offered one before his word had come. Nothing counts against the rig, and others
    /// have their try at the job first. One that says so again and again of what it has not told is unwilling.
    Unwanted {
        /// Which job.
        job: JobId,
    },
    /// Nothing was learnt about the rig.
    Void,
    /// The job failed by its own doing. A short pause: a rig that fails everything must not eat the queue. Others have their try at
    /// the job first.
    JobFailed {
        /// Which job.
        job: JobId,
    },
    /// The rig failed or did not answer. The pause doubles with each in a row.
    RigFailed,
}

impl Verdict {
    /// Which job others have their try at first, and for how many of the rig's first pauses.
    pub(super) const fn apart(self) -> Option<(JobId, i64)> {
        match self {
            Self::Yielded { job } | Self::Unwilling { job } | Self::Unwanted { job } => Some((job, PAUSES_APART)),
            Self::JobFailed { job } => Some((job, PAUSES_APART_FAILED)),
            Self::Fine | Self::Void | Self::RigFailed => None,
        }
    }
}
