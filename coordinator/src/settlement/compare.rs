//! Compares each chain with the books: every wallet, every tab, and whether what suppliers are owed is really there.
//!
//! Done at every start and every hour, at one block for which every event is booked, so that nothing under way looks like a fault. A
//! fault is never repaired by a program: a person has to look.

use alloy::{eips::BlockId, providers::Provider as _, rpc::types::TransactionRequest, sol_types::SolCall};
use alloy_primitives::{Address, Bytes, U256};
use headframe_contracts::{IDistributor, IERC20Metadata, IMarket};
use headframe_protocol::{Micros, chain::Asset};

use super::SettlementError;
use crate::{
    App,
    chain::{Chain, ChainError},
    store::{
        backing::{self, Backing},
        chain_events,
        ledger::Coin,
        tabs::{self, Tab, TabState},
        wallets,
    },
};

/// Where books and chain differ, in words.
type Faults = Vec<String>;

/// Compares every chain. Returns how many were compared.
pub(crate) async fn compare(app: &App) -> Result<u64, SettlementError> {
    let (mut compared, mut failed) = (0, None);
    for chain in app.chains.iter() {
        match compare_one(app, chain).await {
            Ok(Some(faults)) => {
                compared += 1;
                let clean = if faults.is_empty() { 1.0 } else { 0.0 };
                metrics::gauge!("headframe_chain_clean", "chain" => chain.id().to_string()).set(clean);
                for fault in faults {
                    tracing::error!(chain.id = chain.id(), "Chain and books differ: {fault}");
                }
            }
            Ok(None) => {}
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(compared), Err)
}

/// Nothing if no event of the chain was read yet.
async fn compare_one(app: &App, chain: &Chain) -> Result<Option<Faults>, SettlementError> {
    // One view of the books, at the block up to which they follow the chain.
    let mut tx = app.store.snapshot().await?;
    let Some(block) = chain_events::cursor(&mut tx, chain.id()).await? else { return Ok(None) };
    let wallets = wallets::deposits(&mut tx, chain.id()).await?;
    let tabs = tabs::live(&mut tx, chain.id()).await?;
    let mut backing = Vec::new();
    for asset in &chain.profile().assets {
        let coin = Coin { chain: chain.id(), kind: asset.kind };
        backing.push((asset, backing::of(&mut tx, coin).await?));
    }
    drop(tx);
    let view = View { chain, block: BlockId::number(block) };
    let mut faults = view.wallets(&wallets).await?;
    faults.extend(view.tabs(&tabs).await?);
    for (asset, backing) in backing {
        faults.extend(view.suppliers(asset, &backing, &tabs).await?);
    }
    Ok(Some(faults))
}

/// A chain at one block.
struct View<'a> {
    chain: &'a Chain,
    block: BlockId,
}

impl View<'_> {
    async fn ask<C: SolCall>(&self, to: Address, call: &C) -> Result<C::Return, ChainError> {
        let request = TransactionRequest::default().to(to).input(Bytes::from(call.abi_encode()).into());
        let answer = self.chain.provider().call(request).block(self.block).await;
        let answer = answer.map_err(|error| self.chain.failed("answer at a block", error))?;
        C::abi_decode_returns(&answer).map_err(|error| self.chain.failed("answer at a block", error))
    }

    /// What is a wallet's alone there is what the books say.
    async fn wallets(&self, wallets: &[(Address, Coin, U256)]) -> Result<Faults, SettlementError> {
        let market = self.chain.profile().contracts.market;
        let mut faults = Faults::new();
        for (wallet, coin, units) in wallets {
            let Some(asset) = self.chain.asset(*coin) else { continue };
            let there = self.ask(market, &IMarket::balanceOfCall { customer: *wallet, asset: asset.address }).await?;
            if U256::from(there.free) != *units {
                faults.push(format!("wallet {wallet} has {} {} there, {units} here", there.free, asset.symbol));
            }
        }
        Ok(faults)
    }

    /// Every tab is what the books say.
    async fn tabs(&self, tabs: &[Tab]) -> Result<Faults, SettlementError> {
        let market = self.chain.profile().contracts.market;
        let mut faults = Faults::new();
        for tab in tabs.iter().filter(|tab| tab.state != TabState::Opening) {
            let (Ok(session), Some(asset)) = (tab.id.parse(), self.chain.asset(tab.coin)) else { continue };
            let there = self.ask(market, &IMarket::sessionOfCall { session }).await?;
            let micros = |units: u128| self.chain.micros(asset.address, U256::from(units)).map(|(_, micros)| micros);
            let (reserved, settled) = (micros(there.reserved), micros(there.settled));
            if reserved != Some(tab.reserved) || settled != Some(tab.settled) {
                faults.push(format!(
                    "tab {} has {reserved:?} reserved and {settled:?} settled there, {} and {} here",
                    tab.id, tab.reserved, tab.settled
                ));
            }
        }
        Ok(faults)
    }

    /// What suppliers are owed in an asset is there, or on its way from tabs to the Distributor.
    async fn suppliers(&self, asset: &Asset, backing: &Backing, tabs: &[Tab]) -> Result<Faults, SettlementError> {
        let contracts = &self.chain.profile().contracts;
        let has = self.ask(asset.address, &IERC20Metadata::balanceOfCall { account: contracts.distributor }).await?;
        let totals = self.ask(contracts.distributor, &IDistributor::totalOfCall { asset: asset.address }).await?;
        let due = self.ask(contracts.market, &IMarket::dueOfCall { asset: asset.address }).await?;
        let micros = |units: U256| self.chain.micros(asset.address, units).map_or(0, |(_, micros)| i128::from(micros.get()));
        let of_asset = tabs.iter().filter(|tab| self.chain.asset(tab.coin).is_some_and(|of| of.address == asset.address));
        let coming: i128 = of_asset.map(not_settled).sum();
        let there = micros(has) + micros(U256::from(totals.claimed)) + micros(due.toSuppliers) + coming;
        let owed = backing.owed();
        let mut faults = Faults::new();
        if there < owed {
            let missing = owed - there;
            faults.push(format!("{missing} millionths of {} are missing for suppliers; stock the Distributor", asset.symbol));
        }
        Ok(faults)
    }
}

/// The suppliers' part of what was used of a tab and is not settled yet.
fn not_settled(tab: &Tab) -> i128 {
    let suppliers = |used: Micros| i128::from(used.get() - used.fee(tab.fee_bps).get());
    suppliers(tab.used) - suppliers(tab.settled)
}
