//! The words the parties of Headframe share.
//!
//! A vocabulary has no opinions about transport: nothing here does I/O, waits, reads a clock or keeps
//! state. Customers, coordinator, agent and window each depend on this crate and on nothing of one
//! another, so that their versions can drift apart safely.
//!
//! Reading order: what things are called ([`ids`], [`pseudonym`], [`money`], [`time`], [`digest`]), what a customer
//! asks for ([`job`]), what he may ask about it ([`api`]), what a rig is ([`rig`]) and what was measured of it ([`benchmark`]), what rig and
//! coordinator say to one another ([`session`], signed as in [`auth`] and [`receipt`]; about a card's proof, [`challenge`]), which chains money
//! moves on ([`chain`]), how it reaches an owner ([`payout`]), which rigs are his ([`fleet`]) and how a customer lets it be spent ([`spending`]), what an operator says of his network ([`profile`]), what the agent tells the window beside it
//! ([`control`]), how all of them say no ([`error`]), and which addresses a stranger may name ([`address`]).

pub mod ids;
pub mod pseudonym;
pub mod money;
pub mod demand;
pub mod standing;
pub mod time;
pub mod digest;
pub mod job;
pub mod api;
pub mod rig;
pub mod benchmark;
pub mod auth;
pub mod receipt;
pub mod session;
pub mod challenge;
pub mod chain;
pub mod payout;
pub mod fleet;
pub mod spending;
pub mod profile;
pub mod control;
pub mod error;
pub mod address;

pub use digest::{ImageRef, Sha256};
pub use ids::{ApiKeyId, AttemptId, CustomerId, DeviceId, JobId, SessionId, UploadId};
pub use money::Micros;
pub use pseudonym::Pseudonym;
pub use time::TimestampMs;

/// The version of the session protocol this build speaks. An agent of the previous one keeps working.
pub const PROTOCOL_VERSION: u32 = 1;

/// The oldest session protocol a coordinator of this build still serves.
pub const PROTOCOL_VERSION_MIN: u32 = 1;

/// The largest session frame, in bytes. Jobs' data never travels in frames, so what does not fit is an attack or a mistake.
pub const FRAME_BYTES_MAX: usize = 256 * 1024;
