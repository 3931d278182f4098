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
    out: Mutex<std::fs::File>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    last: u32,
    by_id: HashMap<u32, Far>,
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
        Arc::new(Self { out: Mutex::new(out), open: Mutex::default() })
    }

    /// A new connection, and what the agent will say of it; nothing if there are as many as may be.
    pub(crate) fn open(self: &Arc<Self>) -> Option<(Connection, Receiver<Said>)> {
        let mut open = lock(&self.open);
        if open.by_id.len() >= CONNECTIONS_MAX {
            return None;
        }
        // Four thousand million are more than a job opens in a week.
        open.last = open.last.checked_add(1)?;
        let (said, heard) = channel();
        let room = Arc::new(Room::default());
        let id = open.last;
        open.by_id.insert(id, Far { said, room: Arc::clone(&room) });
        Some((Connection { id, room, all: Arc::clone(self) }, heard))
    }

    /// Passes on what the agent says. What is about no connection any more was on its way when that ended.
    pub(crate) fn hear(&self, frame: Frame) {
        let open = lock(&self.open);
        let Some(far) = open.by_id.get(&frame.id) else { return };
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

impl Connection {
    pub(crate) fn say(&self, said: Said) -> io::Result<()> {
        let mut bytes = Vec::new();
        Frame { id: self.id, said }.write(&mut bytes);
        lock(&self.all.out).write_all(&bytes)
    }

    /// Nothing more is heard of it: whoever waits for what the agent says waits no longer.
    pub(crate) fn forget(&self) {
        lock(&self.all.open).by_id.remove(&self.id);
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
