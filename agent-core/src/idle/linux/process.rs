//! The processes of the PC, as `/proc` shows them.

use std::{fs, io, path::Path};

use super::{attribute, is_gone};

/// What containers of each engine are called in the names of control groups.
const ENGINES: [&str; 4] = ["docker", "containerd", "podman", "libpod"];

/// The engines themselves, as the system lists them: what they do is mostly unpacking images for us.
const ENGINE_PROGRAMS: [&str; 5] = ["dockerd", "containerd", "containerd-shim", "runc", "conmon"];

/// Jobs run as this user, whatever their image says.
const NOBODY: u32 = 65_534;

/// A process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// As the system lists it: at most 15 letters, and what the program calls itself.
    pub(super) name: String,
    /// The user who runs it.
    pub(super) uid: u32,
    /// Who started it, or whoever was left to look after it.
    pub(super) parent: u32,
}

/// The ids of all processes below `root`.
pub(super) fn ids(root: &Path) -> io::Result<Vec<u32>> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(root)? {
        ids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    Ok(ids)
}

/// All processes below `root` that this user can see.
pub(super) fn all(root: &Path) -> io::Result<Vec<Process>> {
    ids(root)?.into_iter().filter_map(|pid| one(root, pid).transpose()).collect()
}

/// One process; none if it has ended meanwhile, or is hidden from this user.
pub(super) fn one(root: &Path, pid: u32) -> io::Result<Option<Process>> {
    match attribute(&root.join(pid.to_string()).join("status")) {
        Ok(status) => Ok(status.and_then(|status| parsed(pid, &status))),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied || is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether `/proc` shows only one's own processes (its mount option `hidepid`). Then the first process is not to be seen.
pub(super) fn are_hidden(root: &Path) -> bool {
    !matches!(attribute(&root.join("1/status")), Ok(Some(_)))
}

fn parsed(pid: u32, status: &str) -> Option<Process> {
    let field = |name| status.lines().find_map(|line| line.strip_prefix(name));
    let uid = field("Uid:")?.split_whitespace().next()?.parse().ok()?;
    // One whose parent is outside of what we see has 0.
    let parent = field("PPid:").and_then(|parent| parent.trim().parse().ok()).unwrap_or(0);
    Some(Process { pid, name: field("Name:")?.trim().to_owned(), uid, parent })
}

impl Process {
    /// Whether it belongs to a job.
    pub(super) fn is_job(&self, root: &Path) -> bool {
        // A rootless engine shifts users upwards; nobody's place is then told by the process's own map.
        self.uid >= NOBODY && self.is_contained(root) && (self.uid == NOBODY || self.is_shifted_nobody(root))
    }

    /// Whether it is a part of a container engine.
    pub(super) fn is_engine(&self) -> bool {
        ENGINE_PROGRAMS.contains(&self.name.as_str())
    }

    /// Whether a container engine keeps it.
    pub(super) fn is_contained(&self, root: &Path) -> bool {
        let groups = attribute(&root.join(self.pid.to_string()).join("cgroup")).ok().flatten().unwrap_or_default();
        groups.lines().filter_map(|line| line.splitn(3, ':').nth(2)).any(|path| ENGINES.iter().any(|name| path.contains(name)))
    }

    fn is_shifted_nobody(&self, root: &Path) -> bool {
        let map = attribute(&root.join(self.pid.to_string()).join("uid_map")).ok().flatten().unwrap_or_default();
        map.lines().any(|line| {
            let mut numbers = line.split_whitespace().map(str::parse::<u32>);
            let (Some(Ok(inside)), Some(Ok(outside)), Some(Ok(count))) = (numbers.next(), numbers.next(), numbers.next()) else {
                return false;
            };
            let place = NOBODY.checked_sub(inside).filter(|place| *place < count);
            place.and_then(|place| outside.checked_add(place)) == Some(self.uid)
        })
    }
}

/// A `/proc` for tests.
#[cfg(test)]
pub(super) mod stage {
    use std::{fs, os::unix::fs::symlink, path::Path};

    use tempfile::TempDir;

    /// A control group of a job's.
    pub(in super::super) const SCOPE: &str = "/system.slice/docker-0f3a.scope";

    /// A process to be staged.
    pub(in super::super) struct Actor<'a> {
        pub(in super::super) pid: u32,
        pub(in super::super) name: &'a str,
        pub(in super::super) uid: u32,
        pub(in super::super) cgroup: &'a str,
        pub(in super::super) ticks: u64,
    }

    impl Actor<'_> {
        pub(in super::super) const INIT: Self = Self { pid: 1, name: "systemd", uid: 0, cgroup: "/init.scope", ticks: 7 };
    }

    pub(in super::super) fn proc(actors: &[Actor<'_>]) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        actors.iter().for_each(|actor| enter(folder.path(), actor));
        folder
    }

    pub(in super::super) fn enter(root: &Path, actor: &Actor<'_>) {
        let Actor { pid, name, uid, cgroup, ticks } = actor;
        let folder = root.join(pid.to_string());
        fs::create_dir_all(&folder).expect("made");
        let status = format!("Name:\t{name}\nUmask:\t0022\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t0\t0\t0\t0\n");
        // Half of the time in its own name, half in that of children it has waited for.
        let (own, children) = (ticks / 2, ticks - ticks / 2);
        let stat = format!("{pid} ({name}) ) S 1 1 1 0 -1 4194560 9 9 9 9 {own} 0 {children} 0 20 0 1 0 99 1000 10\n");
        for (file, text) in [("status", status), ("stat", stat), ("cgroup", format!("0::{cgroup}\n"))] {
            fs::write(folder.join(file), text).expect("written");
        }
    }

    /// Makes a process the child of another.
    pub(in super::super) fn adopt(root: &Path, pid: u32, parent: u32) {
        let file = root.join(pid.to_string()).join("status");
        let status = fs::read_to_string(&file).expect("a process");
        fs::write(file, status.replace("Umask:", &format!("PPid:\t{parent}\nUmask:"))).expect("written");
    }

    pub(in super::super) fn exe(root: &Path, pid: u32, program: &str) {
        symlink(program, root.join(pid.to_string()).join("exe")).expect("linked");
    }
}

#[cfg(test)]
mod tests {
    use super::{
        stage::{Actor, SCOPE, proc},
        *,
    };

    fn is_job(uid: u32, cgroup: &str, uid_map: &str) -> bool {
        let root = proc(&[Actor { pid: 40, name: "python3", uid, cgroup, ticks: 0 }]);
        fs::write(root.path().join("40/uid_map"), uid_map).expect("written");
        all(root.path()).expect("read")[0].is_job(root.path())
    }

    #[test]
    fn a_job_is_nobody_in_a_container() {
        let all = "         0          0 4294967295\n";
        assert!(is_job(65_534, SCOPE, all));
        assert!(is_job(65_534, "/machine.slice/libpod-77.scope/container", all));
        assert!(!is_job(65_534, "/system.slice/named.service", all), "somebody else's daemon");
        assert!(!is_job(1_000, SCOPE, all), "the owner's own container");
        assert!(!is_job(100_000, SCOPE, all));
    }

    #[test]
    fn a_job_of_a_rootless_engine_is_nobody_by_its_own_map() {
        let scope = "/user.slice/user-1000.slice/user@1000.service/app.slice/docker.service/0f3a";
        let map = "         0       1000          1\n         1     100000      65536\n";
        assert!(is_job(165_533, scope, map));
        assert!(!is_job(165_532, scope, map));
        assert!(!is_job(1_000, scope, map));
    }

    #[test]
    fn a_child_is_told_by_its_parent() {
        let root = proc(&[Actor { pid: 40, ..Actor::INIT }, Actor { pid: 41, ..Actor::INIT }]);
        stage::adopt(root.path(), 41, 40);
        let parent = |pid| one(root.path(), pid).expect("read").expect("it is there").parent;
        assert_eq!((parent(40), parent(41)), (0, 40));
    }

    #[test]
    fn hidden_processes_are_noticed_and_what_is_no_process_is_passed_over() {
        let root = proc(&[Actor { pid: 40, ..Actor::INIT }]);
        fs::create_dir(root.path().join("41")).expect("made");
        fs::create_dir(root.path().join("sys")).expect("made");
        assert_eq!(all(root.path()).expect("read").len(), 1);
        assert!(are_hidden(root.path()));
        stage::enter(root.path(), &Actor::INIT);
        assert!(!are_hidden(root.path()));
    }
}
