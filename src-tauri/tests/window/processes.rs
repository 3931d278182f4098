//! Programs the test starts or finds, and how they end.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};

use crate::stage::SOON;

/// A program we started, with all it started in its process group. Ends with the test.
pub(crate) struct Group(Child);

impl Group {
    pub(crate) fn start(command: &mut Command) -> Self {
        use std::os::unix::process::CommandExt as _;
        let program = command.get_program().to_owned();
        Self(command.process_group(0).spawn().unwrap_or_else(|error| panic!("could not start {}: {error}", program.display())))
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = Pid::from_raw(self.0.id().cast_signed()) {
            kill_process_group(group, Signal::KILL).ok();
        }
        self.0.wait().ok();
    }
}

/// A process we did not start ourselves but that belongs to our data directory. Ends with the test.
pub(crate) struct Found(Pid);

impl Found {
    /// The process that runs `program` for `data_dir`, as its command line or its environment says. Waits for it.
    pub(crate) fn wait(program: &Path, data_dir: &Path) -> Self {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(found) = find(program, data_dir) {
                return Self(found);
            }
            assert!(Instant::now() < deadline, "{} does not run for {}", program.display(), data_dir.display());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Its number.
    #[allow(dead_code, reason = "measurements use it")]
    pub(crate) fn id(&self) -> i32 {
        self.0.as_raw_nonzero().get()
    }

    pub(crate) fn lives(&self) -> bool {
        // A zombie has no memory left to have a command line in.
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.as_raw_nonzero())).unwrap_or_default();
        test_kill_process(self.0).is_ok() && !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
    }

    /// As a crash or an impatient owner would.
    pub(crate) fn kill(&self) {
        kill_process(self.0, Signal::KILL).expect("it runs, and it is ours");
        let deadline = Instant::now() + SOON;
        while self.lives() {
            assert!(Instant::now() < deadline, "it cannot refuse");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// As a bug might: it lives, holds what it holds, and does nothing more.
    pub(crate) fn hang(&self) {
        kill_process(self.0, Signal::STOP).expect("it runs, and it is ours");
    }

    /// It does something again.
    pub(crate) fn go_on(&self) {
        kill_process(self.0, Signal::CONT).expect("it runs, and it is ours");
    }
}

impl Drop for Found {
    fn drop(&mut self) {
        if self.lives() {
            kill_process(self.0, Signal::KILL).ok();
        }
    }
}

/// Ends whatever runs `program` for `data_dir`.
pub(crate) fn kill_all(program: &Path, data_dir: &Path) {
    let deadline = Instant::now() + SOON;
    while let Some(found) = find(program, data_dir)
        && Instant::now() < deadline
    {
        kill_process(found, Signal::KILL).ok();
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn find(program: &Path, data_dir: &Path) -> Option<Pid> {
    let program = program.canonicalize().expect("the program exists");
    let needle = data_dir.as_os_str().as_encoded_bytes();
    fs::read_dir("/proc").expect("this is Linux").flatten().find_map(|entry| {
        let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        let runs: PathBuf = fs::read_link(entry.path().join("exe")).ok()?;
        let says = |file: &str| {
            fs::read(entry.path().join(file)).is_ok_and(|text| text.windows(needle.len()).any(|part| part == needle))
        };
        (runs == program && (says("cmdline") || says("environ"))).then_some(pid)
    })
}
