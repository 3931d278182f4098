//! How a customer lets us spend what is his on a chain: he shows that a wallet is his, and signs an order.
//!
//! The order is what the contract `Market` takes: it lets the operator reserve the customer's deposit up to a sum and a day, and
//! nothing else. Source of the typed data: `contracts/src/interfaces/IMarket.sol`.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{Eip712Domain, SolStruct, sol};
use serde::{Deserialize, Serialize};

use crate::{
    CustomerId, Micros, TimestampMs,
    auth::{self, DeviceSignature, SignatureError},
    chain::AssetKind,
    payout::wallet_domain,
};

/// A customer shows that a wallet is his.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WalletProof {
    /// The wallet.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub wallet: Address,
    /// When it was said; old ones are refused.
    pub issued_ms: TimestampMs,
    /// By the wallet, over network, account, wallet and time.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: DeviceSignature,
}

/// A customer's wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Wallet {
    /// Its address.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub wallet: Address,
    /// Since when it is known to be his.
    pub created_ms: TimestampMs,
}

/// Lets the operator reserve a customer's deposit, up to a sum and a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedOrder {
    /// On which chain.
    pub chain_id: u64,
    /// Names it; any 32 bytes the wallet has not used before.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub order_id: B256,
    /// The wallet.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub customer: Address,
    /// In what.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub asset: Address,
    /// The most that is ever reserved and not given back, in token units.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub max_spend: U256,
    /// The most the platform may keep, in hundredths of a percent.
    pub max_fee_bps: u16,
    /// Seconds since 1970 after which nothing is reserved under it.
    pub expiry: u64,
    /// By the wallet.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: DeviceSignature,
}

/// What a wallet of a customer lets us reserve, and how much of it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderView {
    /// The order's name.
    pub id: String,
    /// On which chain.
    pub chain_id: u64,
    /// In what.
    pub kind: AssetKind,
    /// Whose money it is there.
    pub wallet: String,
    /// The most that is ever reserved and not given back.
    pub max_spend: Micros,
    /// How much of that is: what jobs have used, and what is set aside for more.
    pub reserved: Micros,
    /// The most the platform may keep, in hundredths of a percent.
    pub max_fee_bps: u16,
    /// After this nothing more is reserved.
    pub expires_ms: TimestampMs,
    /// When it was taken back, if it was; then nothing more is reserved either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_ms: Option<TimestampMs>,
}

/// Money of a customer that is reserved for spending on a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TabView {
    /// The contract's name of it.
    pub id: String,
    /// On which chain.
    pub chain_id: u64,
    /// In what.
    pub kind: AssetKind,
    /// Whose money it is there.
    pub wallet: String,
    /// The order it was opened under; absent for money paid by card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// `opening`, `open`, `closing` or `closed`.
    pub state: String,
    /// How much is reserved.
    pub reserved: Micros,
    /// How much of it jobs have used.
    pub used: Micros,
    /// The platform's part of that, in hundredths of a percent.
    pub fee_bps: u16,
    /// After this anybody may give the rest back.
    pub settle_by_ms: TimestampMs,
}

mod eip712 {
    #![allow(missing_docs, reason = "the fields are those of the types above, explained there")]
    use super::sol;

    sol! {
        struct WalletProof {
            string network;
            bytes16 customer;
            address wallet;
            uint64 issuedMs;
        }

        struct Order {
            bytes32 orderId;
            address customer;
            address asset;
            uint128 maxSpend;
            uint16 maxFeeBps;
            uint64 expiry;
        }
    }
}

/// The domain of what a customer signs for the contract `Market`.
#[must_use]
pub const fn market_domain(chain_id: u64, market: Address) -> Eip712Domain {
    Eip712Domain::new(
        Some(std::borrow::Cow::Borrowed("Headframe Market")),
        Some(std::borrow::Cow::Borrowed("1")),
        Some(U256::from_limbs([chain_id, 0, 0, 0])),
        Some(market),
        None,
    )
}

impl WalletProof {
    /// The 32 bytes the wallet signs.
    #[must_use]
    pub fn hash(network: &str, customer: CustomerId, wallet: Address, issued: TimestampMs) -> B256 {
        let typed = eip712::WalletProof {
            network: network.to_owned(),
            customer: alloy_primitives::FixedBytes(customer.to_bytes()),
            wallet,
            issuedMs: u64::try_from(issued.as_millis()).unwrap_or(0),
        };
        typed.eip712_signing_hash(&wallet_domain())
    }

    /// Whether the wallet says that it belongs to `customer`.
    ///
    /// # Errors
    /// [`SignatureError::OtherKey`] if it does not.
    pub fn verify(&self, network: &str, customer: CustomerId) -> Result<(), SignatureError> {
        auth::verify_hash(Self::hash(network, customer, self.wallet, self.issued_ms), &self.signature, self.wallet)
    }
}

impl SignedOrder {
    /// The 32 bytes the wallet signs; nothing if the sum is more than the contract can hold.
    #[must_use]
    pub fn hash(&self, market: Address) -> Option<B256> {
        let Self { chain_id, order_id, customer, asset, max_spend, max_fee_bps, expiry, signature: _ } = self;
        let typed = eip712::Order {
            orderId: *order_id,
            customer: *customer,
            asset: *asset,
            maxSpend: u128::try_from(*max_spend).ok()?,
            maxFeeBps: *max_fee_bps,
            expiry: *expiry,
        };
        Some(typed.eip712_signing_hash(&market_domain(*chain_id, market)))
    }

    /// Whether the wallet signed it for that contract.
    ///
    /// # Errors
    /// [`SignatureError`] if it did not.
    pub fn verify(&self, market: Address) -> Result<(), SignatureError> {
        let hash = self.hash(market).ok_or(SignatureError::Malformed)?;
        auth::verify_hash(hash, &self.signature, self.customer)
    }
}
