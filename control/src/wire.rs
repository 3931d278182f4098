//! One JSON text per line, in both directions.

use std::io;

use bytes::BytesMut;
use futures_util::StreamExt as _;
use headframe_protocol::control::LINE_BYTES_MAX;
use interprocess::local_socket::{Name, tokio::Stream};
use serde::Serialize;
use tokio::io::AsyncWriteExt as _;
use tokio_util::codec::{Decoder, FramedRead};
use zeroize::{Zeroize as _, Zeroizing};

use crate::paths::AgentPaths;

/// Room for a line; most are shorter.
const ROOM_BYTES: usize = 8 * 1024;

/// What came instead of a line.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The other end is gone.
    Gone(Option<io::Error>),
    /// A line longer than [`LINE_BYTES_MAX`], or not UTF-8. Where the next line begins is no longer sure.
    NotALine,
}

/// One end of an open connection. Lines may carry the wallet's secrets: nothing of a line is left in memory once it has been used.
#[derive(Debug)]
pub(crate) struct Lines(FramedRead<Stream, WipedLines>);

impl Lines {
    pub(crate) fn new(stream: Stream) -> Self {
        Self(FramedRead::with_capacity(stream, WipedLines { looked_at: 0 }, ROOM_BYTES))
    }

    /// The next line. May be dropped while it waits without losing anything.
    pub(crate) async fn next(&mut self) -> Result<Zeroizing<String>, Broken> {
        match self.0.next().await {
            Some(Ok(line)) => Ok(line),
            Some(Err(error)) if error.kind() == io::ErrorKind::InvalidData => Err(Broken::NotALine),
            Some(Err(error)) => Err(Broken::Gone(Some(error))),
            None => Err(Broken::Gone(None)),
        }
    }

    /// Sends `message` as one line.
    pub(crate) async fn send(&mut self, message: &impl Serialize) -> io::Result<()> {
        let mut length = Length(0);
        serde_json::to_writer(&mut length, message)?;
        if length.0 > LINE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "longer than a line may be"));
        }
        // As large as it becomes: growing would leave copies behind. Written past the frame's own buffer for the same reason.
        let mut line = Zeroizing::new(Vec::with_capacity(length.0 + 1));
        serde_json::to_writer(&mut *line, message)?;
        line.push(b'\n');
        let stream = self.0.get_mut();
        stream.write_all(&line).await?;
        stream.flush().await
    }
}

/// Counts what would be written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Cuts what comes in into lines, and overwrites what it has cut off.
#[derive(Debug)]
struct WipedLines {
    /// Bytes without an end of line among them.
    looked_at: usize,
}

impl Decoder for WipedLines {
    type Item = Zeroizing<String>;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        let end = buffer[self.looked_at..].iter().position(|byte| *byte == b'\n').map(|at| self.looked_at + at);
        if end.unwrap_or(buffer.len()) > LINE_BYTES_MAX {
            buffer.zeroize();
            return Err(io::Error::new(io::ErrorKind::InvalidData, "longer than a line may be"));
        }
        let Some(end) = end else {
            self.looked_at = buffer.len();
            make_room(buffer);
            return Ok(None);
        };
        self.looked_at = 0;
        let mut line = buffer.split_to(end + 1);
        let text = str::from_utf8(&line[..end]).map(|text| Zeroizing::new(text.trim_end_matches('\r').to_owned()));
        line.as_mut().zeroize();
        text.map(Some).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"))
    }

    /// What comes after the last end of line is nobody's line.
    fn decode_eof(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        let line = self.decode(buffer)?;
        if line.is_none() {
            buffer.as_mut().zeroize();
            buffer.clear();
        }
        Ok(line)
    }
}

/// A buffer that grows by itself leaves its first half behind as it was; this one is moved by hand and the old place overwritten.
fn make_room(buffer: &mut BytesMut) {
    if buffer.capacity() > buffer.len() {
        return;
    }
    let mut wider = BytesMut::with_capacity((buffer.len() * 2).max(ROOM_BYTES));
    wider.extend_from_slice(buffer);
    buffer.as_mut().zeroize();
    *buffer = wider;
}

/// Where the two ends of `paths` meet, as the socket library names it.
pub(crate) fn socket_name(paths: &AgentPaths) -> io::Result<Name<'static>> {
    use interprocess::local_socket::{GenericFilePath, ToFsName as _};
    paths.socket().to_fs_name::<GenericFilePath>()
}
