//! Handlers, one file per resource. Each is a few lines: authorise, load, decide, save, answer.

pub mod account;
pub mod artifacts;
pub mod attempt_io;
pub mod health;
pub mod jobs;
pub mod logs;
pub mod offers;
mod range;
pub mod registry;
mod room;
mod stream;
mod submission;
pub mod uploads;
pub mod webhooks;
