//! What a rig fetches and brings for an attempt it holds: inputs, log, outputs. Authorised by the attempt's own token.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use headframe_protocol::{AttemptId, Sha256, error::Code};
use serde::{Deserialize, Serialize};

use super::{room::Room, stream};
use crate::{
    App,
    auth::Bringing,
    blobs::{Expected, ObjectName},
    error::{ApiError, ApiResult},
    extract::{self, Json, Path, Query},
    logs::Appended,
    store::attempts::AttemptAuth,
    store::{attempt_io, blobs, checkpoints, logs, reservations::Reservation, uploads},
};

/// The most bytes of one piece of a log.
pub const LOG_PIECE_BYTES_MAX: usize = 64 * 1024;

/// Reserved at once for an attempt that brings many small files: one commit for all that fit into it.
const COVER_STEP: u64 = 8 * 1024 * 1024;

/// The most pieces of one log. An agent that brings what there is once a second fills a log of 30 MiB with a quarter of a
/// million pieces of 120 bytes; each is a row and an object.
const LOG_PIECES_MAX: u64 = 250_000;

/// Stands at the end of a log that came in too many pieces.
const PIECES_NOTICE: &[u8] = b"\n[headframe: the log is cut here, it came in too many pieces]\n";

const GIB: u64 = 1024 * 1024 * 1024;

/// Where the log goes on, in answers to pieces that do not fit.
const OFFSET_HEADER: HeaderName = HeaderName::from_static("x-headframe-offset");

/// Gives the bytes of an uploaded input.
pub async fn input(State(app): State<App>, rig: AttemptAuth, Path((_, index)): Path<(AttemptId, usize)>) -> ApiResult<Response> {
    let mut connection = app.store.read().await?;
    let spec = attempt_io::spec(&mut connection, rig.job).await?.ok_or_else(|| ApiError::not_found("job"))?;
    let named = spec.inputs.get(index).and_then(|input| input.upload);
    let id = named.ok_or_else(|| ApiError::not_found("uploaded input").naming("index", "names an input that was uploaded"))?;
    // A job that repeats another's work reads the other's files.
    let owner = attempt_io::owner_of_inputs(&mut connection, rig.job).await?.unwrap_or(rig.customer);
    let upload = uploads::find(&mut connection, owner, id).await?;
    let upload = upload.ok_or_else(|| ApiError::not_found("upload"))?;
    let object = blobs::find(&mut connection, upload.sha256).await?;
    drop(connection);
    let object = object.ok_or_else(|| ApiError::internal().because(format!("the bytes of {id} are nowhere")))?;
    let bytes = app.blobs.read(&object, None).await.map_err(|error| ApiError::internal().because(error))?;
    let mut headers = stream::download_headers(upload.sha256, "input");
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(upload.bytes));
    Ok((headers, Body::from_stream(bytes)).into_response())
}

/// Gives one file of the checkpoint the attempt goes on from.
pub async fn checkpoint(
    State(app): State<App>,
    rig: AttemptAuth,
    Path((_, sum)): Path<(AttemptId, String)>,
) -> ApiResult<Response> {
    let sha256 = sum_of(&sum)?;
    let mut connection = app.store.read().await?;
    let found = checkpoints::find(&mut connection, rig.attempt, sha256).await?;
    drop(connection);
    let (object, length) = found.ok_or_else(|| ApiError::not_found("file of a checkpoint"))?;
    let bytes = app.blobs.read(&object, None).await.map_err(|error| ApiError::internal().because(error))?;
    let mut headers = stream::download_headers(sha256, "checkpoint");
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    Ok((headers, Body::from_stream(bytes)).into_response())
}

fn sum_of(text: &str) -> ApiResult<Sha256> {
    text.parse().map_err(|_| ApiError::not_found("object").naming("sha256", "64 lower-case hex digits"))
}

/// Where a piece of a log begins.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogPosition {
    offset: u64,
}

/// Where the next piece begins.
#[derive(Debug, Serialize)]
struct LogNext {
    offset: u64,
}

/// Takes a piece of the log.
pub async fn log(
    State(app): State<App>,
    rig: AttemptAuth,
    Query(at): Query<LogPosition>,
    extract::Body(bytes): extract::Body,
) -> ApiResult<Response> {
    if bytes.len() > LOG_PIECE_BYTES_MAX {
        return Err(ApiError::unreadable(StatusCode::PAYLOAD_TOO_LARGE, "body", "at most 65536 bytes"));
    }
    // A log of this length is years of writing; the limit keeps sums far from the largest number.
    if at.offset > i64::MAX as u64 / 2 {
        return Err(ApiError::invalid_field("offset", "is beyond any log"));
    }
    let mut connection = app.store.read().await?;
    let pieces = logs::pieces(&mut connection, rig.attempt).await?;
    drop(connection);
    let (next, bytes) = (at.offset + bytes.len() as u64, last_piece(pieces, bytes));
    let Some(bytes) = bytes else { return Ok(Json(LogNext { offset: next }).into_response()) };
    let appended = app.logs.append(rig.attempt, at.offset, bytes).await.map_err(|error| ApiError::internal().because(error))?;
    match appended {
        Appended::Next(_) => Ok(Json(LogNext { offset: next }).into_response()),
        Appended::Expected(offset) => {
            let refused = ApiError::conflict("The log does not go on there.").naming("offset", &format!("must be {offset}"));
            let mut response = refused.into_response();
            response.headers_mut().insert(OFFSET_HEADER, HeaderValue::from(offset));
            Ok(response)
        }
    }
}

/// What is kept of one more piece; nothing if there are too many, like what goes beyond a log's length.
fn last_piece(pieces: u64, bytes: Bytes) -> Option<Bytes> {
    match pieces + 1 {
        more if more < LOG_PIECES_MAX => Some(bytes),
        LOG_PIECES_MAX => Some([&bytes, PIECES_NOTICE].concat().into()),
        _ => None,
    }
}

/// Takes one file of the result, or of the checkpoint of an attempt that yielded, named by what it hashes to.
pub async fn object(
    State(app): State<App>,
    Bringing(rig): Bringing,
    Path((_, sum)): Path<(AttemptId, String)>,
    request: Request,
) -> ApiResult<StatusCode> {
    let sha256 = sum_of(&sum)?;
    let limits = &app.config.limits;
    let length = stream::announced(request.headers(), limits.output_bytes_max)?;
    let already = app.blobs.contains_for_attempt(rig.attempt, sha256).await;
    if already.map_err(|error| ApiError::internal().because(error))?.is_some() {
        return Ok(StatusCode::OK);
    }
    let mut connection = app.store.read().await?;
    let spec = attempt_io::spec(&mut connection, rig.job).await?.ok_or_else(|| ApiError::not_found("job"))?;
    drop(connection);
    // A result can be no larger than the space its job asked for.
    let share = app.staging.take(rig.attempt, length, u64::from(spec.resources.disk_gib) * GIB).ok_or_else(|| {
        let refused = ApiError::quota_exceeded("The attempt has brought as much as its job may leave.");
        refused.naming("body", "does not fit into the job's `resources.disk_gib`")
    })?;
    cover(&app, &rig).await?;
    let expected = Expected { sha256: Some(sha256), bytes_max: length };
    let name = ObjectName::staged(rig.attempt, sha256);
    let written = app.blobs.put(&name, stream::pieces(request.into_body()), expected).await;
    written.map_err(|error| stream::refused(error, "sha256"))?;
    share.keep();
    Ok(StatusCode::CREATED)
}

/// Reserves room in the customer's storage for what the attempt brings, until it ends: then the result counts, or nothing.
async fn cover(app: &App, rig: &AttemptAuth) -> ApiResult<()> {
    let lacking = app.staging.uncovered(rig.attempt);
    if lacking == 0 {
        return Ok(());
    }
    match reserve(app, rig, lacking.max(COVER_STEP)).await {
        Err(refused) if refused.code() == Code::QuotaExceeded && lacking < COVER_STEP => reserve(app, rig, lacking).await,
        done => done,
    }
}

async fn reserve(app: &App, rig: &AttemptAuth, bytes: u64) -> ApiResult<()> {
    let id = format!("{}:{}", rig.attempt, uuid::Uuid::now_v7().simple());
    let reservation = Reservation { id, customer: rig.customer, attempt: Some(rig.attempt), bytes };
    // After its end nothing more is heard of an attempt that does not keep its word.
    let timers = &app.config.timers;
    let keep_for = if rig.state.is_final() { timers.checkpoint_upload } else { timers.reservation_keep };
    Room::reserve(app, reservation, keep_for).await?.keep();
    app.staging.cover(rig.attempt, bytes);
    Ok(())
}
