//! Money the owner has not been told of: a withdrawal that arrived, a payout that was published.
//!
//! What he was told is written down, so that no later life tells it again. A payout is believed where the chain's own root proves it.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use headframe_protocol::{
    chain::{Asset, ChainProfile},
    control::{MoneyNews, MoneyNewsKind},
    payout::Entitlement,
};
use tracing::debug;

use super::{
    Wallet, amount,
    chain::{Chain, ChainError},
    claimable::{self, Claimable},
    error::WalletError,
};
use crate::{
    clock::{self, Moment},
    settings::Timers,
    store::{Chain as Causes, How, PayoutNews, WalletRow, WithdrawalRow},
};

/// How often the network is asked for payouts. It makes one a day.
const LOOK_EVERY: Duration = Duration::from_mins(15);

/// The most that one answer names; more are told later.
const NAMED_MAX: usize = 64;

/// When payouts were looked for last.
#[derive(Debug)]
pub(super) struct Looks {
    every: Duration,
    last: tokio::sync::Mutex<Option<Moment>>,
}

impl Looks {
    pub(super) fn new(timers: Timers) -> Self {
        Self { every: timers.scaled(LOOK_EVERY), last: tokio::sync::Mutex::new(None) }
    }
}

impl Wallet {
    /// What the owner has not been told of, oldest first. Asks the network now and then.
    pub(super) async fn news(&self) -> Result<Vec<MoneyNews>, WalletError> {
        let wallet = self.inner.store.wallet().await?;
        if let Some(wallet) = &wallet {
            self.look_for_payouts(wallet.address()).await?;
        }
        let mut news: Vec<MoneyNews> = self.inner.store.untold_withdrawals().await?.iter().map(arrived).collect();
        if let Some(wallet) = wallet {
            let payouts = self.inner.store.payouts_of(wallet.address()).await?;
            news.extend(payouts.iter().filter(|payout| !payout.told).map(|payout| published(payout, &wallet)));
        }
        Ok(news)
    }

    /// The owner knows of these; those that are no news are passed over. Answers with the rest.
    pub(super) async fn told(&self, ids: &[String]) -> Result<Vec<MoneyNews>, WalletError> {
        if ids.len() > NAMED_MAX {
            return Err(WalletError::Impossible("At most 64 pieces of news are told at a time".to_owned()));
        }
        let now = clock::wall();
        for id in ids {
            self.inner.store.told_withdrawal(id, now).await?;
        }
        if let Some(wallet) = self.inner.store.wallet().await? {
            for payout in self.inner.store.payouts_of(wallet.address()).await? {
                if ids.contains(&name_of(&payout)) {
                    self.inner.store.told_payout(&payout, now).await?;
                }
            }
        }
        self.news().await
    }

    /// Notes what payouts have been published since. A network or chain that does not answer is asked again next time.
    async fn look_for_payouts(&self, account: Address) -> Result<(), WalletError> {
        let mut last = self.inner.looks.last.lock().await;
        let now = clock::now().moment;
        if last.is_some_and(|last| now.since(last) < self.inner.looks.every) {
            return Ok(());
        }
        *last = Some(now);
        let entitlements = match self.inner.payroll.entitlements(account).await {
            Ok(entitlements) => entitlements,
            Err(error) => {
                debug!("Nobody says whether there was a payout: {}", Causes(&error));
                return Ok(());
            }
        };
        let known = self.inner.store.payouts_of(account).await?;
        let grown: Vec<Entitlement> = entitlements.into_iter().filter(|said| has_grown(said, account, &known)).collect();
        let found = if self.inner.store.has_looked_at(account).await? {
            self.proven(account, &grown).await
        } else {
            // What was owed before the first look is no news, whatever has become of it.
            grown.iter().map(known_before).collect()
        };
        Ok(self.inner.store.note_payouts(account, &found, clock::wall()).await?)
    }

    /// Of what has grown, what the chains confirm, and what is left of it to take.
    async fn proven(&self, account: Address, grown: &[Entitlement]) -> Vec<PayoutNews> {
        if grown.is_empty() {
            return Vec::new();
        }
        let profiles = self.inner.payroll.chains().await.unwrap_or_else(|error| {
            debug!("Nobody says on which chains there was a payout: {}", Causes(&error));
            Vec::new()
        });
        let mut found = Vec::new();
        for profile in profiles.into_iter().filter(|profile| grown.iter().any(|said| said.chain_id == profile.chain_id)) {
            match self.proven_on(profile, account, grown).await {
                Ok(proven) => found.extend(proven),
                Err(error) => debug!("A chain does not say whether there was a payout: {}", Causes(&error)),
            }
        }
        found
    }

    async fn proven_on(
        &self,
        profile: ChainProfile,
        account: Address,
        grown: &[Entitlement],
    ) -> Result<Vec<PayoutNews>, ChainError> {
        let chain = Chain::connect(profile, &self.inner.http).await?;
        let mut found = Vec::new();
        for asset in &chain.profile.assets {
            let Some(owed) = owed(grown, chain.profile.chain_id, asset) else { continue };
            let takeable = match claimable::look_up(&chain, account, asset, grown).await? {
                Claimable::Proven(proven) => proven.units,
                // It was taken before anybody was told that it could be.
                Claimable::Nothing => U256::ZERO,
                // The chain may be behind. It is looked at again.
                Claimable::Unproven => continue,
            };
            found.push(PayoutNews {
                account,
                chain_id: chain.profile.chain_id,
                asset: asset.address,
                owed,
                takeable,
                chain: chain.profile.name.clone(),
                symbol: asset.symbol.clone(),
                decimals: asset.decimals,
                told: takeable.is_zero(),
            });
        }
        Ok(found)
    }
}

/// Whether more is owed than was known.
fn has_grown(said: &Entitlement, account: Address, known: &[PayoutNews]) -> bool {
    let before = known.iter().find(|known| known.chain_id == said.chain_id && known.asset == said.asset);
    said.account == account && before.is_none_or(|before| said.cumulative > before.owed)
}

/// What an account is owed in an asset, in all.
fn owed(said: &[Entitlement], chain_id: u64, asset: &Asset) -> Option<U256> {
    let ours = said.iter().filter(|said| said.chain_id == chain_id && said.asset == asset.address);
    ours.map(|said| said.cumulative).max()
}

/// Never shown, so that it needs no names.
fn known_before(said: &Entitlement) -> PayoutNews {
    PayoutNews {
        account: said.account,
        chain_id: said.chain_id,
        asset: said.asset,
        owed: said.cumulative,
        takeable: U256::ZERO,
        chain: String::new(),
        symbol: String::new(),
        decimals: 0,
        told: true,
    }
}

fn arrived(row: &WithdrawalRow) -> MoneyNews {
    let plan = &row.plan;
    // What a relayer may keep was not sent there.
    let fee = match &plan.how {
        How::Relayed { claim, .. } => U256::from(claim.max_fee),
        How::OwnClaim { .. } | How::Transfer { .. } => U256::ZERO,
    };
    MoneyNews {
        id: row.id.clone(),
        what: MoneyNewsKind::Arrived,
        amount: amount::coins(plan.amount.saturating_sub(fee), &plan.symbol, plan.decimals),
        chain: plan.chain.clone(),
        to: plan.to.to_string(),
    }
}

fn published(payout: &PayoutNews, wallet: &WalletRow) -> MoneyNews {
    let what = match wallet {
        WalletRow::Local { .. } => MoneyNewsKind::Claimable,
        // Its key is elsewhere: what is taken, and by whom, is not decided here.
        WalletRow::Watching { .. } => MoneyNewsKind::Published,
    };
    MoneyNews {
        id: name_of(payout),
        what,
        amount: amount::coins(payout.takeable, &payout.symbol, payout.decimals),
        chain: payout.chain.clone(),
        to: payout.account.to_string(),
    }
}

/// A payout that owes more has another name.
fn name_of(PayoutNews { chain_id, asset, owed, .. }: &PayoutNews) -> String {
    format!("payout:{chain_id}:{asset}:{owed}")
}
