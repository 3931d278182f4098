//! The GPU challenge `pog/1`: proof that somebody within reach has as much fast silicon, and as much fast memory, as was claimed.
//!
//! A card multiplies a chain of matrices that follow from a seed, commits to every row of every product, and only then learns
//! which 64 rows it must show; afterwards it reads its memory in rounds that depend on one another. All numbers are exact, so a
//! processor checks 64 rows of a product of 8,192 × 8,192 in the time of one pass over a matrix, and cards of all makers give the
//! same bytes. `docs/proof.md` has the protocol for those who write another prover or verifier, and says what it does not prove.
//!
//! Everything here is pure: no I/O, no clock, no threads, and no randomness of its own. Whoever calls brings 32 random bytes where
//! they are needed, and the times that he measured.
//!
//! Reading order: what is asked for ([`parameters`], [`expand`]), how it is committed to ([`row`], [`tree`]), what is named
//! afterwards ([`question`]), how it is answered ([`prover`], [`opening`]), how that is checked ([`verify`] with the arithmetic of
//! `weights`); memory ([`residency`]); how long it may all take ([`timing`], [`band`]); whom to ask at once and when again
//! ([`groups`], [`standing`]).

pub mod parameters;
pub mod expand;
pub mod row;
pub mod tree;
pub mod question;
pub mod prover;
pub mod opening;
mod gather;
mod weights;
pub mod verify;
pub mod residency;
pub mod reference;
pub mod timing;
pub mod band;
pub mod groups;
pub mod standing;

pub use gather::{Openings, Parts};
pub use parameters::{Parameters, ParametersError};
pub use prover::Prover;
pub use reference::Reference;
pub use verify::{Lanes, Refusal, Verifier};
