//! What the operator says of his network, for everybody who may join it.

use axum::extract::State;
use headframe_protocol::profile::SignedProfile;

use crate::{
    App,
    error::{ApiError, ApiResult},
    extract::Json,
    profile::FETCHED_LIFE,
};

/// Shows the signed profile of this network. Whoever joins compares its key with the one the operator publishes elsewhere.
#[utoipa::path(
    get, path = "/v1/network", tag = "operation", operation_id = "getNetwork",
    responses(
        (status = 200, description = "The profile, good for joining for 30 days", body = SignedProfile),
        (status = 404, description = "The operator has not said who he is"),
    ),
    security(()),
)]
pub async fn get(State(app): State<App>) -> ApiResult<Json<SignedProfile>> {
    let key = app.operator.as_ref().ok_or_else(|| ApiError::not_found("network profile"))?;
    let signed = key.issue(&app.config.network, &app.public_url, (app.store.now(), FETCHED_LIFE));
    signed.map(Json).map_err(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "There is no network profile to show");
        ApiError::not_found("network profile")
    })
}
