//! The local socket between the agent process and its guests (window, tray, command line), as JSON lines.
//!
//! What is said on it is in [`headframe_protocol::control`]; here is only how it travels: where the two ends
//! meet ([`paths`]), who may be the one agent of a data directory ([`lock`]), the agent's end ([`server`]), a
//! guest's end ([`client`]), and how a guest starts an agent when none answers ([`spawn`]).
//!
//! The agent's end:
//! ```no_run
//! # use std::sync::Arc;
//! # use headframe_control::{AgentPaths, lock::AgentLock, server::{self, Life, Listener, Pulse}};
//! # async fn example(snapshot: Arc<headframe_protocol::control::Snapshot>) -> Result<(), Box<dyn std::error::Error>> {
//! let paths = AgentPaths::resolve(None)?;
//! let lock = AgentLock::acquire(&paths)?;
//! let listener = Listener::bind(&lock)?;
//! let (_publish, snapshots) = tokio::sync::watch::channel(snapshot);
//! let (asks, mut inbox) = tokio::sync::mpsc::channel(server::ASKS_MAX);
//! tokio::select! {
//!     () = server::serve(listener, "0.1.0", Life { snapshots, pulse: Pulse::default() }, asks) => {}
//!     Some(_ask) = inbox.recv() => {}
//! }
//! # Ok(()) }
//! ```

pub mod paths;
pub mod lock;
pub mod server;
pub mod client;
pub mod spawn;
mod peer;
mod wire;

pub use client::{Client, ClientError};
pub use paths::AgentPaths;
