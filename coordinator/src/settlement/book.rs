//! What an event of a chain means in the ledger. Each is booked in the transaction that writes it down.

use alloy_primitives::{Address, B256, U256};
use headframe_protocol::{Micros, TimestampMs};

use super::{SettlementError, events::Event};
use crate::{
    App,
    chain::Chain,
    fiat::{KeptPayment, PaymentState},
    store::{
        StoreError, Tx,
        chain_events::Place,
        fiat,
        ledger::{self, Account, Coin, Kind, Leg, Posted, Transfer},
        payouts::{self, PayoutState},
        tabs::{self, Tab, TabState},
        wallets,
    },
};

/// What every booking needs.
struct Desk<'a> {
    chain: &'a Chain,
    tx: &'a mut Tx,
    place: Place,
    now: TimestampMs,
}

/// Books one event.
pub(super) async fn book(app: &App, chain: &Chain, tx: &mut Tx, place: Place, event: Event) -> Result<(), SettlementError> {
    let mut desk = Desk { chain, tx, place, now: app.store.now() };
    match event {
        Event::Deposited(event) => desk.deposit(event.customer, event.asset, |has| has.checked_add(event.amount)).await,
        Event::Withdrawn(event) => desk.deposit(event.customer, event.asset, |has| has.checked_sub(event.amount)).await,
        Event::FiatCredited(event) => desk.fiat_credited(event.r#ref, event.asset, event.amount).await,
        Event::FiatReversed(event) => desk.fiat_reversed(event.r#ref, event.asset, event.amount).await,
        Event::OrderRevoked(event) => Ok(wallets::revoke_order(desk.tx, &event.orderId.to_string(), desk.now).await?),
        Event::Reserved(event) => desk.reserved(event.session, event.amount).await,
        Event::GivenBack(event) => desk.given_back(event.session, event.amount).await,
        Event::Resolved(event) => desk.resolved(event.session, event.returned).await,
        Event::Settled(event) => desk.settled(event.session, event.used).await,
        Event::Released(event) => desk.released(event.session, event.returned).await,
        Event::RootProposed(event) => desk.payout(event.epoch, event.root, PayoutState::Proposed).await,
        Event::RootActivated(event) => desk.payout(event.epoch, event.root, PayoutState::Active).await,
        Event::RootVetoed(event) => {
            tracing::error!(
                chain.id = chain.id(), payout.epoch = event.epoch, watcher = %event.watcher, reason = event.reason,
                "A watcher has vetoed a payout; nothing is paid on this chain until a person has looked, and undone it",
            );
            desk.payout(event.epoch, event.root, PayoutState::Vetoed).await
        }
        Event::Claimed(event) => {
            tracing::debug!(chain.id = chain.id(), account = %event.account, amount = %event.amount, "Earnings were claimed");
            Ok(payouts::add_claimed(desk.tx, chain.id(), (event.asset, event.account), event.amount).await?)
        }
        Event::Stocked { token, transfer } => desk.stocked(token, transfer.value).await,
    }
}

impl Desk<'_> {
    async fn post(&mut self, transfer: Transfer) -> Result<(), SettlementError> {
        match ledger::post(self.tx, &[transfer], self.now).await? {
            Posted::Yes => Ok(()),
            Posted::NotCovered(account) => {
                let value = format!("{account} does not cover event {}", self.place.key());
                Err(StoreError::Corrupt { what: "balance", value }.into())
            }
        }
    }

    fn unknown(&self, what: &str) -> SettlementError {
        SettlementError::Unknown { chain: self.chain.id(), what: format!("{what} in event {}", self.place.key()) }
    }

    /// What is a wallet's alone has changed on the chain, in token units. The ledger holds what that comes to in millionths.
    async fn deposit(
        &mut self,
        wallet: Address,
        token: Address,
        change: impl FnOnce(U256) -> Option<U256>,
    ) -> Result<(), SettlementError> {
        let Some(coin) = self.chain.coin(token) else { return Ok(()) };
        let before = wallets::units(self.tx, wallet, coin).await?;
        let after = change(before).ok_or_else(|| self.unknown("an amount below nothing"))?;
        wallets::set_units(self.tx, wallet, coin, after).await?;
        let micros = |units| self.chain.micros(token, units).map(|(_, micros)| micros);
        let (before, after) = micros(before).zip(micros(after)).ok_or_else(|| self.unknown("more money than there is"))?;
        let owner = wallets::owner(self.tx, wallet).await?;
        let account = owner.map_or(Account::Unclaimed(wallet), Account::Free);
        let (kind, from, to, amount) = if after > before {
            (Kind::Deposit, Account::Outside, account, after.get() - before.get())
        } else {
            (Kind::Withdrawal, account, Account::Outside, before.get() - after.get())
        };
        if amount == 0 {
            return Ok(());
        }
        self.post(Transfer::between(kind, &self.place.key(), from, to, (coin, Micros::new(amount)))).await
    }

    async fn tab(&mut self, session: B256) -> Result<Option<Tab>, SettlementError> {
        let tab = tabs::find(self.tx, &session.to_string()).await?;
        if tab.is_none() {
            // Not ours: another network may share the contract. It says nothing about our customers.
            tracing::warn!(chain.id = self.chain.id(), tab.id = %session, "An event names a tab we do not know");
        }
        Ok(tab)
    }

    fn micros(&self, coin: Coin, units: U256) -> Result<Micros, SettlementError> {
        let token = self.chain.asset(coin).map(|asset| asset.address).ok_or_else(|| self.unknown("a coin"))?;
        self.chain.micros(token, units).map(|(_, micros)| micros).ok_or_else(|| self.unknown("more money than there is"))
    }

    async fn change(&mut self, was: &Tab, is: Tab) -> Result<(), SettlementError> {
        if tabs::change(self.tx, was, &is, self.now).await? {
            Ok(())
        } else {
            // Another replica has changed it in the middle of ours; everything is begun anew.
            Err(self.unknown("a tab that changed meanwhile"))
        }
    }

    /// Money of a customer has become ours to spend for him.
    async fn reserved(&mut self, session: B256, units: U256) -> Result<(), SettlementError> {
        let Some(tab) = self.tab(session).await? else { return Ok(()) };
        let amount = self.micros(tab.coin, units)?;
        let state = if tab.state == TabState::Opening { TabState::Open } else { tab.state };
        let reserved = Micros::new(tab.reserved.get() + amount.get());
        self.change(&tab, Tab { state, reserved, ..tab.clone() }).await?;
        if tab.order.is_some() {
            self.move_free(&tab, units, Leaves::Free).await?;
            let (from, to) = (Account::Free(tab.customer), Account::Available(tab.customer));
            self.post(Transfer::between(Kind::Tab, &self.place.key(), from, to, (tab.coin, amount))).await?;
        }
        Ok(())
    }

    /// What was reserved and not used is the customer's alone again.
    async fn given_back(&mut self, session: B256, units: U256) -> Result<(), SettlementError> {
        let Some(tab) = self.tab(session).await? else { return Ok(()) };
        let amount = self.micros(tab.coin, units)?;
        let reserved = Micros::new(tab.reserved.get() - amount.get());
        self.change(&tab, Tab { reserved, ..tab.clone() }).await?;
        if tab.order.is_some() {
            self.move_free(&tab, units, Leaves::Tab).await?;
            let (from, to) = (Account::Leaving(tab.customer), Account::Free(tab.customer));
            self.post(Transfer::between(Kind::Tab, &self.place.key(), from, to, (tab.coin, amount))).await?;
        }
        Ok(())
    }

    async fn settled(&mut self, session: B256, used: U256) -> Result<(), SettlementError> {
        let Some(tab) = self.tab(session).await? else { return Ok(()) };
        let settled = self.micros(tab.coin, used)?;
        self.change(&tab, Tab { settled, ..tab.clone() }).await
    }

    /// An arbiter has lowered what we had proposed. What is refused is the customer's again; the platform bears it, for its suppliers
    /// have earned it.
    async fn resolved(&mut self, session: B256, units: U256) -> Result<(), SettlementError> {
        let Some(tab) = self.tab(session).await? else { return Ok(()) };
        let amount = self.micros(tab.coin, units)?;
        tracing::error!(
            chain.id = self.chain.id(), tab.id = tab.id, tab.refused = %amount,
            "An arbiter has lowered what a tab is charged; stock the Distributor with as much, or no payout can become active",
        );
        if amount == Micros::ZERO {
            return Ok(());
        }
        let reserved = Micros::new(tab.reserved.get() - amount.get());
        self.change(&tab, Tab { reserved, ..tab.clone() }).await?;
        tabs::refuse(self.tx, &tab.id, amount, self.now).await?;
        let back = if tab.order.is_some() {
            self.move_free(&tab, units, Leaves::Tab).await?;
            Account::Free(tab.customer)
        } else {
            Account::Fiat(tab.customer)
        };
        self.post(Transfer::between(Kind::Tab, &self.place.key(), Account::Fee, back, (tab.coin, amount))).await
    }

    /// Somebody has closed a tab after its day: what was not settled is the customer's, whatever we had meant to charge.
    async fn released(&mut self, session: B256, units: U256) -> Result<(), SettlementError> {
        let Some(tab) = self.tab(session).await? else { return Ok(()) };
        let amount = self.micros(tab.coin, units)?;
        let reserved = Micros::new(tab.reserved.get() - amount.get());
        self.change(&tab, Tab { state: TabState::Closed, reserved, ..tab.clone() }).await?;
        if amount == Micros::ZERO {
            return Ok(());
        }
        let lost = Micros::new(tab.used.get() - tab.settled.get());
        if lost > Micros::ZERO {
            // Suppliers have earned it: as with what an arbiter refuses, the platform bears it.
            tracing::error!(chain.id = self.chain.id(), tab.id = tab.id, tab.lost = %lost, "A tab was closed before it was settled");
            tabs::refuse(self.tx, &tab.id, lost, self.now).await?;
        }
        let rest = Micros::new(amount.get() - lost.get());
        let (from, back) = match tab.order {
            Some(_) => {
                self.move_free(&tab, units, Leaves::Tab).await?;
                (self.left_of(&tab, rest).await?, Account::Free(tab.customer))
            }
            // What was not used of card money is in the same pot in a tab or out of it.
            None => (Account::Fiat(tab.customer), Account::Fiat(tab.customer)),
        };
        let leg = |account, amount| Leg::new(account, tab.coin, amount);
        let legs = vec![leg(from, rest.negated()), leg(Account::Fee, lost.negated()), leg(back, amount)];
        let id = format!("{}:{}", Kind::Tab.as_str(), self.place.key());
        self.post(Transfer { id, kind: Kind::Tab, job: None, attempt: None, memo: None, legs }).await
    }

    /// Where what was released is in the books.
    async fn left_of(&mut self, tab: &Tab, amount: Micros) -> Result<Account, SettlementError> {
        let leaving = Account::Leaving(tab.customer);
        let covered = ledger::balance(self.tx, leaving, tab.coin).await? >= amount;
        Ok(if covered { leaving } else { Account::Available(tab.customer) })
    }

    /// Keeps what is a wallet's alone in step with what moves between it and a tab.
    async fn move_free(&mut self, tab: &Tab, units: U256, leaves: Leaves) -> Result<(), SettlementError> {
        let wallet: Address = tab.wallet.parse().map_err(|_| self.unknown("a wallet"))?;
        let has = wallets::units(self.tx, wallet, tab.coin).await?;
        let has = match leaves {
            Leaves::Free => has.checked_sub(units),
            Leaves::Tab => has.checked_add(units),
        };
        let has = has.ok_or_else(|| self.unknown("an amount below nothing"))?;
        Ok(wallets::set_units(self.tx, wallet, tab.coin, has).await?)
    }

    /// A payment by card can be spent.
    async fn fiat_credited(&mut self, reference: B256, token: Address, units: U256) -> Result<(), SettlementError> {
        let Some(mut payment) = fiat::by_hash(self.tx, reference).await? else { return Ok(()) };
        match payment.state {
            PaymentState::Paid | PaymentState::Crediting => {}
            PaymentState::Credited => return Ok(()),
            PaymentState::Refused | PaymentState::Void => {
                tracing::error!(fiat.reference = payment.reference, "A payment is credited on a chain that was not to be");
            }
        }
        let (coin, credited) = self.chain.micros(token, units).ok_or_else(|| self.unknown("more money than there is"))?;
        // What was asked for may be known better by now; what the chain has is what there is.
        let never = Micros::new((payment.amount.get() - credited.get()).max(0));
        let recovered = payment.reversed.min(never);
        payment = KeptPayment { state: PaymentState::Credited, credited, recovered, ..payment };
        fiat::update(self.tx, &payment, self.now).await?;
        let (from, to) = (Account::Outside, Account::Fiat(payment.customer));
        self.post(Transfer::between(Kind::Fiat, &payment.reference, from, to, (coin, credited))).await
    }

    /// Credit has left the chain. The books were changed when the processor told us; the chain has followed them.
    async fn fiat_reversed(&mut self, reference: B256, token: Address, units: U256) -> Result<(), SettlementError> {
        let Some(payment) = fiat::by_hash(self.tx, reference).await? else { return Ok(()) };
        let (_, amount) = self.chain.micros(token, units).ok_or_else(|| self.unknown("more money than there is"))?;
        let withdrawn = Micros::new(payment.withdrawn.get() + amount.get());
        if withdrawn > payment.withdrawing {
            let chain = self.chain.id();
            tracing::error!(chain.id = chain, fiat.reference = payment.reference, "A chain gave up credit nobody had taken back");
        }
        Ok(fiat::update(self.tx, &KeptPayment { withdrawn, ..payment }, self.now).await?)
    }

    async fn payout(&mut self, epoch: u64, root: B256, state: PayoutState) -> Result<(), SettlementError> {
        let ours = payouts::find(self.tx, self.chain.id(), epoch).await?;
        if ours.is_none_or(|ours| ours.root != root) {
            tracing::error!(
                chain.id = self.chain.id(), payout.epoch = epoch, payout.root = %root,
                "The chain has a payout root that is not ours; a watcher should veto it",
            );
            return Ok(());
        }
        Ok(payouts::advance(self.tx, (self.chain.id(), epoch), state, Some(self.place.transaction), self.now).await?)
    }

    /// The operator has put money into the Distributor.
    async fn stocked(&mut self, token: Address, units: U256) -> Result<(), SettlementError> {
        let Some((coin, amount)) = self.chain.micros(token, units) else { return Ok(()) };
        if amount == Micros::ZERO {
            return Ok(());
        }
        let (from, to) = (Account::Outside, Account::Inventory);
        self.post(Transfer::between(Kind::Inventory, &self.place.key(), from, to, (coin, amount))).await
    }
}

/// Which of the two gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    Free,
    Tab,
}
