//! What the answers of macOS mean.

use std::{collections::BTreeSet, time::Duration};

use super::super::{ProbeError, Sign, usage::Used};

/// What keeps a virtual machine for containers, and that machine itself: what they do is jobs', or unpacking images for them. What
/// the owner does in a machine of his own under the same system service cannot be told apart.
const ENGINES: [&str; 10] = [
    "com.apple.Virtualization.VirtualMachine",
    "com.docker.backend",
    "com.docker.virtualization",
    "com.docker.build",
    "limactl",
    "vfkit",
    "krunkit",
    "qemu-system-aarch64",
    "OrbStack Helper",
    "colima",
];

/// A window's place may be off by as much as a rounding.
const NEAR: f64 = 1.0;

/// The most names of programs that are kept; a busy desktop has some five hundred.
const NAMES_MAX: usize = 10_000;

/// Seconds since keyboard, mouse or tablet were used.
pub(super) fn input(seconds: f64) -> Result<Sign, ProbeError> {
    // Less than nothing is the jitter of clocks; what is no number at all would pass for years.
    let idle = Duration::try_from_secs_f64(seconds.max(0.0));
    match idle {
        Ok(idle) if !seconds.is_nan() => Ok(Sign::Input(idle)),
        Ok(_) | Err(_) => Err(ProbeError::Broken("macOS does not know when keyboard and mouse were used".to_owned())),
    }
}

/// How the owner's session is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Session {
    pub(super) locked: bool,
    /// Whether it is the one at which somebody sits.
    pub(super) on_console: bool,
}

/// The sign in it.
pub(super) fn session(session: Session) -> Result<Sign, ProbeError> {
    // Whoever was switched to, the PC is his now, and his input is not told to us.
    Ok(Sign::Session { locked: session.locked && session.on_console, remote: !session.on_console })
}

/// The name of what feeds the PC; absent where macOS has nothing to say, as on a PC without a battery it may.
pub(super) fn power(source: Option<String>) -> Result<Sign, ProbeError> {
    Ok(Sign::OnBattery(matches!(source.as_deref(), Some("Battery Power" | "UPS Power"))))
}

/// A place on the desktop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Area {
    fn is_near(self, other: Self) -> bool {
        let pairs = [(self.x, other.x), (self.y, other.y), (self.width, other.width), (self.height, other.height)];
        pairs.iter().all(|(one, two)| (one - two).abs() <= NEAR)
    }
}

/// The screens, and the windows of programs that can be seen.
#[derive(Debug)]
pub(super) struct Screens {
    pub(super) screens: Vec<Area>,
    pub(super) windows: Vec<Area>,
}

/// The sign in it. A window that is only made large leaves the menu bar free, and fills no screen.
pub(super) fn fullscreen(Screens { screens, windows }: Screens) -> Result<Sign, ProbeError> {
    let fills = windows.iter().any(|window| screens.iter().any(|screen| window.is_near(*screen)));
    Ok(Sign::Fullscreen(fills))
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) parent: Option<u32>,
    pub(super) name: String,
    /// What it has used of the processor, in milliseconds.
    pub(super) used: u64,
    /// Whether it is a program of the owner.
    pub(super) is_owners: bool,
}

/// The sign in what runs.
pub(super) fn programs(processes: Vec<Process>) -> Result<Sign, ProbeError> {
    let names: BTreeSet<String> = processes
        .into_iter()
        .filter(|process| process.is_owners && !process.name.is_empty())
        .map(|it| it.name)
        .take(NAMES_MAX)
        .collect();
    Ok(Sign::Programs(names))
}

/// Adds `passed` milliseconds of all cores, of which so many percent were busy, to `total` and `busy`.
pub(super) fn added(total: u64, busy: u64, passed: u64, percent: f32) -> (u64, u64) {
    // In thousandths, cut to what can be; what is no number becomes nothing.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies between 0 and 1000")]
    let thousandths = (percent.clamp(0.0, 100.0) * 10.0).round() as u64;
    (total.saturating_add(passed), busy.saturating_add(passed / 1_000 * thousandths + passed % 1_000 * thousandths / 1_000))
}

/// What of `busy` is the process `me`, its children, and the engines.
pub(super) fn used(processes: &[Process], me: u32, total: u64, busy: u64) -> Used {
    let is_ours = |process: &&Process| {
        process.pid == me || process.parent == Some(me) || ENGINES.iter().any(|engine| process.name == *engine)
    };
    Used { total, busy, ours: processes.iter().filter(is_ours).map(|process| process.used).sum() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_as_old_as_macos_says_and_what_is_no_number_is_no_absence() {
        assert_eq!(input(1.5), Ok(Sign::Input(Duration::from_millis(1_500))));
        assert_eq!(input(-0.1), Ok(Sign::Input(Duration::ZERO)));
        for strange in [f64::NAN, f64::INFINITY, f64::MAX] {
            assert!(matches!(input(strange), Err(ProbeError::Broken(_))), "{strange}");
        }
    }

    #[test]
    fn a_session_is_locked_or_another_ones_turn() {
        for (locked, on_console, sign) in [
            (false, true, (false, false)),
            (true, true, (true, false)),
            (false, false, (false, true)),
            (true, false, (false, true)),
        ] {
            let (is_locked, remote) = sign;
            assert_eq!(session(Session { locked, on_console }), Ok(Sign::Session { locked: is_locked, remote }));
        }
    }

    #[test]
    fn batteries_and_ups_are_told_from_the_wall() {
        for (source, on) in [(None, false), (Some("AC Power"), false), (Some("Battery Power"), true), (Some("UPS Power"), true)] {
            assert_eq!(power(source.map(str::to_owned)), Ok(Sign::OnBattery(on)), "{source:?}");
        }
    }

    #[test]
    fn a_window_as_large_as_its_screen_fills_it() {
        let area = |x, y, width, height| Area { x, y, width, height };
        let screens = || vec![area(0.0, 0.0, 1440.0, 900.0), area(1440.0, 0.0, 1920.0, 1080.0)];
        for (window, fills) in [
            (area(0.0, 25.0, 1440.0, 875.0), false),
            (area(0.0, 0.0, 1440.0, 900.0), true),
            (area(1440.5, 0.0, 1920.0, 1080.0), true),
            (area(0.0, 0.0, 1920.0, 1080.0), false),
        ] {
            let seen = Screens { screens: screens(), windows: vec![area(5.0, 5.0, 9.0, 9.0), window] };
            assert_eq!(fullscreen(seen), Ok(Sign::Fullscreen(fills)), "{window:?}");
        }
    }

    #[test]
    fn time_adds_up_by_how_busy_it_was() {
        assert_eq!(added(100, 50, 8_000, 25.0), (8_100, 2_050));
        assert_eq!(added(0, 0, 999, 50.0), (999, 499));
        assert_eq!(added(0, 0, 1_000, 250.0), (1_000, 1_000));
        assert_eq!(added(0, 0, 1_000, f32::NAN), (1_000, 0));
        assert_eq!(added(u64::MAX, 0, u64::MAX, 0.0), (u64::MAX, 0));
    }

    fn process(pid: u32, parent: u32, name: &str, used: u64) -> Process {
        Process { pid, parent: Some(parent), name: name.to_owned(), used, is_owners: pid >= 10 }
    }

    #[test]
    fn the_owners_programs_are_listed() {
        let processes = vec![process(1, 0, "launchd", 5), process(10, 1, "Blender", 5), process(11, 1, "", 5)];
        assert_eq!(programs(processes), Ok(Sign::Programs(["Blender".to_owned()].into())));
    }

    #[test]
    fn the_engines_machine_and_the_agent_are_ours() {
        let processes = [
            process(1, 0, "launchd", 5),
            process(20, 1, "headframe-agent", 100),
            process(21, 20, "docker", 10),
            process(30, 1, "com.apple.Virtualization.VirtualMachine", 1_000),
            process(40, 1, "Blender", 7),
        ];
        assert_eq!(used(&processes, 20, 9_000, 2_000), Used { total: 9_000, busy: 2_000, ours: 1_110 });
    }
}
