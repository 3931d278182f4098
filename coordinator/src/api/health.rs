//! What machines ask: alive, ready, figures, and the description of the API.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    App,
    error::{ApiError, ApiResult, Chain},
    extract::Json,
    metrics, openapi,
};

/// That it is well.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Health {
    /// Always `ok`; anything else is a problem document.
    status: &'static str,
}

const WELL: Health = Health { status: "ok" };

/// Says that the process is alive.
#[utoipa::path(
    get, path = "/healthz", tag = "operation", operation_id = "getHealth",
    responses((status = 200, description = "Alive", body = Health)),
)]
pub async fn alive() -> Json<Health> {
    Json(WELL)
}

/// Says whether requests should be sent here: the database and the artifact store take writes, and nothing is stopping.
#[utoipa::path(
    get, path = "/readyz", tag = "operation", operation_id = "getReadiness",
    responses(
        (status = 200, description = "Ready", body = Health),
        (status = 503, description = "Not now"),
    ),
)]
pub async fn ready(State(app): State<App>) -> ApiResult<Json<Health>> {
    if app.tasks.stopping().is_cancelled() {
        return Err(ApiError::unavailable("This coordinator is stopping."));
    }
    if app.tasks.broken().is_some() {
        return Err(ApiError::unavailable("A part of this coordinator has failed; it has to be started anew."));
    }
    match app.probes.readiness.get(|| look(&app)).await {
        None => Ok(Json(WELL)),
        Some(trouble) => Err(ApiError::unavailable(trouble)),
    }
}

/// What is not well, if anything; the cause is told to the operator here, once for all who ask.
async fn look(app: &App) -> Option<&'static str> {
    let (trouble, cause) = match (app.store.check_writable().await, app.blobs.check().await) {
        (Ok(()), Ok(())) => return None,
        (Err(error), _) => ("The database takes no writes.", Chain(&error).to_string()),
        (Ok(()), Err(error)) => ("The artifact store takes no writes.", Chain(&error).to_string()),
    };
    tracing::error!(error = cause, "Not ready");
    Some(trouble)
}

/// Gives the figures in the Prometheus text format.
#[utoipa::path(
    get, path = "/metrics", tag = "operation", operation_id = "getMetrics",
    responses(
        (status = 200, description = "The figures", body = String, content_type = "text/plain"),
        (status = 503, description = "The database is busy"),
    ),
)]
pub async fn figures(State(app): State<App>) -> ApiResult<Response> {
    let text = app.probes.figures.get(|| async { metrics::render(&app).await.map_err(Arc::new) }).await;
    let text = text.map_err(|error| ApiError::unavailable("The database is busy. Try again in a moment.").because(error))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"))], text).into_response())
}

/// Gives this description, OpenAPI 3.1.
#[utoipa::path(
    get, path = "/openapi.json", tag = "operation", operation_id = "getOpenApi",
    responses((status = 200, description = "The description", body = Object, content_type = "application/json")),
)]
pub async fn description() -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], openapi::document_text()).into_response()
}
