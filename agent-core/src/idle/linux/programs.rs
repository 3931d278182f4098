//! Which programs the owner runs.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{IdleProbe, ProbeError, Sign, broken, process};

/// The most names that are kept; a busy desktop has some two hundred.
const NAMES_MAX: usize = 10_000;

/// What the kernel adds to the name of a program whose file was replaced while it ran, as an update does.
const REPLACED: &str = " (deleted)";

/// Lists the owner's processes, each by what it calls itself and by the file it was started from.
pub(super) struct Programs {
    root: PathBuf,
    owner: u32,
}

impl Programs {
    /// Looks at the `/proc` in `root` for programs of the user `owner`.
    pub(super) fn new(root: &Path, owner: u32) -> Self {
        Self { root: root.to_owned(), owner }
    }
}

impl IdleProbe for Programs {
    fn name(&self) -> &'static str {
        "Programs"
    }

    // Every process is looked at for it.
    fn every(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        let processes = process::all(&self.root).map_err(|error| broken(&self.root, &error))?;
        let mut names = BTreeSet::new();
        for process in processes {
            if process.uid != self.owner || process.is_contained(&self.root) || names.len() >= NAMES_MAX {
                continue;
            }
            names.extend(started_from(&self.root, process.pid));
            names.insert(process.name);
        }
        Ok(Sign::Programs(names))
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
