//! Earnings brought to accounts whose owners cannot ask for them: outside addresses and watched wallets, for which nobody signs on a rig.
//!
//! Anybody may claim for anybody, and the money goes to the account whoever sends the claim. So after a payout counts, those accounts'
//! claims are sent in batches with one proof each, at our expense. Owners with a wallet on their PC take theirs when they like.

use alloy_primitives::{Address, U256};
use headframe_accounts::{
    UsdPerHfr,
    claim::{Batch, Claims},
};
use headframe_contracts::IDistributor;
use headframe_protocol::Micros;

use super::{App, Chain, Effect, NewStep, Role, SettlementError, Tx, call, commit, ensure, payouts, until_uncrossed};
use crate::payouts::{ClaimsError, Open};

/// Accounts in one transaction.
const ACCOUNTS_MAX: usize = 100;

/// One look at what is claimable on a chain. Returns how many steps were recorded.
pub(super) async fn plan(app: &App, chain: &Chain) -> Result<u64, SettlementError> {
    until_uncrossed(|| carry(app, chain)).await
}

async fn carry(app: &App, chain: &Chain) -> Result<u64, SettlementError> {
    let mut tx = app.store.begin().await?;
    let outside = payouts::outside(&mut tx).await?;
    if outside.is_empty() {
        return Ok(0);
    }
    let open = app.claims.newest(&mut tx, chain.id()).await.map_err(|error| match error {
        ClaimsError::Store(error) => SettlementError::Store(error),
        error @ (ClaimsError::File(_) | ClaimsError::Tree(_)) => {
            SettlementError::File { chain: chain.id(), source: Box::new(error) }
        }
    })?;
    let Some(open) = open else { return Ok(0) };
    let price = crate::prices::agreed(&mut tx, app.store.now()).await?.map(|(price, _)| price);
    let mut recorded = 0;
    for asset in &chain.profile().assets {
        let worthwhile = worthwhile(chain, &mut tx, (&open.claims, asset.address), price, &outside).await?;
        for accounts in worthwhile.chunks(ACCOUNTS_MAX) {
            let Some(batch) = open.claims.batch(accounts, asset.address) else { continue };
            let effect = ensure(app, &mut tx, step(chain, &open, batch)?).await?;
            recorded += u64::from(effect == Effect::New);
        }
    }
    commit(tx, "plan to bring earnings").await?;
    Ok(recorded)
}

/// Of these accounts those that may claim enough of a token, as they stand in the tree.
async fn worthwhile(
    chain: &Chain,
    tx: &mut Tx,
    (claims, token): (&Claims, Address),
    price: Option<UsdPerHfr>,
    accounts: &[Address],
) -> Result<Vec<Address>, SettlementError> {
    let claimed = payouts::claimed(tx, chain.id(), token).await?;
    let worth = |units: U256| -> Option<Micros> {
        let (coin, amount) = chain.micros(token, units)?;
        // Without a price nobody knows whether HFR is worth the way.
        if coin.is_dollars() { Some(amount) } else { price?.usd_for_supplier(amount).ok() }
    };
    let is_enough = |account: &&Address| {
        let owed = claims.of(**account, token).map_or(U256::ZERO, |claim| claim.leaf.cumulative);
        let left = owed.saturating_sub(claimed.get(*account).copied().unwrap_or_default());
        worth(left).is_some_and(|worth| worth >= chain.carry_least())
    };
    Ok(accounts.iter().filter(is_enough).copied().collect())
}

/// Named by its first account: the others may have claimed meanwhile.
fn step(chain: &Chain, open: &Open, batch: Batch) -> Result<NewStep, SettlementError> {
    let Batch { asset, accounts, cumulatives, proof, flags } = batch;
    let first = accounts.first().copied().unwrap_or_default();
    let too_much = || SettlementError::Unknown { chain: chain.id(), what: "more is owed than there is".to_owned() };
    let cumulatives =
        cumulatives.into_iter().map(|units| u128::try_from(units).map_err(|_| too_much())).collect::<Result<_, _>>()?;
    let claim = IDistributor::claimBatchCall { asset, accounts, cumulatives, proof, proofFlags: flags };
    let id = format!("carry:{}:{asset:#x}:{first:#x}", open.key);
    Ok(call(chain, id, Role::Relayer, chain.profile().contracts.distributor, &claim))
}
