//! What the network has now.

use axum::extract::State;
use headframe_protocol::{
    api::{ClassOffer, OfferList},
    error::Problem,
};

use crate::{App, auth::Customer, extract::Json, market::Tier};

/// Shows which kinds of rig are connected, how many take work now, and from what price, by class and score.
#[utoipa::path(
    get, path = "/v1/offers", tag = "offers", operation_id = "listOffers",
    responses(
        (status = 200, description = "Classes with at least one connected rig", body = OfferList),
        (status = 401, description = "No good key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The account is suspended", body = Problem, content_type = "application/problem+json"),
    ),
    security(("api_key" = [])),
)]
pub async fn list(State(app): State<App>, _customer: Customer) -> Json<OfferList> {
    let fleet = app.dispatch.fleet().await;
    let offer = |Tier { class, fu, ready, connected, price_per_hour_min }: Tier<'_>| ClassOffer {
        class: class.name(),
        fu,
        vendor: class.vendor,
        architecture: class.architecture.map(str::to_owned),
        vram_gib: class.vram_gib,
        compute_capability: class.capability,
        os: class.os,
        trust: class.trust,
        country: class.country.map(|country| country.to_string()),
        ready,
        connected,
        price_per_hour_min,
    };
    Json(OfferList { classes: fleet.tiers().into_iter().map(offer).collect() })
}
