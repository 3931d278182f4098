//! How earnings reach their owners: where they go ([`terms`]), what is spent before it leaves ([`spend`]), the public file that
//! says who is owed what and why ([`build`]), and the proofs with which it is claimed.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use alloy_primitives::{Address, B256};
use headframe_accounts::{EpochFile, claim::Claims, merkle::MerkleError};
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
        let claims = app.claims.of(&payout).map_err(|error| ApiError::internal().because(error))?;
        for asset in &chain.profile().assets {
            let Some(claim) = claims.of(account, asset.address) else { continue };
            found.push(Entitlement {
                chain_id: chain.id(),
                asset: asset.address,
                account,
                epoch: payout.epoch,
                cumulative: claim.leaf.cumulative,
                proof: claim.proof,
            });
        }
    }
    Ok(found)
}

/// Why there are no claims on a payout.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimsError {
    /// Its file cannot be read.
    #[error("a payout's file cannot be read")]
    File(#[source] headframe_accounts::epoch::ParseError),
    /// Nobody is owed anything.
    #[error("a payout has no tree")]
    Tree(#[source] MerkleError),
}

/// The claims on each chain's newest payout. Reading a file and hashing its tree takes a while, and many ask for the same.
#[derive(Debug, Default)]
pub struct OpenClaims(RwLock<BTreeMap<u64, (B256, Arc<Claims>)>>);

impl OpenClaims {
    /// Those on a payout.
    pub(crate) fn of(&self, payout: &Payout) -> Result<Arc<Claims>, ClaimsError> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&payout.chain).cloned();
        if let Some((_, claims)) = known.filter(|(hash, _)| *hash == payout.file_hash) {
            return Ok(claims);
        }
        let file = EpochFile::parse(payout.file.as_bytes()).map_err(ClaimsError::File)?;
        let claims = Arc::new(Claims::new(&file).map_err(ClaimsError::Tree)?);
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        kept.insert(payout.chain, (payout.file_hash, Arc::clone(&claims)));
        Ok(claims)
    }
}
