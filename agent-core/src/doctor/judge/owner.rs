//! What tells whether the owner is away, and what the desktop offers him.

use headframe_protocol::control::{Check, ProbeView};

use super::Topic;
use crate::doctor::facts::{Desktop, Facts};

const PROBES: Topic = Topic {
    id: "probes",
    what: "Signs of you",
    required: "at least one probe that sees keyboard, mouse or gamepad; none that is broken",
    why: "who cannot be seen is taken to be here, and then nothing works",
};

const TRAY: Topic = Topic {
    id: "tray",
    what: "Tray",
    required: "nothing; it is good to have",
    why: "it shows what the rig does, and pauses it with two clicks",
};

const SECRETS: Topic = Topic {
    id: "secrets",
    what: "Keeper of passwords",
    required: "nothing; it is good to have",
    why: "it can remember the wallet's password; without it you are asked each time",
};

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    vec![probes(&facts.probes, facts.waits_for_away), tray(facts.desktop), secrets(facts.desktop)]
}

/// Those that can see a hand move; the others say what the PC does.
fn sees_the_owner(probe: &ProbeView) -> bool {
    probe.works && (probe.name.contains("input") || probe.name.contains("Gamepad"))
}

fn probes(probes: &[ProbeView], waits_for_away: bool) -> Check {
    let names = |wanted: fn(&ProbeView) -> bool| {
        let named: Vec<&str> = probes.iter().filter(|probe| wanted(probe)).map(|probe| probe.name.as_str()).collect();
        if named.is_empty() { "none".to_owned() } else { named.join(", ") }
    };
    let (work, absent) = (names(|probe| probe.works), names(|probe| !probe.works && probe.absent));
    let broken = probes.iter().filter(|probe| !probe.works && !probe.absent);
    let broken: Vec<String> = broken.map(|probe| format!("{}: {}", probe.name, probe.says)).collect();
    let found = format!("work: {work}; not on this PC: {absent}");
    if probes.is_empty() && waits_for_away {
        return PROBES
            .fail("there are none for this system", "set `away.require = false` in rules.toml to work while you are here");
    }
    if !broken.is_empty() {
        let found = format!("broken: {}; {found}", broken.join("; "));
        return PROBES.warn(found, "while one is broken, your side is taken: nothing works");
    }
    if probes.iter().any(sees_the_owner) {
        return PROBES.ok(found);
    }
    if !waits_for_away {
        return PROBES.ok(format!("none can tell whether you are here, and your rules do not ask for it; {found}"));
    }
    PROBES.warn(
        format!("none can tell whether you are here; {found}"),
        "start the agent in your desktop session; for a PC without a screen set `away.require = false` in rules.toml",
    )
}

fn tray(Desktop { tray, .. }: Desktop) -> Check {
    match tray {
        Some(true) => TRAY.ok("there is one"),
        Some(false) => TRAY.ok("this desktop has none; GNOME has an extension for it"),
        None => TRAY.unknown("there is no desktop session to ask"),
    }
}

fn secrets(Desktop { secrets, .. }: Desktop) -> Check {
    match secrets {
        Some(true) => SECRETS.ok("there is one"),
        Some(false) => SECRETS.ok("none answers"),
        None => SECRETS.unknown("there is no desktop session to ask"),
    }
}
