//! The real window on a virtual screen, driven from outside as an owner would: Xvfb, WebKitWebDriver, tauri-driver.
//!
//! Needs those three programs and the built window; the variables HEADFRAME_DESKTOP_BIN, HEADFRAME_TAURI_DRIVER and
//! HEADFRAME_WEBKIT_DRIVER name them where they are not in the usual places. `cargo xtask test` sets all of it up.
//! The tests with a real job also take the other programs, from HEADFRAME_TESTBED_BIN and its like or from beside themselves; the
//! walk also a keyring (gnome-keyring) and a chain (anvil, as npm brings it into `contracts/`).
//! Pictures are left in HEADFRAME_SCREENSHOTS, else in `target/window`; of a test that fails, the last one, what the agent
//! said and what the driver said.
#![cfg(target_os = "linux")]

mod chain;
mod driver;
mod forbidden;
mod network;
mod owner;
mod page;
mod processes;
mod real;
mod screen;
mod scripted;
mod session;
mod stage;
mod walk;
