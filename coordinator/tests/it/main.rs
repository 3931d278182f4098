//! The coordinator from outside: real HTTP, real WebSockets, a database of its own for every test.
//!
//! Without more, the database is a SQLite file. With `HEADFRAME_TEST_POSTGRES=postgres://…` every test makes a database on that
//! server instead; `cargo xtask test` runs the whole suite both ways.

mod support;

mod cards;
mod carried;
mod challenges;
mod checkpoints;
mod demand;
mod dispatching;
mod fleet;
mod happy;
mod hardware;
mod hfr;
mod key_limits;
mod leases;
mod money;
mod orders;
mod pace;
mod queue;
mod requests;
mod results;
mod sessions;
mod unwilling;

mod backups;
mod files;
mod given_back;
mod image_registry;
mod logging;
mod operator;
mod service;
mod verification;
mod webhooks;
