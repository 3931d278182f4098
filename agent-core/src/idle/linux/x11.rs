//! Keyboard and mouse under X11, by the screen saver extension; and the connection to the X display for whoever asks it more.

use std::time::Duration;

use x11rb::{
    connection::Connection as _,
    errors::{ConnectError, ConnectionError, ReplyError},
    protocol::{screensaver::ConnectionExt as _, xproto::ConnectionExt as _},
    rust_connection::RustConnection,
};

use super::{Desktop, IdleProbe, Pace, ProbeError, Sign};

/// How long to wait before asking for the display again once it was not there.
const RECONNECT_EVERY: Duration = Duration::from_secs(5);

/// Asks the X server when it last saw input.
pub(super) struct X11Idle(Display);

impl X11Idle {
    pub(super) const fn new(desktop: Desktop) -> Self {
        Self(Display::new(desktop))
    }
}

impl IdleProbe for X11Idle {
    fn name(&self) -> &'static str {
        "X11 input"
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        let reply = self.0.ask(|server| server.connection.screensaver_query_info(server.root)?.reply())?;
        Ok(Sign::Input(Duration::from_millis(u64::from(reply.ms_since_user_input))))
    }
}

/// The owner's X display, looked for again while it is not there.
pub(super) struct Display {
    desktop: Desktop,
    pace: Pace,
    server: Result<Server, ProbeError>,
}

/// An X server that is there.
pub(super) struct Server {
    pub(super) connection: RustConnection,
    pub(super) root: u32,
}

impl Display {
    pub(super) const fn new(desktop: Desktop) -> Self {
        let server = Err(ProbeError::Absent(String::new()));
        Self { desktop, pace: Pace::new(RECONNECT_EVERY), server }
    }

    /// What the server answers. One that fails to is gone.
    pub(super) fn ask<T>(&mut self, question: impl FnOnce(&Server) -> Result<T, ReplyError>) -> Result<T, ProbeError> {
        if self.server.is_err() && self.pace.is_due() {
            self.server = connect(&self.desktop).map_err(ProbeError::Absent);
        }
        let server = self.server.as_ref().map_err(Clone::clone)?;
        question(server).map_err(|error| {
            let why = ProbeError::Absent(match error {
                ReplyError::ConnectionError(ConnectionError::UnsupportedExtension) => {
                    "the X display cannot tell input times".to_owned()
                }
                error => format!("the X display went away: {error}"),
            });
            self.pace.is_due();
            self.server = Err(why.clone());
            why
        })
    }
}

fn connect(desktop: &Desktop) -> Result<Server, String> {
    let Some(display) = desktop.display.as_deref() else {
        return Err("there is no X display (DISPLAY is not set)".to_owned());
    };
    let (connection, screen) = x11rb::connect(Some(display)).map_err(|error: ConnectError| format!("no X display: {error}"))?;
    let root = connection.setup().roots.get(screen).map(|screen| screen.root);
    let root = root.ok_or("the X display has no screen")?;
    // Older ones do not say so themselves; then the session does.
    if desktop.wayland.is_some() || is_wayland(&connection) {
        return Err("this is a Wayland session, and X11 sees only part of it".to_owned());
    }
    Ok(Server { connection, root })
}

/// Whether the server is Xwayland, whose idle time grows while the owner types into a window that is not X11's.
fn is_wayland(connection: &RustConnection) -> bool {
    connection.query_extension(b"XWAYLAND").ok().and_then(|asked| asked.reply().ok()).is_some_and(|reply| reply.present)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_display_there_is_no_x11_probe() {
        let mut probe = X11Idle::new(Desktop { display: None, wayland: None });
        assert_eq!(probe.read(), Err(ProbeError::Absent("there is no X display (DISPLAY is not set)".to_owned())));
        // No test starts a display with this number.
        let mut probe = X11Idle::new(Desktop { display: Some(":4999".to_owned()), wayland: None });
        assert!(matches!(probe.read(), Err(ProbeError::Absent(why)) if why.starts_with("no X display")));
    }
}
