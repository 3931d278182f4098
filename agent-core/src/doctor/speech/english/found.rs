//! What was found, in English.

use headframe_protocol::control::ProbeView;

use crate::{
    doctor::{
        advisories::Harm,
        facts::{FolderState, Reclaim, Silence},
        findings::{CardFound, Describes, EngineFound, Fault, NetworkFound, OwnerFound, PcFound, Probes},
        speech::listed,
    },
    runner::engine::{Examined, WhyNot},
};

pub(super) fn engine(found: &EngineFound<'_>) -> String {
    match found {
        EngineFound::Taken { engine: Examined { name, address, .. }, notes: [] } => format!("{name} at {address}"),
        EngineFound::Taken { engine: Examined { name, address, .. }, notes } => {
            format!("{name} at {address}. {}", listed(notes, " ", ToString::to_string))
        }
        EngineFound::NotTaken { engine: Examined { name, address, .. }, why } => {
            format!("{name} at {address}: {}", why_not(why))
        }
        EngineFound::NothingAt(places) if places.is_empty() => "none found; there is no place to look on this system".to_owned(),
        EngineFound::NothingAt(places) => format!("none found; looked at {}", places.join(", ")),
        EngineFound::NobodyToAsk => "no engine answers that could be asked".to_owned(),
        EngineFound::PartsUnnamed => "the engine does not name its parts".to_owned(),
        EngineFound::PartsUnread(parts) => format!("of {} nothing is known", listed(parts, ", ", ToString::to_string)),
        EngineFound::NoFault(parts) => listed(parts, ", ", ToString::to_string),
        EngineFound::Faults(faults) => listed(faults, "; ", fault),
        EngineFound::Rootless => "the engine itself is not root".to_owned(),
        EngineFound::Remapped => "root in a container is another user outside".to_owned(),
        EngineFound::SharedInVm => "shared, inside a virtual machine of the engine's".to_owned(),
        EngineFound::Shared => {
            "root in a container is root outside; Headframe runs jobs as nobody and without privileges".to_owned()
        }
        EngineFound::LimitsMissing { cgroups, limits } => {
            format!("{}; no limit on {}", control_groups(*cgroups), listed(limits, ", ", ToString::to_string))
        }
        EngineFound::LimitsWork { cgroups: None } => {
            "the limits work, and the engine does not name the version of control groups".to_owned()
        }
        EngineFound::LimitsWork { cgroups } => format!("{}; all limits work", control_groups(*cgroups)),
        EngineFound::SeccompOn { profile } => format!("on ({profile})"),
        EngineFound::SeccompOff => "off".to_owned(),
        EngineFound::GvisorThere => "installed".to_owned(),
        EngineFound::NoGvisor => "not installed".to_owned(),
    }
}

/// As it says everywhere else, without what is said beside it to be done.
fn why_not(why: &WhyNot) -> String {
    match why {
        WhyNot::Denied => "this user may not use it".to_owned(),
        WhyNot::NoSocket | WhyNot::Refused | WhyNot::Mute { .. } | WhyNot::BadAddress { .. } | WhyNot::Unfit(_) => {
            why.to_string()
        }
    }
}

fn control_groups(version: Option<u8>) -> String {
    version.map_or_else(|| "control groups of unknown version".to_owned(), |version| format!("control groups version {version}"))
}

fn fault(Fault { part, hit }: &Fault<'_>) -> String {
    let mended = listed(hit.advisory.mended, " or ", ToString::to_string);
    let built = if hit.may_be_patched { ", if its distribution has not mended it" } else { "" };
    format!("{part} has {} ({}; mended in {mended}{built})", hit.advisory.ids, harm(hit.advisory.harm))
}

const fn harm(harm: Harm) -> &'static str {
    match harm {
        Harm::BeginsOnHost => "an image can begin in a folder of the host",
        Harm::ReachesMaskedFiles => "a program can get at kernel files that are masked",
        Harm::ChangesHostFiles => "an image can change files of the host while it is unpacked",
        Harm::BecomesRoot => "an image's own user number can come out as root; Headframe sets the user itself",
        Harm::PassesPlugins => "plugins that restrict the engine's clients can be passed by",
        Harm::OrdersEngine => "a program can give orders to the engine",
        Harm::MountsHostFiles => "an image can mount the host's files",
        Harm::RunsOutside => "an image can have its own code run outside",
    }
}

pub(super) fn card(found: &CardFound<'_>) -> String {
    match found {
        CardFound::Driven { models, driver } => format!("{}; driver {driver}", models.join(", ")),
        CardFound::DriverSeesNone { driver } => format!("driver {driver}, which sees no card"),
        CardFound::NoCard => "no NVIDIA card in this PC; it can work with its processor".to_owned(),
        CardFound::Undriven { cards, why } => {
            let (cards, them) =
                if *cards == 1 { ("1 NVIDIA card".to_owned(), "it") } else { (format!("{cards} NVIDIA cards"), "them") };
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            format!("{cards} on the bus, and no driver that tells of {them}{why}")
        }
        CardFound::NobodyTells => "no driver answers, and this system does not say which cards there are".to_owned(),
        CardFound::Described => "cards are described for containers; the toolkit's version could not be found out".to_owned(),
        CardFound::NoToolkit => "not installed".to_owned(),
        CardFound::ToolkitUnread { version } => format!("of toolkit {version} nothing is known"),
        CardFound::Faults(faults) => listed(faults, "; ", fault),
        CardFound::Toolkit { version, describes: Describes::Cards } => format!("toolkit {version}"),
        CardFound::Toolkit { version, describes: Describes::Nothing } => {
            format!("toolkit {version}; no card is described by CDI")
        }
    }
}

pub(super) fn pc(found: &PcFound<'_>) -> String {
    match found {
        PcFound::Folder { path, state } => folder(path, state),
        PcFound::NotUnderstood { problem } => (*problem).to_owned(),
        PcFound::Understood { path } => format!("{path} is understood"),
        PcFound::NoSettings { path } => format!("no {path}; the defaults hold"),
        PcFound::NoRules { path } => format!("no {path}; those of a guest hold: work while you are away"),
        PcFound::FreeUntold => "this system does not tell how much is free".to_owned(),
        PcFound::FreeLittle { free } => format!("{free} GiB free"),
        PcFound::Free { free, given } => format!("{free} GiB free; your settings give {given} GiB to images and jobs"),
        PcFound::FreeGivenUnknown { free } => {
            format!("{free} GiB free; what you give to jobs is not known, as the settings are not understood")
        }
        PcFound::DiskLimit(limit) => limit.to_string(),
        PcFound::DiskLimitUntried => "it is tried out with an engine, in the agent's folder; one of them is missing".to_owned(),
        PcFound::MemoryUntold => "this system does not tell how much there is".to_owned(),
        PcFound::Memory { total, given: None } => format!("{total} GiB"),
        PcFound::Memory { total, given: Some(given) } => format!("{total} GiB; jobs get at most {given} of them"),
        PcFound::NobodyTellsOfVm => "no engine tells where it runs".to_owned(),
        PcFound::NoVm => "the engine runs on this system itself".to_owned(),
        PcFound::Wsl(Reclaim::On) => "WSL gives it back".to_owned(),
        PcFound::Wsl(Reclaim::Off) => "WSL is told to keep it".to_owned(),
        PcFound::Wsl(Reclaim::Unwritten) => "WSL is not told, and older versions keep it".to_owned(),
        PcFound::VmKeepsMemory => "it is kept until the virtual machine stops".to_owned(),
    }
}

fn folder(path: &str, state: &FolderState) -> String {
    match state {
        FolderState::Missing => format!("{path} is made at the first start"),
        FolderState::Private => format!("{path}, for this user only"),
        FolderState::Exposed { mode } => format!("{path} may be read by others (mode {mode:03o})"),
        FolderState::ReadOnly => format!("nothing can be written to {path}"),
        FolderState::Foreign => format!("{path} belongs to another user"),
        FolderState::NotAFolder => format!("{path} cannot be used: it is not a folder"),
        FolderState::Unusable(why) => format!("{path} cannot be used: {why}"),
    }
}

pub(super) fn owner(found: &OwnerFound<'_>) -> String {
    match found {
        OwnerFound::NoProbes => "there are none for this system".to_owned(),
        OwnerFound::ProbesBroken(probes) => {
            let broken = listed(&probes.broken, "; ", |ProbeView { name, says, .. }| format!("{name}: {says}"));
            format!("broken: {broken}; {}", working(probes))
        }
        OwnerFound::Seen(probes) => working(probes),
        OwnerFound::Unseen(probes) => format!("none can tell whether you are here; {}", working(probes)),
        OwnerFound::UnseenUnasked(probes) => {
            format!("none can tell whether you are here, and your rules do not ask for it; {}", working(probes))
        }
        OwnerFound::TrayThere | OwnerFound::KeyringThere => "there is one".to_owned(),
        OwnerFound::NoTray => "this desktop has none; GNOME has an extension for it".to_owned(),
        OwnerFound::NoKeyring => "none answers".to_owned(),
        OwnerFound::NoSession => "there is no desktop session to ask".to_owned(),
    }
}

fn working(Probes { working, absent, broken: _ }: &Probes<'_>) -> String {
    format!("work: {}; not on this PC: {}", names(working), names(absent))
}

fn names(probes: &[&ProbeView]) -> String {
    if probes.is_empty() { "none".to_owned() } else { listed(probes, ", ", |probe| probe.name.clone()) }
}

pub(super) fn network(found: &NetworkFound<'_>) -> String {
    match found {
        NetworkFound::NotKnown => "the settings are not understood, so that no coordinator is known to ask".to_owned(),
        NetworkFound::Silent { host, why } => format!("the coordinator at {host} could not be asked: {}", silence(*why)),
        NetworkFound::NoClock { host } => format!("the coordinator at {host} does not say what time it is"),
        NetworkFound::OnTime { host } => format!("within a minute of {host}"),
        NetworkFound::Ahead { host, by_s } => format!("{by_s} s ahead of {host}"),
        NetworkFound::Behind { host, by_s } => format!("{by_s} s behind {host}"),
        NetworkFound::BandwidthUnmeasured => {
            "not measured: the coordinator has nothing to measure it with, and nobody else is asked".to_owned()
        }
    }
}

fn silence(why: Silence) -> String {
    match why {
        Silence::NoAddress => "its address is not one that can be asked".to_owned(),
        Silence::CannotAsk => "this PC cannot make such requests".to_owned(),
        Silence::Late { after_s } => format!("no answer within {after_s} s"),
        Silence::Nobody => "nobody takes the connection".to_owned(),
        Silence::Unreadable => "its answer cannot be read".to_owned(),
    }
}
