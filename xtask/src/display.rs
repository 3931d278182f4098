//! A display for the window: the one that is there, else a virtual one.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result};

use crate::{
    process::{Server, command, tied_to_us},
    workspace,
};

/// Xvfb is up within a tenth of a second; a loaded machine may take a while.
const START_LIMIT: Duration = Duration::from_secs(15);

/// A display that windows may open on.
#[derive(Debug)]
pub(crate) struct Display {
    virtual_server: Option<(Server, String)>,
}

impl Display {
    /// The display of whoever calls us, or a virtual one.
    pub(crate) fn any() -> Result<Self> {
        let there =
            ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        if there { Ok(Self { virtual_server: None }) } else { Self::private() }
    }

    /// A virtual display of our own, even if there is a real one: a test must not depend on what else is on the screen.
    pub(crate) fn private() -> Result<Self> {
        let log = workspace::target_folder("logs")?.join("xvfb.log");
        let mut xvfb = tied_to_us("Xvfb", None);
        // It picks a free number itself and prints it: two runs side by side never fight over one.
        xvfb.args(["-displayfd", "1", "-screen", "0", "1440x960x24", "-nolisten", "tcp"]);
        let mut server = Server::start("Xvfb", &mut xvfb, &log)?;
        let number = server.wait_until(START_LIMIT, || number_in(&log)).context("no virtual display")?;
        Ok(Self { virtual_server: Some((server, format!(":{number}"))) })
    }

    /// A command that runs `program` on this display, in a desktop session of its own if there is none.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = if self.virtual_server.is_some() || std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_none() {
            let mut session = command("dbus-run-session");
            session.arg("--").arg(program);
            session
        } else {
            command(program)
        };
        if let Some((_, name)) = &self.virtual_server {
            command.env("DISPLAY", name).env_remove("WAYLAND_DISPLAY").env("GDK_BACKEND", "x11");
            // No GPU behind a virtual display: without this the web engine may show an empty page.
            command.env("WEBKIT_DISABLE_DMABUF_RENDERER", "1");
        }
        command
    }
}

fn number_in(log: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(log).ok()?;
    // A line is complete only with its end.
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).find_map(|line| line.trim().parse().ok())
}
