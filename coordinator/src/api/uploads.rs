//! Files customers give us to use as inputs.

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use headframe_protocol::{
    UploadId,
    api::{PAGE_MAX, Upload, UploadList},
};
use serde::Deserialize;

use super::{
    room::{Room, over_quota},
    stream,
};
use crate::{
    App,
    auth::Customer,
    blobs::{Expected, ObjectName},
    error::{ApiError, ApiResult},
    extract::{Json, Path, Query},
    store::{self, StoreError, customers, reservations::Reservation, until_uncrossed, uploads},
};

/// Announces what the body hashes to.
const SUM_HEADER: &str = "x-content-sha256";

/// Takes a file to be used as an input.
///
/// The body is the file. It is kept for a week, and as long as an open job uses it.
#[utoipa::path(
    post, path = "/v1/uploads", tag = "uploads", operation_id = "createUpload",
    params(("x-content-sha256" = Option<String>, Header, description = "What the body hashes to; other bytes are refused")),
    request_body(content_type = "application/octet-stream", content = Vec<u8>),
    responses(
        (status = 201, description = "Kept", body = Upload),
        (status = 400, description = "The body broke off"),
        (status = 411, description = "No Content-Length"),
        (status = 413, description = "Too large"),
        (status = 422, description = "The bytes do not hash to what was announced"),
        (status = 507, description = "The account's storage is used up"),
    ),
    security(("api_key" = [])),
)]
pub async fn create(State(app): State<App>, customer: Customer, request: Request) -> ApiResult<Response> {
    let bytes_max = app.config.limits.upload_bytes_max;
    let length = stream::announced(request.headers(), bytes_max)?;
    let sha256 = stream::announced_sum(request.headers(), SUM_HEADER)?;
    let id = UploadId::generate();
    // Its room is taken before the bytes come: however many come at once, they fit.
    let reservation = Reservation { id: id.to_string(), customer: customer.id, attempt: None, bytes: length };
    let room = Room::reserve(&app, reservation, app.config.timers.reservation_keep).await?;
    let object = ObjectName::upload(id);
    let expected = Expected { sha256, bytes_max: length };
    let written = app.blobs.put(&object, stream::pieces(request.into_body()), expected).await;
    let written = written.map_err(|error| stream::refused(error, SUM_HEADER))?;
    let now = app.store.now();
    let upload =
        Upload { id, sha256: written.sha256, bytes: written.bytes, expires_ms: now.after(app.config.timers.upload_keep) };
    let kept = until_uncrossed(|| write_down(&app, &customer, &upload)).await?;
    if kept == customers::Room::None {
        app.blobs.delete(&object).await.map_err(|error| ApiError::internal().because(error))?;
        return Err(over_quota());
    }
    room.keep();
    let mut response = (StatusCode::CREATED, Json(&upload)).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/uploads/{id}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

async fn write_down(app: &App, customer: &Customer, upload: &Upload) -> Result<customers::Room, StoreError> {
    let mut tx = app.store.begin().await?;
    let room = uploads::insert(&mut tx, customer.id, upload, app.store.now()).await?;
    if room == customers::Room::Enough {
        store::commit(tx, "write down an upload").await?;
    }
    Ok(room)
}

/// Which page of uploads.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// The upload after which the page begins: `next` of the page before.
    after: Option<UploadId>,
    /// How many, 1 to 100; 50 if absent.
    limit: Option<u32>,
}

/// Lists uploaded files, newest first.
#[utoipa::path(
    get, path = "/v1/uploads", tag = "uploads", operation_id = "listUploads", params(ListQuery),
    responses(
        (status = 200, description = "A page", body = UploadList),
        (status = 400, description = "A query parameter cannot be read"),
        (status = 422, description = "A query parameter is wrong"),
    ),
    security(("api_key" = [])),
)]
pub async fn list(State(app): State<App>, customer: Customer, Query(query): Query<ListQuery>) -> ApiResult<Json<UploadList>> {
    let ListQuery { after, limit } = query;
    let limit = limit.unwrap_or(50);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(ApiError::invalid_field("limit", "1 to 100"));
    }
    let mut connection = app.store.read().await?;
    // One more than asked for tells whether there is a next page.
    let mut uploads = uploads::list(&mut connection, customer.id, after, limit + 1).await?;
    let more = uploads.len() > limit as usize;
    uploads.truncate(limit as usize);
    let next = uploads.last().filter(|_| more).map(|upload| upload.id.to_string());
    Ok(Json(UploadList { uploads, next }))
}

/// Says what is known of an uploaded file.
#[utoipa::path(
    get, path = "/v1/uploads/{id}", tag = "uploads", operation_id = "getUpload",
    params(("id" = UploadId, Path, description = "The upload")),
    responses(
        (status = 200, description = "It is here", body = Upload),
        (status = 404, description = "There is no such upload"),
    ),
    security(("api_key" = [])),
)]
pub async fn get(State(app): State<App>, customer: Customer, Path(id): Path<UploadId>) -> ApiResult<Json<Upload>> {
    let mut connection = app.store.read().await?;
    let upload = uploads::find(&mut connection, customer.id, id).await?;
    upload.map(Json).ok_or_else(|| ApiError::not_found("upload"))
}

/// Removes an uploaded file.
#[utoipa::path(
    delete, path = "/v1/uploads/{id}", tag = "uploads", operation_id = "deleteUpload",
    params(("id" = UploadId, Path, description = "The upload")),
    responses(
        (status = 204, description = "Removed"),
        (status = 404, description = "There is no such upload"),
        (status = 409, description = "An open job uses it"),
    ),
    security(("api_key" = [])),
)]
pub async fn delete(State(app): State<App>, customer: Customer, Path(id): Path<UploadId>) -> ApiResult<StatusCode> {
    let mut tx = app.store.begin().await?;
    if uploads::is_used(&mut tx, customer.id, id).await? {
        return Err(ApiError::conflict("An open job uses this upload. Cancel the job, or wait until it is over."));
    }
    if !uploads::delete(&mut tx, customer.id, id).await? {
        return Err(ApiError::not_found("upload"));
    }
    store::commit(tx, "delete an upload").await?;
    Ok(StatusCode::NO_CONTENT)
}
