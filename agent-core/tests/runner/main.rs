//! The runner on a real container engine, with a real registry and a coordinator that only takes and gives.
//!
//! These tests fail where there is no engine: a sandbox that was not tried is not one.

mod coordinator;
mod docker;
mod door;
mod engine;
mod image;
mod registry;
mod yard;
