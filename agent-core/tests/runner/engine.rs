//! A container engine of a test's own, to be killed and started again.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

pub(crate) struct Engine {
    root: PathBuf,
    child: Child,
}

impl Engine {
    /// Everything of it is in `root`, and its bridge is its own: an engine told to have none removes the machine's `docker0`.
    pub(crate) fn start(root: &Path) -> Self {
        Self { root: root.to_owned(), child: spawn(root) }
    }

    pub(crate) fn socket(&self) -> String {
        format!("unix://{}", self.root.join("e.sock").display())
    }

    /// Ends as a crash does.
    pub(crate) fn crash(&mut self) {
        self.child.kill().expect("it was running");
        self.child.wait().expect("it has ended");
    }

    /// Ends as a system's service does.
    pub(crate) fn stop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it was running");
        self.child.wait().expect("it has ended");
    }

    pub(crate) fn start_again(&mut self) {
        self.child = spawn(&self.root);
    }
}

fn spawn(root: &Path) -> Child {
    let flag = |name: &str, path: &str| format!("--{name}={}", root.join(path).display());
    // A crash leaves these behind, and the numbers in them may be another's by now.
    std::fs::remove_file(root.join("pid")).ok();
    for left in ["containerd.pid", "containerd.sock", "containerd.sock.ttrpc", "containerd-debug.sock"] {
        std::fs::remove_file(root.join("exec/containerd").join(left)).ok();
    }
    // Absent at the first start, there already at the second.
    let bridge = bridge();
    Command::new("ip")
        .args(["link", "add", &bridge, "type", "bridge"])
        .stderr(Stdio::null())
        .status()
        .expect("the package iproute2 is installed");
    Command::new("ip").args(["addr", "add", "10.254.77.1/24", "dev", &bridge]).stderr(Stdio::null()).status().expect("installed");
    let child = Command::new("dockerd")
        .args([flag("data-root", "data"), flag("exec-root", "exec"), flag("pidfile", "pid")])
        .arg(format!("--host=unix://{}", root.join("e.sock").display()))
        .arg(format!("--bridge={bridge}"))
        .args(["--iptables=false", "--ip6tables=false", "--storage-driver=overlay2", "--shutdown-timeout=2"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(root.join("log")).expect("a file"))
        .spawn()
        .expect("the package docker.io is installed");
    let until = Instant::now() + Duration::from_secs(60);
    while std::os::unix::net::UnixStream::connect(root.join("e.sock")).is_err() {
        assert!(
            Instant::now() < until,
            "the engine did not start: {}",
            std::fs::read_to_string(root.join("log")).unwrap_or_default()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    child
}

/// One per test process; interface names have at most 15 characters.
fn bridge() -> String {
    format!("hft{}", std::process::id())
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
        Command::new("ip").args(["link", "del", &bridge()]).stderr(Stdio::null()).status().ok();
    }
}
