//! The program: listens, and carries until standard input ends.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::fd::AsFd as _,
    sync::Arc,
    thread,
    time::Duration,
};

use crate::{
    connections::Connections,
    door,
    frame::{self, CONTENT_BYTES_MAX, DOOR, Frame, HEAD_BYTES, Said},
};

/// An earlier one, whose agent has died, ends within moments; until then the port is its own.
const BIND_TRIES: u32 = 500;
const BIND_PAUSE: Duration = Duration::from_millis(20);

/// Two threads for each connection, which only pass bytes on.
pub(crate) const STACK_BYTES: usize = 128 * 1024;

/// Carries connections from `port` of the loopback until standard input ends.
///
/// # Errors
/// If the port is taken, or what comes in is no frame.
pub fn serve(port: u16) -> io::Result<()> {
    let listener = bind(port)?;
    // Past the standard library's own buffer: a frame is written at once and whole.
    let out = io::stdout().as_fd().try_clone_to_owned()?;
    let mut out = std::fs::File::from(out);
    let mut ready = Vec::new();
    Frame { id: DOOR, said: Said::Opened }.write(&mut ready);
    out.write_all(&ready)?;
    let connections = Connections::new(out);
    let accepting = Arc::clone(&connections);
    thread::Builder::new().name("door".to_owned()).spawn(move || door::keep(&listener, &accepting))?;
    listen(&connections)
}

fn bind(port: u16) -> io::Result<TcpListener> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    for _ in 1..BIND_TRIES {
        match TcpListener::bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => thread::sleep(BIND_PAUSE),
            bound => return bound,
        }
    }
    TcpListener::bind(address)
}

/// Hears what the agent says. Never waits for a connection: what is said of one must not hold up the others.
fn listen(connections: &Connections) -> io::Result<()> {
    let mut from = io::stdin().lock();
    let mut bytes = Vec::new();
    let mut piece = vec![0; HEAD_BYTES + CONTENT_BYTES_MAX];
    loop {
        let read = match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        bytes.extend_from_slice(&piece[..read]);
        let mut done = 0;
        while let Some((frame, length)) = frame::read(&bytes[done..]).map_err(io::Error::other)? {
            connections.hear(frame);
            done += length;
        }
        bytes.drain(..done);
    }
}
