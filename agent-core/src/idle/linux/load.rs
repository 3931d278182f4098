//! How busy the processor is with programs that are neither jobs nor this one, nor what it has started.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Compared, IdleProbe, ProbeError, Sign, Used, attribute, broken, process};

/// Two readings closer together than this many ticks of all cores together say nothing.
const TICKS_MIN: u64 = 20;

/// Compares what all processes and what ours have used of the processor, from one reading to the next.
pub(super) struct OtherLoad {
    root: PathBuf,
    me: u32,
    compared: Compared,
}

impl OtherLoad {
    /// Looks at the `/proc` in `root`, where `me` is this process.
    pub(super) fn new(root: &Path, me: u32) -> Self {
        Self { root: root.to_owned(), me, compared: Compared::since(used(root, me).ok(), TICKS_MIN) }
    }
}

impl IdleProbe for OtherLoad {
    fn name(&self) -> &'static str {
        "Other programs' load"
    }

    // Every process is looked at for it.
    fn every(&self) -> Duration {
        Duration::from_secs(3)
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        if process::are_hidden(&self.root) {
            // Jobs would count as the owner's, and stop themselves.
            return Err(ProbeError::Absent(
                "other users' processes are hidden (hidepid), so jobs cannot be told apart".to_owned(),
            ));
        }
        let now = used(&self.root, self.me).map_err(|error| {
            self.compared.forget();
            broken(&self.root, &error)
        })?;
        self.compared.with(now)
    }
}

fn used(root: &Path, me: u32) -> io::Result<Used> {
    let (total, busy) = overall(root)?;
    let mut ours = 0;
    for process in process::all(root)? {
        // What measures or proves what the PC can do is a child of this process.
        if process.pid == me || process.parent == me || process.is_engine() || process.is_job(root) {
            ours += ticks(root, process.pid);
        }
    }
    Ok(Used { total, busy, ours })
}

/// All time, and what of it was not idle.
fn overall(root: &Path) -> io::Result<(u64, u64)> {
    let strange = || io::Error::other("its first line is strange");
    let stat = attribute(&root.join("stat"))?.ok_or(io::ErrorKind::NotFound)?;
    let line = stat.lines().next().and_then(|line| line.strip_prefix("cpu ")).ok_or_else(strange)?;
    let figures: Vec<u64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>().map_err(|_| strange())?;
    // Guests, which come after these, are counted among the users already. What a hypervisor stole is time nobody here had.
    let Some([user, nice, system, idle, waiting, interrupts, soft, stolen]) = figures.first_chunk() else {
        return Err(strange());
    };
    let busy = user + nice + system + interrupts + soft;
    Ok((busy + idle + waiting + stolen, busy))
}

/// What a process has used, and its children that it has waited for: so nothing is lost when one of a job's processes ends.
fn ticks(root: &Path, pid: u32) -> u64 {
    let stat = attribute(&root.join(pid.to_string()).join("stat")).ok().flatten().unwrap_or_default();
    // The name may hold anything, also spaces and brackets; it ends at the last one.
    let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    rest.split(' ').skip(11).take(4).filter_map(|figure| figure.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::{
        super::process::stage::{Actor, SCOPE, adopt, enter, proc},
        *,
    };

    const ME: u32 = 77;

    /// A PC whose cores have been busy and idle for so many ticks.
    fn pc(busy: u64, idle: u64, actors: &[Actor<'_>]) -> TempDir {
        let root = proc(&[Actor::INIT]);
        turn(&root, busy, idle, actors);
        root
    }

    fn turn(root: &TempDir, busy: u64, idle: u64, actors: &[Actor<'_>]) {
        let stat = format!("cpu  {busy} 0 0 {idle} 0 0 0 0 99 0\ncpu0 1 1 1 1 1 1 1 1 1 1\nintr 9\n");
        fs::write(root.path().join("stat"), stat).expect("written");
        actors.iter().for_each(|actor| enter(root.path(), actor));
    }

    fn job(ticks: u64) -> Actor<'static> {
        Actor { pid: 40, name: "train (1) x", uid: 65_534, cgroup: SCOPE, ticks }
    }

    fn agent(ticks: u64) -> Actor<'static> {
        Actor { pid: ME, name: "headframe-agent", uid: 1_000, cgroup: "/user.slice", ticks }
    }

    #[test]
    fn what_jobs_and_the_agent_use_does_not_count() {
        let root = pc(1_000, 1_000, &[job(100), agent(10)]);
        let mut probe = OtherLoad::new(root.path(), ME);
        // 900 of 1000 ticks busy: 600 the job, 50 the agent, 250 the owner.
        turn(&root, 1_900, 1_100, &[job(700), agent(60)]);
        assert_eq!(probe.read(), Ok(Sign::OtherLoad(25)));
        turn(&root, 2_700, 1_300, &[job(700), agent(60)]);
        assert_eq!(probe.read(), Ok(Sign::OtherLoad(80)), "now it is all the owner's");
        turn(&root, 2_700, 2_300, &[]);
        assert_eq!(probe.read(), Ok(Sign::OtherLoad(0)));
    }

    #[test]
    fn a_child_that_proves_what_the_pc_can_do_is_not_the_owner() {
        let child = |ticks| Actor { pid: 78, name: "headframe-bench", uid: 1_000, cgroup: "/user.slice", ticks };
        let root = pc(1_000, 1_000, &[agent(10), child(0)]);
        adopt(root.path(), 78, ME);
        let mut probe = OtherLoad::new(root.path(), ME);
        turn(&root, 1_900, 1_100, &[agent(10), child(800)]);
        adopt(root.path(), 78, ME);
        assert_eq!(probe.read(), Ok(Sign::OtherLoad(10)));
        // It has ended, and its time is that of whoever waited for it.
        fs::remove_dir_all(root.path().join("78")).expect("removed");
        turn(&root, 2_400, 1_600, &[agent(1_210)]);
        assert_eq!(probe.read(), Ok(Sign::OtherLoad(10)));
        // The same program, started by the owner himself.
        turn(&root, 2_900, 2_100, &[agent(1_210), child(450)]);
        assert_eq!(probe.read(), Ok(Sign::OtherLoad(50)));
    }

    #[test]
    fn an_engine_that_unpacks_an_image_is_not_the_owner() {
        let engine = |ticks| Actor { pid: 50, name: "dockerd", uid: 0, cgroup: "/system.slice/docker.service", ticks };
        let root = pc(1_000, 1_000, &[engine(100)]);
        let mut probe = OtherLoad::new(root.path(), ME);
        turn(&root, 1_900, 1_100, &[engine(900)]);
        assert_eq!(probe.read(), Ok(Sign::OtherLoad(10)));
    }

    #[test]
    fn a_job_that_ends_or_a_moment_too_short_changes_nothing() {
        let root = pc(1_000, 1_000, &[job(100)]);
        let mut probe = OtherLoad::new(root.path(), ME);
        assert!(matches!(probe.read(), Err(ProbeError::Absent(_))), "nothing has passed");
        turn(&root, 1_500, 1_500, &[job(300)]);
        assert_eq!(probe.read(), Ok(Sign::OtherLoad(30)));
        turn(&root, 1_509, 1_500, &[]);
        assert_eq!(probe.read(), Ok(Sign::OtherLoad(30)), "nine ticks of all cores say nothing");
        fs::remove_dir_all(root.path().join("40")).expect("removed");
        turn(&root, 2_500, 1_500, &[]);
        assert_eq!(probe.read(), Ok(Sign::OtherLoad(30)), "what it had used is not the owner's");
        turn(&root, 2_600, 2_400, &[]);
        assert_eq!(probe.read(), Ok(Sign::OtherLoad(10)));
    }

    #[test]
    fn without_sight_of_jobs_nothing_is_said() {
        let root = pc(1_000, 1_000, &[]);
        fs::remove_dir_all(root.path().join("1")).expect("removed");
        let mut probe = OtherLoad::new(root.path(), ME);
        assert!(matches!(probe.read(), Err(ProbeError::Absent(why)) if why.contains("hidepid")));
    }

    #[test]
    fn figures_that_make_no_sense_are_told_until_they_do() {
        let root = pc(1_000, 1_000, &[]);
        let mut probe = OtherLoad::new(root.path(), ME);
        fs::write(root.path().join("stat"), "cpu  1 2 3\n").expect("written");
        assert!(matches!(probe.read(), Err(ProbeError::Broken(_))));
        turn(&root, 2_000, 2_000, &[]);
        assert!(matches!(probe.read(), Err(ProbeError::Absent(_))), "it begins anew");
        turn(&root, 2_500, 2_500, &[]);
        assert_eq!(probe.read(), Ok(Sign::OtherLoad(50)));
    }

    #[test]
    fn the_pc_of_this_test_has_a_load() {
        let mut probe = OtherLoad::new(Path::new("/proc"), std::process::id());
        assert!(!matches!(probe.read(), Err(ProbeError::Broken(_))));
        assert!(used(Path::new("/proc"), std::process::id()).is_ok_and(|used| used.total > 0));
    }
}
