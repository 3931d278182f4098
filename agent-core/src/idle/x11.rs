//! Keyboard and mouse under X11, by the screen saver extension.

use std::time::{Duration, Instant};

use x11rb::{
    connection::Connection as _,
    errors::{ConnectError, ReplyError},
    protocol::{screensaver::ConnectionExt as _, xproto::ConnectionExt as _},
    rust_connection::RustConnection,
};

use super::{IdleProbe, ProbeError};

/// How long to wait before asking for the display again once it was not there.
const RECONNECT_EVERY: Duration = Duration::from_secs(5);

/// Asks the X server when it last saw input.
pub(super) struct X11Idle {
    server: Result<Server, Absent>,
}

struct Server {
    connection: RustConnection,
    root: u32,
}

struct Absent {
    why: ProbeError,
    since: Instant,
}

impl X11Idle {
    pub(super) fn new() -> Self {
        Self { server: connect() }
    }
}

impl IdleProbe for X11Idle {
    fn name(&self) -> &'static str {
        "X11 input"
    }

    fn read(&mut self) -> Result<Duration, ProbeError> {
        if matches!(&self.server, Err(absent) if absent.since.elapsed() >= RECONNECT_EVERY) {
            self.server = connect();
        }
        let server = self.server.as_ref().map_err(|absent| absent.why.clone())?;
        server.idle().map_err(|error| {
            let why = ProbeError(format!("the X display went away: {error}"));
            self.server = Err(Absent { why: why.clone(), since: Instant::now() });
            why
        })
    }
}

impl Server {
    fn idle(&self) -> Result<Duration, ReplyError> {
        let reply = self.connection.screensaver_query_info(self.root)?.reply()?;
        Ok(Duration::from_millis(u64::from(reply.ms_since_user_input)))
    }
}

fn connect() -> Result<Server, Absent> {
    let absent = |why: String| Absent { why: ProbeError(why), since: Instant::now() };
    if std::env::var_os("DISPLAY").is_none_or(|display| display.is_empty()) {
        return Err(absent("there is no X display (DISPLAY is not set)".to_owned()));
    }
    let (connection, screen) = x11rb::connect(None).map_err(|error: ConnectError| absent(format!("no X display: {error}")))?;
    let root = connection.setup().roots.get(screen).map(|screen| screen.root);
    let root = root.ok_or_else(|| absent("the X display has no screen".to_owned()))?;
    if is_wayland(&connection) {
        return Err(absent("this is a Wayland session, and X11 sees only part of its input".to_owned()));
    }
    let server = Server { connection, root };
    server.idle().map_err(|error| absent(format!("the X display cannot tell input times: {error}")))?;
    Ok(server)
}

/// Whether the server is Xwayland, whose idle time grows while the owner types into a window that is not X11's.
fn is_wayland(connection: &RustConnection) -> bool {
    let named =
        connection.query_extension(b"XWAYLAND").ok().and_then(|asked| asked.reply().ok()).is_some_and(|reply| reply.present);
    // Older ones do not say; then the session does.
    named || std::env::var_os("WAYLAND_DISPLAY").is_some_and(|display| !display.is_empty())
}
