//! Turns an intent and an unlocked key into what is sent. The only code that has a wallet key sign something, and all it signs comes
//! from the intent.

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718 as _,
    primitives::{Address, Bytes, Signature, TxKind, U256},
};
use headframe_protocol::{
    auth::DeviceSignature,
    payout::{RelayedClaim, SignedPayoutTerms},
};

use super::{contracts, intent::Intent, key::WalletKey};
use crate::store::{Act, ClaimPlan, GasPlan, How, Plan};

/// Why an intent was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// Another account's key was unlocked.
    #[error("this is not the wallet that the intent is about")]
    OtherWallet,
    /// An amount that no contract can hold.
    #[error("an amount is more than the contract can hold")]
    TooLarge,
    /// The curve library says no.
    #[error("the wallet key could not sign")]
    Key(#[source] alloy::signers::Error),
}

/// What became of an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signed {
    /// To be told to the coordinator.
    Payout(Box<SignedPayoutTerms>),
    /// To be sent.
    Act(Box<Act>),
}

/// Signs `intent` with the key it needs, and if it takes another wallet's place and that one agrees, with both.
pub(super) fn sign(intent: &Intent, key: Option<&WalletKey>, previous: Option<&WalletKey>) -> Result<Signed, SigningError> {
    if key.map(WalletKey::address) != intent.needs_key() {
        return Err(SigningError::OtherWallet);
    }
    match intent {
        Intent::ConfirmPayout(confirm) => {
            let mut signed = confirm.signed.clone();
            let hash = signed.terms.wallet_hash();
            signed.wallet_signature = key.map(|key| key.sign(hash)).transpose().map_err(SigningError::Key)?;
            if let Some(previous) = previous {
                if Some(previous.address()) != confirm.previous {
                    return Err(SigningError::OtherWallet);
                }
                signed.previous_signature = Some(previous.sign(hash).map_err(SigningError::Key)?);
            }
            Ok(Signed::Payout(Box::new(signed)))
        }
        Intent::Withdraw(plan) => act(plan, key.ok_or(SigningError::OtherWallet)?).map(Box::new).map(Signed::Act),
    }
}

fn act(plan: &Plan, key: &WalletKey) -> Result<Act, SigningError> {
    match &plan.how {
        How::Relayed { claim, .. } => Ok(Act::Relay { claim: signed_claim(plan, claim, key)? }),
        How::OwnClaim { claim, gas } => {
            let call = contracts::claim_to_call(claim, &signed_claim(plan, claim, key)?);
            transaction(plan, gas, claim.distributor, call, key)
        }
        How::Transfer { gas } => {
            let call = contracts::transfer_call(plan.to, plan.amount);
            transaction(plan, gas, plan.asset, call, key)
        }
    }
}

fn signed_claim(plan: &Plan, claim: &ClaimPlan, key: &WalletKey) -> Result<RelayedClaim, SigningError> {
    let unsigned = RelayedClaim {
        chain_id: plan.chain_id,
        asset: plan.asset,
        account: plan.account,
        cumulative: U256::from(claim.cumulative),
        proof: claim.proof.clone(),
        to: plan.to,
        max_fee: U256::from(claim.max_fee),
        deadline: claim.deadline,
        signature: DeviceSignature(Signature::new(U256::ZERO, U256::ZERO, false)),
    };
    let hash = unsigned.hash(claim.distributor, U256::from(claim.nonce)).ok_or(SigningError::TooLarge)?;
    Ok(RelayedClaim { signature: key.sign(hash).map_err(SigningError::Key)?, ..unsigned })
}

fn transaction(plan: &Plan, gas: &GasPlan, to: Address, input: Bytes, key: &WalletKey) -> Result<Act, SigningError> {
    let unsigned = TxEip1559 {
        chain_id: plan.chain_id,
        nonce: gas.nonce,
        gas_limit: gas.limit,
        max_fee_per_gas: u128::from(gas.max_fee_per_gas),
        max_priority_fee_per_gas: u128::from(gas.max_priority_fee_per_gas),
        to: TxKind::Call(to),
        value: U256::ZERO,
        access_list: alloy::eips::eip2930::AccessList::default(),
        input,
    };
    let signature = key.sign(unsigned.signature_hash()).map_err(SigningError::Key)?;
    let envelope = TxEnvelope::from(unsigned.into_signed(signature.0));
    Ok(Act::Raw { raw: envelope.encoded_2718().into(), hash: *envelope.tx_hash() })
}

#[cfg(test)]
mod tests {
    use alloy::{
        consensus::Transaction as _,
        eips::eip2718::Decodable2718 as _,
        primitives::{B256, U128},
        signers::local::PrivateKeySigner,
        sol_types::SolCall as _,
    };
    use headframe_contracts::{IDistributor, IERC20Metadata};
    use headframe_protocol::{Micros, auth, chain::AssetKind};
    use proptest::prelude::*;

    use super::*;

    fn key(number: u8) -> WalletKey {
        WalletKey::new(PrivateKeySigner::from_slice(&[number; 32]).expect("a key"))
    }

    fn address() -> impl Strategy<Value = Address> {
        any::<[u8; 20]>().prop_map(Address::from)
    }

    fn gas() -> impl Strategy<Value = GasPlan> {
        (any::<u64>(), 21_000..10_000_000_u64, any::<u64>(), any::<u64>()).prop_map(|(nonce, limit, one, other)| GasPlan {
            nonce: nonce / 2,
            limit,
            max_fee_per_gas: one.max(other),
            max_priority_fee_per_gas: one.min(other),
            data_fee: other,
        })
    }

    fn claim() -> impl Strategy<Value = ClaimPlan> {
        let proof = proptest::collection::vec(any::<[u8; 32]>().prop_map(B256::from), 0..4);
        (address(), any::<u128>(), proof, any::<u128>(), any::<u64>(), any::<u64>()).prop_map(
            |(distributor, cumulative, proof, max_fee, nonce, deadline)| ClaimPlan {
                distributor,
                cumulative: U128::from(cumulative),
                proof,
                max_fee: U128::from(max_fee),
                nonce,
                deadline,
            },
        )
    }

    fn how() -> impl Strategy<Value = How> {
        prop_oneof![
            claim().prop_map(|claim| How::Relayed { claim, worth: Micros::new(1) }),
            (claim(), gas()).prop_map(|(claim, gas)| How::OwnClaim { claim, gas }),
            gas().prop_map(|gas| How::Transfer { gas }),
        ]
    }

    /// A plan of the wallet `key(1)`.
    fn plan() -> impl Strategy<Value = Plan> {
        (1..u64::MAX / 2, address(), address(), any::<u128>(), how()).prop_map(|(chain_id, asset, to, amount, how)| Plan {
            chain_id,
            chain: "Anvil".to_owned(),
            finality_blocks: 1,
            explorer: None,
            asset,
            symbol: "USDC".to_owned(),
            decimals: 6,
            kind: AssetKind::Stable,
            account: key(1).address(),
            to,
            amount: U256::from(amount),
            how,
        })
    }

    fn signed(plan: &Plan) -> Act {
        match sign(&Intent::Withdraw(Box::new(plan.clone())), Some(&key(1)), None) {
            Ok(Signed::Act(act)) => *act,
            other => panic!("an act was due, not {other:?}"),
        }
    }

    /// What the chain would read.
    fn decoded(act: &Act) -> TxEnvelope {
        let Act::Raw { raw, hash } = act else { panic!("a transaction was due, not {act:?}") };
        let envelope = TxEnvelope::decode_2718(&mut raw.as_ref()).expect("a transaction");
        assert_eq!(envelope.tx_hash(), hash);
        envelope
    }

    fn is_by_its_account(plan: &Plan, claim: &ClaimPlan, signed: &RelayedClaim) -> bool {
        let hash = signed.hash(claim.distributor, U256::from(claim.nonce)).expect("it fits");
        auth::verify_hash(hash, &signed.signature, plan.account).is_ok()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_sent_is_what_the_plan_says_and_by_its_account(plan in plan()) {
            let act = signed(&plan);
            match &plan.how {
                How::Relayed { claim, .. } => {
                    let Act::Relay { claim: sent } = &act else { panic!("a claim was due, not {act:?}") };
                    prop_assert!(is_by_its_account(&plan, claim, sent));
                    prop_assert_eq!((sent.to, sent.account, sent.asset, sent.chain_id), (plan.to, plan.account, plan.asset, plan.chain_id));
                    prop_assert_eq!((sent.max_fee, sent.deadline), (U256::from(claim.max_fee), claim.deadline));
                }
                How::OwnClaim { claim, gas } => {
                    let sent = decoded(&act);
                    let call = IDistributor::claimToCall::abi_decode(sent.input()).expect("a claim");
                    prop_assert_eq!((sent.to(), call.to, call.fee), (Some(claim.distributor), plan.to, 0));
                    prop_assert_eq!((call.what.account, call.what.asset), (plan.account, plan.asset));
                    prop_assert!(is_sent_with(&plan, gas, &sent));
                }
                How::Transfer { gas } => {
                    let sent = decoded(&act);
                    let call = IERC20Metadata::transferCall::abi_decode(sent.input()).expect("a transfer");
                    prop_assert_eq!((sent.to(), call.to, call.value), (Some(plan.asset), plan.to, plan.amount));
                    prop_assert!(is_sent_with(&plan, gas, &sent));
                }
            }
        }

        #[test]
        fn the_same_plan_is_the_same_bytes_and_another_is_others(plan in plan(), other in address()) {
            prop_assert_eq!(signed(&plan), signed(&plan));
            let elsewhere = Plan { to: other, ..plan.clone() };
            prop_assert!(elsewhere == plan || signed(&elsewhere) != signed(&plan));
            let on_another_chain = Plan { chain_id: plan.chain_id + 1, ..plan.clone() };
            prop_assert_ne!(signed(&on_another_chain), signed(&plan));
        }

        #[test]
        fn another_wallets_key_or_none_signs_nothing(plan in plan()) {
            let intent = Intent::Withdraw(Box::new(plan));
            prop_assert!(matches!(sign(&intent, Some(&key(2)), None), Err(SigningError::OtherWallet)));
            prop_assert!(matches!(sign(&intent, None, None), Err(SigningError::OtherWallet)));
        }
    }

    fn is_sent_with(plan: &Plan, gas: &GasPlan, sent: &TxEnvelope) -> bool {
        let by = sent.signature().recover_address_from_prehash(&sent.signature_hash()).expect("a signature");
        let as_planned = sent.nonce() == gas.nonce
            && sent.gas_limit() == gas.limit
            && sent.max_fee_per_gas() == u128::from(gas.max_fee_per_gas)
            && sent.chain_id() == Some(plan.chain_id);
        by == plan.account && as_planned && sent.value().is_zero()
    }
}
