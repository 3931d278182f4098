//! Files of accepted results, and how they came to be.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use headframe_protocol::{
    JobId,
    api::{ArtifactList, Provenance},
};

use super::{
    range::{self, Wanted},
    stream,
};
use crate::{
    App,
    auth::Customer,
    error::{ApiError, ApiResult},
    extract::{Json, Path},
    store::{self, artifacts, jobs},
};

/// Lists the files of a job's accepted result.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/artifacts", tag = "artifacts", operation_id = "listArtifacts",
    params(("id" = JobId, Path, description = "The job")),
    responses(
        (status = 200, description = "The files", body = ArtifactList),
        (status = 404, description = "There is no such job, or no result yet"),
    ),
    security(("api_key" = [])),
)]
pub async fn list(State(app): State<App>, customer: Customer, Path(id): Path<JobId>) -> ApiResult<Json<ArtifactList>> {
    let mut connection = app.store.read().await?;
    let attempt = artifacts::accepted(&mut connection, customer.id, id).await?.ok_or_else(|| ApiError::not_found("result"))?;
    let files = artifacts::of_job(&mut connection, id).await?;
    Ok(Json(ArtifactList { attempt, files }))
}

/// Removes the files of a finished job's result, and gives their room back. What the job was and cost stays known.
#[utoipa::path(
    delete, path = "/v1/jobs/{id}/artifacts", tag = "artifacts", operation_id = "deleteArtifacts",
    params(("id" = JobId, Path, description = "The job")),
    responses(
        (status = 204, description = "Removed"),
        (status = 404, description = "There is no such job"),
        (status = 409, description = "The job is not over"),
    ),
    security(("api_key" = [])),
)]
pub async fn delete(State(app): State<App>, customer: Customer, Path(id): Path<JobId>) -> ApiResult<StatusCode> {
    let mut connection = app.store.read().await?;
    let job = jobs::get(&mut connection, customer.id, id).await?.ok_or_else(|| ApiError::not_found("job"))?;
    drop(connection);
    if !job.state.is_final() {
        return Err(ApiError::conflict("The job is not over. Cancel it, or wait until it has ended."));
    }
    let mut tx = app.store.begin().await?;
    artifacts::delete(&mut tx, customer.id, id).await?;
    store::commit(tx, "delete a result").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives the bytes of one file of a result.
///
/// A single byte range is honoured; the ETag is the file's sha-256. What comes is always a download, never a page.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/artifacts/{path}", tag = "artifacts", operation_id = "getArtifact",
    params(
        ("id" = JobId, Path, description = "The job"),
        ("path" = String, Path, description = "The file's path as listed; may hold slashes"),
        ("range" = Option<String>, Header, description = "One byte range, such as `bytes=0-1023`"),
        ("if-none-match" = Option<String>, Header, description = "The ETag of what you have"),
    ),
    responses(
        (status = 200, description = "All bytes", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The bytes of the range", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "You have it"),
        (status = 404, description = "There is no such file"),
        (status = 416, description = "The range lies outside the file"),
    ),
    security(("api_key" = [])),
)]
pub async fn get(
    State(app): State<App>,
    customer: Customer,
    Path((id, path)): Path<(JobId, String)>,
    request_headers: HeaderMap,
) -> ApiResult<Response> {
    // PostgreSQL takes no zero byte, not even to say that there is no such thing.
    if path.contains('\0') {
        return Err(ApiError::not_found("file in this job's result").naming("path", "cannot hold a zero byte"));
    }
    let mut connection = app.store.read().await?;
    let found = artifacts::find(&mut connection, customer.id, id, &path).await?;
    drop(connection);
    let (file, object) = found.ok_or_else(|| ApiError::not_found("file in this job's result"))?;
    let name = file.path.rsplit('/').next().unwrap_or("artifact");
    let mut headers = stream::download_headers(file.sha256, name);
    if range::has_already(&request_headers, &stream::etag(file.sha256)) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let wanted = range::wanted(&request_headers, &stream::etag(file.sha256), file.bytes);
    let (status, range) = match wanted {
        Wanted::All => (StatusCode::OK, None),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, Some(range)),
        Wanted::Outside => return Ok(outside(file.bytes)),
    };
    let length = range.as_ref().map_or(file.bytes, |range| range.end - range.start);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Some(range) = &range
        && let Ok(value) = HeaderValue::from_str(&format!("bytes {}-{}/{}", range.start, range.end - 1, file.bytes))
    {
        headers.insert(header::CONTENT_RANGE, value);
    }
    let bytes = app.blobs.read(&object, range).await.map_err(|error| ApiError::internal().because(error))?;
    Ok((status, headers, Body::from_stream(bytes)).into_response())
}

fn outside(bytes: u64) -> Response {
    let refused = ApiError::unreadable(StatusCode::RANGE_NOT_SATISFIABLE, "range", &format!("the file has {bytes} bytes"));
    let mut response = refused.into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{bytes}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

/// Says how a job's result came to be: image, rig, files, and the rig's signed receipt.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/provenance.json", tag = "artifacts", operation_id = "getProvenance",
    params(("id" = JobId, Path, description = "The job")),
    responses(
        (status = 200, description = "How it came to be", body = Provenance),
        (status = 404, description = "There is no such job, or no result yet"),
    ),
    security(("api_key" = [])),
)]
pub async fn provenance(State(app): State<App>, customer: Customer, Path(id): Path<JobId>) -> ApiResult<Json<Provenance>> {
    let mut connection = app.store.read().await?;
    let provenance = artifacts::provenance(&mut connection, customer.id, id).await?;
    provenance.map(Json).ok_or_else(|| ApiError::not_found("result"))
}
