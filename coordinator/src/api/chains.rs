//! The chains of the network, for everybody who wants to check.

use axum::extract::State;
use headframe_protocol::chain::ChainProfile;

use crate::{App, extract::Json};

/// Shows the profile of every chain money is settled on; empty if the network keeps practice money only.
#[utoipa::path(
    get, path = "/v1/chains", tag = "payouts", operation_id = "listChains",
    responses((status = 200, description = "The home chain first", body = [ChainProfile])),
    security(()),
)]
pub async fn list(State(app): State<App>) -> Json<Vec<ChainProfile>> {
    let mut profiles: Vec<_> = app.chains.iter().map(|chain| (!chain.is_home(), chain.profile().clone())).collect();
    profiles.sort_by_key(|(away, profile)| (*away, profile.chain_id));
    Json(profiles.into_iter().map(|(_, profile)| profile).collect())
}
