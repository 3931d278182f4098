//! Handlers, one file per resource. Each is a few lines: authorise, load, decide, save, answer.

pub mod account;
pub mod artifacts;
pub mod attempt_io;
pub mod chains;
pub mod demand;
pub mod challenges;
pub mod fiat;
pub mod fleet;
pub mod health;
pub mod jobs;
mod key_limits;
pub mod logs;
pub mod network;
pub mod offers;
pub mod payouts;
pub mod quotes;
mod range;
pub mod registry;
pub mod relay;
mod room;
pub mod spending;
pub mod standing;
mod stream;
mod submission;
pub mod uploads;
pub mod webhooks;
