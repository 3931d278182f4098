//! What this PC's graphics cards and processor can do: measured in a program of its own, verified, and kept.
//!
//! ```text
//!  agent ── child ── stdin: abort ──► headframe-benchmark ── suite ─┬─ device (wgpu there, cuda) ── kernels
//!            ▲                              │                       └─ sensor (NVML) ── conditions
//!            └── lines: progress, result ◄──┘
//! ```
//!
//! The always-on agent never loads a graphics driver for computing: [`child`] starts `headframe-benchmark`, and a crash of a driver is one more way
//! in which a measurement can end. Whatever offers kernels is a [`device::Device`]; the [`suite`] decides what is measured and for how long, and
//! believes no kernel whose result it has not compared. `docs/benchmark.md` has the method.
//!
//! The same program answers challenges on a card: [`prover`] starts it and asks it in lines ([`ask`]). `docs/proof.md` has the protocol.

pub mod ask;
pub mod cards;
pub mod child;
pub mod cpu;
pub mod cuda;
pub mod device;
pub mod driver;
pub mod line;
mod nvml;
mod pace;
pub mod pattern;
mod plan;
pub mod prover;
pub mod round;
pub mod sensor;
pub mod shelf;
mod spread;
pub mod suite;

pub use spread::rank_correlation;
