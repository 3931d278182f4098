//! What a customer says a job holds, for owners who do not want to compute everything.

use serde::{Deserialize, Serialize};

/// What a job shows or makes, as its customer declares it. Nobody looks into jobs to find out; whoever declares what is not so breaks the
/// operator's content policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Content {
    /// The customer has not said. Some owners refuse such jobs.
    #[default]
    Undeclared,
    /// Nothing that anybody would have to be warned of.
    General,
    /// Not for children: nudity, or violence shown at length. Some owners refuse such jobs.
    Adult,
}

impl Content {
    /// Whether the customer has not said.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(crate) const fn is_undeclared(&self) -> bool {
        matches!(self, Self::Undeclared)
    }
}
