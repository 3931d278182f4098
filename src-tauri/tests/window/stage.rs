//! What a window needs around it: a screen, a driver, a home of its own.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use headframe_control::AgentPaths;

use crate::{
    driver,
    page::Page,
    processes::{Found, Group, kill_all},
    screen,
    session::Session,
};

/// How long anything may take before it counts as never. A test that goes well waits for none of it, and a machine with
/// two cores and other things to do has shown twenty seconds for a first page.
pub(crate) const SOON: Duration = Duration::from_secs(120);

/// A driver that failed is replaced; one that fails this often has a reason.
const DRIVERS_MAX: u32 = 3;

/// How long a second window may take to find the first and end.
const SECOND_WINDOW_MAX: Duration = Duration::from_secs(60);

/// One owner's PC, as far as the window can tell.
pub(crate) struct Stage {
    pub(crate) paths: AgentPaths,
    agent_program: PathBuf,
    screen: String,
    home: tempfile::TempDir,
    session: Option<Session>,
    _xvfb: Group,
}

/// An open window and who drives it.
pub(crate) struct Window {
    pub(crate) page: Page,
    pub(crate) process: Found,
    screen: String,
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
        Self { paths, agent_program, screen: format!(":{}", number.trim()), home, session: None, _xvfb: xvfb }
    }

    /// The same at a desktop with a keyring.
    pub(crate) fn set_at_desktop(agent_program: PathBuf) -> Self {
        let mut stage = Self::set(agent_program);
        stage.session = Some(Session::sign_in());
        stage
    }

    /// Opens a window. The driver launches it, as the driver insists.
    pub(crate) async fn open(&self) -> Window {
        let (program, data_dir) = (desktop_program(), self.paths.data_dir());
        let mut failures = String::new();
        for _ in 0..DRIVERS_MAX {
            match driver::open(&program, data_dir, &self.driver_log(), |command| self.at_home(command)).await {
                Ok((driver, page)) => {
                    let process = Found::wait(&program, data_dir);
                    return Window { page, process, screen: self.screen.clone(), _driver: driver };
                }
                Err(failure) => failures.push_str(&format!("\n- {failure}")),
            }
            // One that is left would be found by the next and sent to the front.
            kill_all(&program, data_dir);
        }
        panic!("no window opens:{failures}");
    }

    /// Opens one more window beside the one that is open, as an owner does who does not see it, and waits for its end.
    pub(crate) fn open_another(&self) -> ExitStatus {
        let mut command = Command::new(desktop_program());
        self.at_home(&mut command);
        Self::until_it_ends(command.arg("--data-dir").arg(self.paths.data_dir()))
    }

    /// Opens a link as the desktop does, beside a window that is open, and waits until that has taken it.
    pub(crate) fn open_link(&self, link: &str) -> ExitStatus {
        let mut command = Command::new(desktop_program());
        self.at_home(&mut command);
        // A desktop knows nothing of folders, and beside a link none is taken.
        Self::until_it_ends(command.arg(link).env("HEADFRAME_AGENT_DIR", self.paths.data_dir()))
    }

    fn until_it_ends(command: &mut Command) -> ExitStatus {
        let mut second = Group::start(command);
        let deadline = Instant::now() + SECOND_WINDOW_MAX;
        loop {
            if let Some(status) = second.child().try_wait().expect("our child") {
                return status;
            }
            assert!(Instant::now() < deadline, "the second window stays");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The agent that a window has started.
    pub(crate) fn agent(&self) -> Found {
        Found::wait(&self.agent_program, self.paths.data_dir())
    }

    /// Keeps a picture of what the owner sees, for people.
    pub(crate) async fn keep_picture(&self, name: &str) {
        screen::keep_picture(&self.screen, name, |_| true).await;
    }

    /// The same of a window in which the lamp must be lit.
    pub(crate) async fn keep_picture_by_lamplight(&self, name: &str) {
        screen::keep_picture(&self.screen, name, screen::Pixels::shows_the_lamp).await;
    }

    fn driver_log(&self) -> PathBuf {
        self.home.path().join("driver.log")
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
        // There is no GPU behind this screen: buffers shared with one stay empty.
        command.env("WEBKIT_DISABLE_DMABUF_RENDERER", "1");
        if let Some(session) = &self.session {
            session.lend(command);
        }
        command.env("HEADFRAME_AGENT_BIN", &self.agent_program).env_remove("HEADFRAME_AGENT_DIR");
        // The settings of a desktop are asked for over the session's bus, which may be the tester's.
        command.env("GSETTINGS_BACKEND", "memory").env("NO_AT_BRIDGE", "1").env("LC_ALL", "C.UTF-8");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // An agent leads a session of its own and outlives whoever started it; a test that fails early never held it.
        kill_all(&self.agent_program, self.paths.data_dir());
        if thread::panicking() {
            for (file, name) in [(self.paths.agent_log(), "failed-agent.log"), (self.driver_log(), "failed-driver.log")] {
                fs::copy(file, kept(name)).ok();
            }
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if thread::panicking() {
            screen::try_picture(&self.screen, "failed");
        }
    }
}

/// Where pictures go, and what else is kept of a test that failed, so that a person can look at what it has seen.
pub(crate) fn kept(name: &str) -> PathBuf {
    let folder = env::var_os("HEADFRAME_SCREENSHOTS").map_or_else(|| target_folder().join("window"), PathBuf::from);
    fs::create_dir_all(&folder).expect("below target");
    folder.join(name)
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

/// What cargo writes to.
pub(crate) fn target_folder() -> PathBuf {
    build_folder().parent().expect("below target").to_owned()
}
