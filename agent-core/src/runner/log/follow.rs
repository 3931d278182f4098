//! From the engine's log into ours, each message once, also across lives of the agent.
//!
//! Beside the log lies a cursor: how many of the engine's messages are in the file, and how long the file was then. It is
//! written after the file, so after a crash the file is cut back to it and the rest is read again.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use bollard::{Docker, container::LogOutput, query_parameters::LogsOptionsBuilder};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use tokio::{
    io::{AsyncSeekExt as _, AsyncWriteExt as _},
    sync::watch,
};

use super::Written;
use crate::fault;

/// Of one attempt's log on the owner's disk: three times ten megabytes, as the engine keeps.
const LOG_BYTES_MAX: u64 = 30_000_000;
/// What stands at the end of a log that was cut.
const CUT: &[u8] = b"\n[headframe] The log is longer than 30 MB; the rest was not kept.\n";
/// Messages written together when many are waiting.
const BATCH_MAX: usize = 256;
/// The engine's stamp, an RFC 3339 time, ends at the first blank.
const STAMP_BYTES_MAX: usize = 64;
/// Reading the rest of the log of a container that has ended. Thirty megabytes of short lines take a busy PC many seconds; an
/// engine that takes longer than this is broken, and its job has waited long enough.
pub(in crate::runner) const REST_MAX: Duration = Duration::from_secs(60);

/// The file of one attempt's log, open for writing.
#[derive(Debug)]
pub(in crate::runner) struct LogFile {
    path: PathBuf,
    file: tokio::fs::File,
    /// Open for as long as the log: rewritten in place by one write, it is never seen empty or half.
    cursor_file: tokio::fs::File,
    cursor: Cursor,
    written: watch::Sender<Written>,
}

/// How following a container's log ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::runner) enum Followed {
    /// The container has ended, and so has its log.
    ToItsEnd,
    /// The engine broke off; there may be more.
    BrokeOff,
    /// The file takes no more: it is as long as it may be, or cannot be written.
    NoFurther,
}

/// How much of the engine's log is in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Cursor {
    /// Length of the file.
    bytes: u64,
    /// The engine's messages in it.
    messages: u64,
    /// Stamp of the first message: if the engine's first is another, it has thrown old ones away.
    first: String,
    /// Stamp of the last message.
    last: String,
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (bytes, messages) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let (first, last) = (words.next()?.to_owned(), words.next()?.to_owned());
        (words.next() == Some("end")).then_some(Self { bytes, messages, first, last })
    }

    fn print(&self) -> String {
        // Of one length, so that a shorter one leaves nothing of a longer one behind.
        format!("{:20} {:20} {:>STAMP_BYTES_MAX$} {:>STAMP_BYTES_MAX$} end\n", self.bytes, self.messages, self.first, self.last)
    }
}

pub(super) fn cursor_path(log: &Path) -> PathBuf {
    log.with_extension("cursor")
}

impl LogFile {
    /// A new log; one of that name is replaced.
    pub(in crate::runner) async fn create(path: PathBuf) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            tokio::fs::create_dir_all(folder).await?;
        }
        let cursor_file = tokio::fs::File::create(cursor_path(&path)).await?;
        let file = tokio::fs::File::create(&path).await?;
        fault::point("log.made");
        Ok(Self { path, file, cursor_file, cursor: Cursor::default(), written: watch::Sender::default() })
    }

    /// Goes on with the log of an earlier life.
    pub(in crate::runner) async fn reopen(path: PathBuf) -> io::Result<Self> {
        let text = tokio::fs::read_to_string(cursor_path(&path)).await.unwrap_or_default();
        let Some(cursor) = Cursor::parse(&text) else { return Self::create(path).await };
        let mut open = tokio::fs::OpenOptions::new();
        open.write(true).create(true).truncate(false);
        let (mut file, cursor_file) = (open.open(&path).await?, open.open(cursor_path(&path)).await?);
        file.set_len(cursor.bytes).await?;
        file.seek(io::SeekFrom::Start(cursor.bytes)).await?;
        let written = watch::Sender::new(Written { bytes: cursor.bytes, flush_until: None });
        Ok(Self { path, file, cursor_file, cursor, written })
    }

    /// How far it has come; for whoever brings or counts it.
    pub(in crate::runner) fn written(&self) -> watch::Receiver<Written> {
        self.written.subscribe()
    }

    /// Nothing more is added; what is not brought within `grace` stays here.
    pub(in crate::runner) fn close(&self, grace: Duration) {
        let until = tokio::time::Instant::now() + grace;
        self.written.send_modify(|written| written.flush_until = Some(until));
    }

    /// Follows the container's log until it ends.
    pub(in crate::runner) async fn follow(&mut self, docker: &Docker, container: &str) -> Followed {
        if self.cursor.bytes >= LOG_BYTES_MAX {
            return Followed::NoFurther;
        }
        let options = LogsOptionsBuilder::new().follow(true).stdout(true).stderr(true).timestamps(true).build();
        let mut batches = docker.logs(container, Some(options)).ready_chunks(BATCH_MAX).boxed();
        let mut known = Known::of(&self.cursor);
        while let Some(batch) = batches.next().await {
            let mut bytes = BytesMut::new();
            let mut broken = false;
            for message in batch {
                let Ok(message) = message else {
                    broken = true;
                    break;
                };
                let (stamp, text) = split_stamp(payload(message));
                if known.is_new(&stamp) {
                    self.cursor.count(stamp, &text, &mut bytes);
                }
            }
            if let Err(error) = self.write(&bytes).await {
                // The job goes on; the customer gets what was written before.
                tracing::warn!(%error, "Could not write {}; the log ends here", self.path.display());
                return Followed::NoFurther;
            }
            if self.cursor.bytes >= LOG_BYTES_MAX {
                return Followed::NoFurther;
            }
            if broken {
                return Followed::BrokeOff;
            }
        }
        Followed::ToItsEnd
    }

    /// Adds a word of ours, behind everything the job wrote. There is room for it in a log that was cut as well: it is short.
    pub(in crate::runner) async fn note(&mut self, text: &str) {
        self.cursor.bytes += text.len() as u64;
        if let Err(error) = self.write(text.as_bytes()).await {
            tracing::warn!(%error, "Could not write {}; the log ends here", self.path.display());
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.file.write_all(bytes).await?;
        self.file.flush().await?;
        fault::point("log.written");
        self.cursor_file.seek(io::SeekFrom::Start(0)).await?;
        self.cursor_file.write_all(self.cursor.print().as_bytes()).await?;
        self.cursor_file.flush().await?;
        fault::point("log.noted");
        let total = self.cursor.bytes;
        self.written.send_modify(|written| written.bytes = total);
        Ok(())
    }
}

impl Cursor {
    /// Adds one message to what is written next, up to the limit of the whole.
    fn count(&mut self, stamp: String, text: &[u8], into: &mut BytesMut) {
        if self.bytes >= LOG_BYTES_MAX {
            return;
        }
        let room = usize::try_from(LOG_BYTES_MAX - self.bytes).unwrap_or(usize::MAX);
        if text.len() >= room {
            into.extend_from_slice(&text[..room]);
            into.extend_from_slice(CUT);
            self.bytes = LOG_BYTES_MAX + CUT.len() as u64;
        } else {
            into.extend_from_slice(text);
            self.bytes += text.len() as u64;
        }
        self.messages += 1;
        if self.first.is_empty() {
            self.first.clone_from(&stamp);
        }
        self.last = stamp;
    }
}

/// What of the engine's messages is in the file already.
struct Known {
    skip: u64,
    first: String,
    last: String,
    seen: u64,
    /// The engine has thrown its oldest messages away, so they cannot be counted; their stamps must do.
    by_stamp: bool,
}

impl Known {
    fn of(cursor: &Cursor) -> Self {
        Self { skip: cursor.messages, first: cursor.first.clone(), last: cursor.last.clone(), seen: 0, by_stamp: false }
    }

    fn is_new(&mut self, stamp: &str) -> bool {
        if self.seen == 0 && self.skip > 0 && stamp != self.first {
            self.by_stamp = true;
        }
        self.seen += 1;
        if self.by_stamp { stamp > self.last.as_str() } else { self.seen > self.skip }
    }
}

fn payload(message: LogOutput) -> Bytes {
    match message {
        LogOutput::StdErr { message }
        | LogOutput::StdOut { message }
        | LogOutput::StdIn { message }
        | LogOutput::Console { message } => message,
    }
}

/// The engine puts a stamp and a blank before each message.
fn split_stamp(mut message: Bytes) -> (String, Bytes) {
    match message.iter().take(STAMP_BYTES_MAX).position(|byte| *byte == b' ') {
        Some(at) => {
            let stamp = message.split_to(at);
            (String::from_utf8_lossy(&stamp).into_owned(), message.slice(1..))
        }
        None => ("-".to_owned(), message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_split_off() {
        let (stamp, text) = split_stamp(Bytes::from_static(b"2026-11-23T08:00:00.000000001Z hello world\n"));
        assert_eq!((stamp.as_str(), &text[..]), ("2026-11-23T08:00:00.000000001Z", &b"hello world\n"[..]));
    }

    #[test]
    fn a_cursor_survives_its_text_and_half_of_one_is_none() {
        let cursor = Cursor { bytes: 5, messages: 2, first: "a".to_owned(), last: "b".to_owned() };
        assert_eq!(Cursor::parse(&cursor.print()), Some(cursor));
        assert_eq!(Cursor::parse("5 2 a b"), None);
        assert_eq!(Cursor::parse(""), None);
    }

    fn taken(cursor: &Cursor, stamps: &[&str]) -> Vec<String> {
        let mut known = Known::of(cursor);
        stamps.iter().filter(|stamp| known.is_new(stamp)).map(ToString::to_string).collect()
    }

    #[test]
    fn a_message_is_taken_once() {
        let cursor = Cursor { bytes: 5, messages: 2, first: "t1".to_owned(), last: "t2".to_owned() };
        assert_eq!(taken(&cursor, &["t1", "t2", "t2", "t3"]), ["t2", "t3"], "two messages may have one stamp");
        assert_eq!(taken(&cursor, &["t2", "t3", "t4"]), ["t3", "t4"], "the engine threw the first away");
        assert_eq!(taken(&Cursor::default(), &["t1", "t2"]), ["t1", "t2"]);
    }

    #[test]
    fn a_long_log_is_cut_with_a_line_that_says_so() {
        let mut cursor = Cursor { bytes: LOG_BYTES_MAX - 3, ..Cursor::default() };
        let mut bytes = BytesMut::new();
        cursor.count("t".to_owned(), b"abcdef", &mut bytes);
        cursor.count("t".to_owned(), b"ghi", &mut bytes);
        assert!(bytes.starts_with(b"abc\n[headframe]") && bytes.ends_with(CUT));
        assert_eq!(cursor.bytes, LOG_BYTES_MAX + CUT.len() as u64);
    }
}
