//! Does what [`Deposit::next`] says, one step after the other, and writes every step down before it is taken.

use alloy::consensus::TxEip1559;
use alloy_primitives::{B256, U256};
use headframe_accounts::Decimals;
use headframe_contracts::{IERC20Metadata, IMarket};
use headframe_protocol::{TimestampMs, chain::Asset, spending::TabView};
use serde::Serialize;

use super::{
    Act, Deposit, Seen, Setback, Step,
    ordering::{ends, expiry},
    shelf::Place,
};
use crate::{
    Client,
    chain::{
        Chain, ChainError,
        pace::{Pace, Wait},
        sending::Fate,
    },
    error::{Error, MoneyError},
    wallet::WalletKey,
};

/// What a step needs.
#[derive(Debug)]
pub struct Desk<'a> {
    /// The coordinator.
    pub client: &'a Client,
    /// The chain.
    pub chain: &'a Chain,
    /// The customer's key.
    pub key: &'a WalletKey,
    /// The token.
    pub asset: &'a Asset,
    /// Its decimals, as the chain says.
    pub decimals: Decimals,
    /// How the chain is followed.
    pub pace: Pace,
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Progress {
    /// A transaction was sent, maybe once more.
    Sent {
        /// Which.
        act: Act,
        /// Its name on the chain.
        transaction: B256,
    },
    /// A transaction or the network is waited for.
    Waiting {
        /// For which; absent for the network.
        #[serde(skip_serializing_if = "Option::is_none")]
        act: Option<Act>,
        /// How many blocks are still to come; absent while it is in none.
        #[serde(skip_serializing_if = "Option::is_none")]
        blocks_left: Option<u64>,
    },
    /// It is paid in, and nothing takes that back.
    PaidIn {
        /// Its name on the chain.
        transaction: B256,
    },
    /// The network has the order.
    Ordered {
        /// Its name.
        order: B256,
        /// When it ends.
        expires_ms: TimestampMs,
    },
    /// The network has reserved it: jobs can be paid with it.
    Spendable {
        /// The tab it is in.
        tab: TabView,
    },
}

/// Who is told what has happened.
pub type Tell<'a> = &'a (dyn Fn(Progress) + Sync);

/// A transaction that is waited for, and since when it has not changed.
struct Watch {
    last: Option<(Act, Fate)>,
    wait: Wait,
    /// What this run has sent last.
    sent: Option<B256>,
    /// Versions of it that this run has made.
    made: usize,
    told_paid: bool,
}

impl Desk<'_> {
    /// Takes the deposit to its end.
    ///
    /// # Errors
    /// [`MoneyError`]; what is done stays done, and the same again goes on from there.
    pub async fn carry(&self, mut deposit: Deposit, place: &Place, now: TimestampMs, tell: Tell<'_>) -> Result<(), Error> {
        let mut watch = Watch { last: None, wait: self.pace.wait(), sent: None, made: 0, told_paid: false };
        if deposit.order.as_ref().is_some_and(|order| ends(order) <= now) {
            (deposit.order, deposit.ordered) = (None, false);
        }
        loop {
            let seen = self.look(&deposit).await?;
            let step = match deposit.next(&seen) {
                Ok(step) => step,
                Err(setback) => return Err(self.give_up(&mut deposit, place, setback)?.into()),
            };
            if seen.payment == Some(Fate::Final { worked: true }) && !watch.told_paid {
                watch.told_paid = true;
                let taken = self.chain.taken(&deposit.payment).await.map_err(MoneyError::Chain)?;
                tell(Progress::PaidIn { transaction: taken });
            }
            match step {
                Step::Approve | Step::PayIn => self.send(&mut deposit, place, (step, seen.wanted), &mut watch, tell).await?,
                Step::Follow(act, fate) => self.follow(&mut deposit, place, (act, fate), &mut watch, tell).await?,
                Step::SignOrder => {
                    deposit.order = Some(self.order(seen.wanted, expiry(now, super::ORDER_DAYS))?);
                    place.keep(&deposit).map_err(MoneyError::Shelf)?;
                }
                Step::SendOrder => self.send_order(&mut deposit, place, tell).await?,
                Step::AwaitReservation => {
                    let Some(order) = &deposit.order else { continue };
                    let tab = self.await_reservation(&deposit, order, tell).await?;
                    tell(Progress::Spendable { tab });
                    return Ok(place.clear().map_err(MoneyError::Shelf)?);
                }
                Step::Done => return Ok(place.clear().map_err(MoneyError::Shelf)?),
            }
        }
    }

    async fn look(&self, deposit: &Deposit) -> Result<Seen, MoneyError> {
        let wallet = deposit.terms.wallet;
        let wanted = self.decimals.units(deposit.terms.amount).map_err(|_| MoneyError::TooMuch)?;
        let patient = async || {
            let payment = self.fate(deposit, Act::Payment).await?;
            // Once it is paid, nobody asks how.
            let approval = if payment.is_some() { None } else { self.fate(deposit, Act::Approval).await? };
            let allowance = if payment.is_some() { U256::ZERO } else { self.chain.allowance(wallet, self.asset).await? };
            Ok::<_, ChainError>(Seen { wanted, allowance, approval, payment })
        };
        Ok(self.pace.patiently(patient).await?)
    }

    async fn fate(&self, deposit: &Deposit, act: Act) -> Result<Option<Fate>, ChainError> {
        match deposit.versions(act) {
            [] => Ok(None),
            versions => self.chain.fate(deposit.terms.wallet, versions).await.map(Some),
        }
    }

    /// Signs a call, writes it down and sends it, in this order.
    async fn send(
        &self,
        deposit: &mut Deposit,
        place: &Place,
        (step, wanted): (Step, U256),
        watch: &mut Watch,
        tell: Tell<'_>,
    ) -> Result<(), MoneyError> {
        let wallet = deposit.terms.wallet;
        self.pace.until_quiet(self.chain, wallet).await?;
        let (act, unsigned) = if step == Step::Approve {
            let call = IERC20Metadata::approveCall { spender: self.chain.market(), value: wanted };
            (Act::Approval, self.chain.prepare(wallet, self.asset.address, &call, Act::Approval.verb()).await?)
        } else {
            let amount = u128::try_from(wanted).map_err(|_| MoneyError::TooMuch)?;
            let call = IMarket::depositCall { asset: self.asset.address, amount };
            deposit.free_before = Some(U256::from(self.chain.holding(wallet, self.asset).await?.free));
            (Act::Payment, self.chain.prepare(wallet, self.chain.market(), &call, Act::Payment.verb()).await?)
        };
        self.hand_over(deposit, place, (act, unsigned), watch, tell).await
    }

    async fn hand_over(
        &self,
        deposit: &mut Deposit,
        place: &Place,
        (act, unsigned): (Act, TxEip1559),
        watch: &mut Watch,
        tell: Tell<'_>,
    ) -> Result<(), MoneyError> {
        let signed = self.key.transaction(unsigned)?;
        deposit.versions_mut(act).push(signed.clone());
        place.keep(deposit).map_err(MoneyError::Shelf)?;
        (watch.sent, watch.made) = (Some(signed.hash), watch.made + 1);
        self.chain.send(&signed, act.verb()).await?;
        tell(Progress::Sent { act, transaction: signed.hash });
        Ok(())
    }

    /// One look at a transaction that is under way. One that a crash kept from being sent, or that the node has lost, is sent again;
    /// one that pays too little is made again with the same number, so that the chain can take only one of the two.
    async fn follow(
        &self,
        deposit: &mut Deposit,
        place: &Place,
        now: (Act, Fate),
        watch: &mut Watch,
        tell: Tell<'_>,
    ) -> Result<(), MoneyError> {
        let (act, fate) = now;
        if watch.last != Some(now) {
            (watch.last, watch.wait) = (Some(now), self.pace.wait());
            watch.made = watch.made.min(1);
            let blocks_left = if let Fate::Included { left } = fate { Some(left) } else { None };
            tell(Progress::Waiting { act: Some(act), blocks_left });
        }
        if watch.wait.is_too_long() {
            return Err(MoneyError::NotYet { what: format!("{} has not taken the transaction in yet", self.chain.name()) });
        }
        let newest = deposit.versions(act).last().cloned();
        if let (Fate::Waiting, Some(newest)) = (fate, newest) {
            let is_new_to_us = watch.sent.replace(newest.hash) != Some(newest.hash);
            let taken = if is_new_to_us { self.chain.send(&newest, act.verb()).await } else { Ok(()) };
            let refused = matches!(taken, Err(ChainError::Refused { .. }));
            if (refused || self.pace.wants_dearer(watch.wait, watch.made.max(1)))
                && let Some(dearer) = self.chain.dearer(deposit.terms.wallet, &newest).await?
            {
                return self.hand_over(deposit, place, (act, dearer), watch, tell).await;
            }
            taken?;
        }
        watch.wait.pause().await;
        Ok(())
    }

    /// What came to nothing is forgotten, so that the same command makes it anew.
    fn give_up(&self, deposit: &mut Deposit, place: &Place, setback: Setback) -> Result<MoneyError, MoneyError> {
        let act = match setback {
            Setback::Reverted(act) | Setback::Replaced(act) => act,
            Setback::Withdrawn => Act::Approval,
        };
        let versions = std::mem::take(deposit.versions_mut(act));
        place.keep(deposit).map_err(MoneyError::Shelf)?;
        let transaction = versions.last().map(|signed| signed.hash).unwrap_or_default();
        let (chain, act) = (self.chain.name().to_owned(), act.verb());
        Ok(match setback {
            Setback::Reverted(_) => ChainError::Reverted { chain, act, transaction }.into(),
            Setback::Replaced(_) => ChainError::Replaced { chain, act, transaction }.into(),
            Setback::Withdrawn => MoneyError::NotYet {
                what: format!("{transaction} let the Market take the tokens, and something has taken that back"),
            },
        })
    }
}
