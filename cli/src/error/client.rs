//! Why the coordinator did not do what was asked.

use std::fmt;

use headframe_protocol::{
    JobId,
    error::{Code, Problem},
};

use super::Exit;

/// Why the coordinator did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It said no, and why.
    #[error("{}", Refusal(.0))]
    Refused(Box<Problem>),
    /// It could not be reached, or broke off, as often as it was tried.
    #[error("could not reach {host}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// Why, the last time.
        #[source]
        source: reqwest::Error,
    },
    /// Something answered that is not a coordinator of ours, such as a proxy.
    #[error("{host} answered {status} without saying why; is this address a Headframe coordinator?")]
    NotACoordinator {
        /// Host and port.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// The answer is not what this version understands.
    #[error("the answer of {host} could not be understood; is this program too old for it?")]
    Garbled {
        /// Host and port.
        host: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A log was followed for as long as is sensible without hearing anything.
    #[error("the log of {job} broke off and could not be resumed")]
    LogBrokeOff {
        /// Whose log.
        job: JobId,
    },
    /// No client could be made, such as for lack of certificates.
    #[error("could not set up HTTP")]
    Setup(#[source] reqwest::Error),
}

/// A problem document as a person reads it: what happened, then one line per wrong field.
struct Refusal<'a>(&'a Problem);

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { title, detail, errors, request_id, code, .. } = self.0;
        f.write_str(if detail.is_empty() { title } else { detail })?;
        for error in errors {
            write!(f, "\n  {}: {}", error.field, error.message)?;
        }
        if *code == Code::InsufficientBalance {
            f.write_str("\n  See what there is:  headframe balance\n  Pay in:             headframe deposit AMOUNT")?;
        }
        // Only where it helps: nobody looks up a log for a misspelt field.
        if let (Code::Internal, Some(id)) = (code, request_id) {
            write!(f, "\n  request id: {id}")?;
        }
        Ok(())
    }
}

impl ClientError {
    /// The exit code that belongs to it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Refused(problem) => match problem.code {
                Code::InvalidRequest | Code::MethodNotAllowed => Exit::Usage,
                Code::Unauthenticated | Code::Forbidden | Code::AccountSuspended => Exit::Auth,
                Code::NotFound => Exit::NotFound,
                Code::InsufficientBalance => Exit::Payment,
                Code::Conflict | Code::IdempotencyMismatch | Code::StaleEpoch | Code::ImageNotApproved | Code::QuotaExceeded => {
                    Exit::Refused
                }
                Code::RateLimited | Code::Unavailable | Code::Internal => Exit::Unavailable,
            },
            Self::Unreachable { .. }
            | Self::NotACoordinator { .. }
            | Self::Garbled { .. }
            | Self::LogBrokeOff { .. }
            | Self::Setup(_) => Exit::Unavailable,
        }
    }
}
