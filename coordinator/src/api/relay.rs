//! Claims that the operator sends for owners, so that they need no gas of their own.

use alloy_primitives::Address;
use axum::extract::State;
use headframe_protocol::payout::{Relay, RelayFee, RelayedClaim};
use serde::Deserialize;

use crate::{
    App,
    error::ApiResult,
    extract::{Json, Path, Query},
    payouts::relay,
};

/// For which claim.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct FeeOf {
    /// On which chain.
    pub(crate) chain: u64,
    /// In what.
    #[param(value_type = String)]
    pub(crate) asset: Address,
    /// Whose.
    #[param(value_type = String)]
    pub(crate) account: Address,
}

/// Says what the relayer takes for a claim. Never more than a twentieth of it.
#[utoipa::path(
    get, path = "/v1/relay/fee", tag = "payouts", operation_id = "getRelayFee",
    params(FeeOf),
    responses(
        (status = 200, description = "The fee; it stands for a minute", body = RelayFee),
        (status = 404, description = "The account may claim nothing there"),
        (status = 422, description = "No such chain or asset"),
    ),
    security(()),
)]
pub async fn fee(State(app): State<App>, Query(of): Query<FeeOf>) -> ApiResult<Json<RelayFee>> {
    relay::fee(&app, of.chain, of.asset, of.account).await.map(Json)
}

/// Takes a signed claim in, to be sent. The same claim again is the same one.
#[utoipa::path(
    post, path = "/v1/relay/claims", tag = "payouts", operation_id = "relayClaim",
    request_body = RelayedClaim,
    responses(
        (status = 202, description = "It is written down and will be sent", body = Relay),
        (status = 409, description = "It was claimed already, or another payout counts now"),
        (status = 422, description = "The signature, the proof or a field is wrong"),
    ),
    security(()),
)]
pub async fn claim(State(app): State<App>, Json(claim): Json<RelayedClaim>) -> ApiResult<(axum::http::StatusCode, Json<Relay>)> {
    Ok((axum::http::StatusCode::ACCEPTED, Json(relay::accept(&app, &claim).await?)))
}

/// Says where a claim is.
#[utoipa::path(
    get, path = "/v1/relay/{id}", tag = "payouts", operation_id = "getRelay",
    params(("id" = String, Path, description = "The relay's id")),
    responses(
        (status = 200, description = "Where it is", body = Relay),
        (status = 404, description = "No such claim"),
    ),
    security(()),
)]
pub async fn get(State(app): State<App>, Path(id): Path<String>) -> ApiResult<Json<Relay>> {
    relay::find(&app, &id).await.map(Json)
}
