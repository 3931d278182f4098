//! One connection of a job: judged, opened, and its bytes moved both ways until either end has enough.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use headframe_protocol::job::Host;
use headframe_relay::frame::{CONTENT_BYTES_MAX, Frame, Said};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, tcp},
    sync::{Semaphore, mpsc, watch},
    time::Instant,
};

use super::{
    EgressCaps, World,
    gate::{self, Refusal, Within},
    inbox::{Inbox, Next},
    traffic::{Direction, Traffic},
};
use crate::runner::rate::Rate;

/// A connection on which nothing has moved for this long is over: many a client forgets its own.
const IDLE_MAX: Duration = Duration::from_secs(300);

/// New connections a second, some at once. Package managers stay below; a flood of a host from an owner's address does not.
const OPENED_PER_SECOND: u64 = 16;

/// What all connections of an attempt are held to.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) allow: Vec<Host>,
    pub(super) world: Arc<dyn World>,
    pub(super) caps: watch::Receiver<Option<EgressCaps>>,
    /// Of the whole rig.
    pub(super) pace: Arc<Rate>,
    /// Of this attempt's new connections.
    pub(super) opening: Rate,
    pub(super) traffic: Traffic,
}

impl Terms {
    async fn open(&self, target: &str) -> Result<TcpStream, Refusal> {
        let host = gate::named(&self.allow, target)?;
        self.traffic.check()?;
        self.rate()?;
        self.opening.pass(1, OPENED_PER_SECOND).await;
        gate::reach(&*self.world, &host, Within::USUAL).await
    }

    /// Counts bytes, and waits until they are due. Counted first: what is not to be sent at all waits for nothing.
    async fn pay(&self, direction: Direction, bytes: usize) -> Result<(), Refusal> {
        self.traffic.spend(direction, bytes as u64)?;
        self.pace.pass(bytes as u64, self.rate()?).await;
        Ok(())
    }

    fn rate(&self) -> Result<u64, Refusal> {
        self.caps.borrow().map(|caps| caps.bytes_per_second).ok_or(Refusal::Forbidden)
    }

    async fn until_forbidden(&self) -> Over {
        let mut caps = self.caps.clone();
        if caps.wait_for(Option::is_none).await.is_err() {
            // Whoever may change it has gone; the agent is ending, and this with it.
            std::future::pending::<()>().await;
        }
        Over::Refused(Refusal::Forbidden)
    }
}

/// One connection, from the relay's request on.
pub(super) struct Connection {
    pub(super) id: u32,
    pub(super) terms: Arc<Terms>,
    pub(super) out: mpsc::Sender<Frame>,
    pub(super) inbox: Arc<Inbox>,
    /// How many bytes the relay takes.
    pub(super) room: Arc<Semaphore>,
}

/// Why a connection ends before both sides have said all.
enum Over {
    /// The relay has reset it, or is gone.
    There,
    /// The host has, or nothing moves.
    Here,
    Refused(Refusal),
}

impl From<Refusal> for Over {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self::Here
    }
}

impl Connection {
    pub(super) async fn run(self, target: String) {
        let stream = match self.terms.open(&target).await {
            Ok(stream) => stream,
            Err(refusal) => {
                self.terms.traffic.refused(&refusal);
                // An error here and below means that the relay is gone, and everything with it.
                self.say(Said::Refused { status: refusal.status(), why: refusal.to_string() }).await.ok();
                return;
            }
        };
        self.terms.traffic.opened();
        if self.say(Said::Opened).await.is_err() {
            return;
        }
        match self.carry(stream).await {
            Ok(()) | Err(Over::There) => {}
            Err(Over::Here) => drop(self.say(Said::Reset).await),
            Err(Over::Refused(refusal)) => {
                self.terms.traffic.refused(&refusal);
                self.say(Said::Reset).await.ok();
            }
        }
    }

    async fn say(&self, said: Said) -> Result<(), Over> {
        self.out.send(Frame { id: self.id, said }).await.map_err(|_| Over::There)
    }

    async fn carry(&self, stream: TcpStream) -> Result<(), Over> {
        stream.set_nodelay(true)?;
        let (from, to) = stream.into_split();
        let moved = Moved::default();
        tokio::select! {
            done = async { tokio::try_join!(self.up(to, &moved), self.down(from, &moved)) } => done.map(|_| ()),
            () = moved.nothing_for(IDLE_MAX) => Err(Over::Here),
            over = self.terms.until_forbidden() => Err(over),
        }
    }

    async fn up(&self, mut to: tcp::OwnedWriteHalf, moved: &Moved) -> Result<(), Over> {
        loop {
            match self.inbox.next().await {
                Next::Bytes(bytes) => {
                    self.terms.pay(Direction::Sent, bytes.len()).await?;
                    to.write_all(&bytes).await?;
                    moved.now();
                    self.inbox.give_room(bytes.len());
                    self.say(Said::Room(u32::try_from(bytes.len()).unwrap_or(u32::MAX))).await?;
                }
                Next::End => return Ok(to.shutdown().await?),
                Next::Reset => return Err(Over::There),
            }
        }
    }

    async fn down(&self, mut from: tcp::OwnedReadHalf, moved: &Moved) -> Result<(), Over> {
        let mut piece = vec![0; CONTENT_BYTES_MAX];
        loop {
            let read = from.read(&mut piece).await?;
            if read == 0 {
                return self.say(Said::End).await;
            }
            self.terms.pay(Direction::Received, read).await?;
            let taken = self.room.acquire_many(u32::try_from(read).unwrap_or(u32::MAX)).await.map_err(|_| Over::There)?;
            taken.forget();
            self.say(Said::Data(piece[..read].to_vec())).await?;
            moved.now();
        }
    }
}

/// When something last moved, in either direction.
struct Moved(Mutex<Instant>);

impl Default for Moved {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Moved {
    fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    async fn nothing_for(&self, long: Duration) {
        loop {
            let due = *self.0.lock().unwrap_or_else(PoisonError::into_inner) + long;
            if due <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(due).await;
        }
    }
}
