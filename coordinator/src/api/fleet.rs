//! An owner's rigs, for each of them. Unlike what else a rig's owner may read, this tells of other rigs, so the rig has to sign for it.

use std::time::Duration;

use alloy_primitives::Address;
use axum::extract::State;
use headframe_protocol::{
    DeviceId, TimestampMs,
    demand::MarketPlace,
    fleet::{AskFleet, FLEET_PAGE_MAX, FleetAlone, FleetCard, FleetList, FleetRig, FleetTotal, SignedAskFleet},
};
use sqlx::AnyConnection;

use crate::{
    App,
    error::{ApiError, ApiResult},
    extract::{Json, Path},
    store::{
        StoreError,
        fleet::{self, Total, Wanted, Whose},
        payouts, rigs, verify,
    },
};

/// What was signed longer ago, or will be later, is refused: somebody else may have kept it.
const OFF_BY_MAX: Duration = Duration::from_mins(1);

/// How far back earnings are added up: seven days of a calendar, and a day for its zone.
const LOOKED_BACK_MAX: Duration = Duration::from_hours(8 * 24);

/// Lists the rigs that are of one owner with the one that asks. Signed by that rig; nobody else can ask.
///
/// A rig is of the owner of a wallet if its earnings go there and the wallet has signed that they do. One whose wallet has not signed is
/// told of itself only, with the reason, and is in nobody's list.
#[utoipa::path(
    post, path = "/v1/devices/{id}/fleet", tag = "payouts", operation_id = "listFleet",
    params(("id" = String, Path, description = "The rig's device id")),
    request_body = SignedAskFleet,
    responses(
        (status = 200, description = "A page of them, and what all of them come to", body = FleetList),
        (status = 404, description = "Not a device id, or no rig has signed in with it"),
        (status = 422, description = "The signature or a field is wrong"),
    ),
    security(()),
)]
pub async fn ask(
    State(app): State<App>,
    Path(device): Path<DeviceId>,
    Json(signed): Json<SignedAskFleet>,
) -> ApiResult<Json<FleetList>> {
    let now = app.store.now();
    check(&app, device, &signed, now)?;
    let AskFleet { after, limit, today_from_ms, days_from_ms, .. } = signed.ask;
    let mut connection = app.store.read().await?;
    let Some((_, quarantined)) = rigs::last_seen(&mut connection, device).await? else {
        return Err(ApiError::not_found("rig"));
    };
    let (wallet, alone) = if quarantined {
        // Whoever stole its key must not look at the others with it.
        (None, Some(FleetAlone::Quarantined))
    } else {
        owner(&mut connection, device, now).await?
    };
    let wanted = Wanted {
        whose: wallet.map_or(Whose::Alone(device), Whose::Wallet),
        now,
        heard_since: now.before(app.config.timers.presence * 3),
        today_from: today_from_ms,
        days_from: days_from_ms,
    };
    // One more tells whether there is another page.
    let mut found = fleet::page(&mut connection, &wanted, after, limit + 1).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|last| last.device);
    let Total { rigs, connected, fu, today, days } = fleet::total(&mut connection, &wanted).await?;
    let mut listed = Vec::with_capacity(found.len());
    for rig in found {
        listed.push(shown(&app, &mut connection, rig, now).await?);
    }
    let total = FleetTotal { rigs, connected, fu, today, days };
    Ok(Json(FleetList { wallet, alone, rigs: listed, total, next }))
}

fn check(app: &App, device: DeviceId, signed: &SignedAskFleet, now: TimestampMs) -> ApiResult<()> {
    let ask = &signed.ask;
    if ask.device != device {
        return Err(ApiError::invalid_field("ask.device", "the device in the address"));
    }
    if ask.origin != app.origin() {
        return Err(ApiError::invalid_field("ask.origin", &format!("`{}`", app.origin())));
    }
    if !(1..=FLEET_PAGE_MAX).contains(&ask.limit) {
        return Err(ApiError::invalid_field("ask.limit", "1 to 50"));
    }
    if ask.issued_ms < now.before(OFF_BY_MAX) || ask.issued_ms > now.after(OFF_BY_MAX) {
        return Err(ApiError::invalid_field("ask.issued_ms", "of this minute; set this computer's clock"));
    }
    for (field, since) in [("ask.today_from_ms", ask.today_from_ms), ("ask.days_from_ms", ask.days_from_ms)] {
        if since < now.before(LOOKED_BACK_MAX) {
            return Err(ApiError::invalid_field(field, "at most eight days ago"));
        }
    }
    signed.verify().map_err(|_| ApiError::invalid_field("signature", "made by the device that is named"))
}

/// The wallet that has signed for a rig, or why there is none.
async fn owner(
    connection: &mut AnyConnection,
    device: DeviceId,
    now: TimestampMs,
) -> Result<(Option<Address>, Option<FleetAlone>), StoreError> {
    Ok(match payouts::terms_at(connection, device, now).await? {
        Some(terms) if terms.confirmed => (Some(terms.signed.terms.account), None),
        Some(_) => (None, Some(FleetAlone::NotSigned)),
        None => (None, Some(FleetAlone::NoAccount)),
    })
}

/// What the database knows of a rig, and what is known of it here.
async fn shown(app: &App, connection: &mut AnyConnection, rig: fleet::Rig, now: TimestampMs) -> Result<FleetRig, StoreError> {
    let fleet::Rig { device, report, agent, connected, seen, fu, quarantined, attempts, today, days } = rig;
    let presence = app.sessions.presence(device);
    let connected = presence.unwrap_or(connected);
    let place = match presence {
        _ if quarantined => Some(MarketPlace::Quarantined),
        Some(true) => place(app, device).await,
        Some(false) | None => None,
    };
    let proved = app.challenges.proved(app, device);
    let fu = match (presence, connected) {
        (Some(true), _) => app.challenges.worth(app, device),
        (_, true) => fu,
        (_, false) => 0,
    };
    let cards = report.gpus.iter().enumerate().map(|(nth, gpu)| FleetCard {
        model: gpu.model.clone(),
        vram_bytes: gpu.vram_bytes,
        // In the order of the report; one that has changed meanwhile may have fewer.
        fu: proved.get(nth).and_then(|card| card.fu),
    });
    Ok(FleetRig {
        device,
        name: report.name.clone(),
        agent,
        connected,
        seen_ms: if presence == Some(true) { now } else { seen },
        attempts,
        place,
        cpu_model: report.cpu_model.clone(),
        cpu_cores: report.cpu_cores,
        cards: cards.collect(),
        fu,
        today,
        days,
        tier: verify::account(connection, device, now).await?.standing.tier.as_str().to_owned(),
    })
}

/// Whether a rig that is connected here would be given a job now.
async fn place(app: &App, device: DeviceId) -> Option<MarketPlace> {
    let (board, seeker) = app.dispatch.demand(device).await;
    let place = board.place(&seeker?);
    let challenged = place == MarketPlace::Closed && app.challenges.holds(device);
    Some(if challenged { MarketPlace::Challenged } else { place })
}
