//! Whether a result can be trusted: who is checked and how often, what counts as the same result, which of several results is
//! right, how a rig stands, and which of its earnings wait. Pure: no I/O, no clock, no async; lots are drawn by the caller.
//!
//! A check is the same work done once more by a rig of another owner. Nobody can tell a check from a customer's job, and nobody
//! knows before he has named his result whether it will be checked. Giving the PC back is no result and no broken promise:
//! no standing is ever worse for it. What follows from a verdict is in [`crate::store::verify`]; why the numbers are what they are
//! is in `docs/verification.md`.

pub mod adaptive;
pub mod array;
pub mod class;
pub mod compare;
pub mod hold;
pub mod judge;
pub mod pace;
pub mod picture;
#[cfg(any(test, feature = "testing"))]
pub mod simulation;
pub mod standing;

pub use adaptive::{Chance, Record};
pub use class::Class;
pub use hold::{Basis, Hold};
pub use judge::{Judgement, judge};
pub use pace::Pace;
pub use standing::{Standing, Tier};
