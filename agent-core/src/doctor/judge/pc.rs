//! Disk, memory, and the agent's own files.

use headframe_protocol::control::Check;

use super::{Topic, gib};
use crate::{
    doctor::facts::{Disk, Facts, Folder, FolderState, Memory, Reclaim, Written},
    runner::{DiskLimit, engine::Examined},
};

/// A PC with less is of little use: what jobs get would not hold an operating system's own programs.
const MEMORY_MIN_BYTES: u64 = 4 << 30;

const FOLDER: Topic = Topic {
    id: "folder",
    what: "Agent's folder",
    required: "a folder of this user's own that nobody else may read",
    why: "the rig's key and its journal are in it",
};

const SETTINGS: Topic = Topic {
    id: "settings",
    what: "Settings",
    required: "a file that is understood, or none",
    why: "an agent does not start with settings it does not understand",
};

const RULES: Topic = Topic {
    id: "rules",
    what: "Rules",
    required: "a file that is understood, or none",
    why: "nothing works by rules that are not understood",
};

const DISK: Topic = Topic {
    id: "disk",
    what: "Disk",
    required: "as much free as the settings give to images and jobs, and 2 GiB that stay yours",
    why: "a rig with too little room gets few jobs",
};

const WORK: Topic = Topic {
    id: "disk_limit",
    what: "Limit on jobs' disk use",
    required: "a file system of the size the job asked for; a watch over the free space is the second best",
    why: "a job must not fill your disk",
};

const MEMORY: Topic = Topic {
    id: "memory",
    what: "Memory",
    required: "4 GiB or more",
    why: "jobs get a part of it, and the rest must be enough for you",
};

const VM_MEMORY: Topic = Topic {
    id: "vm_memory",
    what: "Memory of the engine's virtual machine",
    required: "a virtual machine that gives back what nobody uses, or none",
    why: "else what a job needed is missing from your PC after it",
};

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    vec![
        folder(&facts.folder),
        written(SETTINGS, &facts.settings, "the defaults hold"),
        written(RULES, &facts.rules, "those of a guest hold: work while you are away"),
        disk(&facts.disk),
        work(&facts.engines),
        memory(&facts.memory),
        vm_memory(&facts.engines, facts.wsl),
    ]
}

fn folder(Folder { path, state }: &Folder) -> Check {
    match state {
        FolderState::Missing => FOLDER.ok(format!("{path} is made at the first start")),
        FolderState::Private => FOLDER.ok(format!("{path}, for this user only")),
        FolderState::Exposed { mode } => {
            FOLDER.fail(format!("{path} may be read by others (mode {mode:03o})"), format!("`chmod 700 {path}`"))
        }
        FolderState::ReadOnly => {
            FOLDER.fail(format!("nothing can be written to {path}"), "free some space, or mend the folder's permissions")
        }
        FolderState::Foreign => FOLDER
            .fail(format!("{path} belongs to another user"), "run the agent as that user, or give it a folder with --data-dir"),
        FolderState::Unusable(why) => {
            FOLDER.fail(format!("{path} cannot be used: {why}"), "give the agent another folder with --data-dir")
        }
    }
}

fn written(topic: Topic, file: &Written, without: &str) -> Check {
    let Written { path, exists, problem } = file;
    match problem {
        Some(problem) => topic.fail(problem.clone(), format!("change the line in {path}, or remove it")),
        None if *exists => topic.ok(format!("{path} is understood")),
        None => topic.ok(format!("no {path}; {without}")),
    }
}

fn disk(disk: &Disk) -> Check {
    let Some(free) = disk.free_bytes else { return DISK.unknown("this system does not tell how much is free") };
    let usable = free.saturating_sub(disk.reserve_bytes);
    if usable < 1 << 30 {
        return DISK.fail(format!("{} GiB free", gib(free)), "remove what you no longer need");
    }
    match disk.cap_bytes {
        Some(cap) if usable < cap => DISK.warn(
            format!("{} GiB free; your settings give {} GiB to images and jobs", gib(free), gib(cap)),
            "free some space, or set `limits.disk_gib` in agent.toml lower; it works with less",
        ),
        Some(cap) => DISK.ok(format!("{} GiB free; your settings give {} GiB to images and jobs", gib(free), gib(cap))),
        None => DISK
            .unknown(format!("{} GiB free; what you give to jobs is not known, as the settings are not understood", gib(free))),
    }
}

fn work(engines: &[Examined]) -> Check {
    match engines.iter().find_map(|one| one.disk_limit) {
        Some(limit @ DiskLimit::LoopExt4) => WORK.ok(limit.to_string()),
        Some(limit @ DiskLimit::FreeSpaceWatch) => WORK.warn(
            limit.to_string(),
            "run the agent as root on the engine's own system if you want the stricter one; the watch ends a job before your disk is full",
        ),
        None => WORK.unknown("it is tried out with an engine, in the agent's folder; one of them is missing"),
    }
}

fn vm_memory(engines: &[Examined], wsl: Option<Reclaim>) -> Check {
    let Some(testimony) = engines.iter().find_map(|one| one.testimony.as_ref()) else {
        return VM_MEMORY.unknown("no engine tells where it runs");
    };
    if !testimony.in_a_vm {
        return VM_MEMORY.ok("the engine runs on this system itself");
    }
    let fix =
        "write `autoMemoryReclaim=gradual` under `[experimental]` in .wslconfig in your user folder, then run `wsl --shutdown`";
    match wsl {
        Some(Reclaim::On) => VM_MEMORY.ok("WSL gives it back"),
        Some(Reclaim::Off) => VM_MEMORY.warn("WSL is told to keep it", fix),
        Some(Reclaim::Unwritten) => VM_MEMORY.warn("WSL is not told, and older versions keep it", fix),
        None => VM_MEMORY.warn(
            "it is kept until the virtual machine stops",
            "stop it when you need the memory, such as with `podman machine stop` or `colima stop`; the rig waits until it is back",
        ),
    }
}

fn memory(memory: &Memory) -> Check {
    let Some(total) = memory.total_bytes else { return MEMORY.unknown("this system does not tell how much there is") };
    let given = memory.given_bytes.map(|given| format!("; jobs get at most {} of them", gib(given))).unwrap_or_default();
    let found = format!("{} GiB{given}", gib(total));
    // A PC sold with 4 GiB tells of a little less.
    if total < MEMORY_MIN_BYTES / 10 * 9 {
        MEMORY.warn(found, "few jobs fit; nothing is wrong otherwise")
    } else {
        MEMORY.ok(found)
    }
}
