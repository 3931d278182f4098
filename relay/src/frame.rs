//! What relay and agent say to one another. Pure: bytes in, frames out.
//!
//! A frame is its kind (a byte), the connection it is about (four), the length of its content (two), and the content; numbers have
//! their high byte first. Each side may send as much of a connection as the other has given it room for: [`WINDOW_BYTES`] at the
//! beginning, and more with each [`Frame::Room`].

use std::fmt;

/// The most content of a frame.
pub const CONTENT_BYTES_MAX: usize = 16 * 1024;

/// Before the content.
pub const HEAD_BYTES: usize = 7;

/// Room for each direction of a connection at its beginning, and the most that is ever on its way: as much as a home's line carries
/// during the way there and back.
pub const WINDOW_BYTES: u32 = 128 * 1024;

/// Connections at the same time. Browsers stop at a handful for each host; package managers at some tens in all.
pub const CONNECTIONS_MAX: usize = 64;

/// The longest host and port a request may name: a name's 253 characters and a port. What is longer is none.
pub const TARGET_BYTES_MAX: usize = 300;

/// The longest reason.
pub const REASON_BYTES_MAX: usize = 1_000;

/// The number of no connection. [`Said::Opened`] about it is the relay's word that its door is open.
pub const DOOR: u32 = 0;

/// One thing said about one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The connection. The relay numbers them, each number once.
    pub id: u32,
    /// What is said.
    pub said: Said,
}

/// What is said about a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Relay: somebody wants to reach this `host:port`.
    Open(String),
    /// Agent: it is reached.
    Opened,
    /// Agent: it is not, and why; with the HTTP status that says so. The connection is over.
    Refused {
        /// Such as 403.
        status: u16,
        /// A sentence for a person.
        why: String,
    },
    /// Either: bytes, never none.
    Data(Vec<u8>),
    /// Either: no more bytes follow from this side.
    End,
    /// Either: it is over at once.
    Reset,
    /// Either: so many bytes were taken away, and as many more may be sent.
    Room(u32),
}

/// Why bytes are no frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// There is no such kind.
    Kind,
    /// The content is longer or shorter than that of its kind.
    Length,
    /// A host or a reason is not text.
    Text,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kind => "there is no such kind of frame",
            Self::Length => "a frame is longer or shorter than its kind is",
            Self::Text => "a frame's text is not text",
        })
    }
}

impl std::error::Error for Malformed {}

const OPEN: u8 = 1;
const OPENED: u8 = 2;
const REFUSED: u8 = 3;
const DATA: u8 = 4;
const END: u8 = 5;
const RESET: u8 = 6;
const ROOM: u8 = 7;

/// The first frame in `bytes` and how many of them it is; nothing while it is not whole.
///
/// # Errors
/// [`Malformed`] as soon as its head shows it.
pub fn read(bytes: &[u8]) -> Result<Option<(Frame, usize)>, Malformed> {
    let Some((&[kind, a, b, c, d, high, low], rest)) = bytes.split_first_chunk::<HEAD_BYTES>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let fits = match kind {
        OPEN => (1..=TARGET_BYTES_MAX).contains(&length),
        OPENED | END | RESET => length == 0,
        REFUSED => (2..=2 + REASON_BYTES_MAX).contains(&length),
        DATA => (1..=CONTENT_BYTES_MAX).contains(&length),
        ROOM => length == 4,
        _ => return Err(Malformed::Kind),
    };
    if !fits {
        return Err(Malformed::Length);
    }
    let Some(content) = rest.get(..length) else { return Ok(None) };
    let said = match (kind, content) {
        (OPEN, target) => Said::Open(text(target)?),
        (OPENED, _) => Said::Opened,
        (REFUSED, [high, low, why @ ..]) => Said::Refused { status: u16::from_be_bytes([*high, *low]), why: text(why)? },
        (DATA, bytes) => Said::Data(bytes.to_vec()),
        (END, _) => Said::End,
        (RESET, _) => Said::Reset,
        (ROOM, &[a, b, c, d]) => Said::Room(u32::from_be_bytes([a, b, c, d])),
        _ => return Err(Malformed::Length),
    };
    Ok(Some((Frame { id: u32::from_be_bytes([a, b, c, d]), said }, HEAD_BYTES + length)))
}

fn text(bytes: &[u8]) -> Result<String, Malformed> {
    std::str::from_utf8(bytes).map(ToOwned::to_owned).map_err(|_| Malformed::Text)
}

impl Frame {
    /// Adds the frame to `out`. A reason that is too long is cut.
    ///
    /// # Panics
    /// If data or a target is empty or longer than a frame: the writer cuts before.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (kind, parts): (u8, [&[u8]; 2]) = match &self.said {
            Said::Open(target) => (OPEN, [target.as_bytes(), &[]]),
            Said::Opened => (OPENED, [&[], &[]]),
            Said::Refused { status, why } => (REFUSED, [&status.to_be_bytes(), cut(why).as_bytes()]),
            Said::Data(bytes) => (DATA, [bytes, &[]]),
            Said::End => (END, [&[], &[]]),
            Said::Reset => (RESET, [&[], &[]]),
            Said::Room(bytes) => (ROOM, [&bytes.to_be_bytes(), &[]]),
        };
        let length: usize = parts.iter().map(|part| part.len()).sum();
        assert!(length <= CONTENT_BYTES_MAX, "what is longer than a frame is cut before it is one");
        let length = u16::try_from(length).expect("a frame's content fits into two bytes");
        out.push(kind);
        out.extend_from_slice(&self.id.to_be_bytes());
        out.extend_from_slice(&length.to_be_bytes());
        parts.iter().for_each(|part| out.extend_from_slice(part));
    }
}

fn cut(why: &str) -> &str {
    &why[..why.floor_char_boundary(REASON_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(said: Said) -> Vec<u8> {
        let mut out = Vec::new();
        Frame { id: 7, said }.write(&mut out);
        out
    }

    #[test]
    fn what_is_written_is_read_once_it_is_whole() {
        for said in [
            Said::Open("pypi.org:443".to_owned()),
            Said::Opened,
            Said::Refused { status: 403, why: "no".to_owned() },
            Said::Data(vec![0; CONTENT_BYTES_MAX]),
            Said::End,
            Said::Reset,
            Said::Room(u32::MAX),
        ] {
            let mut bytes = written(said.clone());
            for short in 0..bytes.len() {
                assert_eq!(read(&bytes[..short]), Ok(None), "{short} bytes of {said:?}");
            }
            let whole = bytes.len();
            bytes.push(9);
            assert_eq!(read(&bytes), Ok(Some((Frame { id: 7, said }, whole))));
        }
    }

    #[test]
    fn what_is_no_frame_is_known_by_its_head() {
        let head = |kind: u8, length: u16| [[kind, 0, 0, 0, 7].as_slice(), &length.to_be_bytes()].concat();
        for (kind, length) in
            [(OPEN, 0), (OPEN, 301), (OPENED, 1), (REFUSED, 1), (REFUSED, 1_003), (DATA, 0), (DATA, 16_385), (ROOM, 3)]
        {
            assert_eq!(read(&head(kind, length)), Err(Malformed::Length), "{kind} {length}");
        }
        for kind in [0, 8, b'G', 255] {
            assert_eq!(read(&head(kind, 0)), Err(Malformed::Kind));
        }
        let mut bytes = head(OPEN, 2);
        bytes.extend([0xff, 0xfe]);
        assert_eq!(read(&bytes), Err(Malformed::Text));
    }

    #[test]
    fn a_long_reason_is_cut_between_two_letters() {
        let bytes = written(Said::Refused { status: 403, why: "\u{e4}".repeat(REASON_BYTES_MAX) });
        let Ok(Some((Frame { said: Said::Refused { why, .. }, .. }, _))) = read(&bytes) else { panic!("a frame") };
        assert_eq!(why.len(), REASON_BYTES_MAX);
    }
}
