//! Everything a provider machine does; no window needed.
//!
//! The present is pushed, the past is pulled, decisions are pure:
//!
//! ```text
//!  idle ───────watch──┐
//!  telemetry ──watch──┼─► duty.step(event, now) ─► effects ─► store (write first) · coordinator · runner
//!  coordinator ─mpsc──┤
//!  runner ──────mpsc──┤                view::Snapshot ──watch──► control_server ──► window, tray, command line
//!  control ─────mpsc──┘
//! ```
//!
//! Start reading at [`duty`] ("everything the agent can decide"), then [`agent`] (the loop that feeds it and carries out
//! what it decides). Modules use only what stands above them in this list.

#[cfg(feature = "testing")]
pub mod fault;
#[cfg(not(feature = "testing"))]
mod fault;
pub mod clock;
pub mod tasks;
mod owner_file;
mod owner_toml;
pub mod pace;
mod memory;
pub mod settings;
pub mod store;
pub mod idle;
pub mod telemetry;
pub mod benchmark;
pub mod device_key;
pub mod wallet;
pub mod coordinator;
pub mod challenge;
pub mod meter;
pub mod runner;
pub mod ledger;
pub mod duty;
pub mod view;
pub mod doctor;
pub mod earnings;
pub mod simulate;
pub mod practice;
pub mod networks;
pub mod agent;
pub mod control_server;

pub use agent::{Agent, AgentConfig, BindError, Handle};
