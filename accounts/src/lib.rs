//! What is owed to whom, computed so that everybody gets the same answer.
//!
//! Pure: nothing here does I/O, waits or reads a clock, and there are no floating-point numbers. The coordinator computes
//! payouts with this crate, a watcher compares them with it before a root becomes active, and an owner's agent proves its own
//! claim with it. What the three agree on is bytes: an epoch file has exactly one form, and its hash is on the chain.
//!
//! Reading order: how the ledger's money becomes token units ([`units`]), what the platform keeps ([`fee`]), what HFR is worth
//! ([`price`]) and what a customer is told before he pays ([`quote`]); then what a payout is made of ([`leaf`], [`merkle`]), the
//! public file it is made from ([`epoch`]), how a claim is proved from it ([`claim`]) and how a stranger checks it ([`audit`]).

pub mod units;
pub mod fee;
pub mod price;
pub mod quote;
pub mod leaf;
pub mod merkle;
pub mod epoch;
pub mod claim;
pub mod audit;

pub use epoch::EpochFile;
pub use fee::FeeBps;
pub use leaf::{Distributor, Leaf};
pub use price::UsdPerHfr;
pub use units::Decimals;
