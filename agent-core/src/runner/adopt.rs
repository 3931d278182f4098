//! Taking up what an earlier life of the agent left behind.

use headframe_protocol::session::AttemptRef;

use super::Assignment;

/// An attempt the journal says is ours and not over.
#[derive(Debug, Clone)]
pub struct Known {
    /// What it was started with.
    pub assignment: Assignment,
    /// How long it had run when last written down.
    pub running_ms: u64,
    /// Whether it had been told to stop: an exit then is a stop, not a failure.
    pub stopping: bool,
}

/// What was found of one known attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adopted {
    /// Which.
    pub at: AttemptRef,
    /// What is left of it.
    pub found: Found,
}

/// What was left of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Its container runs and is followed on: events come as if nothing had happened.
    Running,
    /// Its container ended meanwhile; its result is being collected, events come.
    Exited,
    /// Its container never started. Nothing is left; it may be started again.
    NotStarted,
    /// There is no container. It may be started again, unless it had been running.
    Missing,
}
