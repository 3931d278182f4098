//! What Linux tells of the owner and his PC. One file a probe; each is given the place it looks at, and only measures.

use std::{
    env,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::{
    IdleProbe, ProbeError, Sign,
    asked::{AskedAgain, Pace},
    usage::{Compared, Used},
};

mod bus;
mod compositor;
mod fullscreen;
mod gamepad;
mod heat;
mod load;
mod logind;
mod metered;
mod power;
mod process;
mod programs;
mod session;
mod ups;
mod wayland;
mod x11;

/// The most that is read of one file of the system; real ones are far shorter.
const FILE_MAX: u64 = 64 * 1024;

/// All probes, each looking where it does on a PC.
pub(super) fn probes() -> Vec<Box<dyn IdleProbe>> {
    let desktop = Desktop::of_environment();
    let system = bus::Bus::at(zbus::Address::system());
    let session = bus::Bus::at(zbus::Address::session());
    let owner = logind::Owner::of_environment();
    let (proc, me) = (Path::new("/proc"), std::process::id());
    let probes: Vec<Box<dyn IdleProbe>> = vec![
        Box::new(x11::X11Idle::new(desktop.clone())),
        Box::new(wayland::WaylandIdle::new(&desktop, session, logind::Login::new(system.clone(), owner.clone()))),
        Box::new(gamepad::Gamepad::new(Path::new("/dev/input"))),
        Box::new(session::Session::new(logind::Login::new(system.clone(), owner))),
        Box::new(power::Power::new(Path::new("/sys/class/power_supply"))),
        Box::new(ups::Ups::new(system.clone())),
        Box::new(metered::Metered::new(system)),
        Box::new(heat::CpuHeat::new(Path::new("/sys/class/hwmon"))),
        Box::new(load::OtherLoad::new(proc, me)),
        Box::new(programs::Programs::new(proc, rustix::process::getuid().as_raw())),
        Box::new(fullscreen::Fullscreen::new(desktop)),
    ];
    probes.into_iter().map(AskedAgain::boxed).collect()
}

/// Whether a process belongs to a job, or was started by this one. One that cannot be looked at is the owner's.
pub(super) fn is_ours(pid: u32, name: &str) -> bool {
    let (proc, me) = (Path::new("/proc"), std::process::id());
    let found = process::one(proc, pid).ok().flatten();
    found.is_some_and(|process| process.parent == me || process.is_job(proc)) && !name.is_empty()
}

/// What the environment says about the owner's desktop.
#[derive(Debug, Clone)]
struct Desktop {
    /// The X display's name.
    display: Option<String>,
    /// The Wayland display's socket. An X display beside it has only some of the windows.
    wayland: Option<PathBuf>,
}

impl Desktop {
    fn of_environment() -> Self {
        let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let folder = set("XDG_RUNTIME_DIR").unwrap_or_default();
        Self { display: set("DISPLAY"), wayland: set("WAYLAND_DISPLAY").map(|name| Path::new(&folder).join(name)) }
    }
}

/// A small file of the system without the space around it. Absent if the file, or the device it speaks of, is not there (any more).
fn attribute(file: &Path) -> io::Result<Option<String>> {
    let mut text = String::new();
    match File::open(file).and_then(|file| file.take(FILE_MAX).read_to_string(&mut text)) {
        Ok(_) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound || is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a device was pulled, or a process ended, while it was being read.
fn is_gone(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::NODEV | Errno::NXIO | Errno::SRCH))
}

fn broken(what: &Path, error: &io::Error) -> ProbeError {
    ProbeError::Broken(format!("could not read {}: {error}", what.display()))
}
