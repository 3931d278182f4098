//! Server-sent events, as the WHATWG HTML standard has them, without I/O.

use std::collections::VecDeque;

/// The largest event accepted, in bytes. A piece of log is at most 64 KiB, and JSON makes at most six times as much of it.
const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SseEvent {
    /// Its kind; empty if it has none.
    pub name: String,
    /// What it says.
    pub data: String,
    /// The place after it.
    pub id: String,
}

/// More was sent than an event may hold.
#[derive(Debug, thiserror::Error)]
#[error("an event of more than {EVENT_BYTES_MAX} bytes")]
pub struct TooLong;

/// Turns bytes, cut anywhere, into events.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    event: SseEvent,
    has_data: bool,
    done: VecDeque<SseEvent>,
}

impl Parser {
    /// Takes the bytes that came next.
    ///
    /// # Errors
    /// [`TooLong`] if an event grows beyond all measure.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() + self.event.data.len() + piece.len() > EVENT_BYTES_MAX {
                return Err(TooLong);
            }
            self.line.extend_from_slice(piece);
            if self.line.ends_with(b"\n") {
                let mut line = std::mem::take(&mut self.line);
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                self.line_done(&String::from_utf8_lossy(&line));
            }
        }
        Ok(())
    }

    /// The next whole event.
    #[expect(clippy::should_implement_trait, reason = "an iterator would seem to end between two feedings")]
    pub fn next(&mut self) -> Option<SseEvent> {
        self.done.pop_front()
    }

    fn line_done(&mut self, line: &str) {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            if std::mem::take(&mut self.has_data) {
                self.done.push_back(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "id" => value.clone_into(&mut self.event.id),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // An empty field is a comment, which keeps the line alive; others are not for us.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        ": keep-alive\n\nevent: log\r\nid: att_1:5\r\ndata: {\"a\":1}\r\n\r\nevent: end\ndata: x\ndata: y\n\nevent: cut";

    fn events(chunk_bytes: usize) -> Vec<SseEvent> {
        let mut parser = Parser::default();
        for chunk in STREAM.as_bytes().chunks(chunk_bytes) {
            parser.feed(chunk).expect("short enough");
        }
        std::iter::from_fn(|| parser.next()).collect()
    }

    #[test]
    fn events_survive_being_cut_anywhere() {
        let whole = events(STREAM.len());
        assert_eq!(whole.len(), 2, "comments and unfinished events are none");
        assert_eq!((whole[0].name.as_str(), whole[0].id.as_str(), whole[0].data.as_str()), ("log", "att_1:5", "{\"a\":1}"));
        assert_eq!(whole[1].data, "x\ny");
        for chunk_bytes in 1..STREAM.len() {
            assert_eq!(events(chunk_bytes), whole, "cut every {chunk_bytes} bytes");
        }
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut parser = Parser::default();
        let refused = (0..3).any(|_| parser.feed(&vec![b'x'; EVENT_BYTES_MAX / 2]).is_err());
        assert!(refused);
    }
}
