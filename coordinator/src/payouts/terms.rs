//! Where a rig's earnings go.

use std::time::Duration;

use alloy_primitives::Address;
use headframe_protocol::payout::{PayoutStanding, SignedPayoutTerms};

use crate::{
    App,
    error::{ApiError, ApiResult},
    store::{
        commit,
        payouts::{self, KeptTerms},
        rigs, until_uncrossed,
    },
};

/// A rig's clock may be this far ahead of ours.
const AHEAD_MAX: Duration = Duration::from_mins(1);

/// Takes terms in, if they are newer than what is known and signed as they must be.
pub(crate) async fn accept(app: &App, signed: &SignedPayoutTerms) -> ApiResult<PayoutStanding> {
    check(app, signed)?;
    until_uncrossed(|| keep(app, signed)).await
}

fn check(app: &App, signed: &SignedPayoutTerms) -> ApiResult<()> {
    let terms = &signed.terms;
    if terms.network != app.config.network.name {
        return Err(ApiError::invalid_field("terms.network", &format!("`{}`", app.config.network.name)));
    }
    if terms.account == Address::ZERO {
        return Err(ApiError::invalid_field("terms.account", "somebody's address; nobody can claim for the zero address"));
    }
    let Some(chain) = app.chains.get(terms.chain_id) else {
        return Err(ApiError::invalid_field("terms.chain_id", "a chain of this network"));
    };
    let contracts = &chain.profile().contracts;
    let ours = [contracts.market, contracts.distributor, contracts.access_manager, contracts.timelock];
    if ours.contains(&terms.account) || chain.profile().asset(terms.account).is_some() {
        return Err(ApiError::invalid_field("terms.account", "not a contract of the network: it could never claim"));
    }
    if terms.issued_ms > app.store.now().after(AHEAD_MAX) {
        return Err(ApiError::invalid_field("terms.issued_ms", "not in the future; set this computer's clock"));
    }
    signed.verify().map_err(|_| ApiError::invalid_field("device_signature", "made by the device and the wallet that are named"))
}

async fn keep(app: &App, signed: &SignedPayoutTerms) -> ApiResult<PayoutStanding> {
    let terms = &signed.terms;
    let (now, mut tx) = (app.store.now(), app.store.begin().await?);
    if !rigs::take_row(&mut tx, terms.device).await? {
        return Err(ApiError::not_found("rig"));
    }
    let newest = payouts::newest_terms(&mut tx, terms.device).await?;
    match &newest {
        Some(known) if known.signed == *signed => return Ok(payouts::standing(&mut tx, terms.device, now).await?),
        Some(known) if known.signed.terms.issued_ms >= terms.issued_ms => {
            return Err(ApiError::conflict("Newer terms of this rig are known."));
        }
        Some(_) | None => {}
    }
    let counts = payouts::terms_at(&mut tx, terms.device, now).await?;
    // What a wallet has signed for stays so when the rig repeats it alone: else whoever has the rig's key could name the same account
    // without the wallet, and then any other at once.
    let stays = counts.as_ref().is_some_and(|counts| counts.confirmed && counts.signed.terms.account == terms.account);
    let guarded = counts.filter(|counts| counts.confirmed && counts.signed.terms.account != terms.account);
    let waits = guarded.is_some_and(|counts| !signed.agreed_by(counts.signed.terms.account));
    let effective = if waits { now.after(app.config.timers.payout_change) } else { now };
    let kept = KeptTerms { signed: signed.clone(), confirmed: stays || signed.wallet_signature.is_some(), effective };
    payouts::keep_terms(&mut tx, &kept).await?;
    let standing = payouts::standing(&mut tx, terms.device, now).await?;
    commit(tx, "keep payout terms").await?;
    Ok(standing)
}
