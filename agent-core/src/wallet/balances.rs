//! What there is, on every chain of the network, read by this program itself.

use alloy::primitives::U256;
use futures_util::future::join_all;
use headframe_accounts::{Distributor, Leaf};
use headframe_protocol::{
    chain::{Asset, ChainProfile},
    control::{AssetBalance, ChainBalances, ClaimProof, Coins, WalletAnswer},
    payout::Entitlement,
};

use super::{
    Wallet, amount,
    chain::{Chain, ChainError},
    claimable::{self, Claimable, Proven},
    error::WalletError,
};
use crate::store::Chain as Causes;

impl Wallet {
    /// Both assets on every chain. A chain that does not answer is shown as such.
    pub(super) async fn balances(&self) -> Result<WalletAnswer, WalletError> {
        let account = self.row().await?.address();
        let inner = &self.inner;
        let (profiles, entitlements) = tokio::try_join!(inner.payroll.chains(), inner.payroll.entitlements(account))?;
        let on_chains = profiles.into_iter().map(|profile| self.on_chain(profile, account, &entitlements));
        // What is on the chains is shown whether or not the coordinator tells the rest.
        let (counted, unpaid) = tokio::join!(join_all(on_chains), self.unpaid());
        let (chains, held): (Vec<_>, Vec<_>) = counted.into_iter().unzip();
        Ok(WalletAnswer::Balances { chains, totals: totals(held.into_iter().flatten()), unpaid: unpaid.ok() })
    }

    async fn on_chain(
        &self,
        profile: ChainProfile,
        account: alloy::primitives::Address,
        entitlements: &[Entitlement],
    ) -> (ChainBalances, Vec<Held>) {
        let (chain_id, name) = (profile.chain_id, profile.name.clone());
        let chain = match Chain::connect(profile, &self.inner.http).await {
            Ok(chain) => chain,
            Err(error) => return (ChainBalances { chain_id, name, assets: Vec::new(), problem: Some(why(&error)) }, Vec::new()),
        };
        let assets = chain.profile.assets.iter().map(|asset| of_asset(&chain, asset, account, entitlements));
        let (assets, held) = join_all(assets).await.into_iter().unzip();
        (ChainBalances { chain_id, name, assets, problem: None }, held)
    }
}

/// What an account has of one asset on one chain, in the wallet and ready to be taken, as far as it is known.
#[derive(Debug, Clone)]
struct Held {
    symbol: String,
    decimals: u8,
    units: U256,
}

/// For each symbol what there is on all chains, in the order in which they come. The same asset may be split finer on one chain than on
/// another: it is added up in the finest, so that nothing is rounded.
fn totals(held: impl Iterator<Item = Held>) -> Vec<Coins> {
    let mut totals: Vec<Held> = Vec::new();
    for one in held {
        match totals.iter_mut().find(|total| total.symbol == one.symbol) {
            Some(total) => {
                let decimals = total.decimals.max(one.decimals);
                let finer =
                    |held: &Held| held.units.saturating_mul(U256::from(10).saturating_pow(U256::from(decimals - held.decimals)));
                *total = Held { units: finer(total).saturating_add(finer(&one)), decimals, symbol: one.symbol };
            }
            None => totals.push(one),
        }
    }
    totals.into_iter().map(|Held { symbol, decimals, units }| amount::coins(units, &symbol, decimals)).collect()
}

async fn of_asset(
    chain: &Chain,
    asset: &Asset,
    account: alloy::primitives::Address,
    entitlements: &[Entitlement],
) -> (AssetBalance, Held) {
    let mut found = AssetBalance {
        symbol: asset.symbol.clone(),
        contract: asset.address.to_string(),
        in_wallet: None,
        claimable: None,
        proof: None,
        problem: None,
    };
    let mut held = Held { symbol: asset.symbol.clone(), decimals: asset.decimals, units: U256::ZERO };
    let coins = |units| amount::coins(units, &asset.symbol, asset.decimals);
    match chain.problem_with(asset).await {
        Ok(None) => {}
        Ok(Some(problem)) => return (AssetBalance { problem: Some(problem), ..found }, held),
        Err(error) => return (AssetBalance { problem: Some(why(&error)), ..found }, held),
    }
    match chain.balance(asset.address, account).await {
        Ok(units) => {
            found.in_wallet = Some(coins(units));
            held.units = units;
        }
        Err(error) => found.problem = Some(why(&error)),
    }
    match claimable::look_up(chain, account, asset, entitlements).await {
        Ok(Claimable::Proven(proven)) => {
            let Proven { units, taken, entitlement, root } = *proven;
            found.claimable = Some(coins(units));
            held.units = held.units.saturating_add(units);
            let distributor = Distributor { chain_id: chain.profile.chain_id, address: chain.profile.contracts.distributor };
            let leaf = Leaf { account, asset: asset.address, cumulative: entitlement.cumulative };
            found.proof = Some(ClaimProof {
                epoch: entitlement.epoch,
                distributor: distributor.address.to_string(),
                root: root.to_string(),
                leaf: leaf.hash(&distributor).to_string(),
                path: entitlement.proof.iter().map(ToString::to_string).collect(),
                owed: coins(entitlement.cumulative),
                taken: coins(taken),
            });
        }
        Ok(Claimable::Nothing) => found.claimable = Some(coins(U256::ZERO)),
        Ok(Claimable::Unproven) => {
            found.problem = Some("the coordinator says that something is owed, and the chain does not confirm it".to_owned());
        }
        Err(error) => found.problem = Some(why(&error)),
    }
    (found, held)
}

fn why(error: &ChainError) -> String {
    Causes(error).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(symbol: &str, decimals: u8, units: u128) -> Held {
        Held { symbol: symbol.to_owned(), decimals, units: U256::from(units) }
    }

    fn told(held: Vec<Held>) -> Vec<String> {
        totals(held.into_iter()).into_iter().map(|Coins { text, symbol, .. }| format!("{text} {symbol}")).collect()
    }

    #[test]
    fn an_asset_is_added_up_over_chains_that_split_it_differently() {
        let chains = vec![
            held("USDC", 6, 15_700_000),
            held("HFR", 18, 312_400_000_000_000_000_000),
            held("USDC", 18, 1_000_000_000_000_000_001),
        ];
        assert_eq!(told(chains), ["16.700000000000000001 USDC", "312.40 HFR"]);
        assert_eq!(told(vec![held("USDC", 18, 1), held("USDC", 6, 1)]), ["0.000001000000000001 USDC"]);
        assert_eq!(told(Vec::new()), Vec::<String>::new());
    }

    #[test]
    fn a_chain_that_tells_nonsense_cannot_make_the_sum_small() {
        let nonsense = Held { units: U256::MAX, ..held("USDC", 6, 0) };
        let [sum] = totals([nonsense, held("USDC", 255, 1)].into_iter()).try_into().expect("one");
        let Coins { units, .. }: Coins = sum;
        assert_eq!(units, U256::MAX.to_string());
    }
}
