//! Takes the job's connections in, and carries each.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, mpsc::Receiver},
    thread,
    time::Duration,
};

use crate::{
    connections::{Connection, Connections},
    frame::{CONTENT_BYTES_MAX, Said},
    http::{self, Request},
    serve::STACK_BYTES,
};

/// A client that has not said what it wants by then will not.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// After an accept that failed, such as for want of memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Takes in whoever comes. Never returns: the program ends with its standard input.
pub(crate) fn keep(listener: &TcpListener, connections: &Arc<Connections>) {
    loop {
        let taken = listener.accept().and_then(|(client, _)| {
            let connections = Arc::clone(connections);
            thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
                // What goes wrong with one connection is seen by who holds its other end.
                attend(client, &connections).ok();
            })
        });
        if taken.is_err() {
            thread::sleep(ACCEPT_PAUSE);
        }
    }
}

fn attend(mut client: TcpStream, connections: &Arc<Connections>) -> io::Result<()> {
    client.set_nodelay(true)?;
    client.set_read_timeout(Some(HEAD_WITHIN))?;
    let Some((head, early)) = read_head(&mut client)? else { return Ok(()) };
    client.set_read_timeout(None)?;
    let Request { target, mut first, tunnel } = match http::parse(&head) {
        Ok(request) => request,
        Err(why) => return client.write_all(&http::refusal(400, why)),
    };
    let Some((connection, heard)) = connections.open(target)? else {
        return client.write_all(&http::refusal(503, "There are as many connections as may be; close one first."));
    };
    let connection = Arc::new(connection);
    match heard.recv() {
        Ok(Said::Opened) if tunnel => client.write_all(http::OPENED)?,
        Ok(Said::Opened) => {}
        Ok(Said::Refused { status, why }) => return client.write_all(&http::refusal(status, &why)),
        // The agent says one or the other first.
        Ok(_) | Err(_) => return Ok(()),
    }
    first.extend_from_slice(&early);
    let (up, sent) = (client.try_clone()?, Arc::clone(&connection));
    let upward = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || carry_up(up, &first, &sent))?;
    let carried = carry_down(&mut client, &connection, &heard);
    if carried.is_err() {
        connection.say(Said::Reset)?;
        client.shutdown(Shutdown::Both).ok();
    }
    upward.join().map_err(|_| io::Error::other("a thread has panicked"))?
}

/// The head of the request and what came after it; nothing if the client left.
fn read_head(client: &mut TcpStream) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4_096];
    loop {
        let read = client.read(&mut piece)?;
        if read == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&piece[..read]);
        if let Some(length) = http::head_bytes(&bytes) {
            let early = bytes.split_off(length);
            return Ok(Some((bytes, early)));
        }
        if bytes.len() > http::HEAD_BYTES_MAX {
            client.write_all(&http::refusal(400, "The head of the request is too long."))?;
            return Ok(None);
        }
    }
}

/// From the client to the agent.
fn carry_up(mut client: TcpStream, first: &[u8], connection: &Connection) -> io::Result<()> {
    if !send_all(connection, first)? {
        return Ok(());
    }
    let mut piece = vec![0; CONTENT_BYTES_MAX];
    loop {
        match client.read(&mut piece) {
            Ok(0) => return connection.say(Said::End),
            Ok(read) => {
                if !send_all(connection, &piece[..read])? {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => {
                connection.forget();
                return connection.say(Said::Reset);
            }
        }
    }
}

/// False if the connection ended meanwhile.
fn send_all(connection: &Connection, mut bytes: &[u8]) -> io::Result<bool> {
    while !bytes.is_empty() {
        let wanted = u32::try_from(bytes.len().min(CONTENT_BYTES_MAX)).unwrap_or(u32::MAX);
        let Some(taken) = connection.room.take(wanted) else { return Ok(false) };
        let (now, rest) = bytes.split_at(taken as usize);
        connection.say(Said::Data(now.to_vec()))?;
        bytes = rest;
    }
    Ok(true)
}

/// From the agent to the client.
fn carry_down(client: &mut TcpStream, connection: &Connection, heard: &Receiver<Said>) -> io::Result<()> {
    loop {
        match heard.recv() {
            Ok(Said::Data(bytes)) => {
                client.write_all(&bytes)?;
                connection.say(Said::Room(u32::try_from(bytes.len()).unwrap_or(u32::MAX)))?;
            }
            Ok(Said::End) => {
                client.shutdown(Shutdown::Write).ok();
                return Ok(());
            }
            Ok(Said::Open(_) | Said::Opened | Said::Refused { .. } | Said::Reset | Said::Room(_)) | Err(_) => {
                client.shutdown(Shutdown::Both).ok();
                return Ok(());
            }
        }
    }
}
