//! The table of contents of the HTTP API. Handlers are in [`crate::api`], one file per resource.

use std::time::Duration;

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::HeaderName,
    middleware,
    response::Response,
    routing::{get, post, put},
};
use headframe_protocol::error::Problem;
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App, api,
    error::{ApiError, problem_response},
    metrics, openapi, sessions,
};

/// The most bytes of a JSON body: the largest batch with room to spare. Routes that take files have their own limits.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most bytes of the registry's notifications. It tells one thing at a time, in less than a KiB each.
const EVENTS_BYTES_MAX: usize = 256 * 1024;

/// The most bytes of a payment processor's message. One charge with all its details is a few KiB.
const FIAT_BYTES_MAX: usize = 256 * 1024;

/// Names one answer; comes back to the caller and stands in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The documented API. Its OpenAPI document is made of what stands here.
fn documented() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(api::jobs::submit, api::jobs::list))
        .routes(routes!(api::jobs::submit_batch))
        .routes(routes!(api::jobs::get))
        .routes(routes!(api::jobs::cancel))
        .routes(routes!(api::jobs::attempts))
        .routes(routes!(api::logs::stream))
        .routes(routes!(api::artifacts::list, api::artifacts::delete))
        .routes(routes!(api::artifacts::provenance))
        .routes(routes!(api::uploads::create, api::uploads::list))
        .routes(routes!(api::uploads::get, api::uploads::delete))
        .routes(routes!(api::network::get))
        .routes(routes!(api::offers::list))
        .routes(routes!(api::quotes::quote))
        .routes(routes!(api::account::get))
        .routes(routes!(api::account::balance))
        .routes(routes!(api::account::usage))
        .routes(routes!(api::webhooks::secret))
        .routes(routes!(api::chains::list))
        .routes(routes!(api::spending::add_wallet, api::spending::list_wallets))
        .routes(routes!(api::spending::add_order, api::spending::list_orders))
        .routes(routes!(api::spending::list_tabs))
        .routes(routes!(api::spending::close_tab))
        .routes(routes!(api::payouts::get, api::payouts::put))
        .routes(routes!(api::payouts::spend))
        .routes(routes!(api::payouts::earnings))
        .routes(routes!(api::standing::get))
        .routes(routes!(api::demand::get))
        .routes(routes!(api::fleet::ask))
        .routes(routes!(api::relay::fee))
        .routes(routes!(api::relay::claim))
        .routes(routes!(api::relay::get))
        .routes(routes!(api::payouts::entitlements))
        .routes(routes!(api::payouts::file))
        .routes(routes!(api::registry::token))
        .routes(routes!(api::health::alive))
        .routes(routes!(api::health::ready))
        .routes(routes!(api::health::figures))
        .routes(routes!(api::health::description))
}

/// The description of the documented API.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let framed = OpenApiRouter::with_openapi(openapi::document_frame()).merge(documented());
    framed.split_for_parts().1
}

/// Everything the coordinator can be asked.
pub fn router(app: App) -> Router {
    let (documented, _openapi) = documented().split_for_parts();
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(middleware::from_fn(metrics::measure))
        .layer(middleware::from_fn(name_problems))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    documented
        .route("/v1/jobs/{id}/artifacts/{*path}", get(api::artifacts::get))
        .route("/v1/agent/session", get(sessions::open))
        .route("/v1/attempts/{attempt}/inputs/{index}", get(api::attempt_io::input))
        .route("/v1/attempts/{attempt}/checkpoint/{sha256}", get(api::attempt_io::checkpoint))
        .route("/v1/attempts/{attempt}/log", put(api::attempt_io::log))
        .route("/v1/attempts/{attempt}/objects/{sha256}", put(api::attempt_io::object))
        .route("/v1/challenges/{seed}/rows", put(api::challenges::rows))
        .route("/v1/challenges/{seed}/reads", put(api::challenges::reads))
        .route("/v1/registry/events", post(api::registry::events).layer(DefaultBodyLimit::max(EVENTS_BYTES_MAX)))
        .route("/v1/fiat/stripe", post(api::fiat::stripe).layer(DefaultBodyLimit::max(FIAT_BYTES_MAX)))
        .fallback(async || ApiError::not_found("address"))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(layers)
        .with_state(app)
}

/// Writes the request's id into every problem, and logs what went wrong on our side.
async fn name_problems(request: Request, next: middleware::Next) -> Response {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).map(str::to_owned);
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let method = request.method().clone();
    let started = tokio::time::Instant::now();
    let response = next.run(request).await;
    let took: Duration = started.elapsed();
    if response.status().is_server_error() {
        tracing::error!(
            http.method = %method, http.route = route.as_deref().unwrap_or("none"), http.status = response.status().as_u16(),
            request.id = id.as_deref().unwrap_or_default(), request.duration_ms = took.as_millis(), "Answered with a server error",
        );
    }
    match response.extensions().get::<Problem>() {
        Some(problem) if problem.request_id.is_none() => {
            let mut problem = problem.clone();
            problem.request_id = id;
            let (parts, _) = response.into_parts();
            let mut named = problem_response(&problem);
            for (name, value) in &parts.headers {
                // The body is written anew; its length and type are those of the new one.
                if name != axum::http::header::CONTENT_LENGTH && name != axum::http::header::CONTENT_TYPE {
                    named.headers_mut().insert(name, value.clone());
                }
            }
            named
        }
        Some(_) | None => response,
    }
}

fn panicked(payload: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("of an unknown kind"), "A handler panicked");
    problem_response(&ApiError::internal().into_problem())
}
