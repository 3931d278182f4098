//! How attempts end, as matching sees it.

use headframe_protocol::JobId;

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
