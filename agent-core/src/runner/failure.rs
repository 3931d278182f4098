//! How a step of an attempt says that the attempt has failed: a reason for programs, a line for the customer.

use headframe_protocol::job::Reason;

/// The longest line for the customer, as the protocol has it.
const DETAIL_CHARS_MAX: usize = 500;

/// The attempt has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) reason: Reason,
    pub(super) exit_code: Option<i64>,
    pub(super) detail: Option<String>,
}

impl Failure {
    /// For a reason that says it all.
    pub(super) const fn plain(reason: Reason) -> Self {
        Self { reason, exit_code: None, detail: None }
    }

    /// With a line for the customer. Nothing of the owner's PC belongs in it: no paths, no addresses.
    pub(super) fn because(reason: Reason, detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        Self { reason, exit_code: None, detail: Some(detail.chars().take(DETAIL_CHARS_MAX).collect()) }
    }

    pub(super) const fn with_exit_code(mut self, code: i64) -> Self {
        self.exit_code = Some(code);
        self
    }

    /// The engine did not do what it was asked. Its words are for the owner's log; a full disk is told apart.
    pub(super) fn engine(act: &'static str, error: &bollard::errors::Error) -> Self {
        tracing::warn!(%error, "The engine could not {act}");
        if is_disk_full(&error.to_string()) {
            return Self::plain(Reason::RigDiskFull);
        }
        Self::because(Reason::EngineFailed, format!("The engine could not {act}."))
    }
}

/// How every layer below us spells ENOSPC.
pub(super) fn is_disk_full(text: &str) -> bool {
    text.contains("no space left on device") || text.contains("No space left on device") || text.contains("disk quota exceeded")
}
