//! The agent as a process with everything logged, and the command line beside it.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use headframe_control::{AgentPaths, Client};
use headframe_protocol::control::Link;
use tokio::time::timeout;

use crate::coordinator::PATIENCE;

/// The agent as a process. Killed at the end, as a crash would.
pub(crate) struct Process {
    pub(crate) child: Child,
    home: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Process {
    pub(crate) async fn begin(home: &Path) -> Self {
        Self::begin_on(home, None).await
    }

    /// In a session of a desktop, if there is one.
    pub(crate) async fn begin_on(home: &Path, bus: Option<&str>) -> Self {
        let stderr = File::options().create(true).append(true).open(home.join("stderr.txt")).expect("a file");
        let mut command = program(home);
        if let Some(bus) = bus {
            command.env("DBUS_SESSION_BUS_ADDRESS", bus);
        }
        command.arg("run").env("HEADFRAME_LOG", "trace").stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        let process = Self { child: command.spawn().expect("the agent"), home: home.to_owned() };
        let connected = async {
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let Ok(mut client) = Client::connect(&process.paths()).await else { continue };
                if client.status().await.is_ok_and(|now| matches!(now.link, Link::Connected { .. })) {
                    return;
                }
            }
        };
        timeout(PATIENCE, connected).await.expect("connected");
        process
    }

    pub(crate) fn paths(&self) -> AgentPaths {
        AgentPaths::resolve(Some(self.home.clone())).expect("absolute")
    }

    /// Runs a command of the wallet with `lines` on its standard input.
    pub(crate) async fn wallet(&self, arguments: &[&str], lines: &[&str]) -> Output {
        let mut command = program(&self.home);
        command.arg("wallet").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let input = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let run = move || {
            let mut child = command.spawn().expect("the command line");
            child.stdin.take().expect("piped").write_all(input.as_bytes()).ok();
            child.wait_with_output().expect("its end")
        };
        timeout(PATIENCE, tokio::task::spawn_blocking(run)).await.expect("in time").expect("no panic")
    }

    /// The same, and it goes well; what it printed.
    pub(crate) async fn does(&self, arguments: &[&str], lines: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.wallet(arguments, lines).await;
        let (said, complained) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{arguments:?}: {said} {complained}");
        // What commands complain of may end in somebody's file; what they print on request may not.
        let mut kept = File::options().create(true).append(true).open(self.home.join("stderr.txt")).expect("a file");
        kept.write_all(&stderr).expect("kept");
        said.into_owned()
    }
}

fn program(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headframe-agent"));
    command.arg("--data-dir").arg(home).env_remove("DBUS_SESSION_BUS_ADDRESS").env_remove("DISPLAY").env("HOME", home);
    command
}
