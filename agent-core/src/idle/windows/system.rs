//! The questions to Windows themselves: all that is unsafe about them, and nothing of what the answers mean.

use std::{
    ffi::c_void,
    io,
    mem::{offset_of, size_of, transmute},
    ptr::null_mut,
};

use windows::{
    Networking::Connectivity::NetworkInformation,
    Wdk::System::SystemInformation::{NtQuerySystemInformation, SystemProcessInformation},
    Win32::{
        Foundation::{ERROR_SUCCESS, FILETIME, RECT, REGDB_E_CLASSNOTREG, S_OK, STATUS_INFO_LENGTH_MISMATCH},
        Graphics::Gdi::{GetMonitorInfoW, MONITOR_DEFAULTTONEAREST, MONITORINFO, MonitorFromWindow},
        System::{
            LibraryLoader::{GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW},
            Power::{GetSystemPowerStatus, SYSTEM_POWER_STATUS},
            RemoteDesktop::{
                ProcessIdToSessionId, WTS_CURRENT_SESSION, WTS_SESSION_INFOW, WTSActive, WTSDisconnected, WTSEnumerateSessionsW,
                WTSFreeMemory, WTSINFOEXW, WTSQuerySessionInformationW, WTSSessionInfoEx,
            },
            SystemInformation::GetTickCount,
            Threading::GetSystemTimes,
            WindowsProgramming::SYSTEM_PROCESS_INFORMATION,
        },
        UI::{
            Input::{
                KeyboardAndMouse::{GetLastInputInfo, LASTINPUTINFO},
                XboxController::{XINPUT_GAMEPAD, XINPUT_STATE},
            },
            Shell::SHQueryUserNotificationState,
            WindowsAndMessaging::{GetForegroundWindow, GetSystemMetrics, GetWindowRect, SM_REMOTESESSION},
        },
    },
    core::{PCWSTR, PWSTR, s, w},
};

use super::{
    gamepad::Pad,
    process::{self, Process, place},
    signs::{Cost, LastInput, Power, Running, Screen, Session},
};

/// The most bytes of a list of processes. Ten thousand processes with ten threads each take some eight million.
const LIST_MAX: usize = 64 << 20;

/// Triggers go to 255 and sticks to 32767.
const TRIGGER_STEP: i32 = 128;

/// When keyboard or mouse of this session were used last.
pub(super) fn input() -> io::Result<LastInput> {
    let mut last = LASTINPUTINFO { cbSize: size::<LASTINPUTINFO>(), dwTime: 0 };
    // SAFETY: `last` is a valid place and tells its size.
    let answered = unsafe { GetLastInputInfo(&raw mut last) };
    answered.ok().map_err(io::Error::other)?;
    // After it, so that nothing lies in the future.
    // SAFETY: takes nothing and cannot fail.
    let now_ms = unsafe { GetTickCount() };
    Ok(LastInput { at_ms: last.dwTime, now_ms })
}

/// How this program's session is.
pub(super) fn session() -> io::Result<Session> {
    let mut answer = PWSTR::null();
    let mut length = 0;
    // SAFETY: both are valid places; what is put there is freed below.
    unsafe { WTSQuerySessionInformationW(None, WTS_CURRENT_SESSION, WTSSessionInfoEx, &raw mut answer, &raw mut length) }
        .map_err(io::Error::other)?;
    let answer = Answer(answer.as_ptr().cast());
    if answer.0.is_null() || usize::try_from(length).is_ok_and(|length| length < size_of::<WTSINFOEXW>()) {
        return Err(io::Error::other("its answer is too short"));
    }
    // SAFETY: that many bytes are there, and every pattern of them is a valid structure of numbers.
    let about = unsafe { answer.0.cast::<WTSINFOEXW>().read_unaligned() };
    // SAFETY: there is no other level than the first, and its fields are numbers.
    let about = unsafe { about.Data.WTSInfoExLevel1 };
    // SAFETY: takes a number and cannot fail.
    let remote = unsafe { GetSystemMetrics(SM_REMOTESESSION) } != 0;
    Ok(Session {
        flags: about.SessionFlags,
        disconnected: about.SessionState == WTSDisconnected,
        remote,
        others_active: is_another_active(about.SessionId)?,
    })
}

fn is_another_active(ours: u32) -> io::Result<bool> {
    let mut first: *mut WTS_SESSION_INFOW = null_mut();
    let mut count = 0;
    // SAFETY: both are valid places; what is put there is freed below.
    unsafe { WTSEnumerateSessionsW(None, 0, 1, &raw mut first, &raw mut count) }.map_err(io::Error::other)?;
    let answer = Answer(first.cast());
    let count = if answer.0.is_null() { 0 } else { usize::try_from(count).unwrap_or(0) };
    let others = (0..count).any(|index| {
        // SAFETY: so many structures lie there, and live until the answer is freed.
        let session = unsafe { first.add(index).read() };
        session.SessionId != ours && session.State == WTSActive
    });
    Ok(others)
}

/// What the Terminal Services have allocated for us.
struct Answer(*mut c_void);

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: it came from a function that says to free it so, and is used nowhere any more.
        unsafe { WTSFreeMemory(self.0) }
    }
}

/// What feeds the PC.
pub(super) fn power() -> io::Result<Power> {
    let mut status = SYSTEM_POWER_STATUS::default();
    // SAFETY: it is a valid place.
    unsafe { GetSystemPowerStatus(&raw mut status) }.map_err(io::Error::other)?;
    Ok(Power { line: status.ACLineStatus, battery: status.BatteryFlag })
}

/// What the way to the internet costs.
pub(super) fn connection() -> io::Result<Option<Cost>> {
    let silence = |error: windows::core::Error| match error.code() {
        REGDB_E_CLASSNOTREG => io::Error::new(io::ErrorKind::Unsupported, "this Windows does not tell what connections cost"),
        _ => io::Error::other(error),
    };
    let profile = match NetworkInformation::GetInternetConnectionProfile() {
        Ok(profile) => profile,
        // It has answered, and there is none.
        Err(none) if none.code() == S_OK => return Ok(None),
        Err(error) => return Err(silence(error)),
    };
    let cost = profile.GetConnectionCost().map_err(silence)?;
    Ok(Some(Cost {
        kind: cost.NetworkCostType().map_err(silence)?.0,
        roaming: cost.Roaming().map_err(silence)?,
        over_limit: cost.OverDataLimit().map_err(silence)?,
    }))
}

/// What is on the owner's screen.
pub(super) fn screen() -> io::Result<Screen> {
    // SAFETY: takes nothing.
    let state = unsafe { SHQueryUserNotificationState() }.map_err(io::Error::other)?;
    Ok(Screen { state: state.0, covered: is_covered() })
}

/// Whether the window in front covers its monitor. One that closes meanwhile covers nothing.
fn is_covered() -> bool {
    let mut window = RECT::default();
    let mut monitor = MONITORINFO { cbSize: size::<MONITORINFO>(), ..MONITORINFO::default() };
    // SAFETY: the places are valid and tell their size; a window that is gone is answered with an error.
    let both = unsafe {
        let front = GetForegroundWindow();
        GetWindowRect(front, &raw mut window).is_ok()
            && GetMonitorInfoW(MonitorFromWindow(front, MONITOR_DEFAULTTONEAREST), &raw mut monitor).as_bool()
    };
    let RECT { left, top, right, bottom } = monitor.rcMonitor;
    both && window.left <= left && window.top <= top && window.right >= right && window.bottom >= bottom
}

/// What all cores together have had of time, and what of it they were busy, in units of 100 ns.
pub(super) fn processor() -> io::Result<(u64, u64)> {
    let [mut idle, mut kernel, mut user] = [FILETIME::default(); 3];
    // SAFETY: all three are valid places.
    unsafe { GetSystemTimes(Some(&raw mut idle), Some(&raw mut kernel), Some(&raw mut user)) }.map_err(io::Error::other)?;
    let units = |time: FILETIME| u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime);
    // To Windows idleness is something that the kernel does.
    let total = units(kernel).saturating_add(units(user));
    Ok((total, total.saturating_sub(units(idle))))
}

/// What runs in the owner's session.
pub(super) fn programs() -> io::Result<Running> {
    let mut session = 0;
    // SAFETY: it is a valid place.
    unsafe { ProcessIdToSessionId(std::process::id(), &raw mut session) }.map_err(io::Error::other)?;
    Ok(Running { session, processes: processes()? })
}

// Programs of 32 bits are told another structure. What is not reserved in it must lie where we look for it.
const _: () = assert!(
    size_of::<usize>() == 8
        && offset_of!(SYSTEM_PROCESS_INFORMATION, NextEntryOffset) == place::NEXT
        && offset_of!(SYSTEM_PROCESS_INFORMATION, ImageName) == place::NAME
        && offset_of!(SYSTEM_PROCESS_INFORMATION, UniqueProcessId) == place::PID
        && offset_of!(SYSTEM_PROCESS_INFORMATION, Reserved2) == place::PARENT
        && offset_of!(SYSTEM_PROCESS_INFORMATION, SessionId) == place::SESSION,
    "the agent is made for Windows of 64 bits"
);

/// Every process there is.
pub(super) fn processes() -> io::Result<Vec<Process>> {
    let mut size = 1 << 20;
    while size <= LIST_MAX {
        let mut list = vec![0_u64; size / 8];
        let (mut length, room) = (0, u32::try_from(size).unwrap_or(0));
        // SAFETY: the list has that much room, aligned for every structure in it, and lives through the call.
        let status =
            unsafe { NtQuerySystemInformation(SystemProcessInformation, list.as_mut_ptr().cast(), room, &raw mut length) };
        if status == STATUS_INFO_LENGTH_MISMATCH {
            // Some may have been started since.
            size *= 2;
            continue;
        }
        status.ok().map_err(io::Error::other)?;
        let base = u64::try_from(list.as_ptr().addr()).unwrap_or(0);
        let bytes: Vec<u8> =
            list.iter().take(usize::try_from(length).unwrap_or(0).div_ceil(8)).flat_map(|word| word.to_le_bytes()).collect();
        return Ok(process::parsed(&bytes, base));
    }
    Err(io::Error::other("the list of processes does not end"))
}

/// XInput, found at run time: some editions of Windows come without it, and the agent must start there too.
#[derive(Clone, Copy)]
pub(super) struct Pads(unsafe extern "system" fn(u32, *mut XINPUT_STATE) -> u32);

impl Pads {
    /// Absent where there is none.
    pub(super) fn load() -> Option<Self> {
        const LIBRARIES: [PCWSTR; 2] = [w!("xinput1_4.dll"), w!("xinput9_1_0.dll")];
        LIBRARIES.into_iter().find_map(|library| {
            // SAFETY: only the system's own folder is searched. The library is never let go, so its function stays.
            let found = unsafe {
                let library = LoadLibraryExW(library, None, LOAD_LIBRARY_SEARCH_SYSTEM32).ok()?;
                GetProcAddress(library, s!("XInputGetState"))?
            };
            // SAFETY: a function of that name in these libraries has this signature, as documented.
            Some(Self(unsafe {
                transmute::<unsafe extern "system" fn() -> isize, unsafe extern "system" fn(u32, *mut XINPUT_STATE) -> u32>(found)
            }))
        })
    }

    /// How the gamepad of this number is held; absent if there is none.
    pub(super) fn state(self, slot: u32) -> Option<Pad> {
        let mut state = XINPUT_STATE::default();
        // SAFETY: it is a valid place, and any number may be asked for.
        if unsafe { (self.0)(slot, &raw mut state) } != ERROR_SUCCESS.0 {
            return None;
        }
        let XINPUT_GAMEPAD { wButtons, bLeftTrigger, bRightTrigger, sThumbLX, sThumbLY, sThumbRX, sThumbRY } = state.Gamepad;
        let [left, right] = [bLeftTrigger, bRightTrigger].map(|trigger| i32::from(trigger) * TRIGGER_STEP);
        let [lx, ly, rx, ry] = [sThumbLX, sThumbLY, sThumbRX, sThumbRY].map(i32::from);
        Some(Pad { buttons: wButtons.0, axes: [left, right, lx, ly, rx, ry] })
    }
}

fn size<T>() -> u32 {
    u32::try_from(size_of::<T>()).unwrap_or(0)
}
