//! The container engine: whether there is one, and how well it keeps strangers apart from the owner.

use headframe_protocol::control::{Check, Verdict};

use super::{Mend as _, Topic};
use crate::{
    doctor::advisories::{self, Hit, Weight},
    runner::engine::{Examined, Testimony, Users, WhyNot},
};

const ENGINE: Topic = Topic {
    id: "engine",
    what: "Container engine",
    required: "Docker 20.10 or newer, or what speaks its language, running and open to this user",
    why: "jobs run in containers and nowhere else",
};

const FAULTS: Topic = Topic {
    id: "engine_faults",
    what: "Known faults of the engine",
    required: "no part with a known way out of its container",
    why: "jobs are strangers' programs",
};

const USERS: Topic = Topic {
    id: "user_namespaces",
    what: "Users in containers",
    required: "user namespaces: a rootless engine, one with userns-remap, or one in a VM",
    why: "whoever breaks out of a container is then nobody outside",
};

const CGROUPS: Topic = Topic {
    id: "limits",
    what: "Limits on jobs",
    required: "control groups version 2, with limits on memory, processes and processor time",
    why: "a job must not take the whole PC",
};

const SECCOMP: Topic = Topic {
    id: "seccomp",
    what: "System calls of jobs",
    required: "the engine's default seccomp profile on",
    why: "most ways out of a container begin with a rare system call; Headframe adds a stricter list of its own",
};

const GVISOR: Topic = Topic {
    id: "gvisor",
    what: "gVisor",
    required: "nothing; it is good to have",
    why: "it can put one more wall around jobs that need no graphics card",
};

pub(super) fn checks(examined: &[Examined]) -> Vec<Check> {
    let mut checks = vec![engine(examined)];
    let spoken = examined.iter().find(|one| one.verdict.is_ok()).or_else(|| examined.iter().find(|one| one.testimony.is_some()));
    match spoken.and_then(|one| one.testimony.as_ref()) {
        Some(testimony) => {
            checks.extend([faults(testimony), users(testimony), limits(testimony), seccomp(testimony), gvisor(testimony)]);
        }
        None => {
            let silent = |topic: Topic| topic.unknown("no engine answers that could be asked");
            checks.extend([FAULTS, USERS, CGROUPS, SECCOMP, GVISOR].map(silent));
        }
    }
    checks
}

fn engine(examined: &[Examined]) -> Check {
    if let Some(taken) = examined.iter().find(|one| one.verdict.is_ok()) {
        let Ok(notes) = &taken.verdict else { return ENGINE.unknown("nothing was looked at") };
        let found = format!("{} at {}", taken.name, taken.address);
        return if notes.is_empty() { ENGINE.ok(found) } else { ENGINE.ok(format!("{found}. {}", notes.join(" "))) };
    }
    // What is there and does not do is nearer to working than what is not there.
    let nearest = examined.iter().find_map(|one| match &one.verdict {
        Ok(_) | Err(WhyNot::NoSocket) => None,
        Err(why) => Some((one, why)),
    });
    let Some((one, why)) = nearest else {
        let places = examined.iter().map(|one| one.address.as_str()).collect::<Vec<_>>().join(", ");
        let found = format!("none found; looked at {places}");
        return ENGINE.fail(found, "install Docker (https://docs.docker.com/engine/install) and start it");
    };
    ENGINE.fail(format!("{} at {}: {why}", one.name, one.address), remedy(why))
}

fn remedy(why: &WhyNot) -> &'static str {
    match why {
        WhyNot::NoSocket => "install Docker and start it",
        WhyNot::Refused => "start the engine, for Docker on Linux: `sudo systemctl start docker`",
        WhyNot::Denied => "add this user to the engine's group, for Docker: `sudo usermod -aG docker $USER`, and log in again",
        WhyNot::Mute { .. } => "look at the engine's own log, and start it again",
        WhyNot::BadAddress { .. } => "set `engine.socket` in agent.toml, or DOCKER_HOST, to an address as named above",
        WhyNot::Unfit(_) => "change the engine as said, or use another; `engine.socket` in agent.toml chooses",
    }
}

fn faults(testimony: &Testimony) -> Check {
    let Testimony { parts, .. } = testimony;
    let versions = parts.iter().map(|(part, version)| format!("{part} {version}")).collect::<Vec<_>>().join(", ");
    if parts.is_empty() {
        return FAULTS.unknown("the engine does not name its parts");
    }
    let mut found: Vec<(&str, &str, Hit)> = Vec::new();
    let mut unread = Vec::new();
    for (part, version) in parts {
        match advisories::of(part, version) {
            Some(hits) => found.extend(hits.into_iter().map(|hit| (part.as_str(), version.as_str(), hit))),
            None => unread.push(format!("{part} {version}")),
        }
    }
    found.retain(|(part, _, _)| *part != "Engine" || testimony.has_authorization_plugins);
    let Some(worst) = found.iter().map(|(_, _, hit)| verdict(*hit)).max_by_key(|verdict| weight(*verdict)) else {
        let watched = ["runc", "containerd", "Engine"].iter().any(|part| unread.iter().any(|text| text.starts_with(part)));
        return if watched { FAULTS.unknown(format!("of {} nothing is known", unread.join(", "))) } else { FAULTS.ok(versions) };
    };
    let says = found.iter().map(|(part, version, hit)| told(part, version, *hit)).collect::<Vec<_>>().join("; ");
    let fix = "bring the engine and its parts up to date. A distribution may mend a fault without changing the number: its security pages tell";
    FAULTS.says(worst, says).to_mend(fix)
}

/// What a rig does by itself must not be open; what a distribution may have mended is for the owner to look up.
pub(super) const fn verdict(hit: Hit) -> Verdict {
    match (hit.advisory.weight, hit.may_be_patched) {
        (Weight::Escape, false) => Verdict::Fail,
        (Weight::Escape, true) | (Weight::Remote, _) => Verdict::Warn,
    }
}

pub(super) const fn weight(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Ok => 0,
        Verdict::Unknown => 1,
        Verdict::Warn => 2,
        Verdict::Fail => 3,
    }
}

pub(super) fn told(part: &str, version: &str, hit: Hit) -> String {
    let mended = hit.advisory.mended.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    let built = if hit.may_be_patched { ", if its distribution has not mended it" } else { "" };
    format!("{part} {version} has {} ({}; mended in {mended}{built})", hit.advisory.ids, hit.advisory.what)
}

fn users(testimony: &Testimony) -> Check {
    match testimony.users {
        Users::Rootless => USERS.ok("the engine itself is not root"),
        Users::Remapped => USERS.ok("root in a container is another user outside"),
        Users::Shared if testimony.in_a_vm => USERS.ok("shared, inside a virtual machine of the engine's"),
        Users::Shared => USERS.warn(
            "root in a container is root outside; Headframe runs jobs as nobody and without privileges",
            "set `\"userns-remap\": \"default\"` in /etc/docker/daemon.json and restart Docker. Jobs' disk use is then only watched",
        ),
    }
}

fn limits(testimony: &Testimony) -> Check {
    let version = testimony.cgroup_version.map_or_else(|| "of unknown version".to_owned(), |number| format!("version {number}"));
    if !testimony.limits_missing.is_empty() {
        let found = format!("control groups {version}; no limit on {}", testimony.limits_missing.join(", "));
        return CGROUPS.fail(found, "boot with control groups version 2 (`systemd.unified_cgroup_hierarchy=1`)");
    }
    match testimony.cgroup_version {
        Some(2) => CGROUPS.ok("control groups version 2; all limits work"),
        Some(_) => CGROUPS.warn(
            format!("control groups {version}; all limits work"),
            "version 2 holds limits more strictly; current systems boot with it",
        ),
        None => CGROUPS.unknown("the limits work, and the engine does not name the version of control groups"),
    }
}

fn seccomp(testimony: &Testimony) -> Check {
    match &testimony.seccomp {
        Some(profile) => SECCOMP.ok(format!("on ({profile})")),
        None => SECCOMP.fail("off", "remove `seccomp-profile: unconfined` from the engine's settings and restart it"),
    }
}

fn gvisor(testimony: &Testimony) -> Check {
    let has = testimony.runtimes.iter().any(|name| name.contains("runsc"));
    GVISOR.ok(if has { "installed" } else { "not installed" })
}
