//! What an account may take now: never what a coordinator says, only what the chain's own root proves.

use alloy::primitives::{Address, B256, U256};
use headframe_accounts::{Distributor, Leaf, claim::Claim};
use headframe_protocol::{chain::Asset, payout::Entitlement};

use super::chain::{Chain, ChainError};

/// What is known of an account's claim in one asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Claimable {
    /// Proven: this much, with the proof of it.
    Proven(Box<Proven>),
    /// Nothing is owed, or all of it was taken.
    Nothing,
    /// The coordinator says that something is owed, and the chain does not confirm it.
    Unproven,
}

/// What can be taken, and why that is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proven {
    /// Token units: owed since ever less taken since ever.
    pub(super) units: U256,
    /// Token units taken since ever.
    pub(super) taken: U256,
    /// The proof.
    pub(super) entitlement: Entitlement,
    /// The root that it holds under, as the chain has it.
    pub(super) root: B256,
}

/// Looks an account's claim up: the coordinator's words against the root that this program read itself.
pub(super) async fn look_up(
    chain: &Chain,
    account: Address,
    asset: &Asset,
    entitlements: &[Entitlement],
) -> Result<Claimable, ChainError> {
    let ours =
        |said: &&Entitlement| said.chain_id == chain.profile.chain_id && said.asset == asset.address && said.account == account;
    let Some(newest) = entitlements.iter().filter(ours).max_by_key(|said| said.cumulative) else {
        return Ok(Claimable::Nothing);
    };
    let (root, taken) = tokio::try_join!(chain.root(), chain.claimed(account, asset.address))?;
    let distributor = Distributor { chain_id: chain.profile.chain_id, address: chain.profile.contracts.distributor };
    let leaf = Leaf { account, asset: asset.address, cumulative: newest.cumulative };
    // A cumulative that the contract's own numbers cannot hold is in no leaf of its root either, whatever a proof says.
    let fits = u128::try_from(newest.cumulative).is_ok();
    if !fits || !(Claim { leaf, proof: newest.proof.clone() }).holds(&distributor, root) {
        return Ok(Claimable::Unproven);
    }
    let units = newest.cumulative.saturating_sub(taken);
    if units.is_zero() {
        return Ok(Claimable::Nothing);
    }
    Ok(Claimable::Proven(Box::new(Proven { units, taken, entitlement: newest.clone(), root })))
}
