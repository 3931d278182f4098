//! Where a rig's earnings go, and how an owner takes them: what is signed, and what is exchanged over HTTP.
//!
//! Two keys speak. The rig's *device key* names the account its earnings go to. The owner's *wallet key* may confirm that it is
//! his; from then on only he can move the account elsewhere at once, so that whoever gets hold of a rig does not get hold of
//! what it will earn. Sources: EIP-712 <https://eips.ethereum.org/EIPS/eip-712>, the leaf and `claimTo` of
//! `contracts/src/interfaces/IDistributor.sol`.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{Eip712Domain, SolStruct, eip712_domain, sol};
use serde::{Deserialize, Serialize};

use crate::{
    AttemptId, CustomerId, DeviceId, Micros, TimestampMs,
    auth::{self, DeviceSignature, SignatureError},
};

/// The domain of what a wallet signs for a coordinator. Without chain and contract: nothing here is worth anything on a chain.
#[must_use]
pub const fn wallet_domain() -> Eip712Domain {
    eip712_domain! { name: "Headframe Wallet", version: "1", }
}

/// Which account a rig's earnings go to, and in what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PayoutTerms {
    /// The network it is said to.
    pub network: String,
    /// The rig.
    pub device: DeviceId,
    /// Who is paid.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub account: Address,
    /// The chain stablecoin is paid on. HFR is paid on the network's home chain.
    pub chain_id: u64,
    /// Whether to be paid in HFR where the operator has some to give at a fresh price. Otherwise, and by default, stablecoin.
    pub in_hfr: bool,
    /// When it was said; the newest counts.
    pub issued_ms: TimestampMs,
}

/// Terms with their proofs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedPayoutTerms {
    /// What is said.
    pub terms: PayoutTerms,
    /// By the device key.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub device_signature: DeviceSignature,
    /// By the wallet of `account`, which makes the account the owner's. Absent for a watch-only or outside address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub wallet_signature: Option<DeviceSignature>,
    /// By the wallet that has confirmed the present account, if another is named now: without it the change waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub previous_signature: Option<DeviceSignature>,
}

/// Where a rig's earnings go, as the coordinator has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PayoutStanding {
    /// What counts now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<PayoutTerms>,
    /// Whether a wallet has confirmed the account.
    pub confirmed: bool,
    /// Why the operator pays nothing to the account for now, if he does not. The support address of the network is where to appeal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_because: Option<String>,
    /// What will count from `pending_from_ms` on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<PayoutTerms>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_from_ms: Option<TimestampMs>,
}

/// An owner turns earnings of a rig into computing credit of a customer account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SpendEarnings {
    /// The network it is said to.
    pub network: String,
    /// The rig whose earnings are spent.
    pub device: DeviceId,
    /// Who may compute for it.
    pub customer: CustomerId,
    /// How much.
    pub amount: Micros,
    /// Makes the act one act, however often it is sent.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub nonce: B256,
    /// When it was said; old ones are refused.
    pub issued_ms: TimestampMs,
}

/// The same with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedSpendEarnings {
    /// What is said.
    pub spend: SpendEarnings,
    /// By the device key.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: DeviceSignature,
}

/// What an account may take now, with the proof of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Entitlement {
    /// On which chain.
    pub chain_id: u64,
    /// In what.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub asset: Address,
    /// Whose.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub account: Address,
    /// The payout epoch whose root it is in.
    pub epoch: u64,
    /// Token units owed to the account since ever, taken or not.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub cumulative: U256,
    /// From the leaf to the root.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub proof: Vec<B256>,
}

/// What one attempt has brought its rig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Earning {
    /// The attempt.
    pub attempt: AttemptId,
    /// When it was settled.
    pub settled_ms: TimestampMs,
    /// What the customer paid for it.
    pub paid: Micros,
    /// What the platform kept.
    pub fee: Micros,
    /// What is the owner's.
    pub share: Micros,
    /// The chain it was paid on; 0 for practice money, which is never paid out.
    pub chain_id: u64,
    /// When it may be paid out, where a card payment could still take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matures_ms: Option<TimestampMs>,
    /// Why it is in no payout yet, where it waits for the network to be sure of the rig.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<EarningWaits>,
    /// The payout it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout_epoch: Option<u64>,
    /// The transaction that put the payout's root on the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub transaction: Option<B256>,
}

/// Until when an earning waits that no comparison has spoken for, or whose rig is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EarningWaits {
    /// At the latest.
    pub until_ms: TimestampMs,
    /// What happens then: it lapses, as time given back does that no result has spoken for; otherwise it is paid.
    pub lapses: bool,
}

/// A page of a rig's earnings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EarningList {
    /// Newest first.
    pub earnings: Vec<Earning>,
    /// What to send as `after` for the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What a relayer takes for a claim, and until when he says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RelayFee {
    /// Token units of the claimed asset.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub fee: U256,
    /// The same in money.
    pub worth: Micros,
    /// Who sends it: part of what is signed where the contract asks for it.
    pub valid_until_ms: TimestampMs,
}

/// A signed `claimTo`, for the relayer to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RelayedClaim {
    /// On which chain.
    pub chain_id: u64,
    /// In what.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub asset: Address,
    /// Whose.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub account: Address,
    /// Token units owed since ever.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub cumulative: U256,
    /// From the leaf to the root.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub proof: Vec<B256>,
    /// Who gets it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub to: Address,
    /// The most the relayer may keep, in token units.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub max_fee: U256,
    /// Seconds since 1970 after which the chain refuses it.
    pub deadline: u64,
    /// By the account's key, as `IDistributor` asks.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: DeviceSignature,
}

/// Where a transaction of ours is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ChainProgress {
    /// Written down; it will be sent.
    Recorded,
    /// Sent; replaced by fee if it stays out too long, so the hash may change.
    Sent {
        /// The newest.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        transaction: B256,
    },
    /// In a block that nothing takes back.
    Final {
        /// Which.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        transaction: B256,
        /// In which block.
        block: u64,
    },
    /// The chain refused it; nothing has moved.
    Refused {
        /// Why, in plain words.
        reason: String,
    },
}

/// A claim that was taken to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Relay {
    /// Asks after it. The same claim sent again has the same id.
    pub id: String,
    /// Where it is.
    #[serde(flatten)]
    pub progress: ChainProgress,
}

mod eip712 {
    #![allow(missing_docs, reason = "the fields are those of the types above, explained there")]
    use super::sol;

    sol! {
        struct PayoutTerms {
            string network;
            address device;
            address account;
            uint64 chainId;
            bool inHfr;
            uint64 issuedMs;
        }

        struct ClaimTo {
            address account;
            address asset;
            uint128 cumulative;
            address to;
            uint128 maxFee;
            uint256 nonce;
            uint256 deadline;
        }

        struct SpendEarnings {
            string network;
            address device;
            bytes16 customer;
            uint64 amount;
            bytes32 nonce;
            uint64 issuedMs;
        }
    }
}

fn unsigned(time: TimestampMs) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(0)
}

impl PayoutTerms {
    fn typed(&self) -> eip712::PayoutTerms {
        let Self { network, device, account, chain_id, in_hfr, issued_ms } = self;
        eip712::PayoutTerms {
            network: network.clone(),
            device: device.0,
            account: *account,
            chainId: *chain_id,
            inHfr: *in_hfr,
            issuedMs: unsigned(*issued_ms),
        }
    }

    /// The 32 bytes the device key signs.
    #[must_use]
    pub fn device_hash(&self) -> B256 {
        auth::signing_hash(&self.typed())
    }

    /// The 32 bytes a wallet signs.
    #[must_use]
    pub fn wallet_hash(&self) -> B256 {
        self.typed().eip712_signing_hash(&wallet_domain())
    }
}

impl SignedPayoutTerms {
    /// Whether the rig said it, and if a wallet signature is there, whether the account's owner did.
    ///
    /// # Errors
    /// [`SignatureError::OtherKey`] if either was made by another key.
    pub fn verify(&self) -> Result<(), SignatureError> {
        auth::verify(&self.terms.typed(), &self.device_signature, self.terms.device)?;
        self.wallet_signature.as_ref().map_or(Ok(()), |signature| self.signed_by(self.terms.account, signature))
    }

    /// Whether the wallet `previous` agrees that the account changes.
    #[must_use]
    pub fn agreed_by(&self, previous: Address) -> bool {
        self.previous_signature.as_ref().is_some_and(|signature| self.signed_by(previous, signature).is_ok())
    }

    fn signed_by(&self, wallet: Address, signature: &DeviceSignature) -> Result<(), SignatureError> {
        auth::verify_hash(self.terms.wallet_hash(), signature, wallet)
    }
}

/// The domain of what an account signs for the contract `Distributor`.
#[must_use]
pub const fn distributor_domain(chain_id: u64, distributor: Address) -> Eip712Domain {
    Eip712Domain::new(
        Some(std::borrow::Cow::Borrowed("Headframe Distributor")),
        Some(std::borrow::Cow::Borrowed("1")),
        Some(U256::from_limbs([chain_id, 0, 0, 0])),
        Some(distributor),
        None,
    )
}

impl RelayedClaim {
    /// The 32 bytes the account signs, with its nonce in the contract; nothing if an amount is more than the contract can hold.
    #[must_use]
    pub fn hash(&self, distributor: Address, nonce: U256) -> Option<B256> {
        let Self { chain_id, asset, account, cumulative, to, max_fee, deadline, proof: _, signature: _ } = self;
        let typed = eip712::ClaimTo {
            account: *account,
            asset: *asset,
            cumulative: u128::try_from(*cumulative).ok()?,
            to: *to,
            maxFee: u128::try_from(*max_fee).ok()?,
            nonce,
            deadline: U256::from(*deadline),
        };
        Some(typed.eip712_signing_hash(&distributor_domain(*chain_id, distributor)))
    }
}

impl SpendEarnings {
    fn typed(&self) -> eip712::SpendEarnings {
        let Self { network, device, customer, amount, nonce, issued_ms } = self;
        eip712::SpendEarnings {
            network: network.clone(),
            device: device.0,
            customer: alloy_primitives::FixedBytes(customer.to_bytes()),
            amount: u64::try_from(amount.get()).unwrap_or(0),
            nonce: *nonce,
            issuedMs: unsigned(*issued_ms),
        }
    }

    /// The 32 bytes the device key signs.
    #[must_use]
    pub fn device_hash(&self) -> B256 {
        auth::signing_hash(&self.typed())
    }
}

impl SignedSpendEarnings {
    /// Whether the rig said it.
    ///
    /// # Errors
    /// [`SignatureError::OtherKey`] if another key did.
    pub fn verify(&self) -> Result<(), SignatureError> {
        auth::verify(&self.spend.typed(), &self.signature, self.spend.device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> PayoutTerms {
        PayoutTerms {
            network: "test".to_owned(),
            device: DeviceId(Address::repeat_byte(1)),
            account: Address::repeat_byte(2),
            chain_id: 31_337,
            in_hfr: false,
            issued_ms: TimestampMs::from_millis(1),
        }
    }

    #[test]
    fn no_field_can_be_changed_under_a_signature() {
        let all = [
            terms(),
            PayoutTerms { network: "other".to_owned(), ..terms() },
            PayoutTerms { device: DeviceId(Address::repeat_byte(3)), ..terms() },
            PayoutTerms { account: Address::repeat_byte(3), ..terms() },
            PayoutTerms { chain_id: 1, ..terms() },
            PayoutTerms { in_hfr: true, ..terms() },
            PayoutTerms { issued_ms: TimestampMs::from_millis(2), ..terms() },
        ];
        let mut hashes: Vec<B256> = all.iter().flat_map(|terms| [terms.device_hash(), terms.wallet_hash()]).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), all.len() * 2, "device and wallet sign different bytes, and each field counts");
    }
}
