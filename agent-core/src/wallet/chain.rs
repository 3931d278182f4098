//! Reads a chain by its profile: balances, the distributor's word, code at addresses, fees; and sends signed bytes.
//!
//! Nothing of a profile is believed that the chain itself can say: its id, and each token's decimals and name.

use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    network::{Ethereum, Network, TransactionBuilder as _},
    primitives::{Address, B256, Bytes, U256},
    providers::{Provider as _, RootProvider},
    rpc::client::RpcClient,
    sol_types::{SolCall, SolEvent as _},
    transports::{TransportError, http::Http},
};
use headframe_contracts::{IDistributor, IERC20Metadata};
use headframe_protocol::chain::{Asset, ChainProfile};

use super::contracts;
use crate::settings::is_fit_for_secrets;

/// What a call is made of.
type TransactionRequest = <Ethereum as Network>::TransactionRequest;

/// Why a chain did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// No endpoint of the profile answers for this chain.
    #[error("no endpoint of {chain} answers")]
    Unreachable {
        /// As people call it.
        chain: String,
    },
    /// It answered with an error.
    #[error("{chain} did not tell {what}")]
    Call {
        /// As people call it.
        chain: String,
        /// What was asked.
        what: &'static str,
        /// Why not.
        #[source]
        source: TransportError,
    },
    /// A contract answered something else than its interface says.
    #[error("a contract on {chain} does not tell {what} as it should")]
    Garbled {
        /// As people call it.
        chain: String,
        /// What was asked.
        what: &'static str,
    },
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// In no block.
    Nowhere,
    /// In a block that may still be taken back.
    Included,
    /// In a block that nothing takes back.
    Final {
        block: u64,
        /// Whether it did what it should.
        worked: bool,
    },
}

/// What a unit of gas costs.
#[derive(Debug, Clone, Copy)]
pub(super) struct GasPrice {
    pub(super) max_fee: u64,
    pub(super) max_priority_fee: u64,
}

/// One chain, and an endpoint that answers for it.
pub(super) struct Chain {
    pub(super) profile: ChainProfile,
    provider: RootProvider<Ethereum>,
}

impl Chain {
    /// Finds the best endpoint that answers for the chain of the profile.
    pub(super) async fn connect(profile: ChainProfile, http: &reqwest::Client) -> Result<Self, ChainError> {
        // What an endpoint says is shown to the owner; on the way nobody else may say it.
        for url in profile.rpc.iter().filter(|url| is_fit_for_secrets(url)) {
            let client = RpcClient::new(Http::with_client(http.clone(), url.clone()), false);
            let provider = RootProvider::new(client);
            if provider.get_chain_id().await.is_ok_and(|id| id == profile.chain_id) {
                return Ok(Self { profile, provider });
            }
        }
        Err(ChainError::Unreachable { chain: profile.name })
    }

    /// What is wrong with an asset of the profile, if anything is.
    pub(super) async fn problem_with(&self, asset: &Asset) -> Result<Option<String>, ChainError> {
        let contract = asset.address;
        let (decimals, symbol, name) = tokio::try_join!(
            self.call(contract, IERC20Metadata::decimalsCall {}, "a token's decimals"),
            self.call(contract, IERC20Metadata::symbolCall {}, "a token's symbol"),
            self.call(contract, IERC20Metadata::nameCall {}, "a token's name"),
        )?;
        let expected = asset.eip712.as_ref().map(|domain| domain.name.as_str());
        Ok(if decimals != asset.decimals {
            Some(format!("{} has {decimals} digits after the point and the profile says {}", asset.symbol, asset.decimals))
        } else if symbol != asset.symbol {
            Some(format!("the profile calls it {} and it calls itself {}", asset.symbol, printable(&symbol)))
        } else if expected.is_some_and(|expected| expected != name) {
            Some(format!("{} calls itself {} where it signs, and the profile says otherwise", asset.symbol, printable(&name)))
        } else {
            None
        })
    }

    /// What an account has of an asset.
    pub(super) async fn balance(&self, asset: Address, account: Address) -> Result<U256, ChainError> {
        self.call(asset, IERC20Metadata::balanceOfCall { account }, "a balance").await
    }

    /// The root in force.
    pub(super) async fn root(&self) -> Result<B256, ChainError> {
        let active = self.call(self.profile.contracts.distributor, IDistributor::activeCall {}, "the payout root").await?;
        Ok(active.root)
    }

    /// What an account has taken of an asset since ever.
    pub(super) async fn claimed(&self, account: Address, asset: Address) -> Result<U256, ChainError> {
        let call = IDistributor::claimedOfCall { account, asset };
        self.call(self.profile.contracts.distributor, call, "what was claimed").await.map(U256::from)
    }

    /// How many claims an account has signed that were carried out.
    pub(super) async fn claim_nonce(&self, account: Address) -> Result<u64, ChainError> {
        let call = IDistributor::noncesCall { owner: account };
        let nonce = self.call(self.profile.contracts.distributor, call, "an account's number of claims").await?;
        u64::try_from(nonce).map_err(|_| self.garbled("an account's number of claims"))
    }

    /// Whether claims are stopped at `time`, in seconds since 1970.
    pub(super) async fn is_paused(&self, time: u64) -> Result<bool, ChainError> {
        let until =
            self.call(self.profile.contracts.distributor, IDistributor::pausedUntilCall {}, "whether claims are open").await?;
        Ok(time < until)
    }

    /// Whether a transaction paid `account`'s claim in `asset` to `to`.
    pub(super) async fn pays(&self, hash: B256, account: Address, asset: Address, to: Address) -> Result<bool, ChainError> {
        let receipt = self.provider.get_transaction_receipt(hash).await;
        let receipt = receipt.map_err(|source| self.failed("what the transaction did", source))?;
        let logs = receipt.iter().flat_map(|receipt| receipt.inner.logs());
        let of_distributor = logs.filter(|log| log.address() == self.profile.contracts.distributor);
        let claims = of_distributor.filter_map(|log| IDistributor::Claimed::decode_log(&log.inner).ok());
        Ok(claims.into_iter().any(|claim| claim.account == account && claim.asset == asset && claim.to == to))
    }

    /// The code at an address; none where a person lives.
    pub(super) async fn code(&self, address: Address) -> Result<Bytes, ChainError> {
        self.provider.get_code_at(address).await.map_err(|source| self.failed("the code of an address", source))
    }

    /// What an account has of the chain's own coin.
    pub(super) async fn coin(&self, account: Address) -> Result<U256, ChainError> {
        self.provider.get_balance(account).await.map_err(|source| self.failed("a balance", source))
    }

    /// An account's next number, counting what has not reached a block.
    pub(super) async fn next_nonce(&self, account: Address) -> Result<u64, ChainError> {
        let count = self.provider.get_transaction_count(account).pending().await;
        count.map_err(|source| self.failed("an account's next number", source))
    }

    /// How many transactions of an account nothing takes back.
    pub(super) async fn final_nonce(&self, account: Address) -> Result<u64, ChainError> {
        let head = self.head().await?;
        let at = BlockId::number(head.saturating_sub(self.profile.finality_blocks));
        let count = self.provider.get_transaction_count(account).block_id(at).await;
        count.map_err(|source| self.failed("an account's number", source))
    }

    /// Gas that a call of ours needs.
    pub(super) async fn gas(&self, from: Address, to: Address, call: Bytes) -> Result<u64, ChainError> {
        let request = TransactionRequest::default().with_from(from).with_to(to).with_input(call);
        self.provider.estimate_gas(request).await.map_err(|source| self.failed("what the transaction needs", source))
    }

    /// What gas costs now.
    pub(super) async fn gas_price(&self) -> Result<GasPrice, ChainError> {
        let fees = self.provider.estimate_eip1559_fees().await.map_err(|source| self.failed("what gas costs", source))?;
        // Eighteen whole coins for a unit of gas is no price.
        let price = |wei: u128| u64::try_from(wei).map_err(|_| self.garbled("what gas costs"));
        Ok(GasPrice { max_fee: price(fees.max_fee_per_gas)?, max_priority_fee: price(fees.max_priority_fee_per_gas)? })
    }

    /// What `bytes` of a transaction cost beside its gas: something on a rollup of the OP Stack, nothing elsewhere.
    pub(super) async fn data_fee(&self, bytes: u64) -> Result<u64, ChainError> {
        const WHAT: &str = "what a transaction's bytes cost";
        if self.code(contracts::OP_STACK_PRICES).await?.is_empty() {
            return Ok(0);
        }
        let call = contracts::getL1FeeUpperBoundCall { unsignedTxSize: U256::from(bytes) };
        let fee = self.call(contracts::OP_STACK_PRICES, call, WHAT).await?;
        u64::try_from(fee).map_err(|_| self.garbled(WHAT))
    }

    /// The chain's own time, in seconds since 1970.
    pub(super) async fn time(&self) -> Result<u64, ChainError> {
        let block = self.provider.get_block_by_number(BlockNumberOrTag::Latest).await;
        let block = block.map_err(|source| self.failed("its time", source))?.ok_or_else(|| self.garbled("its time"))?;
        Ok(block.header.timestamp)
    }

    /// Sends signed bytes. That they are there already is no failure.
    pub(super) async fn send(&self, raw: &Bytes) -> Result<(), ChainError> {
        match self.provider.send_raw_transaction(raw).await {
            Ok(_) => Ok(()),
            Err(error) if is_known(&error) => Ok(()),
            Err(source) => Err(self.failed("whether it takes the transaction", source)),
        }
    }

    /// What became of a transaction.
    pub(super) async fn fate(&self, hash: B256) -> Result<Fate, ChainError> {
        let receipt = self.provider.get_transaction_receipt(hash).await;
        let receipt = receipt.map_err(|source| self.failed("what became of the transaction", source))?;
        let Some((receipt, block)) = receipt.and_then(|receipt| receipt.block_number.map(|block| (receipt, block))) else {
            return Ok(Fate::Nowhere);
        };
        let settled = self.head().await? >= block.saturating_add(self.profile.finality_blocks);
        Ok(if settled { Fate::Final { block, worked: receipt.status() } } else { Fate::Included })
    }

    async fn head(&self) -> Result<u64, ChainError> {
        self.provider.get_block_number().await.map_err(|source| self.failed("its newest block", source))
    }

    async fn call<C: SolCall>(&self, to: Address, call: C, what: &'static str) -> Result<C::Return, ChainError> {
        let request = TransactionRequest::default().with_to(to).with_input(call.abi_encode());
        let bytes = self.provider.call(request).await.map_err(|source| self.failed(what, source))?;
        C::abi_decode_returns(&bytes).map_err(|_| self.garbled(what))
    }

    fn failed(&self, what: &'static str, source: TransportError) -> ChainError {
        ChainError::Call { chain: self.profile.name.clone(), what, source }
    }

    fn garbled(&self, what: &'static str) -> ChainError {
        ChainError::Garbled { chain: self.profile.name.clone(), what }
    }
}

/// Nodes say it in their own words.
fn is_known(error: &TransportError) -> bool {
    error.as_error_resp().is_some_and(|answer| {
        let text = answer.message.to_lowercase();
        ["already known", "already imported", "known transaction", "nonce too low"].iter().any(|known| text.contains(known))
    })
}

/// A stranger's text, short and without anything a terminal might obey.
fn printable(text: &str) -> String {
    text.chars().filter(|letter| letter.is_ascii_graphic() || *letter == ' ').take(32).collect()
}
