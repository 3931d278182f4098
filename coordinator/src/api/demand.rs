//! What the network has for a rig to do, for its owner.

use axum::extract::State;
use headframe_protocol::{
    DeviceId,
    demand::{MarketPlace, RigDemand, StandingInBrief},
    job::Trust,
};

use crate::{
    App,
    error::ApiResult,
    extract::{Json, Path},
    market::{Class, Prospects},
    store::{demand, rigs, verify},
};

/// Says what waits for a rig, what the rig lacks for the rest, and how rigs of its kind have fared.
///
/// Nothing in it tells of one customer: jobs are counted, prices are those that rigs asked and got. It is about the moment, a few
/// seconds ago at most. A rig whose session is with another replica is `absent` here.
#[utoipa::path(
    get, path = "/v1/devices/{id}/demand", tag = "payouts", operation_id = "getRigDemand",
    params(("id" = String, Path, description = "The rig's device id")),
    responses(
        (status = 200, description = "What there is for it; for a rig nobody has seen, only what waits", body = RigDemand),
        (status = 404, description = "Not a device id"),
    ),
    security(()),
)]
pub async fn get(State(app): State<App>, Path(device): Path<DeviceId>) -> ApiResult<Json<RigDemand>> {
    let (board, seeker) = app.dispatch.demand(device).await;
    let mut connection = app.store.read().await?;
    let (class, prospects, rests_until) = match &seeker {
        Some(seeker) => (Some(seeker.class.name()), board.for_rig(seeker), seeker.rests_until),
        None => {
            let seen = rigs::last_seen(&mut connection, device).await?;
            let quarantined = seen.as_ref().is_some_and(|(_, quarantined)| *quarantined);
            let place = if quarantined { MarketPlace::Quarantined } else { MarketPlace::Absent };
            // Its name is the same whoever stands behind it and wherever it stands.
            let class = seen.map(|(report, _)| Class::of(&report, Trust::Community, None).name());
            (class, board.for_nobody(place), None)
        }
    };
    let kind = match &class {
        Some(class) => demand::of_class(&mut connection, class, app.store.now()).await?,
        None => None,
    };
    let verify::Account { standing, records, .. } = verify::account(&mut connection, device, app.store.now()).await?;
    let behind = records.iter().map(|(_, _, behind)| *behind).max().unwrap_or_default();
    let Prospects { place, waiting, more, fitting, unmet } = prospects;
    // That a card is challenged looks to the market as if the rig took no work.
    let challenged = place == MarketPlace::Closed && app.challenges.holds(device);
    Ok(Json(RigDemand {
        class,
        place: if challenged { MarketPlace::Challenged } else { place },
        rests_until_ms: rests_until,
        waiting,
        more,
        fitting,
        unmet,
        kind,
        cards: app.challenges.proved(&app, device),
        standing: Some(StandingInBrief {
            tier: standing.tier.as_str().to_owned(),
            reliability_percent: standing.reliability_percent,
            behind_permille: u32::try_from(behind).unwrap_or(u32::MAX),
        }),
    }))
}
