//! What the answers of Windows mean.

use std::{collections::BTreeSet, time::Duration};

use super::{
    super::{ProbeError, Sign},
    process::Process,
};

/// Input that seems to come from the future is of this moment: two clocks were read one after the other. Only so much of it,
/// since the counter begins again after 49.7 days, and then an old time is the larger one.
const FUTURE_MAX_MS: u32 = 60_000;

/// `WTS_SESSIONSTATE_LOCK` and `WTS_SESSIONSTATE_UNLOCK`. Windows 7 had them the wrong way round; it is too old for the agent.
const LOCKED: i32 = 0;
const UNLOCKED: i32 = 1;

/// `ACLineStatus`: nothing is plugged in, something is.
const OFFLINE: u8 = 0;
const ONLINE: u8 = 1;

/// `BatteryFlag`: the PC has no battery.
const NO_BATTERY: u8 = 128;

/// `NetworkCostType`: what goes through is paid for up to a limit, or by its amount.
const FIXED: i32 = 2;
const VARIABLE: i32 = 3;

/// `QUERY_USER_NOTIFICATION_STATE`: a program fills the screen, draws on it exclusively, or the owner presents.
const FULL: [i32; 3] = [2, 3, 4];
/// An app of the store is in front; they say so too when they fill no screen.
const STORE_APP: i32 = 7;

/// The most names of programs that are kept; a busy desktop has some three hundred.
const NAMES_MAX: usize = 10_000;

/// When keyboard or mouse were used last, and the time now: both in milliseconds since the PC was started, in 32 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct LastInput {
    pub(super) at_ms: u32,
    pub(super) now_ms: u32,
}

/// The sign in it. After 49.7 days without any input, for a moment, it looks as if there had been some.
pub(super) fn input(LastInput { at_ms, now_ms }: LastInput) -> Result<Sign, ProbeError> {
    let idle_ms = now_ms.wrapping_sub(at_ms);
    let idle_ms = if idle_ms > u32::MAX - FUTURE_MAX_MS { 0 } else { idle_ms };
    Ok(Sign::Input(Duration::from_millis(u64::from(idle_ms))))
}

/// How the session is in which this program runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Session {
    /// `SessionFlags`.
    pub(super) flags: i32,
    /// Nobody looks at it: its user was switched away from, or closed his connection.
    pub(super) disconnected: bool,
    /// It is looked at from afar.
    pub(super) remote: bool,
    /// Another user's session is looked at.
    pub(super) others_active: bool,
}

/// The sign in it.
pub(super) fn session(session: Session) -> Result<Sign, ProbeError> {
    match session {
        // Whoever it is, the PC is his now, and his input is not told to us.
        Session { others_active: true, .. } => Ok(Sign::Session { locked: false, remote: true }),
        Session { disconnected: true, .. } => Ok(Sign::Session { locked: true, remote: false }),
        Session { flags: LOCKED, remote, .. } => Ok(Sign::Session { locked: true, remote }),
        Session { flags: UNLOCKED, remote, .. } => Ok(Sign::Session { locked: false, remote }),
        Session { flags: _, .. } => Err(ProbeError::Absent("Windows does not know whether the screen is locked".to_owned())),
    }
}

/// `ACLineStatus` and `BatteryFlag`. A UPS is a battery to Windows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Power {
    pub(super) line: u8,
    pub(super) battery: u8,
}

/// The sign in it.
pub(super) fn power(power: Power) -> Result<Sign, ProbeError> {
    match power {
        // It runs, so something feeds it; 255, which is "unknown", has that bit too.
        Power { battery: NO_BATTERY, .. } | Power { line: ONLINE, .. } => Ok(Sign::OnBattery(false)),
        Power { line: OFFLINE, .. } => Ok(Sign::OnBattery(true)),
        // Of a virtual machine nothing is known.
        Power { battery: u8::MAX, .. } => Ok(Sign::OnBattery(false)),
        Power { line: _, .. } => Err(ProbeError::Broken("Windows does not know whether the PC is plugged in".to_owned())),
    }
}

/// What the way to the internet costs; absent where there is no way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// `NetworkCostType`.
    pub(super) kind: i32,
    pub(super) roaming: bool,
    pub(super) over_limit: bool,
}

/// The sign in it.
pub(super) fn metered(cost: Option<Cost>) -> Result<Sign, ProbeError> {
    let metered = cost.is_some_and(|cost| matches!(cost.kind, FIXED | VARIABLE) || cost.roaming || cost.over_limit);
    Ok(Sign::Metered(metered))
}

/// What is on the screen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screen {
    /// `QUERY_USER_NOTIFICATION_STATE`.
    pub(super) state: i32,
    /// Whether the window in front covers all of its monitor.
    pub(super) covered: bool,
}

/// The sign in it.
pub(super) fn fullscreen(screen: Screen) -> Result<Sign, ProbeError> {
    Ok(Sign::Fullscreen(FULL.contains(&screen.state) || (screen.state == STORE_APP && screen.covered)))
}

/// What runs, and in which session the owner is.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) session: u32,
    pub(super) processes: Vec<Process>,
}

/// The sign in it: the owner's programs with their ending and without, so that a rule may be written either way.
pub(super) fn programs(Running { session, processes }: Running) -> Result<Sign, ProbeError> {
    let mut names = BTreeSet::new();
    for process in processes.into_iter().filter(|process| process.session == session).take(NAMES_MAX) {
        // Its letters are compared without regard to case later; its ending comes in both.
        if let Some((stem, ending)) = process.name.rsplit_once('.')
            && ending.eq_ignore_ascii_case("exe")
        {
            names.insert(stem.to_owned());
        }
        names.insert(process.name);
    }
    names.remove("");
    Ok(Sign::Programs(names))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle_ms(at_ms: u32, now_ms: u32) -> u128 {
        match input(LastInput { at_ms, now_ms }) {
            Ok(Sign::Input(idle)) => idle.as_millis(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn input_is_as_old_as_the_counter_says_also_when_it_begins_again() {
        assert_eq!(idle_ms(1_000, 1_250), 250);
        assert_eq!(idle_ms(u32::MAX - 99, 900), 1_000, "the counter has begun again in between");
        assert_eq!(idle_ms(0, u32::MAX - FUTURE_MAX_MS), u128::from(u32::MAX - FUTURE_MAX_MS));
    }

    #[test]
    fn input_from_the_future_is_of_this_moment_and_never_weeks_old() {
        assert_eq!(idle_ms(1_016, 1_000), 0);
        assert_eq!(idle_ms(15, u32::MAX), 0, "over the counter's end");
    }

    #[test]
    fn a_session_is_locked_remote_or_left() {
        let here = Session { flags: UNLOCKED, disconnected: false, remote: false, others_active: false };
        for (it, locked, remote) in [
            (here, false, false),
            (Session { flags: LOCKED, ..here }, true, false),
            (Session { remote: true, ..here }, false, true),
            (Session { flags: LOCKED, remote: true, ..here }, true, true),
            (Session { disconnected: true, flags: -1, ..here }, true, false),
            (Session { disconnected: true, others_active: true, ..here }, false, true),
        ] {
            assert_eq!(session(it), Ok(Sign::Session { locked, remote }), "{it:?}");
        }
        assert!(matches!(session(Session { flags: -1, ..here }), Err(ProbeError::Absent(_))));
    }

    #[test]
    fn a_pc_without_a_battery_is_on_mains_power_and_an_unplugged_laptop_is_not() {
        for (line, battery, on) in [
            (ONLINE, NO_BATTERY, false),
            (OFFLINE, NO_BATTERY, false),
            (255, NO_BATTERY, false),
            (255, 255, false),
            (ONLINE, 1, false),
            (ONLINE, 8, false),
            (OFFLINE, 0, true),
            (OFFLINE, 255, true),
        ] {
            assert_eq!(power(Power { line, battery }), Ok(Sign::OnBattery(on)), "{line} {battery}");
        }
        assert!(matches!(power(Power { line: 255, battery: 1 }), Err(ProbeError::Broken(_))));
    }

    #[test]
    fn a_connection_that_is_paid_by_what_goes_through_is_metered() {
        let free = Cost { kind: 1, roaming: false, over_limit: false };
        for (cost, is_metered) in [
            (None, false),
            (Some(free), false),
            (Some(Cost { kind: 0, ..free }), false),
            (Some(Cost { kind: FIXED, ..free }), true),
            (Some(Cost { kind: VARIABLE, ..free }), true),
            (Some(Cost { roaming: true, ..free }), true),
            (Some(Cost { over_limit: true, ..free }), true),
        ] {
            assert_eq!(metered(cost), Ok(Sign::Metered(is_metered)), "{cost:?}");
        }
    }

    #[test]
    fn a_game_a_film_and_a_talk_fill_the_screen() {
        for (state, covered, full) in [
            (1, true, false),
            (2, false, true),
            (3, false, true),
            (4, false, true),
            (5, true, false),
            (6, true, false),
            (STORE_APP, true, true),
            (STORE_APP, false, false),
        ] {
            assert_eq!(fullscreen(Screen { state, covered }), Ok(Sign::Fullscreen(full)), "{state}");
        }
    }

    #[test]
    fn the_owners_programs_are_known_with_their_ending_and_without() {
        let process = |name: &str, session| Process { name: name.to_owned(), session, ..Process::default() };
        let processes = vec![process("Blender.EXE", 1), process("svchost.exe", 0), process("", 1), process("my.game", 1)];
        let names = ["Blender", "Blender.EXE", "my.game"].map(str::to_owned).into();
        assert_eq!(programs(Running { session: 1, processes }), Ok(Sign::Programs(names)));
    }
}
