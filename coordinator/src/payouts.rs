//! How earnings reach their owners: where they go ([`terms`]), what is spent before it leaves ([`spend`]), the public file that
//! says who is owed what and why ([`build`]), and the proofs with which it is claimed.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use alloy_primitives::{Address, B256};
use headframe_accounts::{EpochFile, claim::Claims, merkle::MerkleError};
use headframe_protocol::payout::Entitlement;
use sqlx::AnyConnection;

use crate::{
    App,
    error::{ApiError, ApiResult},
    store::{StoreError, payouts},
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
        let Some(open) = app.claims.newest(&mut connection, chain.id()).await? else { continue };
        drop(connection);
        for asset in &chain.profile().assets {
            let Some(claim) = open.claims.of(account, asset.address) else { continue };
            found.push(Entitlement {
                chain_id: chain.id(),
                asset: asset.address,
                account,
                epoch: open.epoch,
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
    /// The database.
    #[error("the database failed")]
    Store(#[source] StoreError),
    /// Its file cannot be read.
    #[error("a payout's file cannot be read")]
    File(#[source] headframe_accounts::epoch::ParseError),
    /// Nobody is owed anything.
    #[error("a payout has no tree")]
    Tree(#[source] MerkleError),
}

impl From<StoreError> for ClaimsError {
    fn from(source: StoreError) -> Self {
        Self::Store(source)
    }
}

impl From<ClaimsError> for ApiError {
    fn from(error: ClaimsError) -> Self {
        match error {
            ClaimsError::Store(error) => error.into(),
            ClaimsError::File(_) | ClaimsError::Tree(_) => Self::internal().because(error),
        }
    }
}

/// A payout that can be claimed.
#[derive(Debug)]
pub(crate) struct Open {
    /// Its number on the chain.
    pub(crate) epoch: u64,
    /// Its [`Payout::key`].
    pub(crate) key: String,
    /// What it gives to whom.
    pub(crate) claims: Claims,
}

/// Each chain's newest payout that can be claimed. Reading a file and hashing its tree takes a while, and many ask for the same.
#[derive(Debug, Default)]
pub struct OpenClaims(RwLock<BTreeMap<u64, (B256, Arc<Open>)>>);

impl OpenClaims {
    /// That of a chain, if there is one. Its file is fetched only if it is not the one that is known.
    pub(crate) async fn newest(&self, connection: &mut AnyConnection, chain: u64) -> Result<Option<Arc<Open>>, ClaimsError> {
        let Some(hash) = payouts::newest_active_hash(connection, chain).await? else { return Ok(None) };
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&chain).cloned();
        if let Some((_, open)) = known.filter(|(known, _)| *known == hash) {
            return Ok(Some(open));
        }
        let Some(payout) = payouts::newest_active(connection, chain).await? else { return Ok(None) };
        let file = EpochFile::parse(payout.file.as_bytes()).map_err(ClaimsError::File)?;
        let claims = Claims::new(&file).map_err(ClaimsError::Tree)?;
        let open = Arc::new(Open { epoch: payout.epoch, key: payout.key(), claims });
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(chain, (payout.file_hash, Arc::clone(&open)));
        Ok(Some(open))
    }
}
