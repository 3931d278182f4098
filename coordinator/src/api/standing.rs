//! How a rig stands, for its owner.

use axum::extract::State;
use headframe_protocol::{
    DeviceId,
    standing::{DeedsOfADay, RigStanding, RightInARow, Withheld},
};

use crate::{
    App,
    error::ApiResult,
    extract::{Json, Path},
    store::{
        rigs,
        verify::{self, given_back::Waits},
    },
};

/// Says how a rig stands and why: what counts for and against it, and which of its earnings wait.
#[utoipa::path(
    get, path = "/v1/devices/{id}/standing", tag = "payouts", operation_id = "getRigStanding",
    params(("id" = String, Path, description = "The rig's device id")),
    responses(
        (status = 200, description = "How it stands; a rig nobody has seen is new", body = RigStanding),
        (status = 404, description = "Not a device id"),
    ),
    security(()),
)]
pub async fn get(State(app): State<App>, Path(device): Path<DeviceId>) -> ApiResult<Json<RigStanding>> {
    let mut connection = app.store.read().await?;
    let now = app.store.now();
    let verify::Account { standing, events, records } = verify::account(&mut connection, device, now).await?;
    let attested = rigs::attested(&mut connection, device).await?;
    let waits = verify::given_back::of_rig(&mut connection, &app.config.rules().verification.terms, device, now).await?;
    let row = |(class, record, behind): (crate::verify::Class, crate::verify::Record, u64)| RightInARow {
        class: class.to_string(),
        results: record.right_in_a_row,
        behind_permille: u32::try_from(behind).unwrap_or(u32::MAX),
    };
    Ok(Json(RigStanding {
        tier: standing.tier.as_str().to_owned(),
        attested,
        trust: standing.tier.as_trusted(attested),
        reliability_percent: standing.reliability_percent,
        right_in_a_row: records.into_iter().map(row).collect(),
        deeds: events
            .into_iter()
            .map(|event| DeedsOfADay { day_ms: event.at, deed: event.deed.as_str().to_owned(), times: event.times })
            .collect(),
        withheld: waits.into_iter().map(withheld).collect(),
    }))
}

fn withheld(waits: Waits) -> Withheld {
    let Waits { coin, amount, given_back, allowance } = waits;
    Withheld { chain_id: coin.chain, amount, given_back, allowance }
}
