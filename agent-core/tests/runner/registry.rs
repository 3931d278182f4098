//! Debian's registry on a loopback port of its own, gone with the test.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

pub(crate) struct Registry {
    child: Child,
    /// `127.0.0.1:port`.
    pub(crate) host: String,
}

impl Registry {
    pub(crate) fn start(dir: &Path) -> Self {
        let config = dir.join("registry.yml");
        let root = dir.join("registry");
        let text =
            format!("version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:0\n", root.display());
        std::fs::write(&config, text).expect("a configuration");
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the package docker-registry is installed");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let host = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("listening on ")?.1.split(['"', ',', ' ']).next()?.to_owned()))
            .expect("the registry says where it listens");
        // Read on, or the registry would stop at a full pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { child, host }
    }

    pub(crate) fn stop(&mut self) {
        self.child.kill().expect("it was running");
        self.child.wait().expect("it has ended");
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
