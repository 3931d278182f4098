//! Disk, memory, and the agent's own files.

use super::gib;
use crate::{
    doctor::{
        facts::{Disk, Facts, Folder, FolderState, Memory, Reclaim, Written},
        findings::{Finding, PcFound as Is, PcRemedy as Mend, Topic},
    },
    runner::{DiskLimit, engine::Examined},
};

/// A PC with less is of little use: what jobs get would not hold an operating system's own programs.
const MEMORY_MIN_BYTES: u64 = 4 << 30;

pub(super) fn findings(facts: &Facts) -> Vec<Finding<'_>> {
    vec![
        folder(&facts.folder),
        written(Topic::Settings, &facts.settings, |path| Is::NoSettings { path }),
        written(Topic::Rules, &facts.rules, |path| Is::NoRules { path }),
        disk(&facts.disk),
        disk_limit(&facts.engines),
        memory(&facts.memory),
        vm_memory(&facts.engines, facts.wsl),
    ]
}

fn folder(Folder { path, state }: &Folder) -> Finding<'_> {
    let (topic, found) = (Topic::Folder, Is::Folder { path, state });
    match state {
        FolderState::Missing | FolderState::Private => topic.ok(found),
        FolderState::Exposed { .. } => topic.fail(found, Mend::CloseFolder { path }),
        FolderState::ReadOnly => topic.fail(found, Mend::MakeFolderWritable),
        FolderState::Foreign => topic.fail(found, Mend::BecomeItsUser),
        FolderState::NotAFolder | FolderState::Unusable(_) => topic.fail(found, Mend::UseAnotherFolder),
    }
}

fn written<'f>(topic: Topic, file: &'f Written, without: impl FnOnce(&'f str) -> Is<'f>) -> Finding<'f> {
    let Written { path, exists, problem } = file;
    match problem {
        Some(problem) => topic.fail(Is::NotUnderstood { problem }, Mend::ChangeLine { path }),
        None if *exists => topic.ok(Is::Understood { path }),
        None => topic.ok(without(path)),
    }
}

fn disk(disk: &Disk) -> Finding<'static> {
    let topic = Topic::Disk;
    let Some(free_bytes) = disk.free_bytes else { return topic.unknown(Is::FreeUntold) };
    let (usable, free) = (free_bytes.saturating_sub(disk.reserve_bytes), gib(free_bytes));
    if usable < 1 << 30 {
        return topic.fail(Is::FreeLittle { free }, Mend::RemoveThings);
    }
    match disk.cap_bytes {
        Some(cap) if usable < cap => topic.warn(Is::Free { free, given: gib(cap) }, Mend::FreeSpaceOrGiveLess),
        Some(cap) => topic.ok(Is::Free { free, given: gib(cap) }),
        None => topic.unknown(Is::FreeGivenUnknown { free }),
    }
}

fn disk_limit(engines: &[Examined]) -> Finding<'static> {
    let topic = Topic::DiskLimit;
    match engines.iter().find_map(|one| one.disk_limit) {
        Some(limit @ DiskLimit::LoopExt4) => topic.ok(Is::DiskLimit(limit)),
        Some(limit @ DiskLimit::FreeSpaceWatch) => topic.warn(Is::DiskLimit(limit), Mend::RunAsRoot),
        None => topic.unknown(Is::DiskLimitUntried),
    }
}

fn memory(memory: &Memory) -> Finding<'static> {
    let topic = Topic::Memory;
    let Some(total_bytes) = memory.total_bytes else { return topic.unknown(Is::MemoryUntold) };
    let found = Is::Memory { total: gib(total_bytes), given: memory.given_bytes.map(gib) };
    // A PC sold with 4 GiB tells of a little less.
    if total_bytes < MEMORY_MIN_BYTES / 10 * 9 { topic.warn(found, Mend::ExpectFewJobs) } else { topic.ok(found) }
}

fn vm_memory(engines: &[Examined], wsl: Option<Reclaim>) -> Finding<'static> {
    let topic = Topic::VmMemory;
    let Some(testimony) = engines.iter().find_map(|one| one.testimony.as_ref()) else {
        return topic.unknown(Is::NobodyTellsOfVm);
    };
    if !testimony.in_a_vm {
        return topic.ok(Is::NoVm);
    }
    match wsl {
        Some(Reclaim::On) => topic.ok(Is::Wsl(Reclaim::On)),
        Some(told @ (Reclaim::Off | Reclaim::Unwritten)) => topic.warn(Is::Wsl(told), Mend::TellWsl),
        None => topic.warn(Is::VmKeepsMemory, Mend::StopVm),
    }
}
