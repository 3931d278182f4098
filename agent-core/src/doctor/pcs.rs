//! PCs that were made up: one of which nothing bad can be said, and for each thing that can be found one on which it is.

use std::time::Duration;

use headframe_protocol::control::{ProbeKind, ProbeView};

use super::facts::{Coordinator, Desktop, Disk, Facts, Folder, FolderState, Gpus, Memory, Reclaim, Silence, Written};
use crate::runner::{
    DiskLimit,
    engine::{Examined, Limit, Note, Testimony, Unfit, Users, WhyNot},
};

/// A PC of which nothing bad can be said.
pub(super) fn good() -> Facts {
    Facts {
        folder: Folder { path: "/d".to_owned(), state: FolderState::Private },
        settings: file("/d/agent.toml"),
        rules: file("/d/rules.toml"),
        engines: vec![Examined {
            name: "Docker 28.5.2".to_owned(),
            address: "unix:///var/run/docker.sock".to_owned(),
            verdict: Ok(Vec::new()),
            testimony: Some(testimony()),
            disk_limit: Some(DiskLimit::LoopExt4),
        }],
        gpus: Gpus { on_the_bus: Some(0), driver: Some(Err("no library".to_owned())), ..Gpus::default() },
        disk: Disk { free_bytes: Some(200 << 30), cap_bytes: Some(60 << 30), reserve_bytes: 2 << 30 },
        memory: Memory { total_bytes: Some(16 << 30), given_bytes: Some(12 << 30) },
        wsl: None,
        coordinator: Coordinator::Told { host: "c".to_owned(), ahead_ms: 1_500, took: Duration::from_millis(80) },
        waits_for_away: true,
        probes: vec![probe("X11 input", Ok("nothing touched for 3 min"), false), probe("Power", Err("no battery"), true)],
        desktop: Desktop { tray: Some(true), secrets: Some(false) },
    }
}

pub(super) fn testimony() -> Testimony {
    let part = |name: &str, version: &str| (name.to_owned(), version.to_owned());
    Testimony {
        parts: vec![
            part("Engine", "28.5.2"),
            part("containerd", "v1.7.29"),
            part("runc", "1.3.3"),
            part("docker-init", "0.19.0"),
        ],
        cgroup_version: Some(2),
        limits_missing: Vec::new(),
        seccomp: Some("builtin".to_owned()),
        users: Users::Remapped,
        has_authorization_plugins: false,
        runtimes: vec!["runc".to_owned()],
        devices: Vec::new(),
        in_a_vm: false,
    }
}

pub(super) fn probe(name: &str, says: Result<&str, &str>, absent: bool) -> ProbeView {
    let (says, works) = says.map_or_else(|why| (why, false), |says| (says, true));
    ProbeView { name: name.to_owned(), says: says.to_owned(), works, absent, ..ProbeView::default() }
}

fn file(path: &str) -> Written {
    Written { path: path.to_owned(), exists: true, problem: None }
}

/// The one that the window's invented agent is on: its clock is wrong, and nothing else.
pub(super) fn in_the_window() -> Facts {
    let dir = "/home/ada/.local/share/headframe/agent";
    let kind = |kind, says| ProbeView { kind: Some(kind), ..says };
    let mut facts = Facts {
        folder: Folder { path: dir.to_owned(), state: FolderState::Private },
        settings: file(&format!("{dir}/agent.toml")),
        rules: file(&format!("{dir}/rules.toml")),
        gpus: Gpus {
            on_the_bus: Some(1),
            models: vec!["NVIDIA GeForce RTX 4090".to_owned()],
            driver: Some(Ok("580.95.05".to_owned())),
            toolkit: Some("1.18.1".to_owned()),
            cdi_files: true,
        },
        disk: Disk { free_bytes: Some(412 << 30), ..good().disk },
        memory: Memory { total_bytes: Some(32 << 30), given_bytes: Some(24 << 30) },
        coordinator: Coordinator::Told {
            host: "coordinator.attic.example".to_owned(),
            ahead_ms: 94_000,
            took: Duration::from_millis(80),
        },
        probes: vec![
            kind(ProbeKind::Input, probe("X11 input", Ok("you are away"), false)),
            kind(ProbeKind::Power, probe("Power", Ok("on mains power"), false)),
            kind(ProbeKind::Fullscreen, probe("Full screen", Ok("no window fills the screen"), false)),
            kind(ProbeKind::Gpus, probe("Graphics cards", Ok("measured"), false)),
            kind(ProbeKind::Gamepad, probe("Gamepad", Err("there is no gamepad"), true)),
        ],
        desktop: Desktop { tray: Some(true), secrets: Some(true) },
        ..good()
    };
    let engine = &mut facts.engines[0];
    (engine.name, engine.verdict) = ("Docker 20.10.24".to_owned(), Ok(vec![Note::EndsJobs]));
    says_otherwise(&mut facts, |said| said.parts[0].1 = "20.10.24".to_owned());
    facts
}

/// The same without an engine, at the places where one is looked for.
pub(super) fn without_an_engine() -> Facts {
    let places = ["/var/run", "/home/ada/.docker/desktop", "/run/user/1000"];
    let nothing_at = |folder| Examined { address: format!("unix://{folder}/docker.sock"), ..not_taken(WhyNot::NoSocket) };
    Facts { engines: places.map(nothing_at).to_vec(), ..in_the_window() }
}

/// An engine that was looked at and is not taken.
pub(super) fn not_taken(why: WhyNot) -> Examined {
    let (name, address) = ("Docker".to_owned(), "unix:///x".to_owned());
    Examined { name, address, verdict: Err(why), testimony: None, disk_limit: None }
}

/// Lets the engine of a good PC say something else of itself.
pub(super) fn says_otherwise(facts: &mut Facts, change: impl FnOnce(&mut Testimony)) {
    change(facts.engines[0].testimony.as_mut().expect("it speaks"));
}

/// One PC for each thing that can be found, and the id of the check that tells of it.
pub(super) fn one_for_each_finding() -> Vec<(&'static str, Facts)> {
    [engines(), walls(), cards(), folders(), room(), owners(), clocks()].concat()
}

/// Good but for `change`.
fn but(id: &'static str, change: impl FnOnce(&mut Facts)) -> (&'static str, Facts) {
    let mut facts = good();
    change(&mut facts);
    (id, facts)
}

fn engines() -> Vec<(&'static str, Facts)> {
    let mut pcs = vec![
        but("engine", |_| {}),
        but("engine", |facts| facts.engines[0].verdict = Ok(vec![Note::NoSwapLimit, Note::EndsJobs])),
        but("engine", |facts| facts.engines = vec![not_taken(WhyNot::NoSocket), not_taken(WhyNot::NoSocket)]),
        but("engine", |facts| facts.engines.clear()),
    ];
    for why in [
        WhyNot::Refused,
        WhyNot::Denied,
        WhyNot::Mute { detail: "no answer within 10 s".to_owned() },
        WhyNot::BadAddress { address: "ftp://x".to_owned() },
        WhyNot::Unfit(Unfit::TooOld { api: "1.40".to_owned() }),
        WhyNot::Unfit(Unfit::Podman),
        WhyNot::Unfit(Unfit::NotLinux { os: "windows".to_owned() }),
        WhyNot::Unfit(Unfit::LimitsDoNotWork {
            limits: vec![Limit::Memory, Limit::Processes, Limit::ProcessorTime, Limit::Swap],
        }),
        WhyNot::Unfit(Unfit::NoSeccomp),
    ] {
        pcs.push(but("engine", |facts| facts.engines = vec![not_taken(why)]));
    }
    for id in ["engine_faults", "user_namespaces", "limits", "seccomp", "gvisor", "disk_limit", "vm_memory"] {
        pcs.push(but(id, |facts| facts.engines.clear()));
    }
    pcs
}

fn walls() -> Vec<(&'static str, Facts)> {
    let with = |id, change: fn(&mut Testimony)| but(id, |facts| says_otherwise(facts, change));
    let part = |name: &'static str, version: &'static str| {
        but("engine_faults", |facts| says_otherwise(facts, |said| said.parts = vec![(name.to_owned(), version.to_owned())]))
    };
    vec![
        but("engine_faults", |_| {}),
        with("engine_faults", |said| said.parts.clear()),
        part("runc", "unknown"),
        part("runc", "1.1.11"),
        part("runc", "1.1.5+ds1"),
        part("containerd", "1.7.26"),
        part("containerd", "2.1.0"),
        part("Docker Desktop", "4.44.2"),
        with("engine_faults", |said| {
            said.parts[0].1 = "27.1.0".to_owned();
            said.has_authorization_plugins = true;
        }),
        with("user_namespaces", |said| said.users = Users::Rootless),
        with("user_namespaces", |said| said.users = Users::Remapped),
        with("user_namespaces", |said| (said.users, said.in_a_vm) = (Users::Shared, true)),
        with("user_namespaces", |said| said.users = Users::Shared),
        with("limits", |said| said.limits_missing = vec![Limit::Memory]),
        with("limits", |said| {
            (said.limits_missing, said.cgroup_version) = (vec![Limit::Processes, Limit::ProcessorTime], Some(1))
        }),
        with("limits", |said| (said.limits_missing, said.cgroup_version) = (vec![Limit::Memory], None)),
        with("limits", |_| {}),
        with("limits", |said| said.cgroup_version = Some(1)),
        with("limits", |said| said.cgroup_version = None),
        with("seccomp", |_| {}),
        with("seccomp", |said| said.seccomp = None),
        with("gvisor", |_| {}),
        with("gvisor", |said| said.runtimes.push("runsc".to_owned())),
    ]
}

fn cards() -> Vec<(&'static str, Facts)> {
    let with = |id, change: fn(&mut Gpus)| {
        but(id, |facts| {
            facts.gpus = Gpus {
                on_the_bus: Some(1),
                models: vec!["RTX 4090".to_owned()],
                driver: Some(Ok("570.133".to_owned())),
                toolkit: Some("1.17.8".to_owned()),
                cdi_files: true,
            };
            change(&mut facts.gpus);
        })
    };
    let driver = |on_the_bus, driver: Option<Result<&'static str, &'static str>>| {
        but("gpu_driver", |facts| {
            let driver = driver.map(|said| said.map(str::to_owned).map_err(str::to_owned));
            facts.gpus = Gpus { on_the_bus, driver, ..Gpus::default() };
        })
    };
    vec![
        with("gpu_driver", |_| {}),
        driver(Some(1), Some(Ok("570.133"))),
        driver(Some(0), None),
        driver(Some(1), Some(Err("no library"))),
        driver(Some(2), Some(Err("no library"))),
        driver(Some(3), Some(Err("no library"))),
        driver(Some(1), None),
        driver(Some(2), None),
        driver(Some(11), None),
        driver(None, None),
        with("gpu_containers", |_| {}),
        with("gpu_containers", |gpus| gpus.cdi_files = false),
        with("gpu_containers", |gpus| (gpus.toolkit, gpus.cdi_files) = (None, false)),
        with("gpu_containers", |gpus| gpus.toolkit = None),
        with("gpu_containers", |gpus| gpus.toolkit = Some("unknown".to_owned())),
        with("gpu_containers", |gpus| gpus.toolkit = Some("1.16.1".to_owned())),
        with("gpu_containers", |gpus| gpus.toolkit = Some("1.17.7-1ubuntu".to_owned())),
    ]
}

fn folders() -> Vec<(&'static str, Facts)> {
    let states = [
        FolderState::Missing,
        FolderState::Private,
        FolderState::Exposed { mode: 0o755 },
        FolderState::ReadOnly,
        FolderState::Foreign,
        FolderState::NotAFolder,
        FolderState::Unusable("Input/output error (os error 5)".to_owned()),
    ];
    let mut pcs: Vec<_> = states.into_iter().map(|state| but("folder", |facts| facts.folder.state = state)).collect();
    for (id, pick) in [("settings", settings as fn(&mut Facts) -> &mut Written), ("rules", rules)] {
        pcs.extend([
            but(id, |_| {}),
            but(id, |facts| pick(facts).exists = false),
            but(id, |facts| pick(facts).problem = Some("line 3: unknown key".to_owned())),
        ]);
    }
    pcs
}

fn settings(facts: &mut Facts) -> &mut Written {
    &mut facts.settings
}

fn rules(facts: &mut Facts) -> &mut Written {
    &mut facts.rules
}

fn room() -> Vec<(&'static str, Facts)> {
    let in_a_vm = |wsl| {
        but("vm_memory", |facts| {
            says_otherwise(facts, |said| said.in_a_vm = true);
            facts.wsl = wsl;
        })
    };
    vec![
        but("disk", |_| {}),
        but("disk", |facts| facts.disk.free_bytes = Some(3 << 30)),
        but("disk", |facts| facts.disk.free_bytes = Some(2 << 30)),
        but("disk", |facts| facts.disk.free_bytes = None),
        but("disk", |facts| facts.disk.cap_bytes = None),
        but("disk_limit", |_| {}),
        but("disk_limit", |facts| facts.engines[0].disk_limit = Some(DiskLimit::FreeSpaceWatch)),
        but("memory", |_| {}),
        but("memory", |facts| facts.memory.given_bytes = None),
        but("memory", |facts| facts.memory.total_bytes = Some(2 << 30)),
        but("memory", |facts| facts.memory.total_bytes = None),
        but("vm_memory", |_| {}),
        in_a_vm(Some(Reclaim::On)),
        in_a_vm(Some(Reclaim::Off)),
        in_a_vm(Some(Reclaim::Unwritten)),
        in_a_vm(None),
    ]
}

fn owners() -> Vec<(&'static str, Facts)> {
    let desktop = |id, has| but(id, move |facts| facts.desktop = Desktop { tray: has, secrets: has });
    let broken = probe("Processor heat", Err("the sensor is gone"), false);
    vec![
        but("probes", |_| {}),
        but("probes", |facts| facts.probes = of_each_kind()),
        but("probes", |facts| facts.probes.clear()),
        but("probes", |facts| facts.probes.push(broken)),
        but("probes", |facts| drop(facts.probes.remove(0))),
        but("probes", |facts| {
            facts.probes.remove(0);
            facts.waits_for_away = false;
        }),
        desktop("tray", Some(true)),
        desktop("tray", Some(false)),
        desktop("tray", None),
        desktop("secrets", Some(true)),
        desktop("secrets", Some(false)),
        desktop("secrets", None),
    ]
}

/// A probe of each kind that has a name in every language.
fn of_each_kind() -> Vec<ProbeView> {
    [
        ("X11 input", ProbeKind::Input),
        ("Gamepad", ProbeKind::Gamepad),
        ("Session", ProbeKind::Session),
        ("Power", ProbeKind::Power),
        ("UPS", ProbeKind::Ups),
        ("Metered connection", ProbeKind::Metered),
        ("Processor heat", ProbeKind::Heat),
        ("Other programs' load", ProbeKind::Load),
        ("Programs", ProbeKind::Programs),
        ("Full screen", ProbeKind::Fullscreen),
        ("Graphics cards", ProbeKind::Gpus),
    ]
    .map(|(name, kind)| ProbeView { kind: Some(kind), ..probe(name, Ok("measured"), false) })
    .to_vec()
}

fn clocks() -> Vec<(&'static str, Facts)> {
    let told = |ahead_ms| {
        but("clock", move |facts| {
            facts.coordinator = Coordinator::Told { host: "c".to_owned(), ahead_ms, took: Duration::ZERO };
        })
    };
    let silent = |why| but("clock", move |facts| facts.coordinator = Coordinator::Silent { host: "c".to_owned(), why });
    vec![
        told(0),
        told(94_000),
        told(-3_605_000),
        silent(Silence::NoAddress),
        silent(Silence::CannotAsk),
        silent(Silence::Late { after_s: 5 }),
        silent(Silence::Nobody),
        silent(Silence::Unreadable),
        but("clock", |facts| facts.coordinator = Coordinator::NoClock { host: "c".to_owned() }),
        but("clock", |facts| facts.coordinator = Coordinator::NotKnown),
        but("bandwidth", |_| {}),
    ]
}
