//! A whole small network on one computer: coordinator, registry, rigs and a customer, on loopback, in private folders.
//!
//! The tests of the whole network and the demo are the same code. [`Testbed::start`] makes a network, [`Testbed::shutdown`]
//! ends it; what it is made of can be broken on purpose meanwhile: a [`process`] killed, a [`line`] cut or slowed.
//! [`books`] says afterwards whether anything was lost or paid twice.
//!
//! Real parts everywhere: the container engine, the registry and all programs are those a network has. Only distances are
//! short, and deadlines (`Options::timers_divisor`).

pub mod books;
pub mod chain;
pub mod coordinator;
pub mod demo;
pub mod engine;
pub mod image;
pub mod line;
pub mod money;
pub mod operator;
pub mod practice;
pub mod process;
pub mod registry;
pub mod rig;
pub mod signals;
pub mod tasks;
pub mod testbed;
pub mod wallets;

pub use testbed::{Options, Testbed};

/// Prints a line for whoever started us.
///
/// # Errors
/// If nobody reads.
pub fn say(line: impl std::fmt::Display) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
