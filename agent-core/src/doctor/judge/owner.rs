//! What tells whether the owner is away, and what the desktop offers him.

use headframe_protocol::control::ProbeView;

use crate::doctor::{
    facts::{Desktop, Facts},
    findings::{Finding, OwnerFound as Is, OwnerRemedy as Mend, Probes, Topic},
};

pub(super) fn findings(facts: &Facts) -> Vec<Finding<'_>> {
    vec![probes(&facts.probes, facts.waits_for_away), tray(facts.desktop), keyring(facts.desktop)]
}

/// Those that can see a hand move; the others say what the PC does.
fn sees_the_owner(probe: &ProbeView) -> bool {
    probe.works && (probe.name.contains("input") || probe.name.contains("Gamepad"))
}

fn probes(probes: &[ProbeView], waits_for_away: bool) -> Finding<'_> {
    let topic = Topic::Probes;
    if probes.is_empty() && waits_for_away {
        return topic.fail(Is::NoProbes, Mend::WorkWhileHere);
    }
    let (working, others): (Vec<_>, Vec<_>) = probes.iter().partition(|probe| probe.works);
    let (absent, broken): (Vec<_>, Vec<_>) = others.into_iter().partition(|probe| probe.absent);
    let (any_broken, any_sees) = (!broken.is_empty(), probes.iter().any(sees_the_owner));
    let all = Probes { working, absent, broken };
    if any_broken {
        return topic.warn(Is::ProbesBroken(all), Mend::ExpectNoWork);
    }
    match (any_sees, waits_for_away) {
        (true, _) => topic.ok(Is::Seen(all)),
        (false, false) => topic.ok(Is::UnseenUnasked(all)),
        (false, true) => topic.warn(Is::Unseen(all), Mend::StartInSession),
    }
}

fn tray(Desktop { tray, .. }: Desktop) -> Finding<'static> {
    match tray {
        Some(true) => Topic::Tray.ok(Is::TrayThere),
        Some(false) => Topic::Tray.ok(Is::NoTray),
        None => Topic::Tray.unknown(Is::NoSession),
    }
}

fn keyring(Desktop { secrets, .. }: Desktop) -> Finding<'static> {
    match secrets {
        Some(true) => Topic::Secrets.ok(Is::KeyringThere),
        Some(false) => Topic::Secrets.ok(Is::NoKeyring),
        None => Topic::Secrets.unknown(Is::NoSession),
    }
}
