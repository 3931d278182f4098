//! The coordinator: takes jobs from customers, matches them to rigs, meters what they use and keeps the ledger.
//!
//! The database is the truth; what is in RAM is an index over it that any replica can rebuild at any moment.
//! [`Coordinator`] has three verbs: [`Coordinator::bind`], [`Coordinator::join`] and [`Coordinator::shutdown`].
//!
//! Where to start reading: [`router`] is everything the coordinator can be asked, [`market`] is every decision about
//! who works for whom, [`store::lifecycle`] is every change of a job's state.

pub mod admin;
pub mod api;
pub mod app;
pub mod auth;
pub mod backup;
pub mod blobs;
pub mod chain;
pub mod challenge;
pub mod clock;
pub mod config;
pub mod dispatch;
pub mod error;
pub mod extract;
pub mod fiat;
mod fail;
pub mod journal;
pub mod logs;
pub mod market;
pub mod metrics;
pub mod networks;
pub mod openapi;
pub mod payouts;
mod prices;
pub mod probes;
pub mod profile;
pub mod pseudonyms;
pub mod reconcile;
pub mod registry;
pub mod router;
mod server;
pub mod sessions;
pub mod settlement;
pub mod staging;
pub mod store;
pub mod sweep;
pub mod tasks;
pub mod verify;
pub mod webhooks;

pub use app::App;
pub use config::{Config, Timers};
pub use server::{BindError, Coordinator};
