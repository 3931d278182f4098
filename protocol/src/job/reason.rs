//! Why a job or an attempt ended as it did, as a code a program can act on and a sentence a person can.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::state::ParseStateError;

/// Why a job or an attempt is where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Reason {
    /// The container ended with a code other than 0.
    ExitCode,
    /// The container used more memory than the job asked for.
    OutOfMemory,
    /// The attempt ran longer than the job's timeout.
    TimedOut,
    /// The registry does not have the image.
    ImageMissing,
    /// The image's settings are not allowed, such as an environment that changes the loader.
    ImageRefused,
    /// The operator revoked the image.
    ImageRevoked,
    /// The registry could not be reached or broke off.
    PullFailed,
    /// The coordinator could not be reached, or broke off, while an input was fetched.
    FetchFailed,
    /// Nobody gives an input: there is no such file, it is too large, or its address leads nowhere.
    InputUnavailable,
    /// An input's bytes are not the ones the job names.
    InputMismatch,
    /// A named output was not there after exit code 0.
    OutputMissing,
    /// Outputs are more or larger than allowed, or not plain files.
    OutputRefused,
    /// Outputs could not be brought to the coordinator.
    UploadFailed,
    /// What was uploaded is not what the manifest says.
    OutputMismatch,
    /// The rig ran out of disk space.
    RigDiskFull,
    /// The rig's container engine failed or went away.
    EngineFailed,
    /// The rig's agent was restarted and the container was gone.
    AgentRestarted,
    /// The owner came back, or his rules said stop.
    OwnerReturned,
    /// The rig was told to stop taking work.
    RigPaused,
    /// The rig lost the coordinator for longer than the lease.
    LeaseLapsed,
    /// The rig did not answer the offer in time.
    NoAnswer,
    /// The rig cannot do this job.
    Declined,
    /// The job names hosts, and the rig's owner does not let jobs reach any, or not with so many bytes.
    EgressForbidden,
    /// The rig's owner does not take such jobs, or none of this customer.
    Unwanted,
    /// The customer cancelled.
    CancelledByCustomer,
    /// The operator ended the job.
    KilledByOperator,
    /// The account is suspended.
    AccountSuspended,
    /// The operator stopped the network.
    NetworkStopped,
    /// The job's own failures reached `max_failures`.
    TooManyFailures,
    /// The job was interrupted too often through no fault of its own.
    TooManyInterruptions,
    /// No rig took the job within the time jobs may wait.
    NoRig,
    /// The same bytes were refused by two rigs in a row: the fault is in the job.
    NotRunnable,
    /// Other rigs agree on another result.
    ResultMismatch,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 33] = [
        Self::ExitCode,
        Self::OutOfMemory,
        Self::TimedOut,
        Self::ImageMissing,
        Self::ImageRefused,
        Self::ImageRevoked,
        Self::PullFailed,
        Self::FetchFailed,
        Self::InputUnavailable,
        Self::InputMismatch,
        Self::OutputMissing,
        Self::OutputRefused,
        Self::UploadFailed,
        Self::OutputMismatch,
        Self::RigDiskFull,
        Self::EngineFailed,
        Self::AgentRestarted,
        Self::OwnerReturned,
        Self::RigPaused,
        Self::LeaseLapsed,
        Self::NoAnswer,
        Self::Declined,
        Self::EgressForbidden,
        Self::Unwanted,
        Self::CancelledByCustomer,
        Self::KilledByOperator,
        Self::AccountSuspended,
        Self::NetworkStopped,
        Self::TooManyFailures,
        Self::TooManyInterruptions,
        Self::NoRig,
        Self::NotRunnable,
        Self::ResultMismatch,
    ];

    /// Who has to do something about it. Decides whether an attempt counts against `max_failures`.
    #[must_use]
    pub const fn fault(self) -> Fault {
        match self {
            Self::ExitCode
            | Self::OutOfMemory
            | Self::TimedOut
            | Self::ImageMissing
            | Self::ImageRefused
            | Self::InputUnavailable
            | Self::InputMismatch
            | Self::OutputMissing
            | Self::OutputRefused
            | Self::TooManyFailures
            | Self::NotRunnable => Fault::Job,
            Self::PullFailed
            | Self::FetchFailed
            | Self::UploadFailed
            | Self::OutputMismatch
            | Self::RigDiskFull
            | Self::EngineFailed
            | Self::AgentRestarted
            | Self::LeaseLapsed
            | Self::NoAnswer
            | Self::Declined
            | Self::EgressForbidden
            | Self::ResultMismatch => Fault::Rig,
            Self::OwnerReturned
            | Self::RigPaused
            | Self::Unwanted
            | Self::ImageRevoked
            | Self::CancelledByCustomer
            | Self::KilledByOperator
            | Self::AccountSuspended
            | Self::NetworkStopped
            | Self::TooManyInterruptions
            | Self::NoRig => Fault::Nobody,
        }
    }

    /// One plain sentence for a person who asks why.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::ExitCode => "The program in the container ended with an error.",
            Self::OutOfMemory => "The program used more memory than the job asked for.",
            Self::TimedOut => "The attempt ran longer than the job's timeout.",
            Self::ImageMissing => "The registry does not have this image.",
            Self::ImageRefused => "The image's settings are not allowed on other people's PCs.",
            Self::ImageRevoked => "The operator has revoked this image.",
            Self::PullFailed => "The image could not be fetched from the registry.",
            Self::FetchFailed => "The rig could not reach the coordinator for an input file.",
            Self::InputUnavailable => "An input file could not be fetched.",
            Self::InputMismatch => "An input file is not the one the job names: its sha-256 differs.",
            Self::OutputMissing => "The program ended well but did not write an output the job names.",
            Self::OutputRefused => "The outputs are too many, too large, or not plain files.",
            Self::UploadFailed => "The rig could not bring the outputs to the coordinator.",
            Self::OutputMismatch => "The uploaded outputs are not those of the rig's manifest.",
            Self::RigDiskFull => "The rig ran out of disk space.",
            Self::EngineFailed => "The rig's container engine failed.",
            Self::AgentRestarted => "The rig's agent was restarted and the container was gone.",
            Self::OwnerReturned => "The owner came back to the PC.",
            Self::RigPaused => "The owner paused the rig.",
            Self::LeaseLapsed => "The rig was out of reach for longer than its lease.",
            Self::NoAnswer => "The rig did not answer in time.",
            Self::Declined => "The rig declined the job.",
            Self::EgressForbidden => "The rig's owner does not let jobs reach the internet, or not for so many bytes.",
            Self::Unwanted => "The rig's owner does not take such jobs.",
            Self::CancelledByCustomer => "You cancelled the job.",
            Self::KilledByOperator => "The operator ended the job.",
            Self::AccountSuspended => "The account is suspended.",
            Self::NetworkStopped => "The operator has stopped the network.",
            Self::TooManyFailures => "The job failed as often as it may.",
            Self::TooManyInterruptions => "The job was interrupted as often as it may be.",
            Self::NoRig => "No rig took the job in time.",
            Self::NotRunnable => "No rig can run this job as it is written.",
            Self::ResultMismatch => "Other rigs that did the same work agree on another result.",
        }
    }

    /// Its text in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExitCode => "exit_code",
            Self::OutOfMemory => "out_of_memory",
            Self::TimedOut => "timed_out",
            Self::ImageMissing => "image_missing",
            Self::ImageRefused => "image_refused",
            Self::ImageRevoked => "image_revoked",
            Self::PullFailed => "pull_failed",
            Self::FetchFailed => "fetch_failed",
            Self::InputUnavailable => "input_unavailable",
            Self::InputMismatch => "input_mismatch",
            Self::OutputMissing => "output_missing",
            Self::OutputRefused => "output_refused",
            Self::UploadFailed => "upload_failed",
            Self::OutputMismatch => "output_mismatch",
            Self::RigDiskFull => "rig_disk_full",
            Self::EngineFailed => "engine_failed",
            Self::AgentRestarted => "agent_restarted",
            Self::OwnerReturned => "owner_returned",
            Self::RigPaused => "rig_paused",
            Self::LeaseLapsed => "lease_lapsed",
            Self::NoAnswer => "no_answer",
            Self::Declined => "declined",
            Self::EgressForbidden => "egress_forbidden",
            Self::Unwanted => "unwanted",
            Self::CancelledByCustomer => "cancelled_by_customer",
            Self::KilledByOperator => "killed_by_operator",
            Self::AccountSuspended => "account_suspended",
            Self::NetworkStopped => "network_stopped",
            Self::TooManyFailures => "too_many_failures",
            Self::TooManyInterruptions => "too_many_interruptions",
            Self::NoRig => "no_rig",
            Self::NotRunnable => "not_runnable",
            Self::ResultMismatch => "result_mismatch",
        }
    }
}

/// Who has to do something about an ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The customer: trying elsewhere would end the same way.
    Job,
    /// The rig: the job is interrupted, the rig backs off.
    Rig,
    /// No one: the job is interrupted or was ended on purpose.
    Nobody,
}

impl FromStr for Reason {
    type Err = ParseStateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or(ParseStateError)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_and_wire_spell_reasons_alike() {
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).expect("a plain enum"), reason.as_str());
            assert_eq!(reason.as_str().parse(), Ok(reason));
        }
    }

    #[test]
    fn a_rig_that_reaches_nobody_costs_the_job_no_failure() {
        for reason in [Reason::PullFailed, Reason::FetchFailed, Reason::UploadFailed] {
            assert_eq!(reason.fault(), Fault::Rig, "{reason}");
        }
    }
}
