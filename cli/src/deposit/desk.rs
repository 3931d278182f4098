//! Does what [`Deposit::next`] says, one step after the other, and writes every step down before it is taken.

use std::collections::HashMap;

use alloy::sol_types::SolCall;
use alloy_primitives::{Address, B256, U256};
use headframe_accounts::Decimals;
use headframe_contracts::{IERC20Metadata, IMarket};
use headframe_protocol::{
    TimestampMs,
    chain::Asset,
    spending::{SignedOrder, TabView},
};
use serde::Serialize;
use tokio::time::Instant;

use super::{Act, Deposit, Seen, Setback, Step, shelf::Place};
use crate::{
    Client,
    chain::{
        Chain, ChainError,
        sending::{Fate, Pace},
    },
    error::{Error, MoneyError},
    wallet::{UnsignedOrder, WalletKey},
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

/// Something that is waited for, and for how long it has not changed.
struct Watch {
    last: Option<(Act, Fate)>,
    since: Instant,
    sent: bool,
}

impl Desk<'_> {
    /// Takes the deposit to its end.
    ///
    /// # Errors
    /// [`MoneyError`]; what is done stays done, and the same again goes on from there.
    pub async fn carry(&self, mut deposit: Deposit, place: &Place, now: TimestampMs, tell: Tell<'_>) -> Result<(), Error> {
        let mut watch = Watch { last: None, since: Instant::now(), sent: false };
        let mut told_paid = false;
        loop {
            let seen = self.look(&deposit).await?;
            let step = match deposit.next(&seen) {
                Ok(step) => step,
                Err(setback) => return Err(self.give_up(&mut deposit, place, setback)?.into()),
            };
            if let (Some(Fate::Final { worked: true }), Some(payment), false) = (seen.payment, &deposit.payment, told_paid) {
                told_paid = true;
                tell(Progress::PaidIn { transaction: payment.hash });
            }
            match step {
                Step::Approve => {
                    let call = IERC20Metadata::approveCall { spender: self.chain.market(), value: seen.wanted };
                    self.send(&mut deposit, place, (Act::Approval, self.asset.address, &call), tell).await?;
                }
                Step::PayIn => {
                    let amount = u128::try_from(seen.wanted).map_err(|_| MoneyError::TooMuch)?;
                    let call = IMarket::depositCall { asset: self.asset.address, amount };
                    self.send(&mut deposit, place, (Act::Payment, self.chain.market(), &call), tell).await?;
                }
                Step::Follow(act, fate) => self.follow(&deposit, (act, fate), &mut watch, tell).await?,
                Step::SignOrder => {
                    deposit.order = Some(self.order(seen.wanted, expiry(now, super::ORDER_DAYS))?);
                    place.keep(&deposit).map_err(MoneyError::Shelf)?;
                }
                Step::SendOrder => {
                    let Some(order) = &deposit.order else { continue };
                    self.client.add_order(order).await?;
                    tell(Progress::Ordered { order: order.order_id, expires_ms: ends(order) });
                    deposit.ordered = true;
                    place.keep(&deposit).map_err(MoneyError::Shelf)?;
                }
                Step::AwaitReservation => {
                    let Some(order) = &deposit.order else { continue };
                    let tab = self.await_reservation(order, tell).await?;
                    tell(Progress::Spendable { tab });
                    return Ok(place.clear().map_err(MoneyError::Shelf)?);
                }
                Step::Done => return Ok(place.clear().map_err(MoneyError::Shelf)?),
            }
        }
    }

    /// Lets the operator reserve up to `max_spend` until `expiry`.
    ///
    /// # Errors
    /// [`MoneyError::Wallet`].
    pub fn order(&self, max_spend: U256, expiry: u64) -> Result<SignedOrder, MoneyError> {
        let order = UnsignedOrder {
            chain_id: self.chain.id(),
            order_id: B256::from(rand::random::<[u8; 32]>()),
            asset: self.asset.address,
            max_spend,
            max_fee_bps: self.asset.fee_bps,
            expiry,
        };
        Ok(self.key.order(order, self.chain.market())?)
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
        match deposit.transaction(act) {
            Some(signed) => self.chain.fate(deposit.terms.wallet, signed).await.map(Some),
            None => Ok(None),
        }
    }

    /// Signs a call, writes it down and sends it, in this order.
    async fn send<C: SolCall>(
        &self,
        deposit: &mut Deposit,
        place: &Place,
        (act, to, call): (Act, Address, &C),
        tell: Tell<'_>,
    ) -> Result<(), MoneyError> {
        self.pace.until_quiet(self.chain, deposit.terms.wallet).await?;
        let unsigned = self.chain.prepare(deposit.terms.wallet, to, call, act.verb()).await?;
        let signed = self.key.transaction(unsigned)?;
        match act {
            Act::Approval => deposit.approval = Some(signed.clone()),
            Act::Payment => deposit.payment = Some(signed.clone()),
        }
        place.keep(deposit).map_err(MoneyError::Shelf)?;
        self.chain.send(&signed, act.verb()).await?;
        tell(Progress::Sent { act, transaction: signed.hash });
        Ok(())
    }

    /// One look at a transaction that is under way. One that a crash kept from being sent, or that the node has lost, is sent again.
    async fn follow(&self, deposit: &Deposit, now: (Act, Fate), watch: &mut Watch, tell: Tell<'_>) -> Result<(), MoneyError> {
        let (act, fate) = now;
        if watch.last != Some(now) {
            *watch = Watch { last: Some(now), since: Instant::now(), sent: false };
            let blocks_left = if let Fate::Included { left } = fate { Some(left) } else { None };
            tell(Progress::Waiting { act: Some(act), blocks_left });
        }
        if watch.since.elapsed() > self.pace.patience {
            return Err(MoneyError::NotYet { what: format!("{} has not taken the transaction in yet", self.chain.name()) });
        }
        if let (Fate::Waiting, false, Some(signed)) = (fate, watch.sent, deposit.transaction(act)) {
            watch.sent = true;
            self.chain.send(signed, act.verb()).await?;
        }
        tokio::time::sleep(self.pace.look).await;
        Ok(())
    }

    /// What came to nothing is forgotten, so that the same command makes it anew.
    fn give_up(&self, deposit: &mut Deposit, place: &Place, setback: Setback) -> Result<MoneyError, MoneyError> {
        let (Setback::Reverted(act) | Setback::Replaced(act)) = setback;
        let transaction = deposit.transaction(act).map(|signed| signed.hash).unwrap_or_default();
        deposit.forget(act);
        place.keep(deposit).map_err(MoneyError::Shelf)?;
        let (chain, act) = (self.chain.name().to_owned(), act.verb());
        Ok(MoneyError::Chain(match setback {
            Setback::Reverted(_) => ChainError::Reverted { chain, act, transaction },
            Setback::Replaced(_) => ChainError::Replaced { chain, act, transaction },
        }))
    }

    /// The tab in which the network has reserved money under an order, once jobs can be charged to it.
    async fn await_reservation(&self, order: &SignedOrder, tell: Tell<'_>) -> Result<TabView, Error> {
        tell(Progress::Waiting { act: None, blocks_left: None });
        let since = Instant::now();
        let mut orders: HashMap<String, B256> = HashMap::new();
        loop {
            match self.tab_under(order, &mut orders).await {
                Ok(Some(tab)) => return Ok(tab),
                Ok(None) => {}
                Err(error) if error.may_pass() => {}
                Err(error) => return Err(error),
            }
            if since.elapsed() > self.pace.patience {
                let what = "the money is paid in and the network may spend it, but has not reserved it yet".to_owned();
                return Err(MoneyError::NotYet { what }.into());
            }
            tokio::time::sleep(self.pace.look).await;
        }
    }

    async fn tab_under(&self, order: &SignedOrder, orders: &mut HashMap<String, B256>) -> Result<Option<TabView>, Error> {
        let open = |tab: &TabView| tab.chain_id == order.chain_id && tab.state == "open";
        for tab in self.client.tabs().await?.into_iter().filter(open) {
            let Ok(id) = tab.id.parse::<B256>() else { continue };
            let under = match orders.get(&tab.id) {
                Some(under) => *under,
                None => self.chain.session(id).await.map_err(MoneyError::Chain)?.orderId,
            };
            orders.insert(tab.id.clone(), under);
            if under == order.order_id {
                return Ok(Some(tab));
            }
        }
        Ok(None)
    }
}

/// The end of an order that is signed at `now`, in seconds since 1970.
#[must_use]
pub fn expiry(now: TimestampMs, days: u32) -> u64 {
    let ends = now.after(std::time::Duration::from_secs(u64::from(days) * 86_400));
    u64::try_from(ends.as_millis()).unwrap_or(0) / 1_000
}

/// When an order ends.
#[must_use]
pub fn ends(order: &SignedOrder) -> TimestampMs {
    TimestampMs::from_millis(i64::try_from(order.expiry).unwrap_or(i64::MAX).saturating_mul(1_000))
}
