//! Claims that we send for others: only those the contract would take, each once, and never at a loss to the account.

use alloy::sol_types::SolCall as _;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use headframe_accounts::{
    claim::Claim,
    leaf::{Distributor, Leaf},
};
use headframe_contracts::IDistributor;
use headframe_protocol::{
    Micros,
    auth::verify_hash,
    payout::{ChainProgress, Relay, RelayFee, RelayedClaim},
};

use super::entitlements;
use crate::{
    App,
    chain::{Chain, Role},
    error::{ApiError, ApiResult},
    store::{
        commit,
        steps::{self, NewStep, Step, StepState},
        until_uncrossed,
    },
};

/// What one claim costs us, roughly and with room: gas on the dearest chain we run on is a fraction of it.
const FEE: Micros = Micros::new(10_000);

/// The contract lets a relayer keep a twentieth at most.
const FEE_SHARE: u64 = 20;

/// How long a fee stands.
const FEE_VALID: std::time::Duration = std::time::Duration::from_mins(1);

fn chain_of(app: &App, id: u64) -> ApiResult<&Chain> {
    app.chains.get(id).ok_or_else(|| ApiError::invalid_field("chain_id", "a chain of this network"))
}

fn chain_failed(error: crate::chain::ChainError) -> ApiError {
    ApiError::unavailable("The chain does not answer. Try again in a moment.").because(error)
}

/// What an account may claim that it has not claimed.
async fn claimable(app: &App, chain: &Chain, asset: Address, account: Address) -> ApiResult<U256> {
    let owed = entitlements(app, account).await?;
    let owed = owed.into_iter().find(|owed| owed.chain_id == chain.id() && owed.asset == asset);
    let owed = owed.ok_or_else(|| ApiError::not_found("claim of this account"))?;
    let claimed = IDistributor::claimedOfCall { account, asset };
    let claimed = chain.call(chain.profile().contracts.distributor, &claimed, "tell what was claimed").await;
    Ok(owed.cumulative.saturating_sub(U256::from(claimed.map_err(chain_failed)?)))
}

/// What we take for a claim.
pub(crate) async fn fee(app: &App, chain_id: u64, asset: Address, account: Address) -> ApiResult<RelayFee> {
    let chain = chain_of(app, chain_id)?;
    let coin = chain.coin(asset).ok_or_else(|| ApiError::invalid_field("asset", "one of the chain's assets"))?;
    let claimable = claimable(app, chain, asset, account).await?;
    let mut connection = app.store.read().await?;
    let price = crate::prices::agreed(&mut connection, app.store.now()).await?;
    drop(connection);
    let in_hfr = |fee| price.and_then(|(price, _)| price.hfr_from_customer(fee).ok());
    let usual = if coin.is_dollars() { Some(FEE) } else { in_hfr(FEE) }.and_then(|fee| chain.units(coin, fee));
    // Without a price a claim in HFR costs nothing: a guess would be worse.
    let fee = usual.unwrap_or_default().min(claimable / U256::from(FEE_SHARE));
    let micros = chain.micros(asset, fee).map_or(Micros::ZERO, |(_, micros)| micros);
    let worth = match price {
        _ if coin.is_dollars() => micros,
        Some((price, _)) => price.usd_for_supplier(micros).unwrap_or(Micros::ZERO),
        None => Micros::ZERO,
    };
    Ok(RelayFee { fee, worth, valid_until_ms: app.store.now().after(FEE_VALID) })
}

/// Takes a claim in, to be sent.
pub(crate) async fn accept(app: &App, claim: &RelayedClaim) -> ApiResult<Relay> {
    let chain = chain_of(app, claim.chain_id)?;
    let id = id_of(claim);
    if let Some(known) = read(app, &id).await? {
        return Ok(known);
    }
    check(app, chain, claim).await?;
    let fee = fee(app, claim.chain_id, claim.asset, claim.account).await?.fee;
    if fee > claim.max_fee {
        return Err(ApiError::invalid_field("max_fee", &format!("at least {fee}, the fee now")));
    }
    let small = |field: &str, units: U256| u128::try_from(units).map_err(|_| ApiError::invalid_field(field, "at most 2^128 - 1"));
    let call = IDistributor::claimToCall {
        what: IDistributor::Claim {
            account: claim.account,
            asset: claim.asset,
            cumulative: small("cumulative", claim.cumulative)?,
            proof: claim.proof.clone(),
        },
        to: claim.to,
        maxFee: small("max_fee", claim.max_fee)?,
        fee: small("max_fee", fee)?,
        deadline: U256::from(claim.deadline),
        signature: Bytes::copy_from_slice(&claim.signature.0.as_bytes()),
    };
    let step = NewStep {
        id: id.clone(),
        chain: chain.id(),
        role: Role::Relayer,
        to: chain.profile().contracts.distributor,
        data: Bytes::from(call.abi_encode()),
    };
    until_uncrossed(async || {
        let mut tx = app.store.begin().await?;
        steps::record(&mut tx, &step, app.store.now()).await?;
        commit(tx, "take a claim in").await
    })
    .await?;
    read(app, &id).await?.ok_or_else(ApiError::internal)
}

/// Everything the contract would check, so that nobody makes us pay for what it refuses.
async fn check(app: &App, chain: &Chain, claim: &RelayedClaim) -> ApiResult<()> {
    let RelayedClaim { asset, account, cumulative, proof, to, deadline, signature, .. } = claim;
    if *to == Address::ZERO || chain.profile().asset(*to).is_some() {
        return Err(ApiError::invalid_field("to", "an address that can hold money"));
    }
    let now = app.store.now().as_millis().unsigned_abs() / 1_000;
    if *deadline < now + FEE_VALID.as_secs() {
        return Err(ApiError::invalid_field("deadline", "at least a minute from now, in seconds since 1970"));
    }
    let nonce = IDistributor::noncesCall { owner: *account };
    let nonce =
        chain.call(chain.profile().contracts.distributor, &nonce, "tell an account's nonce").await.map_err(chain_failed)?;
    let hash = claim
        .hash(chain.profile().contracts.distributor, nonce)
        .ok_or_else(|| ApiError::invalid_field("cumulative", "amounts of at most 2^128 - 1"))?;
    verify_hash(hash, signature, *account).map_err(|_| ApiError::invalid_field("signature", "made by the account"))?;
    let mut connection = app.store.read().await?;
    let active = app.claims.newest(&mut connection, chain.id()).await?;
    drop(connection);
    let active = active.ok_or_else(|| ApiError::conflict("Nothing can be claimed on this chain yet."))?;
    let distributor = Distributor { chain_id: chain.id(), address: chain.profile().contracts.distributor };
    let leaf = Leaf { account: *account, asset: *asset, cumulative: *cumulative };
    if !(Claim { leaf, proof: proof.clone() }).holds(&distributor, active.claims.root()) {
        return Err(ApiError::conflict("This claim is not part of the payout that counts now. Ask for the newest proof."));
    }
    if claimable(app, chain, *asset, *account).await?.is_zero() {
        return Err(ApiError::conflict("All of this was claimed already."));
    }
    Ok(())
}

/// The same claim has the same id.
fn id_of(claim: &RelayedClaim) -> String {
    let RelayedClaim { chain_id, asset, account, cumulative, to, .. } = claim;
    let words = [
        chain_id.to_be_bytes().as_slice(),
        asset.as_slice(),
        account.as_slice(),
        &cumulative.to_be_bytes::<32>(),
        to.as_slice(),
        &claim.max_fee.to_be_bytes::<32>(),
        &claim.deadline.to_be_bytes(),
    ]
    .concat();
    format!("claim:{}", keccak256(words))
}

/// Where a claim is.
pub(crate) async fn find(app: &App, id: &str) -> ApiResult<Relay> {
    let ours = id.strip_prefix("claim:").is_some_and(|hash| hash.parse::<B256>().is_ok());
    if !ours {
        return Err(ApiError::not_found("claim"));
    }
    read(app, id).await?.ok_or_else(|| ApiError::not_found("claim"))
}

async fn read(app: &App, id: &str) -> ApiResult<Option<Relay>> {
    let mut connection = app.store.read().await?;
    let step = steps::find(&mut connection, id).await?;
    Ok(step.map(|step| Relay { id: step.id.clone(), progress: progress(&step) }))
}

fn progress(step: &Step) -> ChainProgress {
    match (step.state, step.hash) {
        (StepState::Recorded, _) | (StepState::Signed | StepState::Sent | StepState::Final, None) => ChainProgress::Recorded,
        (StepState::Signed | StepState::Sent, Some(transaction)) => ChainProgress::Sent { transaction },
        (StepState::Final, Some(transaction)) => ChainProgress::Final { transaction, block: step.block.unwrap_or_default() },
        (StepState::Refused, _) => {
            ChainProgress::Refused { reason: step.reason.clone().unwrap_or_else(|| "The chain refused it.".to_owned()) }
        }
    }
}
