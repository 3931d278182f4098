//! How earnings reach their owners: where they go ([`terms`]), what is spent before it leaves ([`spend`]), the public file that
//! says who is owed what and why ([`build`]), and the proofs with which it is claimed.

use alloy_primitives::Address;
use headframe_accounts::{EpochFile, claim::Claims};
use headframe_protocol::payout::Entitlement;

use crate::{
    App,
    error::{ApiError, ApiResult},
    store::payouts::{self, Payout},
};

pub mod terms;
pub(crate) mod relay;
pub mod spend;
pub(crate) mod build;

/// What `account` may claim on every chain, by the newest payout that can be claimed.
pub(crate) async fn entitlements(app: &App, account: Address) -> ApiResult<Vec<Entitlement>> {
    let mut found = Vec::new();
    for chain in app.chains.iter() {
        let mut connection = app.store.read().await?;
        let Some(payout) = payouts::newest_active(&mut connection, chain.id()).await? else { continue };
        drop(connection);
        let (file, claims) = open(&payout)?;
        for asset in &file.assets {
            let Some(claim) = claims.of(account, asset.asset) else { continue };
            found.push(Entitlement {
                chain_id: chain.id(),
                asset: asset.asset,
                account,
                epoch: payout.epoch,
                cumulative: claim.leaf.cumulative,
                proof: claim.proof,
            });
        }
    }
    Ok(found)
}

/// Reads a payout's file, and makes its tree.
pub(crate) fn open(payout: &Payout) -> ApiResult<(EpochFile, Claims)> {
    let file = EpochFile::parse(payout.file.as_bytes()).map_err(|error| ApiError::internal().because(error))?;
    let claims = Claims::new(&file).map_err(|error| ApiError::internal().because(error))?;
    Ok((file, claims))
}
