//! A network line that can be cut, held and slowed: a TCP relay on loopback.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::tasks::Tasks;

/// How much is carried at once. Small, so that a slow line is slow smoothly.
const BLOCK_BYTES: usize = 16 * 1024;

/// What the line does to what passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Carries.
    Whole,
    /// Carries this many bytes a second, in each connection and direction.
    Slow {
        /// Bytes a second.
        bytes_per_s: u64,
    },
    /// Holds back everything without breaking a connection, as a network that loses packets does.
    Held,
    /// Breaks every connection and takes no new one.
    Cut,
}

#[derive(Debug, Clone, Copy)]
struct State {
    condition: Condition,
    target: Option<SocketAddr>,
    /// How often it was cut: a connection also breaks when the line was whole again before anybody looked.
    cuts: u64,
}

/// A relay from its own address to another, which may change.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    carried: Arc<AtomicU64>,
    tasks: Arc<Tasks>,
}

impl Line {
    /// A whole line that leads nowhere yet.
    ///
    /// # Errors
    /// If there is no free port.
    pub async fn open() -> Result<Self> {
        Self::open_at((Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// The same at an address that was promised to somebody.
    ///
    /// # Errors
    /// If it is taken.
    pub async fn open_at(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address).await.context("could not listen on loopback")?;
        let address = listener.local_addr().context("a listener without an address")?;
        let state = Arc::new(watch::Sender::new(State { condition: Condition::Whole, target: None, cuts: 0 }));
        let tasks = Arc::new(Tasks::default());
        let carried = Arc::new(AtomicU64::new(0));
        let (accepting, counter, spawner) = (Arc::clone(&state), Arc::clone(&carried), Arc::downgrade(&tasks));
        tasks.spawn(async move {
            // A connection that could not be accepted is the dialler's to try again.
            loop {
                let Ok((from, _)) = listener.accept().await else { continue };
                let Some(tasks) = spawner.upgrade() else { return };
                let (states, counter) = (accepting.subscribe(), Arc::clone(&counter));
                tasks.spawn(async move { relay(from, states, &counter).await });
            }
        });
        Ok(Self { address, state, carried, tasks })
    }

    /// Where to dial.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads to `target` from now on; connections that exist go where they went.
    pub fn lead_to(&self, target: SocketAddr) {
        self.state.send_modify(|state| state.target = Some(target));
    }

    /// What it does to what passes, from now on.
    pub fn set(&self, condition: Condition) {
        self.state.send_modify(|state| {
            state.cuts += u64::from(condition == Condition::Cut);
            state.condition = condition;
        });
    }

    /// How many bytes have passed so far, in both directions: for whoever waits until something is on its way.
    #[must_use]
    pub fn carried_bytes(&self) -> u64 {
        self.carried.load(Ordering::Relaxed)
    }

    /// Closes it.
    pub async fn shutdown(&self) {
        self.tasks.shutdown().await;
    }
}

/// Carries one connection until either side ends it or the line is cut. Errors are how connections end; both ends see them.
async fn relay(mut from: TcpStream, states: watch::Receiver<State>, carried: &AtomicU64) {
    let mut cut = states.clone();
    let State { condition, target, cuts } = *states.borrow();
    let Some(target) = target.filter(|_| condition != Condition::Cut) else { return };
    let Ok(mut to) = TcpStream::connect(target).await else { return };
    let (from_read, from_write) = from.split();
    let (to_read, to_write) = to.split();
    let there = carry(from_read, to_write, states.clone(), carried);
    let back = carry(to_read, from_write, states, carried);
    tokio::select! {
        _both_done = async { tokio::join!(there, back) } => {}
        _ = cut.wait_for(|state| state.cuts > cuts) => {}
    }
}

async fn carry(
    mut from: impl tokio::io::AsyncRead + Unpin,
    mut to: impl tokio::io::AsyncWrite + Unpin,
    mut states: watch::Receiver<State>,
    carried: &AtomicU64,
) -> std::io::Result<()> {
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        let read = from.read(&mut block).await?;
        // The sender is gone only when the whole line is.
        let passing = states.wait_for(|state| state.condition != Condition::Held).await.map(|state| state.condition);
        match passing {
            Ok(Condition::Slow { bytes_per_s }) => {
                tokio::time::sleep(Duration::from_secs_f64(read as f64 / bytes_per_s.max(1) as f64)).await;
            }
            Ok(Condition::Whole | Condition::Held | Condition::Cut) | Err(_) => {}
        }
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&block[..read]).await?;
        carried.fetch_add(read as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let tasks = Box::leak(Box::new(Tasks::default()));
        tasks.spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let (mut read, mut write) = connection.split();
                tokio::io::copy(&mut read, &mut write).await.ok();
            }
        });
        address
    }

    #[tokio::test]
    async fn a_cut_line_breaks_and_heals() {
        let line = Line::open().await.expect("a line");
        line.lead_to(echo().await);
        let mut connection = TcpStream::connect(line.address()).await.expect("a connection");
        let mut answer = [0; 2];
        connection.write_all(b"hi").await.expect("carried");
        connection.read_exact(&mut answer).await.expect("echoed");
        assert_eq!(line.carried_bytes(), 4, "two there and two back");

        line.set(Condition::Cut);
        line.set(Condition::Whole);
        assert!(connection.read_exact(&mut answer).await.is_err(), "a cut ends connections, however short it was");

        let mut connection = TcpStream::connect(line.address()).await.expect("a new connection");
        connection.write_all(b"yo").await.expect("carried");
        connection.read_exact(&mut answer).await.expect("echoed");
        assert_eq!(&answer, b"yo");
    }

    #[tokio::test]
    async fn a_held_line_delivers_late() {
        let line = Line::open().await.expect("a line");
        line.lead_to(echo().await);
        let mut connection = TcpStream::connect(line.address()).await.expect("a connection");
        line.set(Condition::Held);
        connection.write_all(b"hi").await.expect("taken");
        let mut answer = [0; 2];
        let early = tokio::time::timeout(Duration::from_millis(200), connection.read_exact(&mut answer)).await;
        assert!(early.is_err(), "nothing passes a held line");
        line.set(Condition::Whole);
        connection.read_exact(&mut answer).await.expect("delivered after all");
    }
}
