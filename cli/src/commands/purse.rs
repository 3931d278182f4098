//! A wallet's money in one token of one chain: found, checked against the chain, and ready to be moved.

use alloy_primitives::{Address, U256};
use headframe_accounts::Decimals;
use headframe_protocol::{Micros, api::Account, chain::Asset};

use crate::{
    Client, amount,
    args::money::{CoinArgs, WalletArgs},
    chain::{Chain, choice, remembered},
    clock,
    error::{Error, MoneyError},
    output::Output,
    wallet::{WalletError, WalletKey},
};

/// A wallet's money in one token.
#[derive(Debug)]
pub(super) struct Purse {
    pub(super) key: WalletKey,
    pub(super) chain: Chain,
    pub(super) asset: Asset,
    pub(super) decimals: Decimals,
    /// The Market that the network named when this computer last asked, if it names another one now.
    pub(super) market_before: Option<Address>,
}

/// Reads the key of the named wallet.
pub(super) fn key_of(wallet: &WalletArgs) -> Result<WalletKey, MoneyError> {
    Ok(WalletKey::read(wallet.wallet_key.as_deref().ok_or(WalletError::NotNamed)?)?)
}

impl Purse {
    /// Reads the key, finds chain and token, and asks the chain whether they are what the network says.
    pub(super) async fn open(client: &Client, wallet: &WalletArgs, coin: &CoinArgs, out: &Output) -> Result<Self, Error> {
        let key = key_of(wallet)?;
        let (chains, before) = remembered::ask(client, out).await?;
        let profile = choice::chain(chains, coin.chain.as_deref()).map_err(MoneyError::Choice)?;
        let asset = choice::asset(&profile, &coin.asset).map_err(MoneyError::Choice)?.clone();
        let known = before.iter().find(|before| before.chain_id == profile.chain_id).map(|before| before.contracts.market);
        let market_before = known.filter(|market| *market != profile.contracts.market);
        let chain = Chain::connect(profile, None).await.map_err(MoneyError::Chain)?;
        let decimals = chain.check(&asset).await.map_err(MoneyError::Chain)?;
        Ok(Self { key, chain, asset, decimals, market_before })
    }

    /// An amount with the token's name.
    pub(super) fn told(&self, amount: Micros) -> String {
        amount::of(amount, &self.asset)
    }

    /// Token units as the books count them, rounded down; as much as they can hold if it is more.
    pub(super) fn micros(&self, units: U256) -> Micros {
        self.decimals.micros_floor(units).unwrap_or(Micros::new(i64::MAX))
    }

    /// The head of every summary: where it happens, and what is unusual about it.
    pub(super) fn place(&self) -> String {
        let wallet = self.key.address().to_checksum(None);
        let market = self.chain.market().to_checksum(None);
        let mut text = format!("  chain   {} ({})\n  wallet  {wallet}\n  Market  {market}\n", self.chain.name(), self.chain.id());
        if let Some(before) = self.market_before {
            let before = before.to_checksum(None);
            text.push_str(&format!(
                "  CAREFUL: the network named another Market when this computer last asked: {before}.\n  \
                 Go on only if its operator has announced that.\n"
            ));
        }
        text
    }

    /// Shows the network that the wallet is the customer's, unless it knows.
    pub(super) async fn introduce(&self, client: &Client, out: &Output) -> Result<(), Error> {
        let known = client.wallets().await?.iter().any(|known| known.wallet == self.key.address());
        if known { Ok(()) } else { prove(client, &self.key, out).await }
    }
}

/// Shows the network that a wallet is the customer's.
pub(super) async fn prove(client: &Client, key: &WalletKey, out: &Output) -> Result<(), Error> {
    let Account { customer, name, network, registry: _ } = client.account().await?;
    if network.is_empty() {
        return Err(MoneyError::NoNetwork.into());
    }
    client.add_wallet(&key.prove(&network, customer, clock::now()).map_err(MoneyError::Wallet)?).await?;
    let wallet = key.address().to_checksum(None);
    out.remark(format_args!("The network {network} knows that {wallet} belongs to {name} ({customer})."));
    Ok(())
}
