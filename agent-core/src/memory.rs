//! Gives memory back that an agent at rest does not need. What start-up and work have touched of the program stays mapped otherwise,
//! and what they freed stays with the allocator, for as long as it waits for its owner to leave.

use std::time::Duration;

use tokio::sync::watch;
use tracing::debug;

use crate::{
    pace::Pace,
    tasks::{self, Tasks},
};

/// How long it must have been at rest.
const REST_MIN: Duration = Duration::from_secs(30);

/// While it goes on resting, what single looks have touched is given back this often.
const AGAIN_EVERY: Duration = Duration::from_secs(5 * 60);

/// Gives memory back while the agent is at rest.
pub(crate) fn give_back_at_rest(mut pace: watch::Receiver<Pace>, tasks: &Tasks) {
    tasks.spawn_until_stopped("memory", async move {
        while pace.wait_for(|pace| *pace == Pace::Resting).await.is_ok() {
            let mut wait = REST_MIN;
            while let Err(_elapsed) = tokio::time::timeout(wait, pace.changed()).await {
                give_back().await;
                wait = AGAIN_EVERY;
            }
        }
    });
}

async fn give_back() {
    if let Some(Err(error)) = tasks::apart(system::give_back).await {
        debug!(%error, "Memory was not given back");
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::{ffi::c_void, fs, io};

    use rustix::mm::{Advice, madvise};

    /// Pages of files come back by themselves when they are touched again: most of what a program needs once it needs only once.
    pub(super) fn give_back() -> io::Result<()> {
        #[cfg(target_env = "gnu")]
        // SAFETY: it takes no pointer, and may be called at any time by any thread.
        unsafe {
            libc::malloc_trim(0);
        }
        for mapping in unchanged(&fs::read_to_string("/proc/self/smaps")?) {
            // SAFETY: what is mapped there is what is in the file, and nobody may write to it: the next access reads the same bytes again.
            unsafe { madvise(mapping.begin as *mut c_void, mapping.end - mapping.begin, Advice::LinuxDontNeed) }?;
        }
        Ok(())
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct Mapping {
        pub(super) begin: usize,
        pub(super) end: usize,
    }

    /// Private mappings of files that nobody may write to and of which no page differs from its file, as `smaps` tells them (proc(5)).
    pub(super) fn unchanged(smaps: &str) -> Vec<Mapping> {
        let mut found = Vec::new();
        let mut candidate = None;
        for line in smaps.lines() {
            let mut words = line.split_ascii_whitespace();
            match (words.next(), words.next()) {
                (Some("Anonymous:"), Some("0")) => found.extend(candidate.take()),
                (Some(name), _) if name.ends_with(':') => {}
                (Some(range), Some(permissions)) => candidate = of_file(range, permissions, words.nth(2)),
                _ => {}
            }
        }
        found
    }

    fn of_file(range: &str, permissions: &str, inode: Option<&str>) -> Option<Mapping> {
        let (begin, end) = range.split_once('-')?;
        let address = |text| usize::from_str_radix(text, 16).ok();
        let is_ours = matches!(permissions, "r-xp" | "r--p") && inode.is_some_and(|inode| inode != "0");
        Some(Mapping { begin: address(begin)?, end: address(end)? }).filter(|_| is_ours)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        const SMAPS: &str = "\
5581a0000000-5581a0010000 r--p 00000000 fe:00 131 /usr/bin/agent
Size:                 64 kB
Anonymous:             0 kB
VmFlags: rd mr mw me
5581a0010000-5581a0020000 r-xp 00010000 fe:00 131 /usr/bin/agent
Anonymous:             0 kB
5581a0020000-5581a0030000 r--p 00020000 fe:00 131 /usr/bin/agent
Anonymous:            16 kB
5581a0030000-5581a0040000 rw-p 00030000 fe:00 131 /usr/bin/agent
Anonymous:             0 kB
5581b0000000-5581b0010000 rw-p 00000000 00:00 0 [heap]
Anonymous:            12 kB
7f0000000000-7f0000001000 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
7f0000001000-7f0000002000 r--s 00000000 fe:00 132 /usr/share/table
Anonymous:             0 kB
";

        #[test]
        fn only_what_lies_in_a_file_as_it_is_mapped_is_given_back() {
            let begins: Vec<usize> = unchanged(SMAPS).into_iter().map(|mapping| mapping.begin).collect();
            assert_eq!(begins, [0x5581_a000_0000, 0x5581_a001_0000]);
        }

        #[test]
        fn a_program_goes_on_without_what_it_gave_back() {
            let table: Vec<String> = (0..1_000).map(|number: i32| format!("{number:>8}")).collect();
            give_back().expect("it is given back");
            assert_eq!(table.concat().len(), 8_000);
        }
    }
}

#[cfg(target_os = "windows")]
mod system {
    use std::io;

    use windows::Win32::System::{ProcessStatus::K32EmptyWorkingSet, Threading::GetCurrentProcess};

    /// Pages that are touched again come back from the standby list.
    pub(super) fn give_back() -> io::Result<()> {
        // SAFETY: the handle stands for this process and is never closed.
        unsafe { K32EmptyWorkingSet(GetCurrentProcess()) }.ok().map_err(io::Error::other)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "windows")))]
mod system {
    use std::io;

    /// The system compresses what is not touched, by itself.
    #[expect(clippy::unnecessary_wraps, reason = "other systems may refuse")]
    pub(super) const fn give_back() -> io::Result<()> {
        Ok(())
    }
}
