//! Which reasons a rig may give for what. A rig is a stranger's program: what is the coordinator's, the operator's or the
//! customer's to decide, it cannot claim to be so.

use headframe_protocol::{job::Reason, session::Outcome};

/// What a rig says with a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Saying {
    Decline,
    Fail,
    Yield,
    /// The reason is the coordinator's, given back. Whether it was given at all is looked up when the end is written down.
    Cancel,
}

/// Whether a rig may decline an offer for `reason`.
pub(super) fn may_decline(reason: Reason) -> bool {
    sayings(reason).contains(&Saying::Decline)
}

/// Whether a rig may report `outcome`.
pub(super) fn may_report(outcome: &Outcome) -> bool {
    let (saying, reason) = match outcome {
        Outcome::Succeeded { .. } => return true,
        Outcome::Failed { reason, .. } => (Saying::Fail, *reason),
        Outcome::Yielded { reason } => (Saying::Yield, *reason),
        Outcome::Cancelled { reason } => (Saying::Cancel, *reason),
    };
    sayings(reason).contains(&saying)
}

const fn sayings(reason: Reason) -> &'static [Saying] {
    match reason {
        Reason::Declined | Reason::EgressForbidden | Reason::NoAnswer => &[Saying::Decline],
        Reason::OwnerReturned | Reason::RigPaused | Reason::Unwanted => &[Saying::Decline, Saying::Yield],
        Reason::EngineFailed | Reason::RigDiskFull => &[Saying::Decline, Saying::Fail],
        Reason::ExitCode
        | Reason::OutOfMemory
        | Reason::TimedOut
        | Reason::ImageMissing
        | Reason::ImageRefused
        | Reason::PullFailed
        | Reason::FetchFailed
        | Reason::InputUnavailable
        | Reason::InputMismatch
        | Reason::OutputMissing
        | Reason::OutputRefused
        | Reason::UploadFailed
        | Reason::AgentRestarted
        | Reason::LeaseLapsed
        | Reason::NotRunnable => &[Saying::Fail],
        Reason::CancelledByCustomer
        | Reason::KilledByOperator
        | Reason::AccountSuspended
        | Reason::NetworkStopped
        | Reason::ImageRevoked => &[Saying::Cancel],
        Reason::OutputMismatch
        | Reason::TooManyFailures
        | Reason::TooManyInterruptions
        | Reason::NoRig
        | Reason::ResultMismatch => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rig_cannot_end_a_job_in_somebody_elses_name() {
        let ours = [Reason::TooManyFailures, Reason::TooManyInterruptions, Reason::NoRig, Reason::OutputMismatch];
        for reason in ours.into_iter().chain([Reason::ResultMismatch]) {
            assert!(!may_decline(reason), "{reason}");
            assert!(!may_report(&Outcome::Failed { reason, exit_code: None, detail: None }), "{reason}");
            assert!(!may_report(&Outcome::Yielded { reason }), "{reason}");
            assert!(!may_report(&Outcome::Cancelled { reason }), "{reason}");
        }
        assert!(!may_report(&Outcome::Yielded { reason: Reason::NetworkStopped }));
        assert!(!may_report(&Outcome::Failed { reason: Reason::CancelledByCustomer, exit_code: None, detail: None }));
        assert!(!may_decline(Reason::ExitCode));
    }
}
