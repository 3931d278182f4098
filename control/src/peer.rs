//! Is the one at the other end the user this agent belongs to?

#[cfg_attr(unix, path = "peer/unix.rs")]
#[cfg_attr(windows, path = "peer/windows.rs")]
mod platform;

pub(crate) use platform::{for_owner_only, is_owner};
