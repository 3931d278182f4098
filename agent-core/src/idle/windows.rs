//! What Windows tells of the owner and his PC.
//!
//! [`system`] asks and is all that needs Windows; what the answers mean is in the other files, which are tested anywhere.

#[cfg(target_os = "windows")]
use std::time::Duration;

#[cfg(target_os = "windows")]
use super::{
    IdleProbe,
    asked::{Asked, AskedAgain, untold},
    usage::OtherLoad,
};

mod gamepad;
mod process;
mod signs;
#[cfg(target_os = "windows")]
mod system;

/// Two readings of the load closer together than this say nothing: a fifth of a second of one core, in units of 100 ns.
#[cfg(target_os = "windows")]
const LOAD_LEAST: u64 = 2_000_000;

/// All probes. Each is a call into Windows, and nothing is woken by it between two looks.
#[cfg(target_os = "windows")]
pub(super) fn probes() -> Vec<Box<dyn IdleProbe>> {
    let me = std::process::id();
    let secs = Duration::from_secs;
    let used = move || {
        let (total, busy) = system::processor()?;
        Ok(process::used(&system::processes()?, me, total, busy))
    };
    let heat = || {
        let why = "Windows tells programs no temperature of the processor";
        Err(std::io::Error::new(std::io::ErrorKind::Unsupported, why))
    };
    let probes: Vec<Box<dyn IdleProbe>> = vec![
        Box::new(Asked { name: "Input", every: Duration::from_millis(250), ask: system::input, means: signs::input }),
        Box::new(gamepad::Gamepad::new(system::Pads::load().map(|pads| move |slot| pads.state(slot)))),
        Box::new(Asked { name: "Session", every: secs(1), ask: system::session, means: signs::session }),
        Box::new(Asked { name: "Power", every: secs(5), ask: system::power, means: signs::power }),
        Box::new(Asked { name: "Metered connection", every: secs(10), ask: system::connection, means: signs::metered }),
        Box::new(untold("Processor heat", heat)),
        Box::new(OtherLoad::new(used, LOAD_LEAST)),
        Box::new(Asked { name: "Programs", every: secs(5), ask: system::programs, means: signs::programs }),
        Box::new(Asked { name: "Full screen", every: secs(2), ask: system::screen, means: signs::fullscreen }),
    ];
    probes.into_iter().map(AskedAgain::boxed).collect()
}

#[cfg(all(test, target_os = "windows"))]
mod tests {
    use super::{super::Sign, *};

    #[test]
    fn this_very_program_is_in_the_list_and_the_processor_has_been_busy() {
        let processes = system::processes().expect("a list");
        let me = processes.iter().find(|process| process.pid == std::process::id()).expect("in it");
        let file = std::env::current_exe().expect("a file");
        assert_eq!(Some(me.name.as_str()), file.file_name().and_then(|name| name.to_str()));
        let (total, busy) = system::processor().expect("figures");
        assert!(total > 0 && busy <= total, "{busy} of {total}");
        let running = system::programs().and_then(|running| signs::programs(running).map_err(std::io::Error::other));
        assert!(matches!(running, Ok(Sign::Programs(names)) if names.contains(&me.name)), "it is the owner's");
    }
}
