//! PCs, and what is said of them.

use std::time::Duration;

use headframe_protocol::control::{Checkup, Language, Verdict};

use super::*;
use crate::{
    doctor::{
        facts::{Coordinator, Desktop, FolderState, Gpus, Reclaim, Silence},
        judge,
        pcs::{good, not_taken, probe, says_otherwise, testimony},
    },
    runner::{
        DiskLimit,
        engine::{Limit, Testimony, Unfit, Users, WhyNot},
    },
};

fn said_of(facts: &Facts) -> Checkup {
    judge(facts, Language::English)
}

fn of(change: impl FnOnce(&mut Facts)) -> Checkup {
    let mut facts = good();
    change(&mut facts);
    said_of(&facts)
}

/// The check named `id` of a PC that is good but for `change`: its verdict, and that it says `says`.
#[track_caller]
fn check(id: &str, change: impl FnOnce(&mut Facts), verdict: Verdict, says: &str) {
    let checkup = of(change);
    let found = checkup.checks.iter().find(|check| check.id == id).expect("it is always looked at");
    assert_eq!(found.verdict, verdict, "{found:?}");
    let text = format!("{} {}", found.actual, found.fix.as_deref().unwrap_or_default());
    assert!(text.contains(says), "{says:?} is missing from {text:?}");
}

#[test]
fn of_a_good_pc_nothing_bad_is_said() {
    let checkup = said_of(&good());
    for check in &checkup.checks {
        let unmeasured = check.id == "bandwidth";
        assert_eq!(check.verdict, if unmeasured { Verdict::Unknown } else { Verdict::Ok }, "{check:?}");
    }
    assert!(!checkup.fails());
}

#[test]
fn whoever_is_told_of_a_fault_is_told_what_to_do_and_ids_are_unique() {
    let sick = of(|facts| {
        facts.engines = vec![not_taken(WhyNot::Denied)];
        facts.folder.state = FolderState::Exposed { mode: 0o755 };
        facts.disk.free_bytes = Some(1 << 30);
        facts.probes.clear();
        facts.rules.problem = Some("line 3".to_owned());
    });
    assert!(sick.fails());
    for check in &sick.checks {
        if matches!(check.verdict, Verdict::Warn | Verdict::Fail) {
            assert!(check.fix.as_ref().is_some_and(|fix| !fix.is_empty()), "{check:?}");
        }
        assert!(![&check.what, &check.actual, &check.required, &check.why].iter().any(|text| text.is_empty()), "{check:?}");
    }
    let mut ids: Vec<_> = sick.checks.iter().map(|check| check.id.as_str()).collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn an_engine_is_judged_by_what_kept_it_from_being_taken() {
    for (why, says) in [
        (WhyNot::NoSocket, "install Docker"),
        (WhyNot::Refused, "start the engine"),
        (WhyNot::Denied, "usermod -aG docker"),
        (WhyNot::Mute { detail: "no answer".to_owned() }, "no answer"),
        (WhyNot::BadAddress { address: "ftp://x".to_owned() }, "ftp://x"),
        (WhyNot::Unfit(Unfit::Podman), "Podman"),
    ] {
        check("engine", |facts| facts.engines = vec![not_taken(why)], Verdict::Fail, says);
    }
    check("engine", |facts| facts.engines.clear(), Verdict::Fail, "none found");
    // What is there and does not do is told of before what is not there.
    check(
        "engine",
        |facts| facts.engines = vec![not_taken(WhyNot::NoSocket), not_taken(WhyNot::Refused)],
        Verdict::Fail,
        "nobody answers",
    );
    let silent = of(|facts| facts.engines = vec![not_taken(WhyNot::Refused)]);
    for id in ["engine_faults", "user_namespaces", "limits", "seccomp", "gvisor", "disk_limit"] {
        let found = silent.checks.iter().find(|check| check.id == id).expect("looked at");
        assert_eq!(found.verdict, Verdict::Unknown, "what nobody said is not known: {found:?}");
    }
}

#[test]
fn a_known_way_out_of_containers_must_be_mended() {
    let with = |part: usize, version: &'static str| {
        move |facts: &mut Facts| says_otherwise(facts, |said| said.parts[part].1 = version.to_owned())
    };
    check("engine_faults", with(2, "1.1.11"), Verdict::Fail, "CVE-2024-21626");
    check("engine_faults", with(2, "1.2.5"), Verdict::Fail, "CVE-2025-52881");
    check("engine_faults", with(2, "1.1.5+ds1"), Verdict::Warn, "if its distribution has not mended it");
    check("engine_faults", with(1, "1.7.26"), Verdict::Warn, "CVE-2024-40635");
    check("engine_faults", with(2, "unknown"), Verdict::Unknown, "runc unknown");
    check("engine_faults", with(0, "27.1.0"), Verdict::Ok, "27.1.0");
    let guarded = |facts: &mut Facts| {
        says_otherwise(facts, |said| {
            said.parts[0].1 = "27.1.0".to_owned();
            said.has_authorization_plugins = true;
        });
    };
    check("engine_faults", guarded, Verdict::Warn, "CVE-2024-41110");
    check("engine_faults", |facts| says_otherwise(facts, |said| said.parts.clear()), Verdict::Unknown, "does not name its parts");
}

#[test]
fn the_cage_is_judged_wall_by_wall() {
    let users = |users, in_a_vm| {
        move |facts: &mut Facts| {
            says_otherwise(facts, |said| {
                said.users = users;
                said.in_a_vm = in_a_vm;
            });
        }
    };
    check("user_namespaces", users(Users::Shared, false), Verdict::Warn, "userns-remap");
    check("user_namespaces", users(Users::Shared, true), Verdict::Ok, "virtual machine");
    check("user_namespaces", users(Users::Rootless, false), Verdict::Ok, "not root");
    check(
        "limits",
        |facts| says_otherwise(facts, |said| said.limits_missing = vec![Limit::Memory]),
        Verdict::Fail,
        "no limit on memory",
    );
    check("limits", |facts| says_otherwise(facts, |said| said.cgroup_version = Some(1)), Verdict::Warn, "version 1");
    check("limits", |facts| says_otherwise(facts, |said| said.cgroup_version = None), Verdict::Unknown, "does not name");
    check("seccomp", |facts| says_otherwise(facts, |said| said.seccomp = None), Verdict::Fail, "off");
    check("gvisor", |facts| says_otherwise(facts, |said| said.runtimes.push("runsc".to_owned())), Verdict::Ok, "installed");
}

#[test]
fn a_card_is_looked_at_only_where_there_is_one() {
    let gpus = |change: fn(&mut Gpus)| {
        move |facts: &mut Facts| {
            facts.gpus = Gpus {
                on_the_bus: Some(1),
                models: vec!["RTX 4090".to_owned()],
                driver: Some(Ok("570.133".to_owned())),
                toolkit: Some("1.17.8".to_owned()),
                cdi_files: true,
            };
            change(&mut facts.gpus);
        }
    };
    check("gpu_driver", gpus(|_| {}), Verdict::Ok, "RTX 4090; driver 570.133");
    check("gpu_containers", gpus(|_| {}), Verdict::Ok, "toolkit 1.17.8");
    check("gpu_containers", gpus(|gpus| gpus.toolkit = Some("1.16.1".to_owned())), Verdict::Fail, "CVE-2024-0132");
    check("gpu_containers", gpus(|gpus| (gpus.toolkit, gpus.cdi_files) = (None, false)), Verdict::Warn, "not installed");
    check("gpu_containers", gpus(|gpus| gpus.toolkit = None), Verdict::Unknown, "version");
    let undriven = gpus(|gpus| {
        gpus.models.clear();
        gpus.driver = Some(Err("no library".to_owned()));
    });
    check("gpu_driver", undriven, Verdict::Warn, "no library");
    check("gpu_driver", |facts| facts.gpus.on_the_bus = None, Verdict::Unknown, "no driver answers");
    assert!(!of(|_| {}).checks.iter().any(|check| check.id == "gpu_containers"), "a PC without a card needs no toolkit");
}

#[test]
fn the_agents_own_things_are_judged() {
    for (state, verdict, says) in [
        (FolderState::Missing, Verdict::Ok, "first start"),
        (FolderState::Exposed { mode: 0o755 }, Verdict::Fail, "mode 755"),
        (FolderState::ReadOnly, Verdict::Fail, "nothing can be written"),
        (FolderState::Foreign, Verdict::Fail, "another user"),
        (FolderState::NotAFolder, Verdict::Fail, "not a folder"),
        (FolderState::Unusable("the disk is gone".to_owned()), Verdict::Fail, "the disk is gone"),
    ] {
        check("folder", |facts| facts.folder.state = state, verdict, says);
    }
    check("settings", |facts| facts.settings.problem = Some("line 1".to_owned()), Verdict::Fail, "line 1");
    check("rules", |facts| facts.rules.problem = Some("line 2".to_owned()), Verdict::Fail, "line 2");
    check("rules", |facts| facts.rules.exists = false, Verdict::Ok, "no /d/rules.toml");
}

#[test]
fn room_is_counted_beside_what_stays_the_owners() {
    let free = |gib: u64| move |facts: &mut Facts| facts.disk.free_bytes = Some(gib << 30);
    check("disk", free(62), Verdict::Ok, "62 GiB free");
    check("disk", free(61), Verdict::Warn, "disk_gib");
    check("disk", free(3), Verdict::Warn, "3 GiB free");
    check("disk", free(2), Verdict::Fail, "2 GiB free");
    check("disk", |facts| facts.disk.free_bytes = None, Verdict::Unknown, "does not tell");
    check("disk", |facts| facts.disk.cap_bytes = None, Verdict::Unknown, "settings are not understood");
    check("disk_limit", |facts| facts.engines[0].disk_limit = Some(DiskLimit::FreeSpaceWatch), Verdict::Warn, "once a second");
    check("disk_limit", |facts| facts.engines[0].disk_limit = None, Verdict::Unknown, "missing");
    check("memory", |facts| facts.memory.total_bytes = Some(2 << 30), Verdict::Warn, "2 GiB");
    check("memory", |facts| facts.memory.total_bytes = None, Verdict::Unknown, "does not tell");
}

#[test]
fn an_owner_nobody_can_see_is_told_so() {
    check("probes", |facts| facts.probes.clear(), Verdict::Fail, "away.require");
    check("probes", |facts| drop(facts.probes.remove(0)), Verdict::Warn, "none can tell whether you are here");
    let unasked = |facts: &mut Facts| {
        facts.probes.remove(0);
        facts.waits_for_away = false;
    };
    check("probes", unasked, Verdict::Ok, "do not ask for it");
    let broken = |facts: &mut Facts| facts.probes.push(probe("Processor heat", Err("the sensor is gone"), false));
    check("probes", broken, Verdict::Warn, "Processor heat: the sensor is gone");
    check("tray", |facts| facts.desktop = Desktop::default(), Verdict::Unknown, "no desktop session");
    check("secrets", |facts| facts.desktop = Desktop::default(), Verdict::Unknown, "no desktop session");
}

#[test]
fn a_clock_is_wrong_only_by_more_than_the_answer_can_tell() {
    let told = |ahead_ms, took_ms| {
        move |facts: &mut Facts| {
            let took = Duration::from_millis(took_ms);
            facts.coordinator = Coordinator::Told { host: "c".to_owned(), ahead_ms, took };
        }
    };
    check("clock", told(-60_000, 0), Verdict::Ok, "within a minute");
    check("clock", told(61_000, 0), Verdict::Warn, "61 s ahead of c");
    check("clock", told(-3_600_000, 100), Verdict::Warn, "3600 s behind c");
    check("clock", told(61_000, 2_000), Verdict::Ok, "within");
    check("clock", told(i64::MIN, 0), Verdict::Warn, "behind");
    let (host, why) = ("c".to_owned(), Silence::Nobody);
    check("clock", |facts| facts.coordinator = Coordinator::Silent { host, why }, Verdict::Unknown, "could not be asked");
    check("clock", |facts| facts.coordinator = Coordinator::NoClock { host: "c".to_owned() }, Verdict::Unknown, "does not say");
    check("clock", |facts| facts.coordinator = Coordinator::NotKnown, Verdict::Unknown, "no coordinator");
}

#[test]
fn an_owner_gets_his_memory_back_from_a_virtual_machine_or_is_told_how() {
    let in_a_vm = |wsl| {
        move |facts: &mut Facts| {
            facts.engines[0].testimony = Some(Testimony { in_a_vm: true, ..testimony() });
            facts.wsl = wsl;
        }
    };
    check("vm_memory", |_| {}, Verdict::Ok, "this system itself");
    check("vm_memory", in_a_vm(Some(Reclaim::On)), Verdict::Ok, "gives it back");
    check("vm_memory", in_a_vm(Some(Reclaim::Off)), Verdict::Warn, "autoMemoryReclaim=gradual");
    check("vm_memory", in_a_vm(Some(Reclaim::Unwritten)), Verdict::Warn, "wsl --shutdown");
    check("vm_memory", in_a_vm(None), Verdict::Warn, "podman machine stop");
    check("vm_memory", |facts| facts.engines.clear(), Verdict::Unknown, "no engine");
}
