//! Where rigs' earnings go, and what their owners may claim.

use alloy_primitives::Address;
use axum::extract::State;
use headframe_protocol::{
    AttemptId, DeviceId,
    api::PAGE_MAX,
    payout::{EarningList, Entitlement, PayoutStanding, SignedPayoutTerms, SignedSpendEarnings},
};

use serde::Deserialize;

use crate::{
    App,
    error::{ApiError, ApiResult},
    extract::{Json, Path, Query},
    payouts,
    store::{earnings as earned, payouts as stored},
};

/// Says where a rig's earnings go.
#[utoipa::path(
    get, path = "/v1/devices/{id}/payout", tag = "payouts", operation_id = "getPayoutTerms",
    params(("id" = String, Path, description = "The rig's device id")),
    responses(
        (status = 200, description = "What counts now, and what will", body = PayoutStanding),
        (status = 404, description = "Not a device id"),
    ),
    security(()),
)]
pub async fn get(State(app): State<App>, Path(device): Path<DeviceId>) -> ApiResult<Json<PayoutStanding>> {
    let mut connection = app.store.read().await?;
    Ok(Json(stored::standing(&mut connection, device, app.store.now()).await?))
}

/// Sets where a rig's earnings go. Signed by the rig; nobody else can.
///
/// An account that a wallet has confirmed is changed at once only with a signature of that wallet; otherwise the change waits, and
/// the owner sees it coming.
#[utoipa::path(
    put, path = "/v1/devices/{id}/payout", tag = "payouts", operation_id = "putPayoutTerms",
    params(("id" = String, Path, description = "The rig's device id")),
    request_body = SignedPayoutTerms,
    responses(
        (status = 200, description = "What counts now, and what will", body = PayoutStanding),
        (status = 409, description = "Newer terms are known"),
        (status = 422, description = "A signature or a field is wrong"),
    ),
    security(()),
)]
pub async fn put(
    State(app): State<App>,
    Path(device): Path<DeviceId>,
    Json(signed): Json<SignedPayoutTerms>,
) -> ApiResult<Json<PayoutStanding>> {
    if signed.terms.device != device {
        return Err(ApiError::invalid_field("terms.device", "the device in the address"));
    }
    payouts::terms::accept(&app, &signed).await.map(Json)
}

/// Turns a rig's earnings into computing credit of a customer account. Signed by the rig.
#[utoipa::path(
    post, path = "/v1/devices/{id}/spend", tag = "payouts", operation_id = "spendEarnings",
    params(("id" = String, Path, description = "The rig's device id")),
    request_body = SignedSpendEarnings,
    responses(
        (status = 204, description = "It is credit now; the same request again changes nothing"),
        (status = 402, description = "The rig has not earned that much that is not paid out"),
        (status = 409, description = "The same nonce was used for something else"),
        (status = 422, description = "The signature or a field is wrong"),
    ),
    security(()),
)]
pub async fn spend(
    State(app): State<App>,
    Path(device): Path<DeviceId>,
    Json(signed): Json<SignedSpendEarnings>,
) -> ApiResult<axum::http::StatusCode> {
    if signed.spend.device != device {
        return Err(ApiError::invalid_field("spend.device", "the device in the address"));
    }
    payouts::spend::accept(&app, &signed).await?;
    Ok(axum::http::StatusCode::NO_CONTENT)
}

/// Which page.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct EarningsPage {
    /// How many; 1 to 100, 20 if absent.
    limit: Option<u32>,
    /// After which attempt.
    #[param(value_type = String)]
    after: Option<AttemptId>,
}

/// Lists what a rig's attempts have brought: what the customer paid, the fee, the owner's share, and the transaction that pays it.
#[utoipa::path(
    get, path = "/v1/devices/{id}/earnings", tag = "payouts", operation_id = "listEarnings",
    params(("id" = String, Path, description = "The rig's device id"), EarningsPage),
    responses(
        (status = 200, description = "Newest first", body = EarningList),
        (status = 400, description = "A query parameter cannot be read"),
        (status = 404, description = "Not a device id"),
        (status = 422, description = "The limit is out of range"),
    ),
    security(()),
)]
pub async fn earnings(
    State(app): State<App>,
    Path(device): Path<DeviceId>,
    Query(page): Query<EarningsPage>,
) -> ApiResult<Json<EarningList>> {
    let limit = page.limit.unwrap_or(20);
    if limit == 0 || limit > PAGE_MAX {
        return Err(ApiError::invalid_field("limit", "1 to 100"));
    }
    let mut connection = app.store.read().await?;
    let terms = app.config.rules().verification.terms;
    let earnings = earned::of_rig(&mut connection, device, page.after, limit, (app.config.timers.maturity, &terms)).await?;
    let full = earnings.len() == limit as usize;
    let next = earnings.last().filter(|_| full).map(|last| last.attempt.to_string());
    Ok(Json(EarningList { earnings, next }))
}

/// Says what an account may claim on every chain, with the proofs.
#[utoipa::path(
    get, path = "/v1/accounts/{id}/entitlements", tag = "payouts", operation_id = "listEntitlements",
    params(("id" = String, Path, description = "An address")),
    responses(
        (status = 200, description = "Owed since ever, claimed or not", body = [Entitlement]),
        (status = 404, description = "Not an address"),
    ),
    security(()),
)]
pub async fn entitlements(State(app): State<App>, Path(account): Path<Address>) -> ApiResult<Json<Vec<Entitlement>>> {
    payouts::entitlements(&app, account).await.map(Json)
}

/// One payout's public file, byte for byte as its hash is on the chain.
#[utoipa::path(
    get, path = "/v1/payouts/{chain}/{epoch}", tag = "payouts", operation_id = "getPayoutFile",
    params(("chain" = u64, Path, description = "EIP-155 id"), ("epoch" = u64, Path, description = "From 1")),
    responses(
        (status = 200, description = "The file", content_type = "application/json"),
        (status = 404, description = "No such payout"),
    ),
    security(()),
)]
pub async fn file(
    State(app): State<App>,
    Path((chain, epoch)): Path<(u64, u64)>,
) -> ApiResult<([(axum::http::HeaderName, &'static str); 1], String)> {
    let mut connection = app.store.read().await?;
    let payout = stored::find(&mut connection, chain, epoch).await?.ok_or_else(|| ApiError::not_found("payout"))?;
    Ok(([(axum::http::header::CONTENT_TYPE, "application/json")], payout.file))
}
