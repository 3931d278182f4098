//! A display for the window: the one that is there, else a virtual one.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result};

use crate::{
    process::{Server, tied_to_us},
    workspace,
};

/// Xvfb is up within a tenth of a second; a loaded machine may take a while.
const START_LIMIT: Duration = Duration::from_secs(15);

/// A display that windows may open on, and the session that they belong to.
#[derive(Debug)]
pub(crate) struct Display {
    virtual_server: Option<(Server, String)>,
    bus: Option<(Server, String)>,
}

impl Display {
    /// The display of whoever calls us, or a virtual one.
    pub(crate) fn any() -> Result<Self> {
        let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if !["DISPLAY", "WAYLAND_DISPLAY"].iter().any(is_set) {
            return Self::private();
        }
        let bus = if is_set(&"DBUS_SESSION_BUS_ADDRESS") { None } else { Some(session_bus()?) };
        Ok(Self { virtual_server: None, bus })
    }

    /// A virtual display of our own, even if there is a real one: a test must not depend on what else is on the screen.
    pub(crate) fn private() -> Result<Self> {
        let log = workspace::log("xvfb")?;
        let mut xvfb = tied_to_us("Xvfb", None);
        // It picks a free number itself and prints it: two runs side by side never fight over one.
        xvfb.args(["-displayfd", "1", "-screen", "0", "1440x960x24", "-nolisten", "tcp"]);
        let mut server = Server::start("Xvfb", &mut xvfb, &log)?;
        let number: u32 =
            server.wait_until(START_LIMIT, || said(&log, |line| line.parse().ok())).context("no virtual display")?;
        Ok(Self { virtual_server: Some((server, format!(":{number}"))), bus: Some(session_bus()?) })
    }

    /// What a program must be told to open its windows here.
    pub(crate) fn lend(&self, command: &mut Command) {
        if let Some((_, address)) = &self.bus {
            command.env("DBUS_SESSION_BUS_ADDRESS", address);
        }
        if let Some((_, name)) = &self.virtual_server {
            command.env("DISPLAY", name).env_remove("WAYLAND_DISPLAY").env("GDK_BACKEND", "x11");
            // No GPU behind a virtual display: without this the web engine may show an empty page.
            command.env("WEBKIT_DISABLE_DMABUF_RENDERER", "1");
        }
    }
}

/// A desktop session's bus. Not `dbus-run-session`: that stands between us and the program, and dies of signals meant for it.
fn session_bus() -> Result<(Server, String)> {
    let log = workspace::log("session-bus")?;
    let mut daemon = tied_to_us("dbus-daemon", None);
    daemon.args(["--session", "--nofork", "--print-address=1"]);
    let mut server = Server::start("dbus-daemon", &mut daemon, &log)?;
    let address = |line: &str| line.starts_with("unix:").then(|| line.to_owned());
    let address = server.wait_until(START_LIMIT, || said(&log, address)).context("no session bus")?;
    Ok((server, address))
}

/// What the first line that `wanted` takes says.
fn said<T>(log: &Path, wanted: impl Fn(&str) -> Option<T>) -> Option<T> {
    let text = std::fs::read_to_string(log).ok()?;
    // A line is complete only with its end.
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).find_map(|line| wanted(line.trim()))
}
