//! Whether this PC can be a rig, and what would make it a better one: before the first start, or when something is wrong.
//!
//! [`look()`] gathers what there is to know and judges nothing; [`judge()`] says what to make of it and touches nothing. Both work with no
//! agent running. An agent that runs looks itself: it has the surroundings that count.

use headframe_protocol::control::Checkup;

pub mod advisories;
pub mod bundle;
pub mod facts;
mod judge;
mod look;
mod support;
mod told;

pub use facts::Facts;
pub use judge::judge;
pub use look::{Known, look};
pub use support::Private;
pub use told::text;

/// Looks and judges.
pub async fn check_up(known: Known<'_>) -> Checkup {
    judge(&look(known).await)
}
