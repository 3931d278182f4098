//! What tells whether the owner is away, for guests.

use headframe_protocol::control::{ProbeKind, ProbeSees, ProbeView};

use crate::idle::{Idleness, ProbeError, Reading, Sign};

/// What probes see.
pub(crate) fn probes(readings: &[Reading], idleness: Idleness) -> Vec<ProbeView> {
    let view = |Reading { name, says }: &Reading| {
        let sees = says.as_ref().map(|sign| sees(sign, idleness));
        ProbeView {
            name: (*name).to_owned(),
            says: sees.map_or_else(ToString::to_string, |sees| in_words(sees).to_owned()),
            works: sees.is_ok(),
            absent: matches!(sees, Err(ProbeError::Absent(_))),
            kind: kind(name),
            sees: sees.ok(),
        }
    };
    readings.iter().map(view).collect()
}

/// What the probe of that name looks at; one name on each system, where systems tell of it in ways of their own.
fn kind(name: &str) -> Option<ProbeKind> {
    Some(match name {
        "Input" | "X11 input" | "Wayland input" => ProbeKind::Input,
        "Gamepad" => ProbeKind::Gamepad,
        "Session" => ProbeKind::Session,
        "Power" => ProbeKind::Power,
        "UPS" => ProbeKind::Ups,
        "Metered connection" => ProbeKind::Metered,
        "Processor heat" => ProbeKind::Heat,
        "Other programs' load" => ProbeKind::Load,
        "Programs" => ProbeKind::Programs,
        "Full screen" => ProbeKind::Fullscreen,
        "Graphics cards" => ProbeKind::Gpus,
        _ => return None,
    })
}

/// No figure that changes while nothing happens: the window would be drawn for it.
const fn sees(sign: &Sign, idleness: Idleness) -> ProbeSees {
    match sign {
        Sign::Input(_) => match idleness {
            Idleness::Away => ProbeSees::Away,
            Idleness::Present { .. } => ProbeSees::Here,
            Idleness::Unknown => ProbeSees::Unsure,
        },
        Sign::Session { locked: true, .. } => ProbeSees::Locked,
        Sign::Session { remote: true, .. } => ProbeSees::Remote,
        Sign::Session { .. } => ProbeSees::Unlocked,
        Sign::OnBattery(true) => ProbeSees::Battery,
        Sign::OnBattery(false) => ProbeSees::Mains,
        Sign::Metered(true) => ProbeSees::Metered,
        Sign::Metered(false) => ProbeSees::Unmetered,
        Sign::Heat(_) | Sign::OtherLoad(_) | Sign::Gpus(_) => ProbeSees::Measured,
        Sign::Programs(_) => ProbeSees::Watched,
        Sign::Fullscreen(true) => ProbeSees::Fullscreen,
        Sign::Fullscreen(false) => ProbeSees::NoFullscreen,
    }
}

const fn in_words(sees: ProbeSees) -> &'static str {
    match sees {
        ProbeSees::Away => "you are away",
        ProbeSees::Here => "you are here",
        ProbeSees::Unsure => "not enough is known",
        ProbeSees::Locked => "the screen is locked",
        ProbeSees::Remote => "the PC is used from afar",
        ProbeSees::Unlocked => "the screen is not locked",
        ProbeSees::Battery => "on battery",
        ProbeSees::Mains => "on mains power",
        ProbeSees::Metered => "the connection is metered",
        ProbeSees::Unmetered => "the connection is not metered",
        ProbeSees::Measured => "measured",
        ProbeSees::Watched => "watched",
        ProbeSees::Fullscreen => "a window fills the screen",
        ProbeSees::NoFullscreen => "no window fills the screen",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idle::platform_probes;

    #[test]
    fn every_probe_of_this_system_is_of_a_kind_that_windows_know() {
        for probe in platform_probes() {
            assert!(kind(probe.name()).is_some(), "{}", probe.name());
        }
    }

    #[test]
    fn a_probe_is_told_in_words_and_in_what_they_mean() {
        let reading = |says| [Reading { name: "X11 input", says }];
        let told = |says| probes(&reading(says), Idleness::Away).remove(0);
        let works = told(Ok(Sign::Input(std::time::Duration::from_secs(90))));
        assert_eq!(
            (works.kind, works.sees, works.says.as_str()),
            (Some(ProbeKind::Input), Some(ProbeSees::Away), "you are away")
        );
        let absent = told(Err(ProbeError::Absent("there is no display".to_owned())));
        assert_eq!((absent.sees, absent.works, absent.absent), (None, false, true));
        assert_eq!(absent.says, "there is no display");
    }
}
