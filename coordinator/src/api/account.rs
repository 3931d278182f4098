//! Who the caller is, his money and what he has used.

use std::time::Duration;

use axum::extract::State;
use headframe_protocol::{
    TimestampMs,
    api::{Account, Balance, Usage},
};
use serde::Deserialize;

use crate::{
    App,
    auth::Customer,
    error::{ApiError, ApiResult},
    extract::{Json, Query},
    store::usage,
};

/// The span of a usage that names none: a month of accounting, roughly.
const SPAN: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Says whose key this is.
#[utoipa::path(
    get, path = "/v1/account", tag = "account", operation_id = "getAccount",
    responses(
        (status = 200, description = "The account", body = Account),
    ),
    security(("api_key" = [])),
)]
pub async fn get(State(app): State<App>, customer: Customer) -> Json<Account> {
    let registry = app.registry.as_ref().map(|registry| format!("{}/{}", registry.host(), customer.namespace));
    Json(Account { customer: customer.id, name: customer.name, registry, network: app.config.network.name.clone() })
}

/// Says how much money there is.
#[utoipa::path(
    get, path = "/v1/balance", tag = "account", operation_id = "getBalance",
    responses(
        (status = 200, description = "The money", body = Balance),
    ),
    security(("api_key" = [])),
)]
pub async fn balance(State(app): State<App>, customer: Customer) -> ApiResult<Json<Balance>> {
    let mut connection = app.store.read().await?;
    Ok(Json(usage::balance(&mut connection, customer.id).await?))
}

/// Of which time.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct Span {
    /// From this moment, in milliseconds since 1970; absent is 30 days before the end.
    from_ms: Option<TimestampMs>,
    /// To before this moment; absent is now.
    to_ms: Option<TimestampMs>,
}

/// Says what was used and charged in a span of time.
#[utoipa::path(
    get, path = "/v1/usage", tag = "account", operation_id = "getUsage",
    params(Span),
    responses(
        (status = 200, description = "The use", body = Usage),
        (status = 400, description = "A query parameter cannot be read"),
        (status = 422, description = "The span ends before it begins"),
    ),
    security(("api_key" = [])),
)]
pub async fn usage(State(app): State<App>, customer: Customer, Query(span): Query<Span>) -> ApiResult<Json<Usage>> {
    let to_ms = span.to_ms.unwrap_or_else(|| app.store.now());
    let from_ms = span.from_ms.unwrap_or_else(|| to_ms.before(SPAN));
    if from_ms > to_ms {
        return Err(ApiError::invalid_field("from_ms", "not after `to_ms`"));
    }
    let mut connection = app.store.read().await?;
    Ok(Json(usage::between(&mut connection, customer.id, from_ms, to_ms).await?))
}
