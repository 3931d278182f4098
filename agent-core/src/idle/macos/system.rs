//! The questions to macOS themselves: all that is unsafe about them, and nothing of what the answers mean.

use std::{io, time::Instant};

use objc2_core_foundation::{CFArray, CFBoolean, CFDictionary, CFNumber, CFRetained, CFString, CFType, CGRect};
use objc2_core_graphics::{
    CGDisplayBounds, CGError, CGEventSource, CGEventSourceStateID, CGEventType, CGGetActiveDisplayList,
    CGRectMakeWithDictionaryRepresentation, CGSessionCopyCurrentDictionary, CGWindowListCopyWindowInfo, CGWindowListOption,
    kCGWindowBounds, kCGWindowLayer,
};
use objc2_io_kit::{IOPSCopyPowerSourcesInfo, IOPSGetProvidingPowerSourceType};
use sysinfo::{CpuRefreshKind, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use super::{
    super::usage::Used,
    signs::{self, Area, Process, Screens, Session},
};

/// `kCGAnyInputEventType`, which the bindings leave out.
const ANY_INPUT: CGEventType = CGEventType(u32::MAX);

/// The most screens that are looked at.
const SCREENS_MAX: usize = 32;

/// The layer of programs' own windows; the menu bar, the dock and the pointer have others.
const PROGRAMS_LAYER: i64 = 0;

/// The dictionaries that macOS answers with.
type Answer = CFDictionary<CFString, CFType>;

/// How long ago keyboard, mouse or tablet were used, in seconds.
pub(super) fn input_s() -> io::Result<f64> {
    Ok(CGEventSource::seconds_since_last_event_type(CGEventSourceStateID::CombinedSessionState, ANY_INPUT))
}

/// How this program's session is.
pub(super) fn session() -> io::Result<Session> {
    let Some(answer) = CGSessionCopyCurrentDictionary() else {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "the agent was started outside any session at a screen"));
    };
    // SAFETY: its keys are documented to be strings, and every value is of some type.
    let answer: CFRetained<Answer> = unsafe { CFRetained::cast_unchecked(answer) };
    // The first is there only while the screen is locked.
    Ok(Session {
        locked: flag(&answer, "CGSSessionScreenIsLocked").unwrap_or(false),
        on_console: flag(&answer, "kCGSSessionOnConsoleKey").unwrap_or(true),
    })
}

fn flag(answer: &Answer, key: &'static str) -> Option<bool> {
    let value = answer.get(&CFString::from_static_str(key))?;
    let number = || value.downcast_ref::<CFNumber>().and_then(CFNumber::as_i64).map(|number| number != 0);
    value.downcast_ref::<CFBoolean>().map(CFBoolean::as_bool).or_else(number)
}

/// The name of what feeds the PC.
pub(super) fn power() -> io::Result<Option<String>> {
    let Some(sources) = IOPSCopyPowerSourcesInfo() else {
        return Err(io::Error::other("it does not list the power sources"));
    };
    // SAFETY: the snapshot is what the function above returned.
    let source = unsafe { IOPSGetProvidingPowerSourceType(Some(&sources)) };
    Ok(source.map(|source| source.to_string()))
}

/// The screens, and the windows of programs that can be seen.
pub(super) fn screens() -> io::Result<Screens> {
    Ok(Screens { screens: displays()?, windows: windows()? })
}

fn displays() -> io::Result<Vec<Area>> {
    let (mut displays, mut count) = ([0; SCREENS_MAX], 0);
    let most = u32::try_from(SCREENS_MAX).unwrap_or(0);
    // SAFETY: there is room for as many as it is told.
    let answered = unsafe { CGGetActiveDisplayList(most, displays.as_mut_ptr(), &raw mut count) };
    if answered != CGError::Success {
        return Err(io::Error::other("it does not list the screens"));
    }
    let count = usize::try_from(count).unwrap_or(0);
    Ok(displays.iter().take(count).map(|display| area(CGDisplayBounds(*display))).collect())
}

fn windows() -> io::Result<Vec<Area>> {
    let what = CGWindowListOption::OptionOnScreenOnly | CGWindowListOption::ExcludeDesktopElements;
    let Some(list) = CGWindowListCopyWindowInfo(what, 0) else {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "the agent was started outside any session at a screen"));
    };
    // SAFETY: it is documented to be a list of such dictionaries.
    let list: CFRetained<CFArray<Answer>> = unsafe { CFRetained::cast_unchecked(list) };
    // SAFETY: both are constants of the system.
    let (layer, bounds) = unsafe { (kCGWindowLayer, kCGWindowBounds) };
    let of_program = |window: &CFRetained<Answer>| {
        let found = window.get(layer)?.downcast_ref::<CFNumber>()?.as_i64()?;
        (found == PROGRAMS_LAYER).then_some(())
    };
    let place = |window: CFRetained<Answer>| {
        of_program(&window)?;
        let described = window.get(bounds)?;
        let mut place = CGRect::default();
        // SAFETY: it is a dictionary, and `place` is a valid place.
        let is_one = unsafe { CGRectMakeWithDictionaryRepresentation(described.downcast_ref(), &raw mut place) };
        is_one.then(|| area(place))
    };
    Ok(list.iter().filter_map(place).collect())
}

fn area(CGRect { origin, size }: CGRect) -> Area {
    Area { x: origin.x, y: origin.y, width: size.width, height: size.height }
}

/// What runs.
pub(super) fn programs() -> io::Result<Vec<Process>> {
    let mut system = System::new().map_err(io::Error::other)?;
    let what = ProcessRefreshKind::nothing().with_user(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
    listed(&system)
}

fn listed(system: &System) -> io::Result<Vec<Process>> {
    let owner = rustix::process::getuid().as_raw();
    let processes = system.processes().values().map(|process| Process {
        pid: process.pid().as_u32(),
        parent: process.parent().map(sysinfo::Pid::as_u32),
        name: process.name().to_string_lossy().into_owned(),
        used: process.accumulated_cpu_time(),
        is_owners: process.user_id().is_some_and(|user| **user == owner),
    });
    let processes: Vec<Process> = processes.collect();
    if processes.is_empty() { Err(io::Error::other("it does not list the processes")) } else { Ok(processes) }
}

/// What all cores have done, added up: macOS only tells how busy it was since it was asked last.
pub(super) struct Cores {
    system: Option<System>,
    asked: Option<Instant>,
    total: u64,
    busy: u64,
}

impl Cores {
    /// Has measured nothing yet.
    pub(super) const fn new() -> Self {
        Self { system: None, asked: None, total: 0, busy: 0 }
    }

    /// Everything so far, in milliseconds of all cores.
    pub(super) fn used(&mut self) -> io::Result<Used> {
        let system = match &mut self.system {
            Some(system) => system,
            none @ None => none.insert(System::new().map_err(io::Error::other)?),
        };
        system.refresh_cpu_specifics(CpuRefreshKind::nothing().with_usage());
        let what = ProcessRefreshKind::nothing().with_cpu().with_user(UpdateKind::OnlyIfNotSet);
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
        let now = Instant::now();
        if let Some(asked) = self.asked.replace(now) {
            let cores = u64::try_from(system.cpus().len()).unwrap_or(1);
            let passed = u64::try_from((now - asked).as_millis()).unwrap_or(u64::MAX).saturating_mul(cores);
            (self.total, self.busy) = signs::added(self.total, self.busy, passed, system.global_cpu_usage());
        }
        Ok(signs::used(&listed(system)?, std::process::id(), self.total, self.busy))
    }
}
