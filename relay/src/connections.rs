//! The connections there are, the line to the agent that all of them share, and how much each may send.

use std::{
    collections::HashMap,
    io::{self, Write as _},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
};

use crate::frame::{CONNECTIONS_MAX, Frame, Said, WINDOW_BYTES};

/// All of them.
pub(crate) struct Connections {
    line: Mutex<Line>,
    open: Mutex<HashMap<u32, Far>>,
}

/// What goes out, with the last number that did: the agent wants to hear of new ones in their order.
struct Line {
    out: std::fs::File,
    last: u32,
}

/// Where what the agent says of a connection goes.
struct Far {
    /// Not bounded by itself: the agent sends no more bytes than it was given room for.
    said: Sender<Said>,
    room: Arc<Room>,
}

/// One connection, held by the threads that work on it. Forgotten when dropped.
pub(crate) struct Connection {
    pub(crate) id: u32,
    pub(crate) room: Arc<Room>,
    all: Arc<Connections>,
}

impl Connections {
    pub(crate) fn new(out: std::fs::File) -> Arc<Self> {
        Arc::new(Self { line: Mutex::new(Line { out, last: 0 }), open: Mutex::default() })
    }

    /// Asks for a new connection to `target`, and what the agent will say of it; nothing if there are as many as may be.
    pub(crate) fn open(self: &Arc<Self>, target: String) -> io::Result<Option<(Connection, Receiver<Said>)>> {
        let mut line = lock(&self.line);
        let (said, heard) = channel();
        let room = Arc::new(Room::default());
        // Four thousand million are more than a job opens in a week.
        let Some(id) = line.last.checked_add(1) else { return Ok(None) };
        {
            // Not held while it is written: what the agent says must be heard meanwhile.
            let mut open = lock(&self.open);
            if open.len() >= CONNECTIONS_MAX {
                return Ok(None);
            }
            open.insert(id, Far { said, room: Arc::clone(&room) });
        }
        line.last = id;
        let connection = Connection { id, room, all: Arc::clone(self) };
        line.say(id, Said::Open(target))?;
        Ok(Some((connection, heard)))
    }

    /// Passes on what the agent says. What is about no connection any more was on its way when that ended.
    pub(crate) fn hear(&self, frame: Frame) {
        let open = lock(&self.open);
        let Some(far) = open.get(&frame.id) else { return };
        match frame.said {
            Said::Room(bytes) => far.room.give(bytes),
            said @ (Said::Refused { .. } | Said::Reset) => {
                far.room.close();
                far.said.send(said).ok();
            }
            said @ (Said::Open(_) | Said::Opened | Said::Data(_) | Said::End) => {
                far.said.send(said).ok();
            }
        }
    }
}

impl Line {
    fn say(&mut self, id: u32, said: Said) -> io::Result<()> {
        let mut bytes = Vec::new();
        Frame { id, said }.write(&mut bytes);
        self.out.write_all(&bytes)
    }
}

impl Connection {
    pub(crate) fn say(&self, said: Said) -> io::Result<()> {
        lock(&self.all.line).say(self.id, said)
    }

    /// Nothing more is heard of it: whoever waits for what the agent says waits no longer.
    pub(crate) fn forget(&self) {
        lock(&self.all.open).remove(&self.id);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.forget();
    }
}

/// How many bytes of a connection the agent takes.
pub(crate) struct Room {
    /// Nothing once the connection is over.
    left: Mutex<Option<u32>>,
    more: Condvar,
}

impl Default for Room {
    fn default() -> Self {
        Self { left: Mutex::new(Some(WINDOW_BYTES)), more: Condvar::new() }
    }
}

impl Room {
    /// Waits until there is any, and takes at most `wanted` of it; nothing if the connection is over.
    pub(crate) fn take(&self, wanted: u32) -> Option<u32> {
        let mut left = lock(&self.left);
        loop {
            match left.as_mut() {
                None => return None,
                Some(0) => left = self.more.wait(left).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    let taken = wanted.min(*left);
                    *left -= taken;
                    return Some(taken);
                }
            }
        }
    }

    pub(crate) fn give(&self, bytes: u32) {
        if let Some(left) = lock(&self.left).as_mut() {
            *left = left.saturating_add(bytes);
        }
        self.more.notify_all();
    }

    fn close(&self) {
        *lock(&self.left) = None;
        self.more.notify_all();
    }
}

/// A thread that panicked has left nothing half done behind these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
