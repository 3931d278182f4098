//! The part of the API that is about money: quotes, chains, wallets, orders, tabs, and the public payout files.

use headframe_protocol::{
    api::QuoteView,
    chain::ChainProfile,
    job::JobSpec,
    spending::{OrderView, SignedOrder, TabView, Wallet, WalletProof},
};
use reqwest::Method;

use super::Client;
use crate::error::ClientError;

impl Client {
    /// What a job would cost now. Nothing is set aside for it.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn quote(&self, spec: &JobSpec) -> Result<QuoteView, ClientError> {
        let request = || self.request(Method::POST, &["quotes"]).json(spec);
        self.document(self.send(&request).await?).await
    }

    /// The chains money is settled on, the home chain first. Needs no key.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn chains(&self) -> Result<Vec<ChainProfile>, ClientError> {
        self.get(&["chains"], &[]).await
    }

    /// The wallets that are known to be the customer's, oldest first.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn wallets(&self) -> Result<Vec<Wallet>, ClientError> {
        self.get(&["wallets"], &[]).await
    }

    /// Shows that a wallet is the customer's. The same again changes nothing.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn add_wallet(&self, proof: &WalletProof) -> Result<(), ClientError> {
        let request = || self.request(Method::POST, &["wallets"]).json(proof);
        self.send(&request).await.map(drop)
    }

    /// Lets the network spend what a wallet has paid in. The same again changes nothing.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn add_order(&self, order: &SignedOrder) -> Result<(), ClientError> {
        let request = || self.request(Method::POST, &["orders"]).json(order);
        self.send(&request).await.map(drop)
    }

    /// What is reserved for the customer's jobs, newest first.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn tabs(&self) -> Result<Vec<TabView>, ClientError> {
        self.get(&["tabs"], &[]).await
    }

    /// What the customer's wallets have allowed, newest first.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn orders(&self) -> Result<Vec<OrderView>, ClientError> {
        self.get(&["orders"], &[]).await
    }

    /// Ends a tab. What no job has used is given back on the chain. The same again changes nothing.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn close_tab(&self, id: &str) -> Result<(), ClientError> {
        let request = || self.request(Method::POST, &["tabs", id, "close"]);
        self.send(&request).await.map(drop)
    }

    /// The public file of a payout, byte for byte. Needs no key.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn payout_file(&self, chain_id: u64, epoch: u64) -> Result<Vec<u8>, ClientError> {
        let (chain, epoch) = (chain_id.to_string(), epoch.to_string());
        let request = || self.request(Method::GET, &["payouts", &chain, &epoch]);
        let response = self.send(&request).await?;
        Ok(response.bytes().await.map_err(|source| self.unreachable(source))?.to_vec())
    }
}
