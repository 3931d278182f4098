//! What macOS tells of the owner and his PC.
//!
//! [`system`] asks and is all that needs macOS; what the answers mean is in [`signs`], which is tested anywhere.

#[cfg(target_os = "macos")]
use std::{io, time::Duration};

#[cfg(target_os = "macos")]
use super::{
    IdleProbe,
    asked::{Asked, AskedAgain, untold},
    usage::OtherLoad,
};

mod signs;
#[cfg(target_os = "macos")]
mod system;

/// Two readings of the load closer together than this say nothing: a fifth of a second of one core, in milliseconds.
#[cfg(target_os = "macos")]
const LOAD_LEAST: u64 = 200;

/// All probes.
#[cfg(target_os = "macos")]
pub(super) fn probes() -> Vec<Box<dyn IdleProbe>> {
    let secs = Duration::from_secs;
    let mut cores = system::Cores::new();
    let probes: Vec<Box<dyn IdleProbe>> = vec![
        Box::new(Asked { name: "Input", every: Duration::from_millis(250), ask: system::input_s, means: signs::input }),
        Box::new(untold("Gamepad", || Err(untold_of("gamepads are not looked at on macOS yet")))),
        Box::new(Asked { name: "Session", every: secs(1), ask: system::session, means: signs::session }),
        Box::new(Asked { name: "Power", every: secs(5), ask: system::power, means: signs::power }),
        Box::new(untold("Metered connection", || Err(untold_of("metered connections are not looked at on macOS yet")))),
        Box::new(untold("Processor heat", || Err(untold_of("macOS tells programs no temperature of the processor")))),
        Box::new(OtherLoad::new(move || cores.used(), LOAD_LEAST)),
        Box::new(Asked { name: "Programs", every: secs(5), ask: system::programs, means: signs::programs }),
        Box::new(Asked { name: "Full screen", every: secs(2), ask: system::screens, means: signs::fullscreen }),
    ];
    probes.into_iter().map(AskedAgain::boxed).collect()
}

#[cfg(target_os = "macos")]
fn untold_of(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, why)
}
