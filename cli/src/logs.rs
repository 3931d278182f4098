//! A job's log as one unbroken stream, whatever the network does meanwhile.
//!
//! The coordinator numbers every piece: the id of an event is `<attempt>:<offset after it>`. [`LogStream`] remembers the
//! last id, sends it back when it has to connect again, and drops what it has had already. [`sse`] is the pure half.

use futures_util::StreamExt as _;
use headframe_protocol::{JobId, api::LogEvent, job::JobState};
use reqwest::header::{HeaderMap, HeaderValue};
use serde::Deserialize;

use crate::{Client, backoff::Backoff, error::ClientError};

pub mod sse;

use sse::{Parser, SseEvent};

/// The next thing a log has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogItem {
    /// A piece of text.
    Text(LogEvent),
    /// The job has ended and nothing follows.
    End(JobState),
}

/// The place after the last piece that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cursor {
    id: String,
    attempt: String,
    offset: u64,
}

impl Cursor {
    fn parse(id: &str) -> Option<Self> {
        let (attempt, offset) = id.split_once(':')?;
        Some(Self { id: id.to_owned(), attempt: attempt.to_owned(), offset: offset.parse().ok()? })
    }
}

/// Data of the event `end`.
#[derive(Debug, Deserialize)]
struct End {
    state: JobState,
}

/// A job's log, read piece by piece.
pub struct LogStream {
    client: Client,
    job: JobId,
    cursor: Option<Cursor>,
    open: Option<Open>,
    backoff: Backoff,
}

/// One connection.
struct Open {
    bytes: futures_util::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    parser: Parser,
}

impl Client {
    /// The log of `job` from its beginning.
    #[must_use]
    pub fn logs(&self, job: JobId) -> LogStream {
        LogStream { client: self.clone(), job, cursor: None, open: None, backoff: Backoff::follow() }
    }
}

impl LogStream {
    /// The next piece, waited for as long as it takes. After [`LogItem::End`] nothing must be asked.
    ///
    /// # Errors
    /// [`ClientError`] if the coordinator refuses, or cannot be reached for minutes.
    pub async fn next(&mut self) -> Result<LogItem, ClientError> {
        loop {
            let event = match self.event().await {
                Ok(Some(event)) => event,
                Ok(None) => {
                    // The connection ended without saying so: the coordinator restarted, or something in between gave up.
                    self.open = None;
                    let wait = self.backoff.next(None).ok_or(ClientError::LogBrokeOff { job: self.job })?;
                    tokio::time::sleep(wait).await;
                    continue;
                }
                Err(error) if error.may_pass() => {
                    self.open = None;
                    let Some(wait) = self.backoff.next(None) else { return Err(error) };
                    tokio::time::sleep(wait).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.backoff = Backoff::follow();
            if let Some(item) = self.take(&event)? {
                return Ok(item);
            }
        }
    }

    /// The byte after the last one read, with the attempt it belongs to.
    #[must_use]
    pub fn position(&self) -> Option<(&str, u64)> {
        self.cursor.as_ref().map(|cursor| (cursor.attempt.as_str(), cursor.offset))
    }

    /// The next event of the connection; `None` when the connection ended.
    async fn event(&mut self) -> Result<Option<SseEvent>, ClientError> {
        if self.open.is_none() {
            let mut headers = HeaderMap::new();
            if let Some(value) = self.cursor.as_ref().and_then(|cursor| HeaderValue::from_str(&cursor.id).ok()) {
                headers.insert("last-event-id", value);
            }
            let response = self.client.log_stream(self.job, headers).await?;
            self.open = Some(Open { bytes: response.bytes_stream().boxed(), parser: Parser::default() });
        }
        let Some(open) = self.open.as_mut() else { return Ok(None) };
        loop {
            if let Some(event) = open.parser.next() {
                return Ok(Some(event));
            }
            match open.bytes.next().await {
                Some(Ok(bytes)) => open.parser.feed(&bytes).map_err(|source| self.client.garbled(source))?,
                Some(Err(source)) => return Err(self.client.unreachable(source)),
                None => return Ok(None),
            }
        }
    }

    /// What an event means to the reader; `None` for what he has had or need not know.
    fn take(&mut self, event: &SseEvent) -> Result<Option<LogItem>, ClientError> {
        match event.name.as_str() {
            "log" => {
                let piece: LogEvent = serde_json::from_str(&event.data).map_err(|source| self.client.garbled(source))?;
                let Some(after) = Cursor::parse(&event.id) else { return Ok(Some(LogItem::Text(piece))) };
                let had =
                    self.cursor.as_ref().is_some_and(|cursor| cursor.attempt == after.attempt && after.offset <= cursor.offset);
                if had {
                    return Ok(None);
                }
                self.cursor = Some(after);
                Ok(Some(LogItem::Text(piece)))
            }
            "end" => {
                let End { state } = serde_json::from_str(&event.data).map_err(|source| self.client.garbled(source))?;
                Ok(Some(LogItem::End(state)))
            }
            // Events that a newer coordinator adds are for newer readers.
            _ => Ok(None),
        }
    }
}

impl Client {
    fn garbled(&self, source: impl std::error::Error + Send + Sync + 'static) -> ClientError {
        ClientError::Garbled { host: self.host(), source: Box::new(source) }
    }
}
