//! Whether the window the owner looks at fills the screen, as the window manager of an X display tells it.

use std::time::Duration;

use x11rb::{
    errors::ReplyError,
    protocol::xproto::{Atom, AtomEnum, ConnectionExt as _},
    x11_utils::X11Error,
};

use super::{
    Desktop, IdleProbe, ProbeError, Sign,
    x11::{Display, Server},
};

/// The most states of a window that are looked at; window managers know about a dozen.
const STATES_MAX: u32 = 64;

/// Asks for the active window's state.
pub(super) struct Fullscreen(Display);

impl Fullscreen {
    pub(super) const fn new(desktop: Desktop) -> Self {
        Self(Display::new(desktop))
    }
}

impl IdleProbe for Fullscreen {
    fn name(&self) -> &'static str {
        "Full screen"
    }

    // Whoever starts a game has touched something before, which is noticed at once.
    fn every(&self) -> Duration {
        Duration::from_millis(500)
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        match self.0.ask(fills_screen)? {
            Some(fills) => Ok(Sign::Fullscreen(fills)),
            None => Err(ProbeError::Absent("the window manager does not tell which window is active".to_owned())),
        }
    }
}

fn fills_screen(server: &Server) -> Result<Option<bool>, ReplyError> {
    let connection = &server.connection;
    // All three at once: one way there and back. They are asked each time, since they begin to exist only with a window manager.
    let asked = [
        connection.intern_atom(true, b"_NET_ACTIVE_WINDOW")?,
        connection.intern_atom(true, b"_NET_WM_STATE")?,
        connection.intern_atom(true, b"_NET_WM_STATE_FULLSCREEN")?,
    ];
    let mut atoms = [x11rb::NONE; 3];
    for (atom, asked) in atoms.iter_mut().zip(asked) {
        *atom = asked.reply()?.atom;
    }
    let [active, state, full] = atoms;
    let Some(active) = values(server, server.root, active, AtomEnum::WINDOW)?.first().copied() else {
        return Ok(None);
    };
    if active == x11rb::NONE {
        return Ok(Some(false));
    }
    match values(server, active, state, AtomEnum::ATOM) {
        Ok(states) => Ok(Some(states.contains(&full))),
        // It was closed in between.
        Err(ReplyError::X11Error(X11Error { .. })) => Ok(Some(false)),
        Err(error) => Err(error),
    }
}

/// A property of a window; empty if it has none of the name.
fn values(server: &Server, window: u32, property: Atom, kind: AtomEnum) -> Result<Vec<u32>, ReplyError> {
    if property == x11rb::NONE {
        return Ok(Vec::new());
    }
    let reply = server.connection.get_property(false, window, property, kind, 0, STATES_MAX)?.reply()?;
    Ok(reply.value32().map(Iterator::collect).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_tells_of_full_screens_where_there_is_no_x_display() {
        let mut probe = Fullscreen::new(Desktop { display: None, wayland: None });
        assert!(matches!(probe.read(), Err(ProbeError::Absent(_))));
    }
}
