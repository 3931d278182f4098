//! Chains a network settles on, as its operator publishes them: the chain profile that deployment writes.
//!
//! Facts about a token are never taken from here alone: whoever builds a transaction reads `decimals()` and `name()` from the
//! chain at start and refuses to go on where they differ.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::{FieldError, Noting};

/// The only version of the profile there is.
pub const PROFILE_VERSION: u32 = 1;

/// Assets one profile may name.
const ASSETS_MAX: usize = 16;

/// Money is counted in millionths off chain; an asset that is coarser cannot hold it, one that is finer than this is no token.
const DECIMALS: std::ops::RangeInclusive<u8> = 6..=30;

/// More than this no contract of ours takes.
const FEE_BPS_MAX: u16 = 1_500;

/// One EVM chain of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChainProfile {
    /// [`PROFILE_VERSION`].
    pub version: u32,
    /// What people call it, such as `Base`.
    pub name: String,
    /// EIP-155 id.
    pub chain_id: u64,
    /// JSON-RPC endpoints, best first.
    pub rpc: Vec<Url>,
    /// Blocks after which nothing is taken back.
    pub finality_blocks: u64,
    /// Where our contracts are.
    pub contracts: Contracts,
    /// How long others may object.
    pub windows: Windows,
    /// What may be paid with.
    pub assets: Vec<Asset>,
    /// Where people look transactions up.
    pub explorer: Option<Url>,
    /// What is switched on.
    pub features: Features,
    /// The block before the first of our contracts; events are read from here.
    pub deployed_at_block: u64,
}

/// Addresses of our contracts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Contracts {
    /// Who may do what.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub access_manager: Address,
    /// The delay before roles change.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub timelock: Address,
    /// The token; on the home chain only.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub hfr: Option<Address>,
    /// Where customers' money is.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub market: Address,
    /// Where suppliers are paid from.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub distributor: Address,
}

/// How long others may object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Windows {
    /// Seconds in which a customer may dispute a settlement.
    pub dispute_seconds: u64,
    /// Seconds in which a watcher may veto a payout root.
    pub challenge_seconds: u64,
}

/// What an asset is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AssetKind {
    /// Worth a US dollar.
    Stable,
    /// Our token.
    Hfr,
}

/// A token that may be paid with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Asset {
    /// Its contract.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: Address,
    /// As it calls itself.
    pub symbol: String,
    /// Digits after the point.
    pub decimals: u8,
    /// What it is to us.
    pub kind: AssetKind,
    /// The platform's fee on what is paid in it, in hundredths of a percent.
    pub fee_bps: u16,
    /// The domain of its signed messages, where it has any.
    pub eip712: Option<TokenDomain>,
    /// How an allowance can be signed.
    pub permit: Permit,
    /// How a transfer can be signed.
    pub authorization: Authorization,
}

/// The domain of a token's signed messages, as read from the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenDomain {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
}

/// How an allowance can be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Permit {
    /// ERC-2612.
    Erc2612,
    /// Not at all.
    None,
}

/// How a transfer can be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Authorization {
    /// ERC-3009.
    Erc3009,
    /// Not at all.
    None,
}

/// What is switched on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Features {
    /// Whether virtual rigs may be sold.
    pub rig_sales: bool,
}

impl ChainProfile {
    /// Every reason this profile cannot be used; empty if it can.
    #[must_use]
    pub fn problems(&self) -> Vec<FieldError> {
        let mut found = Vec::new();
        let mut noting = Noting(&mut found);
        noting.say(self.version != PROFILE_VERSION, "version", "1");
        noting.say(self.chain_id == 0 || i64::try_from(self.chain_id).is_err(), "chainId", "an EIP-155 id from 1 to 2^63 - 1");
        noting.say(self.rpc.is_empty(), "rpc", "at least one endpoint");
        noting.say(self.assets.is_empty() || self.assets.len() > ASSETS_MAX, "assets", "1 to 16");
        noting.say(self.assets.iter().any(|asset| !DECIMALS.contains(&asset.decimals)), "assets.decimals", "6 to 30");
        noting.say(self.assets.iter().any(|asset| asset.fee_bps > FEE_BPS_MAX), "assets.feeBps", "at most 1500");
        let stables = self.assets.iter().filter(|asset| asset.kind == AssetKind::Stable).count();
        noting.say(stables != 1, "assets.kind", "exactly one stablecoin");
        let mut addresses: Vec<Address> = self.assets.iter().map(|asset| asset.address).collect();
        addresses.sort_unstable();
        noting.say(addresses.windows(2).any(|two| two[0] == two[1]), "assets.address", "each asset once");
        found
    }

    /// The one stablecoin of the chain.
    #[must_use]
    pub fn stable(&self) -> Option<&Asset> {
        self.assets.iter().find(|asset| asset.kind == AssetKind::Stable)
    }

    /// Our token, if it is on this chain.
    #[must_use]
    pub fn hfr(&self) -> Option<&Asset> {
        self.assets.iter().find(|asset| asset.kind == AssetKind::Hfr)
    }

    /// The asset with this contract.
    #[must_use]
    pub fn asset(&self, address: Address) -> Option<&Asset> {
        self.assets.iter().find(|asset| asset.address == address)
    }
}
