//! The coordinator's side of one attempt over plain HTTP: inputs out, log and outputs in. Session messages are not ours.

use std::{io, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use headframe_protocol::{Sha256, error::Problem};
use reqwest::{Body, Client, Response, StatusCode, header::HeaderValue};
use tokio_util::io::ReaderStream;
use url::Url;

use super::{
    SecretToken,
    bandwidth::{Haste, Line},
};

/// One piece of log at most, as the coordinator takes it.
pub(super) const LOG_PIECE_BYTES_MAX: usize = 64 * 1024;
/// A piece of log is small; a coordinator that takes longer is as good as gone.
const LOG_ANSWER_MAX: Duration = Duration::from_secs(15);
/// Uploads get this and the time their size needs on a slow line.
const UPLOAD_BASE: Duration = Duration::from_secs(60);
const UPLOAD_BYTES_PER_S_MIN: u64 = 32 * 1024;
/// One small answer, only to know that somebody gives it.
const PRESENCE_MAX: Duration = Duration::from_secs(10);
/// A problem document is some sentences; what is longer is not one.
const PROBLEM_BYTES_MAX: usize = 64 * 1024;
/// Where the coordinator says which offset it expects.
const OFFSET_HEADER: &str = "x-headframe-offset";

/// Speaks for one attempt.
#[derive(Debug, Clone)]
pub(super) struct Counter {
    client: Client,
    base: Url,
    bearer: HeaderValue,
    line: Arc<Line>,
}

/// What is sent at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// The file's bytes, as fast as they may go.
fn paced(file: tokio::fs::File, line: Arc<Line>, haste: Haste) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold((ReaderStream::with_capacity(file, PIECE_BYTES), line), move |(mut pieces, line)| async move {
        let piece = pieces.next().await?;
        if let Ok(piece) = &piece {
            line.send(piece.len(), haste).await;
        }
        Some((piece, (pieces, line)))
    })
}

/// What became of a piece of log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogAnswer {
    /// The next byte goes here.
    Next(u64),
    /// The attempt is not ours any more, or its log is full: send no more.
    NoMore,
    /// Nobody there, or in trouble: try again.
    Later,
}

/// What became of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ObjectAnswer {
    /// It is there, now or already.
    There,
    /// The attempt is not ours any more.
    NotOurs,
    /// There is no room for it: it is too large, or the account is full. With the coordinator's own words.
    NoRoom(String),
    /// It will not be taken, whatever we do.
    Refused(StatusCode),
    /// Nobody there, or in trouble: try again.
    Later,
}

/// What became of a request for an input.
#[derive(Debug)]
pub(super) enum InputAnswer {
    /// Its bytes follow.
    Bytes(Response),
    /// It will not be given, whatever we do.
    Refused(StatusCode),
    /// Somebody is there, and in trouble: try again.
    Busy(StatusCode),
    /// Nobody is there: try again.
    NoAnswer(String),
}

impl Counter {
    /// None if the token cannot be a header's value, which no coordinator of ours makes.
    pub(super) fn new(client: Client, mut base: Url, token: &SecretToken, line: Arc<Line>) -> Option<Self> {
        // Without the slash at the end, the last part would be replaced and not extended.
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose())).ok()?;
        bearer.set_sensitive(true);
        Some(Self { client, base, bearer, line })
    }

    pub(super) async fn input(&self, index: usize) -> InputAnswer {
        self.get(&format!("inputs/{index}")).await
    }

    async fn get(&self, path: &str) -> InputAnswer {
        let Some(url) = self.at(path) else { return InputAnswer::Refused(StatusCode::BAD_REQUEST) };
        match self.client.get(url).header(reqwest::header::AUTHORIZATION, &self.bearer).send().await {
            Ok(response) if response.status().is_success() => InputAnswer::Bytes(response),
            Ok(response) if is_passing(response.status()) => InputAnswer::Busy(response.status()),
            Ok(response) => InputAnswer::Refused(response.status()),
            Err(error) => InputAnswer::NoAnswer(error.without_url().to_string()),
        }
    }

    /// Whether anybody answers at the coordinator's address, whatever he says.
    pub(super) async fn is_there(&self) -> bool {
        self.client.get(self.base.clone()).timeout(PRESENCE_MAX).send().await.is_ok()
    }

    pub(super) async fn put_log(&self, offset: u64, piece: Bytes) -> LogAnswer {
        let Some(mut url) = self.at("log") else { return LogAnswer::NoMore };
        url.query_pairs_mut().append_pair("offset", &offset.to_string());
        let next = offset + piece.len() as u64;
        self.line.send(piece.len(), Haste::Full).await;
        let request =
            self.client.put(url).header(reqwest::header::AUTHORIZATION, &self.bearer).timeout(LOG_ANSWER_MAX).body(piece);
        match request.send().await {
            Ok(response) if response.status().is_success() => LogAnswer::Next(next),
            Ok(response) if response.status() == StatusCode::CONFLICT => {
                let expected = response.headers().get(OFFSET_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
                expected.map_or(LogAnswer::NoMore, LogAnswer::Next)
            }
            Ok(response) if is_passing(response.status()) => LogAnswer::Later,
            Ok(_) => LogAnswer::NoMore,
            Err(_) => LogAnswer::Later,
        }
    }

    /// One file of the checkpoint the attempt goes on from.
    pub(super) async fn checkpoint(&self, sum: Sha256) -> InputAnswer {
        self.get(&format!("checkpoint/{sum}")).await
    }

    pub(super) async fn put_object(&self, sum: Sha256, file: &Path, bytes: u64, haste: Haste) -> ObjectAnswer {
        let Some(url) = self.at(&format!("objects/{sum}")) else { return ObjectAnswer::Refused(StatusCode::BAD_REQUEST) };
        let Ok(open) = tokio::fs::File::open(file).await else { return ObjectAnswer::Later };
        let limit = UPLOAD_BASE + Duration::from_secs(bytes / self.line.least_up(UPLOAD_BYTES_PER_S_MIN));
        let request = self
            .client
            .put(url)
            .header(reqwest::header::AUTHORIZATION, &self.bearer)
            .header(reqwest::header::CONTENT_LENGTH, bytes)
            .timeout(limit)
            .body(Body::wrap_stream(paced(open, Arc::clone(&self.line), haste)));
        match request.send().await {
            Ok(response) if response.status().is_success() => ObjectAnswer::There,
            Ok(response) if response.status() == StatusCode::CONFLICT => ObjectAnswer::NotOurs,
            Ok(response) if is_without_room(response.status()) => ObjectAnswer::NoRoom(detail(response).await),
            Ok(response) if is_passing(response.status()) => ObjectAnswer::Later,
            Ok(response) => ObjectAnswer::Refused(response.status()),
            Err(_) => ObjectAnswer::Later,
        }
    }

    fn at(&self, path: &str) -> Option<Url> {
        self.base.join(path).ok()
    }
}

/// Whether asking again may help. A full store is not one of them: only the customer can make room in it.
pub(super) fn is_passing(status: StatusCode) -> bool {
    let passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT;
    passing && !is_without_room(status)
}

fn is_without_room(status: StatusCode) -> bool {
    status == StatusCode::PAYLOAD_TOO_LARGE || status == StatusCode::INSUFFICIENT_STORAGE
}

/// What the coordinator says about its refusal, for the customer.
async fn detail(mut response: Response) -> String {
    let status = response.status();
    let mut document = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        document.extend_from_slice(&piece);
        if document.len() > PROBLEM_BYTES_MAX {
            break;
        }
    }
    let problem = serde_json::from_slice::<Problem>(&document);
    problem.map_or_else(|_| format!("The coordinator answers {status}."), |problem| problem.detail)
}
