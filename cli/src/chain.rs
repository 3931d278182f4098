//! A chain of the network, as its profile names it and as it answers itself.
//!
//! Nothing of a profile is believed that the chain can say: its id, and each token's decimals and symbol. What is read is read
//! here; what is sent is made in [`sending`] and followed at a [`pace`].

use std::time::Duration;

use alloy::{
    network::{Ethereum, Network, TransactionBuilder as _},
    providers::{Provider as _, RootProvider},
    rpc::client::RpcClient,
    sol_types::SolCall,
    transports::{TransportError, http::Http},
};
use alloy_primitives::{Address, B256, U256};
use headframe_accounts::Decimals;
use headframe_contracts::{IDistributor, IERC20Metadata, IMarket};
use headframe_protocol::chain::{Asset, ChainProfile};
use url::Url;

pub mod choice;
pub mod remembered;
mod error;
pub mod sending;
pub mod pace;

pub use error::ChainError;

/// What a call is made of.
type TransactionRequest = <Ethereum as Network>::TransactionRequest;

/// How long a node may take to be connected to.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a node may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// One chain, and an endpoint that answers for it.
#[derive(Debug, Clone)]
pub struct Chain {
    profile: ChainProfile,
    provider: RootProvider<Ethereum>,
}

/// What a wallet has in the Market, in token units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// Its alone: to take away.
    pub free: u128,
    /// Paid by card: to spend.
    pub credit: u128,
}

impl Chain {
    /// Finds the first endpoint of the profile that answers for its chain; `node` is asked instead if there is one.
    ///
    /// # Errors
    /// [`ChainError::Wrong`] if the profile cannot be, [`ChainError::Unreachable`] if nothing answers; so do all that follow if a
    /// node is away or answers something else.
    pub async fn connect(profile: ChainProfile, node: Option<&Url>) -> Result<Self, ChainError> {
        if let Some(problem) = profile.problems().first() {
            let problem = format!("`{}` must be {}", problem.field, problem.message);
            return Err(ChainError::Wrong { chain: profile.name, problem });
        }
        let http = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).timeout(ANSWER_TIMEOUT).build();
        let http = http.map_err(|source| ChainError::Setup { chain: profile.name.clone(), source })?;
        let endpoints = node.map_or(profile.rpc.as_slice(), std::slice::from_ref);
        for url in endpoints {
            let client = RpcClient::new(Http::with_client(http.clone(), url.clone()), false);
            let provider = RootProvider::new(client);
            if provider.get_chain_id().await.is_ok_and(|id| id == profile.chain_id) {
                return Ok(Self { profile, provider });
            }
        }
        Err(ChainError::Unreachable { chain: profile.name })
    }

    /// What the operator publishes of it.
    #[must_use]
    pub const fn profile(&self) -> &ChainProfile {
        &self.profile
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.profile.name
    }

    /// Its EIP-155 id.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.profile.chain_id
    }

    /// Where customers' money is.
    #[must_use]
    pub const fn market(&self) -> Address {
        self.profile.contracts.market
    }

    /// Compares a token with what the profile says of it.
    ///
    /// # Errors
    /// [`ChainError::Wrong`] if decimals or symbol differ: then no amount means what it seems to.
    pub async fn check(&self, asset: &Asset) -> Result<Decimals, ChainError> {
        let wrong = |problem| ChainError::Wrong { chain: self.name().to_owned(), problem };
        let decimals = self.call(asset.address, &IERC20Metadata::decimalsCall {}, "a token's decimals").await?;
        if decimals != asset.decimals {
            return Err(wrong(format!("{} has {decimals} decimals, not {}", asset.symbol, asset.decimals)));
        }
        let symbol = self.call(asset.address, &IERC20Metadata::symbolCall {}, "a token's symbol").await?;
        if symbol != asset.symbol {
            return Err(wrong(format!("the token at {} does not call itself {}", asset.address, asset.symbol)));
        }
        Decimals::new(decimals).map_err(|error| wrong(error.to_string()))
    }

    /// Whether the Market takes deposits of an asset now.
    ///
    /// # Errors
    /// [`ChainError::Closed`] if it does not.
    pub async fn check_open(&self, asset: &Asset) -> Result<(), ChainError> {
        let closed = |why| Err(ChainError::Closed { chain: self.name().to_owned(), symbol: asset.symbol.clone(), why });
        let terms = self.call(self.market(), &IMarket::assetOfCall { asset: asset.address }, "the Market's terms").await?;
        if !terms.open {
            return closed("the Market does not take it");
        }
        let until = self.call(self.market(), &IMarket::pausedUntilCall {}, "whether the Market is paused").await?;
        if until > self.time().await? {
            closed("the Market is paused; what is in it can be withdrawn all the same")
        } else {
            Ok(())
        }
    }

    /// What a wallet has of a token, outside the Market.
    #[allow(clippy::missing_errors_doc, reason = "said once at `connect`")]
    pub async fn tokens(&self, wallet: Address, asset: &Asset) -> Result<U256, ChainError> {
        self.call(asset.address, &IERC20Metadata::balanceOfCall { account: wallet }, "a balance").await
    }

    /// How much of a token the Market may take from a wallet.
    #[allow(clippy::missing_errors_doc, reason = "said once at `connect`")]
    pub async fn allowance(&self, wallet: Address, asset: &Asset) -> Result<U256, ChainError> {
        let call = IERC20Metadata::allowanceCall { owner: wallet, spender: self.market() };
        self.call(asset.address, &call, "an allowance").await
    }

    /// What a wallet has in the Market.
    #[allow(clippy::missing_errors_doc, reason = "said once at `connect`")]
    pub async fn holding(&self, wallet: Address, asset: &Asset) -> Result<Holding, ChainError> {
        let call = IMarket::balanceOfCall { customer: wallet, asset: asset.address };
        let IMarket::balanceOfReturn { free, credit } = self.call(self.market(), &call, "what is in the Market").await?;
        Ok(Holding { free, credit })
    }

    /// A tab, as the Market has it.
    #[allow(clippy::missing_errors_doc, reason = "said once at `connect`")]
    pub async fn session(&self, tab: B256) -> Result<IMarket::Session, ChainError> {
        self.call(self.market(), &IMarket::sessionOfCall { session: tab }, "a tab").await
    }

    /// Whether a wallet has taken an order back.
    #[allow(clippy::missing_errors_doc, reason = "said once at `connect`")]
    pub async fn is_revoked(&self, wallet: Address, order: B256) -> Result<bool, ChainError> {
        let call = IMarket::orderOfCall { customer: wallet, orderId: order };
        Ok(self.call(self.market(), &call, "an order").await?.revoked)
    }

    /// The payout root in force and the one that waits, if there are any, the latter with its totals.
    #[allow(clippy::missing_errors_doc, reason = "said once at `connect`")]
    pub async fn roots(&self) -> Result<(IDistributor::Root, IDistributor::Root, Vec<IDistributor::Total>), ChainError> {
        let distributor = self.profile.contracts.distributor;
        let active = self.call(distributor, &IDistributor::activeCall {}, "the payout root in force").await?;
        let pending = self.call(distributor, &IDistributor::pendingCall {}, "the payout root that waits").await?;
        let totals = self.call(distributor, &IDistributor::pendingTotalsCall {}, "what the waiting root comes to").await?;
        Ok((active, pending, totals))
    }

    /// What the payout root in force comes to in a token.
    #[allow(clippy::missing_errors_doc, reason = "said once at `connect`")]
    pub async fn announced(&self, asset: Address) -> Result<u128, ChainError> {
        let call = IDistributor::totalOfCall { asset };
        Ok(self.call(self.profile.contracts.distributor, &call, "what the payout root comes to").await?.announced)
    }

    /// When the newest block was made, in seconds since 1970.
    #[allow(clippy::missing_errors_doc, reason = "said once at `connect`")]
    pub async fn time(&self) -> Result<u64, ChainError> {
        let newest = self.provider.get_block_by_number(alloy::eips::BlockNumberOrTag::Latest).await;
        let newest = newest.map_err(|source| self.failed("its time", source))?;
        newest.map(|block| block.header.timestamp).ok_or_else(|| self.garbled("its time"))
    }

    async fn call<C: SolCall>(&self, to: Address, call: &C, what: &'static str) -> Result<C::Return, ChainError> {
        let request = TransactionRequest::default().with_to(to).with_input(call.abi_encode());
        let bytes = self.provider.call(request).await.map_err(|source| self.failed(what, source))?;
        C::abi_decode_returns(&bytes).map_err(|_| self.garbled(what))
    }

    fn failed(&self, what: &'static str, source: TransportError) -> ChainError {
        ChainError::Call { chain: self.name().to_owned(), what, source: Box::new(source) }
    }

    fn garbled(&self, what: &'static str) -> ChainError {
        ChainError::Garbled { chain: self.name().to_owned(), what }
    }
}

#[cfg(test)]
pub(crate) mod tests;
