//! The states of jobs and attempts, their texts in databases and on the wire, and which of them end.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Where a job is. Every state that is not final has a timer and an exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum JobState {
    /// Waits for a rig.
    Queued,
    /// Offered to a rig that has not answered yet.
    Assigned,
    /// The rig fetches image and inputs.
    Preparing,
    /// The container runs.
    Running,
    /// The container has ended well; outputs are on their way.
    Uploading,
    /// Outputs are here and being checked.
    Verifying,
    /// Done; the result is there.
    Succeeded,
    /// Will not be tried again.
    Failed,
    /// The customer or the operator ended it.
    Cancelled,
}

impl JobState {
    /// All of them, in the order a job passes through.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Assigned,
        Self::Preparing,
        Self::Running,
        Self::Uploading,
        Self::Verifying,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Whether nothing follows.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
            Self::Queued | Self::Assigned | Self::Preparing | Self::Running | Self::Uploading | Self::Verifying => false,
        }
    }

    /// Its text in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Assigned => "assigned",
            Self::Preparing => "preparing",
            Self::Running => "running",
            Self::Uploading => "uploading",
            Self::Verifying => "verifying",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Where one try is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AttemptState {
    /// Pushed to the rig, not yet answered.
    Offered,
    /// The rig has written it down and will do it.
    Accepted,
    /// The rig fetches image and inputs.
    Preparing,
    /// The container runs.
    Running,
    /// Outputs are on their way.
    Uploading,
    /// Its result was accepted.
    Succeeded,
    /// It ended badly.
    Failed,
    /// The owner wanted his PC back. Normal, and never held against the rig.
    Yielded,
    /// The lease lapsed with no word from the rig.
    Lost,
    /// Taken back before it began: no answer in time, or the rig declined.
    Withdrawn,
    /// The customer or the operator ended it.
    Cancelled,
}

impl AttemptState {
    /// All of them, in the order an attempt passes through.
    pub const ALL: [Self; 11] = [
        Self::Offered,
        Self::Accepted,
        Self::Preparing,
        Self::Running,
        Self::Uploading,
        Self::Succeeded,
        Self::Failed,
        Self::Yielded,
        Self::Lost,
        Self::Withdrawn,
        Self::Cancelled,
    ];

    /// Whether nothing follows.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Yielded | Self::Lost | Self::Withdrawn | Self::Cancelled => true,
            Self::Offered | Self::Accepted | Self::Preparing | Self::Running | Self::Uploading => false,
        }
    }

    /// Its text in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Accepted => "accepted",
            Self::Preparing => "preparing",
            Self::Running => "running",
            Self::Uploading => "uploading",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Yielded => "yielded",
            Self::Lost => "lost",
            Self::Withdrawn => "withdrawn",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Why a text is not a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a state")]
pub struct ParseStateError;

impl FromStr for JobState {
    type Err = ParseStateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(ParseStateError)
    }
}

impl FromStr for AttemptState {
    type Err = ParseStateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(ParseStateError)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for AttemptState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_and_wire_spell_states_alike() {
        for state in JobState::ALL {
            assert_eq!(serde_json::to_value(state).expect("a plain enum"), state.as_str());
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        for state in AttemptState::ALL {
            assert_eq!(serde_json::to_value(state).expect("a plain enum"), state.as_str());
            assert_eq!(state.as_str().parse(), Ok(state));
        }
    }
}
