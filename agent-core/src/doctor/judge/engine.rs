//! The container engine: whether there is one, and how well it keeps strangers apart from the owner.

use headframe_protocol::control::Verdict;

use crate::{
    doctor::{
        advisories::{self, Hit, Weight},
        findings::{EngineFound as Is, EngineRemedy as Mend, Fault, Finding, Part, Topic},
    },
    runner::engine::{Examined, Testimony, Users, WhyNot},
};

/// Parts whose faults are known: of another's version nothing is expected.
const WATCHED: [&str; 3] = ["runc", "containerd", "Engine"];

pub(super) fn findings(examined: &[Examined]) -> Vec<Finding<'_>> {
    let mut findings = vec![engine(examined)];
    let spoken = examined.iter().find(|one| one.verdict.is_ok()).or_else(|| examined.iter().find(|one| one.testimony.is_some()));
    match spoken.and_then(|one| one.testimony.as_ref()) {
        Some(testimony) => {
            findings.extend([faults(testimony), users(testimony), limits(testimony), seccomp(testimony), gvisor(testimony)]);
        }
        None => {
            let topics = [Topic::Faults, Topic::Users, Topic::Limits, Topic::Seccomp, Topic::Gvisor];
            findings.extend(topics.map(|topic| topic.unknown(Is::NobodyToAsk)));
        }
    }
    findings
}

fn engine(examined: &[Examined]) -> Finding<'_> {
    let taken = examined.iter().find_map(|one| one.verdict.as_ref().ok().map(|notes| (one, notes)));
    if let Some((engine, notes)) = taken {
        return Topic::Engine.ok(Is::Taken { engine, notes });
    }
    // What is there and does not do is nearer to working than what is not there.
    let nearest = examined.iter().find_map(|one| match &one.verdict {
        Ok(_) | Err(WhyNot::NoSocket) => None,
        Err(why) => Some((one, why)),
    });
    let Some((engine, why)) = nearest else {
        let places = examined.iter().map(|one| one.address.as_str()).collect();
        return Topic::Engine.fail(Is::NothingAt(places), Mend::Install);
    };
    Topic::Engine.fail(Is::NotTaken { engine, why }, remedy(why))
}

const fn remedy(why: &WhyNot) -> Mend {
    match why {
        WhyNot::NoSocket => Mend::Install,
        WhyNot::Refused => Mend::Start,
        WhyNot::Denied => Mend::Admit,
        WhyNot::Mute { .. } => Mend::ReadItsLog,
        WhyNot::BadAddress { .. } => Mend::GiveAnAddress,
        WhyNot::Unfit(_) => Mend::Change,
    }
}

fn faults(testimony: &Testimony) -> Finding<'_> {
    let parts: Vec<Part<'_>> = testimony.parts.iter().map(|(name, version)| Part { name, version }).collect();
    if parts.is_empty() {
        return Topic::Faults.unknown(Is::PartsUnnamed);
    }
    let mut found = Vec::new();
    let mut unread = Vec::new();
    for part in &parts {
        match advisories::of(part.name, part.version) {
            Some(hits) => found.extend(hits.into_iter().map(|hit| Fault { part: *part, hit })),
            None => unread.push(*part),
        }
    }
    found.retain(|fault| fault.part.name != "Engine" || testimony.has_authorization_plugins);
    let Some(worst) = worst(&found) else {
        let watched = unread.iter().any(|part| WATCHED.iter().any(|name| part.name.starts_with(name)));
        return if watched { Topic::Faults.unknown(Is::PartsUnread(unread)) } else { Topic::Faults.ok(Is::NoFault(parts)) };
    };
    Topic::Faults.says(worst, Is::Faults(found)).mended_by(Mend::Update)
}

/// What is to be made of all of them together; nothing where there are none.
pub(super) fn worst(faults: &[Fault<'_>]) -> Option<Verdict> {
    faults.iter().map(|fault| verdict(fault.hit)).max_by_key(|verdict| weight(*verdict))
}

/// What a rig does by itself must not be open; what a distribution may have mended is for the owner to look up.
const fn verdict(hit: Hit) -> Verdict {
    match (hit.advisory.weight, hit.may_be_patched) {
        (Weight::Escape, false) => Verdict::Fail,
        (Weight::Escape, true) | (Weight::Remote, _) => Verdict::Warn,
    }
}

const fn weight(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Ok => 0,
        Verdict::Unknown => 1,
        Verdict::Warn => 2,
        Verdict::Fail => 3,
    }
}

fn users(testimony: &Testimony) -> Finding<'_> {
    match testimony.users {
        Users::Rootless => Topic::Users.ok(Is::Rootless),
        Users::Remapped => Topic::Users.ok(Is::Remapped),
        Users::Shared if testimony.in_a_vm => Topic::Users.ok(Is::SharedInVm),
        Users::Shared => Topic::Users.warn(Is::Shared, Mend::RemapUsers),
    }
}

fn limits(testimony: &Testimony) -> Finding<'_> {
    let (cgroups, limits) = (testimony.cgroup_version, testimony.limits_missing.as_slice());
    if !limits.is_empty() {
        return Topic::Limits.fail(Is::LimitsMissing { cgroups, limits }, Mend::BootWithVersion2);
    }
    let found = Is::LimitsWork { cgroups };
    match cgroups {
        Some(2) => Topic::Limits.ok(found),
        Some(_) => Topic::Limits.warn(found, Mend::PreferVersion2),
        None => Topic::Limits.unknown(found),
    }
}

fn seccomp(testimony: &Testimony) -> Finding<'_> {
    match &testimony.seccomp {
        Some(profile) => Topic::Seccomp.ok(Is::SeccompOn { profile }),
        None => Topic::Seccomp.fail(Is::SeccompOff, Mend::TurnSeccompOn),
    }
}

fn gvisor(testimony: &Testimony) -> Finding<'_> {
    let has = testimony.runtimes.iter().any(|name| name.contains("runsc"));
    Topic::Gvisor.ok(if has { Is::GvisorThere } else { Is::NoGvisor })
}
