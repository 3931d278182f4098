//! The processes of the PC, as `NtQuerySystemInformation` lists them, and which of them are ours.
//!
//! It lists all there are in one call, also those that this user may not open: the virtual machine that jobs run in is one.

use std::collections::HashMap;

use super::super::usage::Used;

/// The engines' virtual machine, and the programs that keep it: what they do is jobs', or unpacking images for them. What the owner
/// himself does inside that machine cannot be told apart.
const ENGINES: [&str; 8] = [
    "vmmemWSL",
    "vmmem",
    "wslservice.exe",
    "dockerd.exe",
    "containerd.exe",
    "com.docker.backend.exe",
    "com.docker.build.exe",
    "podman.exe",
];

/// The most generations that are looked back for a process's origin.
const GENERATIONS_MAX: usize = 32;

/// The most processes that are read from one list.
const PROCESSES_MAX: usize = 100_000;

/// A process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// Who started it, if that one still runs; else its number may be somebody else's by now.
    pub(super) parent: u32,
    pub(super) session: u32,
    /// When it was started, in units of 100 ns.
    pub(super) created: u64,
    /// What it has used of the processor, in units of 100 ns.
    pub(super) used: u64,
    /// The name of its file, without the folder.
    pub(super) name: String,
}

/// Where `SYSTEM_PROCESS_INFORMATION` has what, on 64 bits. What Microsoft names "reserved" is what every list of tasks shows.
pub(super) mod place {
    pub(in super::super) const NEXT: usize = 0;
    pub(in super::super) const CREATED: usize = 32;
    pub(in super::super) const USER: usize = 40;
    pub(in super::super) const KERNEL: usize = 48;
    pub(in super::super) const NAME: usize = 56;
    pub(in super::super) const NAME_AT: usize = 64;
    pub(in super::super) const PID: usize = 80;
    pub(in super::super) const PARENT: usize = 88;
    pub(in super::super) const SESSION: usize = 100;
}

/// Reads a list that lies at the address `base`, to which the names in it point. What makes no sense ends it.
pub(super) fn parsed(list: &[u8], base: u64) -> Vec<Process> {
    let mut processes = Vec::new();
    let mut entry = list;
    while processes.len() < PROCESSES_MAX {
        let Some(process) = one(entry, list, base) else { break };
        processes.push(process);
        match u32_at(entry, place::NEXT) {
            Some(0) | None => break,
            // Always forwards, so that it ends.
            Some(next) => entry = usize::try_from(next).ok().and_then(|next| entry.get(next..)).unwrap_or_default(),
        }
    }
    processes
}

fn one(entry: &[u8], list: &[u8], base: u64) -> Option<Process> {
    let length = usize::from(u16::from_le_bytes(bytes(entry, place::NAME)?));
    let at = u64_at(entry, place::NAME_AT)?.checked_sub(base).and_then(|at| usize::try_from(at).ok());
    // The process that is idleness has no name.
    let name = at.and_then(|at| list.get(at..at.checked_add(length)?)).unwrap_or_default();
    let letters = name.as_chunks::<2>().0.iter().map(|letter| u16::from_le_bytes(*letter));
    Some(Process {
        pid: u32_at(entry, place::PID)?,
        parent: u32_at(entry, place::PARENT)?,
        session: u32_at(entry, place::SESSION)?,
        created: u64_at(entry, place::CREATED)?,
        used: u64_at(entry, place::USER)?.saturating_add(u64_at(entry, place::KERNEL)?),
        name: char::decode_utf16(letters).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect(),
    })
}

fn bytes<const N: usize>(entry: &[u8], at: usize) -> Option<[u8; N]> {
    entry.get(at..)?.first_chunk().copied()
}

fn u32_at(entry: &[u8], at: usize) -> Option<u32> {
    bytes(entry, at).map(u32::from_le_bytes)
}

fn u64_at(entry: &[u8], at: usize) -> Option<u64> {
    bytes(entry, at).map(u64::from_le_bytes)
}

/// What of `busy` is this process's (`me`), its children's, and the engines'.
pub(super) fn used(processes: &[Process], me: u32, total: u64, busy: u64) -> Used {
    let by_pid: HashMap<u32, &Process> = processes.iter().map(|process| (process.pid, process)).collect();
    let is_ours = |process: &Process| process.pid == me || ENGINES.iter().any(|name| process.name.eq_ignore_ascii_case(name));
    let comes_from_us = |process: &Process| {
        let mut process = process;
        for _ in 0..GENERATIONS_MAX {
            if is_ours(process) {
                return true;
            }
            match by_pid.get(&process.parent) {
                Some(parent) if parent.created <= process.created && parent.pid != process.pid => process = *parent,
                Some(_) | None => return false,
            }
        }
        false
    };
    let ours = processes.iter().filter(|process| comes_from_us(process)).map(|process| process.used).sum();
    Used { total, busy, ours }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BASE: u64 = 0x7ff0_0000_1000;
    const ENTRY: usize = 104;

    fn process(pid: u32, parent: u32, name: &str, used: u64) -> Process {
        Process { pid, parent, session: 1, created: u64::from(pid), used, name: name.to_owned() }
    }

    /// Lays a list out as Windows does: each entry with its name behind it.
    fn laid_out(processes: &[Process]) -> Vec<u8> {
        let mut list = Vec::new();
        for (index, process) in processes.iter().enumerate() {
            let start = list.len();
            let letters: Vec<u8> = process.name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let size = (ENTRY + letters.len()).next_multiple_of(8);
            let mut entry = vec![0; size];
            let mut put = |at: usize, value: &[u8]| entry[at..at + value.len()].copy_from_slice(value);
            let next = if index + 1 < processes.len() { u32::try_from(size).expect("small") } else { 0 };
            put(place::NEXT, &next.to_le_bytes());
            put(place::CREATED, &process.created.to_le_bytes());
            put(place::USER, &(process.used / 2).to_le_bytes());
            put(place::KERNEL, &(process.used - process.used / 2).to_le_bytes());
            put(place::NAME, &u16::try_from(letters.len()).expect("small").to_le_bytes());
            let at = if letters.is_empty() { 0 } else { BASE + u64::try_from(start + ENTRY).expect("small") };
            put(place::NAME_AT, &at.to_le_bytes());
            put(place::PID, &u64::from(process.pid).to_le_bytes());
            put(place::PARENT, &u64::from(process.parent).to_le_bytes());
            put(place::SESSION, &process.session.to_le_bytes());
            put(ENTRY, &letters);
            list.extend(entry);
        }
        list
    }

    #[test]
    fn a_list_is_read_as_it_was_laid_out() {
        let processes = [process(0, 0, "", 900), process(4, 0, "System", 11), process(12, 4, "Spiel Ü.exe", 7)];
        assert_eq!(parsed(&laid_out(&processes), BASE), processes);
        assert_eq!(parsed(&[], BASE), []);
        let mut cut = laid_out(&processes);
        cut.truncate(cut.len() - ENTRY);
        assert_eq!(parsed(&cut, BASE).len(), 2, "what is cut off is left out");
    }

    #[test]
    fn a_name_that_points_elsewhere_is_none() {
        let list = laid_out(&[process(4, 0, "System", 11)]);
        assert_eq!(parsed(&list, BASE + 1_000_000)[0].name, "");
        assert_eq!(parsed(&list, 0)[0].name, "");
    }

    proptest! {
        #[test]
        fn no_list_is_too_strange(list in proptest::collection::vec(any::<u8>(), 0..600), base in any::<u64>()) {
            parsed(&list, base);
        }
    }

    #[test]
    fn jobs_the_agent_and_its_children_are_ours() {
        let processes = [
            process(0, 0, "", 100_000),
            process(4, 0, "System", 5),
            process(20, 4, "explorer.exe", 10),
            process(30, 20, "headframe-agent.exe", 100),
            process(40, 30, "nvidia-smi.exe", 1_000),
            process(41, 40, "conhost.exe", 10_000),
            process(50, 4, "VMMEMWSL", 20_000),
            process(60, 20, "game.exe", 7),
        ];
        assert_eq!(used(&processes, 30, 900, 800), Used { total: 900, busy: 800, ours: 31_100 });
        assert_eq!(used(&[], 30, 9, 8), Used { total: 9, busy: 8, ours: 0 });
    }

    #[test]
    fn a_number_given_anew_makes_nobody_a_child() {
        let mut late = process(30, 20, "headframe-agent.exe", 100);
        late.created = 99;
        let orphan = process(40, 30, "game.exe", 7);
        assert_eq!(used(&[late, orphan], 30, 0, 0).ours, 100, "its parent was another one, before us");
        let circle = [process(5, 6, "a.exe", 1), Process { created: 5, ..process(6, 5, "b.exe", 1) }];
        assert_eq!(used(&circle, 30, 0, 0).ours, 0);
    }
}
