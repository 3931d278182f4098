//! The whole agent with a fake coordinator at one end and a fake engine at the other.

mod control;
mod coordinator;
mod crash;
mod rig;
mod session;
#[cfg(target_os = "linux")]
mod tray;
mod walk;
