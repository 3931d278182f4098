//! Which programs the owner runs.

use std::{
    collections::{BTreeSet, HashMap},
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{IdleProbe, ProbeError, Sign, broken, process};

/// The most names that are kept; a busy desktop has some two hundred.
const NAMES_MAX: usize = 10_000;

/// What the kernel adds to the name of a program whose file was replaced while it ran, as an update does.
const REPLACED: &str = " (deleted)";

/// A process is looked at so many times before it is taken to be what it is: a shell becomes the program it starts.
const LOOKS_MIN: u8 = 4;

/// After so many looks all processes are looked at again, however well they are known: ids are used again.
const FORGET_AFTER: u8 = 20;

/// Lists the owner's processes, each by what it calls itself and by the file it was started from.
pub(super) struct Programs {
    root: PathBuf,
    owner: u32,
    known: HashMap<u32, Known>,
    looks: u8,
}

/// A process as it was looked at last.
struct Known {
    /// None for one that is not the owner's.
    names: Vec<String>,
    looks: u8,
}

impl Programs {
    /// Looks at the `/proc` in `root` for programs of the user `owner`.
    pub(super) fn new(root: &Path, owner: u32) -> Self {
        Self { root: root.to_owned(), owner, known: HashMap::new(), looks: 0 }
    }
}

impl IdleProbe for Programs {
    fn name(&self) -> &'static str {
        "Programs"
    }

    // A game is to be noticed before its first picture.
    fn every(&self) -> Duration {
        Duration::from_millis(500)
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        self.look().map_err(|error| broken(&self.root, &error))?;
        Ok(Sign::Programs(
            self.known.values().flat_map(|process| &process.names).take(NAMES_MAX).cloned().collect::<BTreeSet<_>>(),
        ))
    }
}

impl Programs {
    fn look(&mut self) -> io::Result<()> {
        self.looks += 1;
        if self.looks >= FORGET_AFTER {
            self.looks = 0;
            self.known.clear();
        }
        let mut before = std::mem::take(&mut self.known);
        for pid in process::ids(&self.root)? {
            let known = match before.remove(&pid) {
                Some(known) if known.looks >= LOOKS_MIN => known,
                known => Known { names: self.names(pid)?, looks: known.map_or(1, |known| known.looks + 1) },
            };
            self.known.insert(pid, known);
        }
        Ok(())
    }

    fn names(&self, pid: u32) -> io::Result<Vec<String>> {
        let process = process::one(&self.root, pid)?;
        let owners = process.filter(|process| process.uid == self.owner && !process.is_contained(&self.root));
        Ok(owners.map(|process| started_from(&self.root, pid).into_iter().chain([process.name]).collect()).unwrap_or_default())
    }
}

/// The name of the file a process runs. Absent where it runs none, or does not let it be seen.
fn started_from(root: &Path, pid: u32) -> Option<String> {
    let file = fs::read_link(root.join(pid.to_string()).join("exe")).ok()?;
    let name = file.file_name()?.to_str()?;
    Some(name.strip_suffix(REPLACED).unwrap_or(name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::{
        super::process::stage::{Actor, SCOPE, enter, exe, proc},
        *,
    };

    #[test]
    fn a_shell_that_becomes_a_game_and_an_id_that_is_used_again_are_noticed() {
        let mine = |name| Actor { pid: 40, name, uid: 1_000, cgroup: "/user.slice", ticks: 0 };
        let root = proc(&[Actor::INIT, mine("sh")]);
        let mut probe = Programs::new(root.path(), 1_000);
        let mut sees = || match probe.read() {
            Ok(Sign::Programs(names)) => names.into_iter().next().unwrap_or_default(),
            other => panic!("{other:?}"),
        };
        assert_eq!(sees(), "sh");
        enter(root.path(), &mine("factorio"));
        assert_eq!(sees(), "factorio", "at the next look");
        for _ in 0..LOOKS_MIN {
            sees();
        }
        enter(root.path(), &mine("another"));
        let looks = (0..FORGET_AFTER).take_while(|_| sees() != "another").count();
        assert!(looks < usize::from(FORGET_AFTER), "it is found out in the end");
        std::fs::remove_dir_all(root.path().join("40")).expect("it ends");
        assert_eq!(sees(), "");
    }

    #[test]
    fn the_owners_programs_are_known_by_both_names() {
        let mine = |pid, name, cgroup| Actor { pid, name, uid: 1_000, cgroup, ticks: 0 };
        let root = proc(&[
            Actor::INIT,
            mine(40, "Main Thread", "/user.slice/app.slice"),
            mine(41, "bash", "/user.slice"),
            mine(42, "redis-server", SCOPE),
            Actor { pid: 43, name: "sshd", uid: 0, cgroup: "/system.slice", ticks: 0 },
        ]);
        exe(root.path(), 40, "/home/owner/games/factorio (deleted)");
        let mut probe = Programs::new(root.path(), 1_000);
        let names = |names: &[&str]| Ok(Sign::Programs(names.iter().map(|name| (*name).to_owned()).collect()));
        assert_eq!(probe.read(), names(&["Main Thread", "bash", "factorio"]));
        enter(root.path(), &mine(44, "blender", "/user.slice"));
        fs::remove_dir_all(root.path().join("40")).expect("removed");
        assert_eq!(probe.read(), names(&["bash", "blender"]));
    }

    #[test]
    fn a_list_that_cannot_be_read_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(Programs::new(&folder.path().join("proc"), 1_000).read(), Err(ProbeError::Broken(_))));
    }
}
