//! Speaks with one relay, until its line ends or it says what no relay of ours says.
//!
//! The job can write into that line as the relay does: they are the same user in the same container. So every frame is bounded,
//! counted and held against what was said before, and what is not right ends this attempt's way out and nothing else.

use std::{collections::HashMap, fmt, io, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use headframe_relay::frame::{self, CONNECTIONS_MAX, DOOR, Frame, Malformed, Said, WINDOW_BYTES};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

use super::{
    carry::{Connection, Terms},
    gate::Refusal,
    inbox::{Inbox, Overrun},
};
use crate::runner::rate::Rate;

/// Frames on their way to the relay: a mebibyte.
const OUT_MAX: usize = 64;

/// The relay's own limit twice: what has just ended there may still be ending here.
const OPEN_MAX: usize = CONNECTIONS_MAX * 2;

/// Frames without data that are read a second, some at once. Each has a reason in our own; a flood of them waits in the container.
const CHATTER_PER_SECOND: u64 = 4_096;

/// How a session ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parted {
    /// The line did.
    Closed,
    /// The other side is no relay.
    Broken(Breach),
}

/// What no relay of ours says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breach {
    Malformed(Malformed),
    /// More than there was room for, or more after the end.
    Overrun,
    /// A number a second time.
    Reused,
    /// What only we say.
    OursToSay,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::Overrun => f.write_str("it sends more than it was given room for"),
            Self::Reused => f.write_str("it numbers two connections alike"),
            Self::OursToSay => f.write_str("it says what is the agent's to say"),
        }
    }
}

impl From<Overrun> for Breach {
    fn from(Overrun: Overrun) -> Self {
        Self::Overrun
    }
}

/// Speaks until the end. `ready` is called when the relay's door is open.
pub(super) async fn hold(
    terms: &Arc<Terms>,
    from: impl Stream<Item = Bytes> + Unpin,
    to: impl AsyncWrite + Unpin,
    ready: impl Fn(),
) -> Parted {
    let (out, frames) = mpsc::channel(OUT_MAX);
    let session = Session {
        terms,
        out,
        near: HashMap::new(),
        tasks: JoinSet::new(),
        last: DOOR,
        stray_bytes: 0,
        chatter: Rate::default(),
        ready,
    };
    // Both at once: what is read must not wait for what is written.
    tokio::select! {
        parted = session.listen(from) => parted,
        _ = write(frames, to) => Parted::Closed,
    }
}

async fn write(mut frames: mpsc::Receiver<Frame>, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    let mut bytes = Vec::new();
    while let Some(frame) = frames.recv().await {
        bytes.clear();
        frame.write(&mut bytes);
        to.write_all(&bytes).await?;
        to.flush().await?;
    }
    Ok(())
}

struct Session<'a, F> {
    terms: &'a Arc<Terms>,
    out: mpsc::Sender<Frame>,
    near: HashMap<u32, Near>,
    /// Each gives its connection's number when it ends.
    tasks: JoinSet<u32>,
    last: u32,
    /// What may still come for connections that ended here before the relay had heard of it.
    stray_bytes: usize,
    chatter: Rate,
    ready: F,
}

/// A connection, as its task is told of it.
struct Near {
    inbox: Arc<Inbox>,
    room: Arc<Semaphore>,
}

impl<F: Fn()> Session<'_, F> {
    async fn listen(mut self, mut from: impl Stream<Item = Bytes> + Unpin) -> Parted {
        let mut bytes = BytesMut::new();
        loop {
            tokio::select! {
                biased;
                Some(ended) = self.tasks.join_next() => match ended {
                    Ok(id) => self.forget(id),
                    // A panic of ours: nothing is known of that connection any more.
                    Err(_) => return Parted::Closed,
                },
                piece = from.next() => {
                    let Some(piece) = piece else { return Parted::Closed };
                    bytes.extend_from_slice(&piece);
                    if let Err(breach) = self.take_in(&mut bytes).await {
                        return Parted::Broken(breach);
                    }
                }
            }
        }
    }

    async fn take_in(&mut self, bytes: &mut BytesMut) -> Result<(), Breach> {
        while let Some((frame, length)) = frame::read(bytes).map_err(Breach::Malformed)? {
            drop(bytes.split_to(length));
            self.hear(frame).await?;
        }
        Ok(())
    }

    async fn hear(&mut self, Frame { id, said }: Frame) -> Result<(), Breach> {
        if let Said::Data(data) = said {
            return match self.near.get(&id) {
                Some(near) => Ok(near.inbox.fill(&data)?),
                None => {
                    self.stray_bytes = self.stray_bytes.checked_sub(data.len()).ok_or(Breach::Overrun)?;
                    Ok(())
                }
            };
        }
        self.chatter.pass(1, CHATTER_PER_SECOND).await;
        match said {
            Said::Open(target) => self.open(id, target).await?,
            Said::Opened if id == DOOR => (self.ready)(),
            Said::Opened | Said::Refused { .. } => return Err(Breach::OursToSay),
            // What is about none was on its way when that ended.
            Said::End => drop(self.near.get(&id).map(|near| near.inbox.end())),
            Said::Reset => drop(self.near.get(&id).map(|near| near.inbox.reset())),
            Said::Room(bytes) => {
                if let Some(near) = self.near.get(&id) {
                    near.widen(bytes)?;
                }
            }
            Said::Data(_) => {}
        }
        Ok(())
    }

    async fn open(&mut self, id: u32, target: String) -> Result<(), Breach> {
        if id <= self.last {
            return Err(Breach::Reused);
        }
        self.last = id;
        if self.near.len() >= OPEN_MAX {
            let refusal = Refusal::Crowded;
            self.terms.traffic.refused(&refusal);
            let said = Said::Refused { status: refusal.status(), why: refusal.to_string() };
            // Gone, if it cannot be told.
            self.out.send(Frame { id, said }).await.ok();
            return Ok(());
        }
        let near = Near { inbox: Arc::default(), room: Arc::new(Semaphore::new(WINDOW_BYTES as usize)) };
        let connection = Connection {
            id,
            terms: Arc::clone(self.terms),
            out: self.out.clone(),
            inbox: Arc::clone(&near.inbox),
            room: Arc::clone(&near.room),
        };
        self.near.insert(id, near);
        self.tasks.spawn(async move {
            Box::pin(connection.run(target)).await;
            id
        });
        Ok(())
    }

    fn forget(&mut self, id: u32) {
        if self.near.remove(&id).is_some() {
            self.stray_bytes = self.stray_bytes.saturating_add(WINDOW_BYTES as usize);
        }
    }
}

impl Near {
    fn widen(&self, bytes: u32) -> Result<(), Breach> {
        // A task that waits for room has taken what there was; beyond a window in all it was never given.
        if self.room.available_permits() + bytes as usize > WINDOW_BYTES as usize {
            return Err(Breach::Overrun);
        }
        self.room.add_permits(bytes as usize);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
