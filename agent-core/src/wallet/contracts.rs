//! The calls the wallet sends to contracts.

use alloy::{
    primitives::{Address, Bytes, U256, address},
    sol,
    sol_types::SolCall as _,
};
use headframe_contracts::{IDistributor, IERC20Metadata};
use headframe_protocol::payout::RelayedClaim;

use crate::store::ClaimPlan;

/// Where a rollup of the OP Stack tells what a transaction's bytes cost on the chain below, which no gas limit bounds. Source:
/// <https://docs.optimism.io/stack/transactions/fees>.
pub(super) const OP_STACK_PRICES: Address = address!("0x420000000000000000000000000000000000000F");

sol! {
    /// Of the contract at [`OP_STACK_PRICES`].
    function getL1FeeUpperBound(uint256 unsignedTxSize) external view returns (uint256);
}

/// Pays a signed claim, with nothing for whoever sends it.
pub(super) fn claim_to_call(claim: &ClaimPlan, signed: &RelayedClaim) -> Bytes {
    let RelayedClaim { asset, account, proof, to, deadline, signature, .. } = signed;
    let what = IDistributor::Claim { account: *account, asset: *asset, cumulative: claim.cumulative.to(), proof: proof.clone() };
    let call = IDistributor::claimToCall {
        what,
        to: *to,
        maxFee: claim.max_fee.to(),
        fee: 0,
        deadline: U256::from(*deadline),
        signature: Bytes::copy_from_slice(&signature.0.as_bytes()),
    };
    call.abi_encode().into()
}

/// Moves tokens.
pub(super) fn transfer_call(to: Address, amount: U256) -> Bytes {
    IERC20Metadata::transferCall { to, value: amount }.abi_encode().into()
}
