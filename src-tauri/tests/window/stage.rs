//! What a window needs around it: a screen, a driver, a home of its own.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use headframe_control::AgentPaths;

use crate::{
    page::Page,
    processes::{Found, Group},
    screen,
};

/// How long a window may take to its first page, on two busy cores.
pub(crate) const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// One owner's PC, as far as the window can tell.
pub(crate) struct Stage {
    pub(crate) paths: AgentPaths,
    agent_program: PathBuf,
    screen: String,
    home: tempfile::TempDir,
    _xvfb: Group,
}

/// An open window and who drives it.
pub(crate) struct Window {
    pub(crate) page: Page,
    pub(crate) process: Found,
    _driver: Group,
}

impl Stage {
    /// A screen and a home, where windows start `agent_program` if no agent runs.
    pub(crate) fn set(agent_program: PathBuf) -> Self {
        let home = tempfile::tempdir().expect("a home");
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1440x960x24", "-nolisten", "tcp"]);
        let mut xvfb = Group::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
        let mut number = String::new();
        let said = xvfb.child().stdout.take().expect("piped");
        BufReader::new(said).read_line(&mut number).expect("Xvfb picks a free number and prints it");
        assert!(!number.trim().is_empty(), "Xvfb could not open a screen");
        let paths = AgentPaths::resolve(Some(home.path().join("agent"))).expect("absolute");
        Self { paths, agent_program, screen: format!(":{}", number.trim()), home, _xvfb: xvfb }
    }

    /// Opens a window. The driver launches it, as the driver insists.
    pub(crate) async fn open(&self) -> Window {
        let (port, native_port) = (free_port(), free_port());
        let mut driver = Command::new(find("HEADFRAME_TAURI_DRIVER", "tauri-driver"));
        driver.args(["--port", &port.to_string(), "--native-port", &native_port.to_string()]);
        // It finds one on the path by itself; a name alone it would take for a file beside us.
        if let Some(native) = env::var_os("HEADFRAME_WEBKIT_DRIVER") {
            driver.arg("--native-driver").arg(native);
        }
        self.at_home(&mut driver);
        let driver = Group::start(driver.stdout(Stdio::null()));

        let program = desktop_program();
        let page = Page::open(port, &program, self.paths.data_dir()).await;
        let process = Found::wait(&program, self.paths.data_dir());
        Window { page, process, _driver: driver }
    }

    /// The agent that a window has started.
    pub(crate) fn agent(&self) -> Found {
        Found::wait(&self.agent_program, self.paths.data_dir())
    }

    /// Keeps a picture of what the owner sees, for people.
    pub(crate) async fn keep_picture(&self, name: &str) {
        screen::keep_picture(&self.screen, name).await;
    }

    /// Nothing of the person who runs the test: neither his screen nor his settings nor his agent.
    fn at_home(&self, command: &mut Command) {
        for (variable, folder) in [
            ("HOME", "home"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_RUNTIME_DIR", "runtime"),
        ] {
            let path = self.home.path().join(folder);
            fs::create_dir_all(&path).expect("in our own folder");
            command.env(variable, path);
        }
        command.env("DISPLAY", &self.screen).env("GDK_BACKEND", "x11").env_remove("WAYLAND_DISPLAY");
        command.env("HEADFRAME_AGENT_BIN", &self.agent_program).env_remove("HEADFRAME_AGENT_DIR");
        command.env("NO_AT_BRIDGE", "1").env("LC_ALL", "C.UTF-8");
    }
}

/// Where pictures go, so that a person can look at what the test has seen.
pub(crate) fn picture(name: &str) -> PathBuf {
    let folder = env::var_os("HEADFRAME_SCREENSHOTS").map_or_else(|| target_folder().join("window"), PathBuf::from);
    fs::create_dir_all(&folder).expect("below target");
    folder.join(format!("{name}.png"))
}

/// The program `name` of this workspace, built beside this test.
pub(crate) fn built(name: &str) -> PathBuf {
    let path = build_folder().join(name);
    assert!(path.is_file(), "{} is missing; build it first", path.display());
    path
}

fn desktop_program() -> PathBuf {
    env::var_os("HEADFRAME_DESKTOP_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_headframe-desktop")), PathBuf::from)
}

/// `target/debug`, where this test is in `deps`.
fn build_folder() -> PathBuf {
    let test = env::current_exe().expect("we run");
    test.ancestors().nth(2).expect("below target").to_owned()
}

fn target_folder() -> PathBuf {
    build_folder().parent().expect("below target").to_owned()
}

/// A program that `variable` names, that is kept in `target/tools`, or that is on the path.
fn find(variable: &str, name: &str) -> PathBuf {
    let ours = target_folder().join("tools/bin").join(name);
    env::var_os(variable)
        .map(PathBuf::from)
        .or_else(|| ours.is_file().then_some(ours))
        .unwrap_or_else(|| Path::new(name).to_owned())
}

/// Free when we asked. The drivers cannot choose one themselves.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|socket| socket.local_addr()).expect("loopback").port()
}
