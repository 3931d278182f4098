//! Real chains on this computer: anvil, with the network's contracts deployed by the script an operator uses.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718 as _,
    network::TxSignerSync as _,
    providers::{DynProvider, Provider as _, ProviderBuilder},
    rpc::types::TransactionRequest,
    signers::local::PrivateKeySigner,
    sol_types::SolCall,
};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use anyhow::{Context as _, Result, ensure};
use headframe_contracts::IERC20Metadata;
use headframe_protocol::chain::ChainProfile;
use serde_json::json;
use url::Url;

use crate::{
    process::{Process, command, wait_for},
    registry::free_address,
};

/// How long a chain may take to answer.
const START_LIMIT: Duration = Duration::from_secs(20);

/// How long a transaction may take to be in a block.
const MINED_LIMIT: Duration = Duration::from_secs(20);

/// What everybody gets for gas: a thousand coins.
const GAS_MONEY: u128 = 1_000_000_000_000_000_000_000;

/// A chain, running.
#[derive(Debug)]
pub struct Node {
    process: Process,
    url: Url,
    id: u64,
    provider: DynProvider,
}

/// What kind of chain.
#[derive(Debug, Clone, Copy)]
pub struct NodeOptions {
    /// Its EIP-155 id.
    pub id: u64,
    /// Seconds between blocks; `None` for a block with every transaction.
    pub block_s: Option<u64>,
}

impl Node {
    /// Starts a chain that keeps nothing.
    ///
    /// # Errors
    /// If anvil is not installed, or does not start.
    pub async fn start(dir: &Path, options: NodeOptions) -> Result<Self> {
        let address = free_address()?;
        let mut anvil = command(tool("anvil")?);
        anvil.args(["--host", "127.0.0.1", "--port", &address.port().to_string()]);
        anvil.args(["--chain-id", &options.id.to_string(), "--accounts", "1", "--no-request-size-limit"]);
        if let Some(seconds) = options.block_s {
            anvil.args(["--block-time", &seconds.to_string()]);
        }
        let mut process = Process::start("anvil", anvil, &dir.join(format!("anvil-{}.log", options.id)))?;
        let url: Url = format!("http://{address}").parse().context("an address is one")?;
        let provider = ProviderBuilder::new().disable_recommended_fillers().connect_http(url.clone()).erased();
        let answers = async || Ok(provider.get_chain_id().await.ok().filter(|id| *id == options.id));
        if let Err(error) = wait_for("the chain", START_LIMIT, answers).await {
            process.check_alive()?;
            return Err(error);
        }
        Ok(Self { process, url, id: options.id, provider })
    }

    /// Where it is asked.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// The connection.
    #[must_use]
    pub const fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// Gives `account` what it needs for gas.
    ///
    /// # Errors
    /// If the chain refuses.
    pub async fn give_gas(&self, account: Address) -> Result<()> {
        let asked = json!([account, format!("{GAS_MONEY:#x}")]);
        self.provider.raw_request::<_, serde_json::Value>("anvil_setBalance".into(), asked).await.context("no gas money")?;
        Ok(())
    }

    /// The account the chain itself signs for, so that no key of it is needed.
    ///
    /// # Errors
    /// If the chain has none.
    pub async fn unlocked(&self) -> Result<Address> {
        let accounts = self.provider.get_accounts().await.context("the chain names no accounts")?;
        accounts.first().copied().context("the chain has no account of its own")
    }

    /// Makes `blocks` blocks now.
    ///
    /// # Errors
    /// If the chain refuses.
    pub async fn mine(&self, blocks: u64) -> Result<()> {
        let asked = json!([format!("{blocks:#x}")]);
        self.provider.raw_request::<_, serde_json::Value>("anvil_mine".into(), asked).await.context("no block")?;
        Ok(())
    }

    /// Takes the newest `blocks` blocks back, with all that was in them.
    ///
    /// # Errors
    /// If the chain refuses.
    pub async fn take_back(&self, blocks: u64) -> Result<()> {
        let asked = json!([blocks, []]);
        self.provider.raw_request::<_, serde_json::Value>("anvil_reorg".into(), asked).await.context("no reorganisation")?;
        Ok(())
    }

    /// Whether transactions are put into blocks.
    ///
    /// # Errors
    /// If the chain refuses.
    pub async fn mines(&self, on: bool) -> Result<()> {
        self.provider.raw_request::<_, serde_json::Value>("evm_setAutomine".into(), json!([on])).await.context("no switch")?;
        Ok(())
    }

    /// Makes the next block dear: `wei` for a unit of gas.
    ///
    /// # Errors
    /// If the chain refuses.
    pub async fn gets_dear(&self, wei: u64) -> Result<()> {
        let asked = json!([format!("{wei:#x}")]);
        let set = self.provider.raw_request::<_, serde_json::Value>("anvil_setNextBlockBaseFeePerGas".into(), asked);
        set.await.context("no price")?;
        Ok(())
    }

    /// Lets `seconds` pass, on the chain only.
    ///
    /// # Errors
    /// If the chain refuses.
    pub async fn pass(&self, seconds: u64) -> Result<()> {
        let asked = json!([seconds]);
        self.provider.raw_request::<_, serde_json::Value>("evm_increaseTime".into(), asked).await.context("no time")?;
        self.mine(1).await
    }

    /// What `account` has of a token.
    ///
    /// # Errors
    /// If the chain refuses.
    pub async fn balance(&self, token: Address, account: Address) -> Result<U256> {
        let call = IERC20Metadata::balanceOfCall { account };
        let request = TransactionRequest::default().to(token).input(Bytes::from(call.abi_encode()).into());
        let answer = self.provider.call(request).await.context("the token does not answer")?;
        IERC20Metadata::balanceOfCall::abi_decode_returns(&answer).context("the token answers something else")
    }

    /// Has `by` call a contract, and waits until it is in a block.
    ///
    /// # Errors
    /// If the chain refuses or reverts it.
    pub async fn send(&self, by: &PrivateKeySigner, to: Address, call: &impl SolCall) -> Result<B256> {
        let input = Bytes::from(call.abi_encode());
        let request = TransactionRequest::default().from(by.address()).to(to).input(input.clone().into());
        let gas = self.provider.estimate_gas(request).await.context("the chain would refuse it")?;
        let fees = self.provider.estimate_eip1559_fees().await.context("no fees")?;
        let mut transaction = TxEip1559 {
            chain_id: self.id,
            nonce: self.provider.get_transaction_count(by.address()).await.context("no nonce")?,
            gas_limit: gas * 2,
            max_fee_per_gas: fees.max_fee_per_gas * 2,
            max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
            to: TxKind::Call(to),
            input,
            ..TxEip1559::default()
        };
        let signature = by.sign_transaction_sync(&mut transaction).context("could not sign")?;
        let envelope = TxEnvelope::from(transaction.into_signed(signature));
        let hash = *envelope.tx_hash();
        let sent = self.provider.send_raw_transaction(&envelope.encoded_2718()).await;
        drop(sent.context("the chain does not take it")?);
        let mined = async || Ok(self.provider.get_transaction_receipt(hash).await?);
        let receipt = wait_for("a transaction is not mined", MINED_LIMIT, mined).await?;
        ensure!(receipt.status(), "the chain reverted {hash}");
        Ok(hash)
    }

    /// Ends it.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub async fn shutdown(&mut self) -> Result<()> {
        self.process.terminate().await
    }
}

/// Reads the profile a deployment has written.
///
/// # Errors
/// If there is none, or it is not right.
pub fn read_profile(path: &Path) -> Result<ChainProfile> {
    let text = std::fs::read(path).with_context(|| format!("could not read {}", path.display()))?;
    let profile: ChainProfile = serde_json::from_slice(&text).context("the chain profile is not one")?;
    ensure!(profile.problems().is_empty(), "the chain profile is not right: {:?}", profile.problems());
    Ok(profile)
}

/// The folder of the contracts.
#[must_use]
pub fn contracts_dir() -> PathBuf {
    let told = std::env::var_os("HEADFRAME_CONTRACTS_DIR").filter(|path| !path.is_empty());
    told.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts"), PathBuf::from)
}

/// The native program of one of Foundry's packages: what npm puts into `.bin` starts it as a child, which would outlive us.
///
/// # Errors
/// If it is not installed.
pub fn tool(name: &str) -> Result<PathBuf> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let os = if std::env::consts::OS == "macos" { "darwin" } else { std::env::consts::OS };
    let path = contracts_dir().join(format!("node_modules/@foundry-rs/{name}-{os}-{arch}/bin/{name}"));
    ensure!(path.is_file(), "{name} is not installed; run `npm ci --ignore-scripts` in contracts/");
    Ok(path)
}
