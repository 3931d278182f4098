//! Bodies that come and go piece by piece, whatever their size.

use std::{io, time::Duration};

use axum::{
    body::{Body, BodyDataStream},
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use headframe_protocol::Sha256;

use crate::{
    blobs::PutError,
    error::{ApiError, ApiResult},
};

/// How long a sender may be silent. Slower than this, no connection is of use to anybody.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// A body as a stream that breaks off when its sender falls silent.
pub(super) fn pieces(body: Body) -> impl Stream<Item = Result<Bytes, io::Error>> + Send {
    stream::unfold(Some(body.into_data_stream()), |body: Option<BodyDataStream>| async move {
        let mut body = body?;
        match tokio::time::timeout(SILENCE_MAX, body.next()).await {
            Ok(Some(Ok(piece))) => Some((Ok(piece), Some(body))),
            Ok(Some(Err(error))) => Some((Err(io::Error::other(error)), None)),
            Ok(None) => None,
            Err(_) => Some((Err(io::Error::from(io::ErrorKind::TimedOut)), None)),
        }
    })
}

/// The announced length of a body, which must be at most `bytes_max`.
pub(super) fn announced(headers: &HeaderMap, bytes_max: u64) -> ApiResult<u64> {
    let text = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = text.and_then(|text| text.parse().ok());
    let length: u64 = length
        .ok_or_else(|| ApiError::unreadable(StatusCode::LENGTH_REQUIRED, "content-length", "say how many bytes the body has"))?;
    if length > bytes_max {
        return Err(too_large(bytes_max));
    }
    Ok(length)
}

/// The sum a header announces, if it is there.
pub(super) fn announced_sum(headers: &HeaderMap, name: &str) -> ApiResult<Option<Sha256>> {
    let wrong = || ApiError::invalid_field(name, "64 lower-case hex digits, the sha-256 of the body");
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = value.to_str().map_err(|_| wrong())?;
    text.parse().map(Some).map_err(|_| wrong())
}

/// Why a body was not taken, as the sender is told.
pub(super) fn refused(error: PutError, sum_field: &str) -> ApiError {
    match error {
        PutError::TooLarge { bytes_max } => too_large(bytes_max),
        PutError::Mismatch { found, .. } => ApiError::invalid_field(sum_field, &format!("the bytes that came hash to {found}")),
        PutError::Body(cause) => {
            tracing::debug!(error = %cause, "A body broke off");
            ApiError::unreadable(StatusCode::BAD_REQUEST, "body", "broke off before its announced length")
        }
        PutError::Store(cause) => ApiError::internal().because(cause),
    }
}

fn too_large(bytes_max: u64) -> ApiError {
    ApiError::unreadable(StatusCode::PAYLOAD_TOO_LARGE, "body", &format!("at most {bytes_max} bytes"))
}

/// Headers of bytes that a stranger's program made: never shown, never guessed at, only saved.
pub(super) fn download_headers(sha256: Sha256, file_name: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, "application/octet-stream");
    set(header::CONTENT_DISPOSITION, &format!("attachment; filename*=UTF-8''{}", percent_encoded(file_name)));
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    set(header::ETAG, &etag(sha256));
    set(header::ACCEPT_RANGES, "bytes");
    // The bytes behind an address never change; who may read them is asked each time.
    set(header::CACHE_CONTROL, "private, no-cache");
    headers
}

/// The sum is the tag.
pub(super) fn etag(sha256: Sha256) -> String {
    format!("\"{sha256}\"")
}

/// After RFC 8187: everything but letters, digits and a few marks as `%XX`.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
