//! What there is, on every chain of the network, read by this program itself.

use futures_util::future::join_all;
use headframe_accounts::{Distributor, Leaf};
use headframe_protocol::{
    chain::{Asset, ChainProfile},
    control::{AssetBalance, ChainBalances, ClaimProof, WalletAnswer},
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
        let (chains, unpaid) = tokio::join!(join_all(on_chains), self.unpaid());
        Ok(WalletAnswer::Balances { chains, unpaid: unpaid.ok() })
    }

    async fn on_chain(
        &self,
        profile: ChainProfile,
        account: alloy::primitives::Address,
        entitlements: &[Entitlement],
    ) -> ChainBalances {
        let (chain_id, name) = (profile.chain_id, profile.name.clone());
        let chain = match Chain::connect(profile, &self.inner.http).await {
            Ok(chain) => chain,
            Err(error) => return ChainBalances { chain_id, name, assets: Vec::new(), problem: Some(why(&error)) },
        };
        let assets = chain.profile.assets.iter().map(|asset| of_asset(&chain, asset, account, entitlements));
        ChainBalances { chain_id, name, assets: join_all(assets).await, problem: None }
    }
}

async fn of_asset(
    chain: &Chain,
    asset: &Asset,
    account: alloy::primitives::Address,
    entitlements: &[Entitlement],
) -> AssetBalance {
    let mut found = AssetBalance {
        symbol: asset.symbol.clone(),
        contract: asset.address.to_string(),
        in_wallet: None,
        claimable: None,
        proof: None,
        problem: None,
    };
    let coins = |units| amount::coins(units, &asset.symbol, asset.decimals);
    match chain.problem_with(asset).await {
        Ok(None) => {}
        Ok(Some(problem)) => return AssetBalance { problem: Some(problem), ..found },
        Err(error) => return AssetBalance { problem: Some(why(&error)), ..found },
    }
    match chain.balance(asset.address, account).await {
        Ok(units) => found.in_wallet = Some(coins(units)),
        Err(error) => found.problem = Some(why(&error)),
    }
    match claimable::look_up(chain, account, asset, entitlements).await {
        Ok(Claimable::Proven(proven)) => {
            let Proven { units, taken, entitlement, root } = *proven;
            found.claimable = Some(coins(units));
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
        Ok(Claimable::Nothing) => found.claimable = Some(coins(alloy::primitives::U256::ZERO)),
        Ok(Claimable::Unproven) => {
            found.problem = Some("the coordinator says that something is owed, and the chain does not confirm it".to_owned());
        }
        Err(error) => found.problem = Some(why(&error)),
    }
    found
}

fn why(error: &ChainError) -> String {
    Causes(error).to_string()
}
