//! The chains the network settles on: their profiles, a connection to each, and the keys of the roles we hold there.
//!
//! What is sent, and in which order, is decided in [`crate::settlement`]; nothing here decides anything.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use alloy::{
    network::Ethereum,
    providers::{DynProvider, Provider as _, ProviderBuilder},
    rpc::types::TransactionRequest,
    signers::local::PrivateKeySigner,
    sol_types::SolCall,
};
use alloy_primitives::{Address, B256, Bytes, U256};
use headframe_accounts::Decimals;
use headframe_contracts::IERC20Metadata;
use headframe_protocol::{
    Micros,
    chain::{Asset, ChainProfile},
};

use crate::{config::ChainConfig, store::ledger::Coin};

mod keys;

pub(crate) use keys::check_private;
pub use keys::{Role, RoleKeys};

/// Why there is no connection to a chain, or why it did not answer.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The profile cannot be read.
    #[error("could not read the chain profile {path}")]
    Profile {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The profile says what cannot be.
    #[error("the chain profile {path} is not right: {problem}")]
    Wrong {
        /// Which.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// A role's key cannot be read.
    #[error("could not read the key {path}")]
    Key {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The chain does not answer, or refuses.
    #[error("chain {chain} could not {act}")]
    Rpc {
        /// Which.
        chain: u64,
        /// What was asked.
        act: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The chain says otherwise than its profile.
    #[error("chain {chain} is not what its profile says: {problem}")]
    Mismatch {
        /// Which.
        chain: u64,
        /// What differs.
        problem: String,
    },
}

/// One chain of the network.
#[derive(Clone)]
pub struct Chain {
    profile: Arc<ChainProfile>,
    provider: DynProvider<Ethereum>,
    keys: Arc<RoleKeys>,
    home: bool,
    carry_least: Micros,
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("id", &self.id()).field("home", &self.home).finish_non_exhaustive()
    }
}

impl Chain {
    fn open(config: &ChainConfig) -> Result<Self, ChainError> {
        let profile = read_profile(&config.profile)?;
        let rpc = profile
            .rpc
            .first()
            .cloned()
            .ok_or_else(|| ChainError::Wrong { path: config.profile.clone(), problem: "it names no endpoint".to_owned() })?;
        let provider = ProviderBuilder::new().disable_recommended_fillers().connect_http(rpc).erased();
        let keys = RoleKeys::read(&config.keys)?;
        Ok(Self {
            profile: Arc::new(profile),
            provider,
            keys: Arc::new(keys),
            home: config.home,
            carry_least: config.carry_least,
        })
    }

    /// Its EIP-155 id.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.profile.chain_id
    }

    /// What the operator publishes of it.
    #[must_use]
    pub fn profile(&self) -> &ChainProfile {
        &self.profile
    }

    /// Whether it is the one our token lives on.
    #[must_use]
    pub fn is_home(&self) -> bool {
        self.home
    }

    /// From which worth on earnings are brought to outside addresses.
    #[must_use]
    pub fn carry_least(&self) -> Micros {
        self.carry_least
    }

    /// The connection.
    #[must_use]
    pub fn provider(&self) -> &DynProvider<Ethereum> {
        &self.provider
    }

    /// The key of a role, if we hold it.
    #[must_use]
    pub fn key(&self, role: Role) -> Option<&PrivateKeySigner> {
        self.keys.get(role)
    }

    /// The token of a coin of this chain.
    #[must_use]
    pub fn asset(&self, coin: Coin) -> Option<&Asset> {
        (coin.chain == self.id()).then(|| self.profile.assets.iter().find(|asset| asset.kind == coin.kind)).flatten()
    }

    /// The coin behind a token of this chain.
    #[must_use]
    pub fn coin(&self, token: Address) -> Option<Coin> {
        self.profile.asset(token).map(|asset| Coin { chain: self.id(), kind: asset.kind })
    }

    /// An amount of a coin, in its token's units; nothing if it is not of this chain or negative.
    #[must_use]
    pub fn units(&self, coin: Coin, amount: Micros) -> Option<U256> {
        Decimals::new(self.asset(coin)?.decimals).ok()?.units(amount).ok()
    }

    /// An amount in a token's units as the ledger counts it, rounded down; nothing if it is no token of ours or too much.
    #[must_use]
    pub fn micros(&self, token: Address, units: U256) -> Option<(Coin, Micros)> {
        let decimals = Decimals::new(self.profile.asset(token)?.decimals).ok()?;
        Some((self.coin(token)?, decimals.micros_floor(units).ok()?))
    }

    /// Asks a contract, at the newest block.
    ///
    /// # Errors
    /// [`ChainError::Rpc`] if the chain does not answer or the call reverts.
    pub async fn call<C: SolCall>(&self, to: Address, call: &C, act: &'static str) -> Result<C::Return, ChainError> {
        let request = TransactionRequest::default().to(to).input(Bytes::from(call.abi_encode()).into());
        let answer = self.provider.call(request).await.map_err(|error| self.failed(act, error))?;
        C::abi_decode_returns(&answer).map_err(|error| self.failed(act, error))
    }

    /// Wraps what went wrong.
    pub(crate) fn failed(&self, act: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ChainError {
        ChainError::Rpc { chain: self.id(), act, source: source.into() }
    }

    /// Compares the chain with its profile: its id, and each token's decimals. What differs is never worked around.
    ///
    /// # Errors
    /// [`ChainError::Mismatch`] naming the first difference.
    pub async fn verify(&self) -> Result<(), ChainError> {
        let mismatch = |problem: String| ChainError::Mismatch { chain: self.id(), problem };
        let id = self.provider.get_chain_id().await.map_err(|error| self.failed("tell its id", error))?;
        if id != self.id() {
            return Err(mismatch(format!("its id is {id}")));
        }
        for asset in &self.profile.assets {
            let decimals = self.call(asset.address, &IERC20Metadata::decimalsCall {}, "tell a token's decimals").await?;
            if decimals != asset.decimals {
                return Err(mismatch(format!("{} has {decimals} decimals, not {}", asset.symbol, asset.decimals)));
            }
            let symbol = self.call(asset.address, &IERC20Metadata::symbolCall {}, "tell a token's symbol").await?;
            if symbol != asset.symbol {
                return Err(mismatch(format!("the token at {} calls itself {symbol:?}, not {:?}", asset.address, asset.symbol)));
            }
        }
        Ok(())
    }

    /// The newest block that nothing takes back.
    ///
    /// # Errors
    /// [`ChainError::Rpc`] if the chain does not answer.
    pub async fn final_block(&self) -> Result<u64, ChainError> {
        let newest = self.provider.get_block_number().await.map_err(|error| self.failed("tell its newest block", error))?;
        Ok(newest.saturating_sub(self.profile.finality_blocks))
    }

    /// The time of a block, in seconds since 1970.
    ///
    /// # Errors
    /// [`ChainError::Rpc`] if the chain does not answer.
    pub async fn time(&self) -> Result<u64, ChainError> {
        let newest = self.provider.get_block(alloy::eips::BlockId::latest()).await;
        let newest = newest.map_err(|error| self.failed("give its newest block", error))?;
        Ok(newest.map_or(0, |block| block.header.timestamp))
    }

    /// Hands a signed transaction to the chain. One it has already is no error.
    ///
    /// # Errors
    /// [`ChainError::Rpc`] if the chain does not take it.
    pub async fn send_raw(&self, raw: &[u8]) -> Result<B256, ChainError> {
        let hash = alloy_primitives::keccak256(raw);
        match self.provider.send_raw_transaction(raw).await {
            Ok(_pending) => Ok(hash),
            Err(error) if is_known_already(&error.to_string()) => Ok(hash),
            Err(error) => Err(self.failed("take a transaction", error)),
        }
    }
}

/// What nodes say of a transaction they have, or whose nonce is used: by itself, since we never use one twice.
fn is_known_already(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["already known", "already imported", "known transaction", "nonce too low"].iter().any(|known| message.contains(known))
}

fn read_profile(path: &Path) -> Result<ChainProfile, ChainError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| ChainError::Profile { path: path.to_owned(), source };
    let text = std::fs::read(path).map_err(|error| failed(error.into()))?;
    let profile: ChainProfile = serde_json::from_slice(&text).map_err(|error| failed(error.into()))?;
    match profile.problems().first() {
        None => Ok(profile),
        Some(problem) => {
            Err(ChainError::Wrong { path: path.to_owned(), problem: format!("`{}` must be {}", problem.field, problem.message) })
        }
    }
}

/// Every chain of the network, by id.
#[derive(Debug, Clone, Default)]
pub struct Chains(Arc<BTreeMap<u64, Chain>>);

impl Chains {
    /// Reads every profile and key. Nothing is asked of any chain yet.
    ///
    /// # Errors
    /// [`ChainError`] naming the file that is not right.
    pub fn open(configs: &[ChainConfig]) -> Result<Self, ChainError> {
        let mut chains = BTreeMap::new();
        for config in configs {
            let chain = Chain::open(config)?;
            if chains.contains_key(&chain.id()) {
                return Err(ChainError::Wrong {
                    path: config.profile.clone(),
                    problem: format!("chain {} is named twice", chain.id()),
                });
            }
            chains.insert(chain.id(), chain);
        }
        Ok(Self(Arc::new(chains)))
    }

    /// One chain.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<&Chain> {
        self.0.get(&id)
    }

    /// The one our token lives on.
    #[must_use]
    pub fn home(&self) -> Option<&Chain> {
        self.0.values().find(|chain| chain.is_home())
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Chain> {
        self.0.values()
    }
}
