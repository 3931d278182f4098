//! An act before it is agreed to: everything about it is looked up, compared and put in words. Nothing is unlocked here.

use std::time::Duration;

use alloy::primitives::{Address, U128, U256};
use headframe_protocol::{
    chain::{Asset, ChainProfile},
    control::{IntentCard, PrepareArgs, Source, Warning},
    payout::{PayoutTerms, SignedPayoutTerms},
};

use super::{
    Wallet, amount,
    chain::Chain,
    claimable::{self, Claimable},
    contracts, cost,
    destination::{self, Destination, Known},
    error::WalletError,
    intent::{ConfirmPayout, Intent},
};
use crate::{
    clock::{self, Now},
    store::{ClaimPlan, How, PayoutRow, Plan, WalletRow},
};

/// How long an intent waits for its owner: prices and proofs grow old.
const EXPIRES_AFTER: Duration = Duration::from_secs(120);

/// Intents that wait at a time. One more takes the oldest one's place.
const WAITING_MAX: usize = 16;

/// How long a relayer may wait with a claim, on the chain's own clock.
const RELAY_SECONDS: u64 = 3_600;

/// Gas for a signed claim. Measured: 187,000; it cannot be estimated before it is signed.
const CLAIM_GAS: u64 = 300_000;

/// Bytes of a transaction that sends a claim, without its proof; and of one that moves tokens.
const CLAIM_BYTES: u64 = 700;
const TRANSFER_BYTES: u64 = 220;

/// An intent that waits for its owner.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) intent: Intent,
    pub(super) warnings: Vec<Warning>,
    pub(super) expires: Now,
}

/// An intent as it was looked up.
struct Draft {
    intent: Intent,
    warnings: Vec<Warning>,
    expires: Now,
    /// Token units that stay where the taken ones lie.
    remains: U256,
}

/// What an owner wants to take.
struct Wish {
    from: Source,
    to: Destination,
    amount: Option<String>,
    own_gas: bool,
}

impl Wallet {
    /// Looks everything up and says it in words.
    pub(super) async fn prepare(&self, args: PrepareArgs) -> Result<IntentCard, WalletError> {
        let Draft { intent, warnings, expires, remains } = match args {
            PrepareArgs::ConfirmPayout { chain_id, in_hfr } => {
                let intent = self.confirm_payout(chain_id, in_hfr).await?;
                Draft { intent, warnings: Vec::new(), expires: clock::now() + EXPIRES_AFTER, remains: U256::ZERO }
            }
            PrepareArgs::Withdraw { chain_id, asset, from, to, amount, own_gas } => {
                let account = self.own_account().await?;
                let to =
                    to.map_or(Ok(Destination::own(account)), |text| Destination::parse(&text)).map_err(WalletError::Address)?;
                let wish = Wish { from, to, amount, own_gas };
                let chain = self.connect(chain_id).await?;
                self.withdrawal(&chain, account, &asset, wish).await?
            }
        };
        let id = hex::encode(rand::random::<[u8; 16]>());
        let card = IntentCard {
            id: id.clone(),
            words: intent.words(),
            facts: Some(intent.facts(remains)),
            warnings: warnings.clone(),
            expires_ms: expires.wall,
            previous: intent.previous().map(|previous| previous.to_string()),
        };
        self.wait_for_owner(id, Waiting { intent, warnings, expires });
        Ok(card)
    }

    /// The intents that wait, without those whose time is over.
    pub(super) fn waiting(&self) -> std::sync::MutexGuard<'_, std::collections::HashMap<String, Waiting>> {
        let mut waiting = self.inner.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = clock::now().moment;
        waiting.retain(|_, one| now < one.expires.moment);
        waiting
    }

    fn wait_for_owner(&self, id: String, one: Waiting) {
        let mut waiting = self.waiting();
        if waiting.len() >= WAITING_MAX {
            let oldest = waiting.iter().min_by_key(|(_, one)| one.expires.moment).map(|(id, _)| id.clone());
            oldest.map(|id| waiting.remove(&id));
        }
        waiting.insert(id, one);
    }

    async fn confirm_payout(&self, chain_id: Option<u64>, in_hfr: bool) -> Result<Intent, WalletError> {
        let (account, by_wallet) = match self.row().await? {
            WalletRow::Watching { address } => (address, false),
            WalletRow::Local { address, backup_verified: true, .. } => (address, true),
            WalletRow::Local { .. } => return Err(WalletError::Unverified),
        };
        let network = (self.inner.network)().ok_or(WalletError::NotConnected)?;
        let profiles = self.inner.payroll.chains().await?;
        let profile = match chain_id {
            Some(id) => of_chain(profiles, id)?,
            None => profiles.into_iter().next().ok_or_else(|| WalletError::impossible("This network pays on no chain yet"))?,
        };
        let before = self.inner.store.payout().await?;
        let issued_ms = match &before {
            // The newest counts: a clock that was put back must not make the new word the older one.
            Some(before) => clock::wall().max(before.signed.terms.issued_ms.after(Duration::from_millis(1))),
            None => clock::wall(),
        };
        let previous = before.as_ref().and_then(confirmed_account);
        let previous = previous.filter(|previous| *previous != account && self.inner.vault.has(*previous));
        let device = self.inner.key.device();
        let terms = PayoutTerms { network, device, account, chain_id: profile.chain_id, in_hfr, issued_ms };
        let device_signature = self.inner.key.sign_payout(&terms).map_err(WalletError::Device)?;
        let signed = SignedPayoutTerms { terms, device_signature, wallet_signature: None, previous_signature: None };
        Ok(Intent::ConfirmPayout(Box::new(ConfirmPayout { signed, by_wallet, chain: profile.name, previous })))
    }

    /// The account whose key is here and whose phrase is safe.
    async fn own_account(&self) -> Result<Address, WalletError> {
        match self.row().await? {
            WalletRow::Local { address, backup_verified: true, .. } => Ok(address),
            WalletRow::Local { .. } => Err(WalletError::Unverified),
            WalletRow::Watching { address } => Err(WalletError::KeyElsewhere(address)),
        }
    }

    async fn connect(&self, chain_id: u64) -> Result<Chain, WalletError> {
        let profile = of_chain(self.inner.payroll.chains().await?, chain_id)?;
        Ok(Chain::connect(profile, &self.inner.http).await?)
    }

    async fn withdrawal(&self, chain: &Chain, account: Address, asset: &str, wish: Wish) -> Result<Draft, WalletError> {
        let asset = of_asset(&chain.profile, asset)?;
        if let Some(problem) = chain.problem_with(asset).await? {
            return Err(WalletError::impossible(format!("This asset is not touched: {problem}")));
        }
        let (code, used) = (chain.code(wish.to.address).await?, self.inner.store.has_withdrawn_to(wish.to.address).await?);
        let own = wish.to.address == account;
        let known = Known { profile: &chain.profile, code: &code, used, own };
        let mut warnings = destination::warnings(wish.to, &known);
        let mut expires = clock::now() + EXPIRES_AFTER;
        let (amount, how, remains) = match wish.from {
            Source::Earnings => {
                let (units, claim) = self.claim(chain, account, asset, &wish).await?;
                if wish.own_gas {
                    let gas = cost::own_gas(chain, account, CLAIM_GAS, CLAIM_BYTES + 32 * claim.proof.len() as u64).await?;
                    (units, How::OwnClaim { claim, gas }, U256::ZERO)
                } else {
                    let fee = self.inner.payroll.relay_fee(chain.profile.chain_id, asset.address, account).await?;
                    warnings.extend(cost::judge_fee(&fee, units)?);
                    expires = sooner(expires, clock::at_wall(fee.valid_until_ms));
                    // Judged: it is a small part of what is taken, and that fits.
                    let max_fee = U128::from(u128::try_from(fee.fee).unwrap_or(u128::MAX));
                    (units, How::Relayed { claim: ClaimPlan { max_fee, ..claim }, worth: fee.worth }, U256::ZERO)
                }
            }
            Source::Wallet => transfer(chain, account, asset, &wish).await?,
        };
        let profile = &chain.profile;
        let plan = Plan {
            chain_id: profile.chain_id,
            chain: profile.name.clone(),
            finality_blocks: profile.finality_blocks,
            explorer: profile.explorer.clone(),
            asset: asset.address,
            symbol: asset.symbol.clone(),
            decimals: asset.decimals,
            kind: asset.kind,
            account,
            to: wish.to.address,
            amount,
            how,
        };
        self.no_other(&plan).await?;
        Ok(Draft { intent: Intent::Withdraw(Box::new(plan)), warnings, expires, remains })
    }

    /// All that is ready, proven.
    async fn claim(&self, chain: &Chain, account: Address, asset: &Asset, wish: &Wish) -> Result<(U256, ClaimPlan), WalletError> {
        let entitlements = self.inner.payroll.entitlements(account).await?;
        let (units, entitlement) = match claimable::look_up(chain, account, asset, &entitlements).await? {
            Claimable::Proven(proven) => (proven.units, proven.entitlement),
            Claimable::Nothing => {
                return Err(WalletError::impossible(format!(
                    "No {} is ready to be taken on {}",
                    asset.symbol, chain.profile.name
                )));
            }
            Claimable::Unproven => {
                return Err(WalletError::impossible(
                    "The coordinator says that something is owed, and the chain does not confirm it. Nothing is signed; ask the operator",
                ));
            }
        };
        if let Some(text) = &wish.amount
            && amount::parse(text, asset).map_err(WalletError::Amount)? != units
        {
            let all = amount::named(units, &asset.symbol, asset.decimals);
            return Err(WalletError::impossible(format!(
                "Earnings are taken as a whole: {all} now. Take all of it, or take it to your wallet and send a part from there"
            )));
        }
        let (time, nonce) = tokio::try_join!(chain.time(), chain.claim_nonce(account))?;
        if chain.is_paused(time).await? {
            return Err(WalletError::impossible(
                "Payouts are stopped for a few days while something is looked into. What is yours stays yours",
            ));
        }
        let claim = ClaimPlan {
            distributor: chain.profile.contracts.distributor,
            // Proven, so it fits.
            cumulative: U128::from(u128::try_from(entitlement.cumulative).unwrap_or(u128::MAX)),
            proof: entitlement.proof,
            max_fee: U128::ZERO,
            nonce,
            deadline: time.saturating_add(RELAY_SECONDS),
        };
        Ok((units, claim))
    }

    /// Two withdrawals that would get into each other's way come one after the other.
    pub(super) async fn no_other(&self, plan: &Plan) -> Result<(), WalletError> {
        let open = self.inner.store.open_withdrawals().await?;
        let signed = open.iter().filter(|row| row.act.is_some() && row.plan.chain_id == plan.chain_id);
        let in_the_way = signed.into_iter().any(|row| collides(&row.plan, plan));
        if in_the_way {
            return Err(WalletError::impossible("Another withdrawal is still on its way there; wait until it is final"));
        }
        Ok(())
    }
}

/// The account that a wallet has confirmed: as the coordinator has it, or as it was last said.
fn confirmed_account(row: &PayoutRow) -> Option<Address> {
    match &row.standing {
        Some(standing) => standing.terms.as_ref().filter(|_| standing.confirmed).map(|terms| terms.account),
        None => row.signed.wallet_signature.as_ref().map(|_| row.signed.terms.account),
    }
}

fn collides(one: &Plan, other: &Plan) -> bool {
    let own_gas = |plan: &Plan| match plan.how {
        How::OwnClaim { .. } | How::Transfer { .. } => true,
        How::Relayed { .. } => false,
    };
    let claims = |plan: &Plan| match plan.how {
        How::OwnClaim { .. } | How::Relayed { .. } => true,
        How::Transfer { .. } => false,
    };
    let same_number = own_gas(one) && own_gas(other) && one.account == other.account;
    // Claims of an account are numbered too, over all assets.
    let same_claim = claims(one) && claims(other) && one.account == other.account;
    same_number || same_claim
}

/// Tokens that are in the wallet, sent with its own gas; and how many stay there.
async fn transfer(chain: &Chain, account: Address, asset: &Asset, wish: &Wish) -> Result<(U256, How, U256), WalletError> {
    if !wish.own_gas {
        return Err(WalletError::impossible("What is in the wallet is sent with the wallet's own gas; say so with --own-gas"));
    }
    if wish.to.address == account {
        return Err(WalletError::impossible("This money is in the wallet already"));
    }
    let balance = chain.balance(asset.address, account).await?;
    let units = match &wish.amount {
        Some(text) => amount::parse(text, asset).map_err(WalletError::Amount)?,
        None => balance,
    };
    if units.is_zero() || units > balance {
        let has = amount::named(balance, &asset.symbol, asset.decimals);
        return Err(WalletError::impossible(format!("The wallet has {has} on {}", chain.profile.name)));
    }
    let needed = chain.gas(account, asset.address, contracts::transfer_call(wish.to.address, units)).await?;
    // A quarter more: a token may do more next block than in this one.
    let gas = cost::own_gas(chain, account, needed.saturating_add(needed / 4), TRANSFER_BYTES).await?;
    Ok((units, How::Transfer { gas }, balance.saturating_sub(units)))
}

fn sooner(one: Now, other: Now) -> Now {
    if other.moment < one.moment { other } else { one }
}

fn of_chain(profiles: Vec<ChainProfile>, chain_id: u64) -> Result<ChainProfile, WalletError> {
    let names: Vec<String> = profiles.iter().map(|profile| format!("{} ({})", profile.chain_id, profile.name)).collect();
    let found = profiles.into_iter().find(|profile| profile.chain_id == chain_id);
    found
        .ok_or_else(|| WalletError::impossible(format!("This network is not on chain {chain_id}; it is on {}", names.join(", "))))
}

/// By its symbol or its contract.
fn of_asset<'a>(profile: &'a ChainProfile, name: &str) -> Result<&'a Asset, WalletError> {
    let contract: Option<Address> = name.parse().ok();
    let named = |asset: &&Asset| asset.symbol.eq_ignore_ascii_case(name) || Some(asset.address) == contract;
    let found = profile.assets.iter().find(named);
    let symbols = || profile.assets.iter().map(|asset| asset.symbol.as_str()).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| WalletError::impossible(format!("There is no such asset on {}; there is {}", profile.name, symbols())))
}
