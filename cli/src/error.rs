//! Why something did not work, in words, and as the exit code a script can branch on.

use std::{fmt, io, path::PathBuf, process::ExitCode};

use headframe_protocol::{JobId, api::Job, error::Problem, job::JobState};

use crate::{credentials::CredentialsError, fetch::FetchError, job_file::JobFileError, upload::UploadError};

mod client;
mod money;

pub use client::ClientError;
pub use money::MoneyError;

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The coordinator did not do it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The job file is not right.
    #[error(transparent)]
    JobFile(#[from] JobFileError),
    /// An input could not be uploaded.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// The result could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// There is no usable API key.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Money did not move, or should not have.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// The job ended, and not well.
    #[error("{}", Ending(.0))]
    JobEnded(Box<Job>),
    /// Some jobs of several ended badly.
    #[error("{failed} of {all} jobs did not succeed")]
    JobsEnded {
        /// How many did not succeed.
        failed: usize,
        /// How many there were.
        all: usize,
    },
    /// The person pressed Ctrl-C while waiting.
    #[error("{}", Interruption(.jobs))]
    Interrupted {
        /// The jobs that go on without us.
        jobs: Vec<JobId>,
    },
    /// The coordinator was away for too long while a job was followed.
    #[error("{job} goes on, but was lost sight of (come back with `headframe watch {job}`)")]
    LostSight {
        /// The job that goes on without us.
        job: JobId,
        /// Why, the last time.
        #[source]
        source: ClientError,
    },
    /// Something on the command line does not fit.
    #[error("{0}")]
    Usage(String),
    /// The answer could not be written.
    #[error("could not write the answer")]
    Output(#[source] io::Error),
    /// A local file could not be read.
    #[error("could not read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// How a job that did not succeed is told.
struct Ending<'a>(&'a Job);

impl fmt::Display for Ending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Job { id, state, reason, message, .. } = self.0;
        let verb = if *state == JobState::Cancelled { "was cancelled" } else { "failed" };
        write!(f, "{id} {verb}")?;
        match (message, reason) {
            (Some(message), _) => write!(f, ": {message}"),
            (None, Some(reason)) => write!(f, ": {}", reason.sentence()),
            (None, None) => Ok(()),
        }
    }
}

/// What is said when a person stops waiting.
struct Interruption<'a>(&'a [JobId]);

impl fmt::Display for Interruption<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("stopped"),
            [job] => write!(
                f,
                "stopped waiting; {job} goes on.\n  Come back with:  headframe watch {job}\n  End it with:     headframe cancel {job}"
            ),
            jobs => write!(f, "stopped waiting; {} jobs go on.\n  Come back with:  headframe jobs", jobs.len()),
        }
    }
}

/// What a script sees. The numbers are a promise: they are listed in `headframe --help` and never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// A job failed or was cancelled, or an audit has found something.
    Failed = 1,
    /// The command line, the job file or the request is not right.
    Usage = 2,
    /// There is no such thing.
    NotFound = 3,
    /// No API key, a wrong one, or not allowed.
    Auth = 4,
    /// The balance is too low.
    Payment = 5,
    /// The coordinator or a chain cannot be reached or does not serve now.
    Unavailable = 6,
    /// Stopped by Ctrl-C, or by a no; what was begun goes on.
    Interrupted = 7,
    /// The coordinator or a chain refuses for another reason: a conflict, an image that is not approved, storage used up.
    Refused = 8,
    /// A local file could not be read or written, or fetched bytes are not what they should be.
    Files = 9,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Error {
    /// The exit code that belongs to it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Client(error)
            | Self::Upload(UploadError::Client(error))
            | Self::Fetch(FetchError::Client(error))
            | Self::Credentials(CredentialsError::Rejected(error))
            | Self::LostSight { source: error, .. } => error.exit(),
            Self::Money(error) => error.exit(),
            Self::JobFile(_) | Self::Usage(_) => Exit::Usage,
            Self::Credentials(CredentialsError::NoKey | CredentialsError::MalformedKey) => Exit::Auth,
            Self::Credentials(
                CredentialsError::NoAddress | CredentialsError::BadUrl { .. } | CredentialsError::Insecure { .. },
            ) => Exit::Usage,
            Self::JobEnded(_) | Self::JobsEnded { .. } => Exit::Failed,
            Self::Interrupted { .. } => Exit::Interrupted,
            Self::Upload(UploadError::Read { .. } | UploadError::Changed { .. })
            | Self::Fetch(_)
            | Self::Credentials(_)
            | Self::Output(_)
            | Self::Read { .. } => Exit::Files,
        }
    }

    /// Whether the same may work a little later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Client(error) => error.may_pass(),
            Self::Money(error) => error.may_pass(),
            Self::JobFile(_)
            | Self::Upload(_)
            | Self::Fetch(_)
            | Self::Credentials(_)
            | Self::JobEnded(_)
            | Self::JobsEnded { .. }
            | Self::Interrupted { .. }
            | Self::LostSight { .. }
            | Self::Usage(_)
            | Self::Output(_)
            | Self::Read { .. } => false,
        }
    }

    /// The sentence with its causes, each said once.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let said = error.to_string();
            if !text.contains(&said) {
                text.push_str(": ");
                text.push_str(&said);
            }
            cause = error.source();
        }
        text
    }

    /// The coordinator's problem document, if that is why.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Client(ClientError::Refused(problem))
            | Self::Upload(UploadError::Client(ClientError::Refused(problem)))
            | Self::Fetch(FetchError::Client(ClientError::Refused(problem)))
            | Self::Credentials(CredentialsError::Rejected(ClientError::Refused(problem)))
            | Self::LostSight { source: ClientError::Refused(problem), .. } => Some(problem),
            Self::Client(_)
            | Self::JobFile(_)
            | Self::Upload(_)
            | Self::Fetch(_)
            | Self::Credentials(_)
            | Self::Money(_)
            | Self::JobEnded(_)
            | Self::JobsEnded { .. }
            | Self::Interrupted { .. }
            | Self::LostSight { .. }
            | Self::Usage(_)
            | Self::Output(_)
            | Self::Read { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use headframe_protocol::error::{Code, FieldError};

    use super::*;

    #[test]
    fn a_problem_names_its_fields() {
        let mut problem = Problem::new(Code::InvalidRequest, 422, "The job cannot be accepted.");
        problem.errors.push(FieldError::new("inputs[2].path", "stays inside /work"));
        let error = Error::Client(ClientError::Refused(Box::new(problem)));
        assert_eq!(error.sentence(), "The job cannot be accepted.\n  inputs[2].path: stays inside /work");
        assert_eq!(error.exit(), Exit::Usage);
    }

    #[test]
    fn an_interrupted_wait_says_how_to_come_back() {
        let job = JobId::generate();
        let text = Error::Interrupted { jobs: vec![job] }.sentence();
        assert!(text.contains(&format!("headframe watch {job}")), "{text}");
    }
}
