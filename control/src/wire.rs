//! One JSON text per line, in both directions.

use std::io;

use futures_util::{SinkExt as _, StreamExt as _};
use headframe_protocol::control::LINE_BYTES_MAX;
use interprocess::local_socket::{Name, tokio::Stream};
use serde::Serialize;
use tokio_util::codec::{Framed, LinesCodec, LinesCodecError};

use crate::paths::AgentPaths;

/// What came instead of a line.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The other end is gone.
    Gone(Option<io::Error>),
    /// A line longer than [`LINE_BYTES_MAX`], or not UTF-8. Where the next line begins is no longer sure.
    NotALine,
}

/// One end of an open connection.
#[derive(Debug)]
pub(crate) struct Lines(Framed<Stream, LinesCodec>);

impl Lines {
    pub(crate) fn new(stream: Stream) -> Self {
        Self(Framed::new(stream, LinesCodec::new_with_max_length(LINE_BYTES_MAX)))
    }

    /// The next line. May be dropped while it waits without losing anything.
    pub(crate) async fn next(&mut self) -> Result<String, Broken> {
        match self.0.next().await {
            Some(Ok(line)) => Ok(line),
            Some(Err(LinesCodecError::MaxLineLengthExceeded)) => Err(Broken::NotALine),
            Some(Err(LinesCodecError::Io(error))) if error.kind() == io::ErrorKind::InvalidData => Err(Broken::NotALine),
            Some(Err(LinesCodecError::Io(error))) => Err(Broken::Gone(Some(error))),
            None => Err(Broken::Gone(None)),
        }
    }

    /// Sends `message` as one line.
    pub(crate) async fn send(&mut self, message: &impl Serialize) -> io::Result<()> {
        let line = serde_json::to_string(message)?;
        if line.len() > LINE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "longer than a line may be"));
        }
        self.0.send(line).await.map_err(|error| match error {
            LinesCodecError::Io(error) => error,
            LinesCodecError::MaxLineLengthExceeded => io::Error::from(io::ErrorKind::InvalidInput),
        })
    }
}

/// Where the two ends of `paths` meet, as the socket library names it.
pub(crate) fn socket_name(paths: &AgentPaths) -> io::Result<Name<'static>> {
    use interprocess::local_socket::{GenericFilePath, ToFsName as _};
    paths.socket().to_fs_name::<GenericFilePath>()
}
