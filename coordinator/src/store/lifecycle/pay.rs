//! What an attempt costs its customer, what of that is the rig's, and the money that moves with it.
//!
//! A job is paid in dollars or, if its customer chose so, in HFR at the price of its submission. Its rig earns dollars either way: those
//! of HFR come from what the operator has in stock, promised when the job was submitted. And a rig's owner may have chosen another chain
//! than the customer paid on; then too they come from stock, if there is enough.

use headframe_accounts::{
    FeeBps,
    epoch::Rate,
    quote::{HfrRate, HfrTerms},
};
use headframe_protocol::{api::Pot, job::JobSpec};

use super::{
    Account, Amount, AttemptState, Case, CustomerId, JobId, Kind, Leg, Micros, StoreError, TimestampMs, Transfer, Tx, end::book,
    ledger,
};
use crate::{
    store::{
        ledger::Coin,
        maturing::{self, Maturing},
        payouts,
        purses::Purse,
        tabs,
        verify::{self, holds::Booked},
    },
    verify::Basis,
};

/// What an hour costs that costs `price` dollars when it is paid in dollars, of which the platform keeps `dollar_fee_bps` then.
fn hour(price: Micros, dollar_fee_bps: u16, purse: &Purse) -> Result<Amount, StoreError> {
    let Some(rate) = purse.rate else { return Ok(Amount { dollars: price, hfr: None }) };
    let too_much = || StoreError::Corrupt { what: "price in HFR", value: price.to_string() };
    let hfr_fee_bps = purse.fee_bps.unwrap_or(FeeBps::HFR.get());
    let (dollars, hfr) = FeeBps::new(dollar_fee_bps).ok().zip(FeeBps::new(hfr_fee_bps).ok()).ok_or_else(too_much)?;
    let terms = HfrTerms { price: rate.usd_per_hfr, fee_bps: hfr };
    let hour = HfrRate::new(price, dollars, terms).map_err(|_| too_much())?;
    Ok(Amount { dollars: hour.usd, hfr: Some(hour.rate.price) })
}

/// The most that one accepted run of a job can cost, paid from `purse`.
///
/// # Errors
/// [`StoreError::Corrupt`] if it is more HFR than the ledger holds.
pub fn most(spec: &JobSpec, dollar_fee_bps: u16, purse: &Purse) -> Result<Amount, StoreError> {
    let hour = hour(spec.max_price_per_hour, dollar_fee_bps, purse)?;
    // A free job is no job: what is held is at least the smallest amount.
    Ok(hour.per_hour_for(u64::from(spec.timeout_s) * 1_000).map(|amount| amount.max(Micros::new(1))))
}

/// What rigs may get at most for a hold of HFR: so much of the operator's stock is kept for them.
///
/// # Errors
/// [`StoreError::Corrupt`] if that is more than the ledger holds.
pub fn promised(hold: Amount, rate: Option<Rate>) -> Result<Micros, StoreError> {
    hold.hfr.zip(rate).map_or(Ok(Micros::ZERO), |(hfr, rate)| worth(hfr, rate))
}

/// What a rig gets for its part of what was paid in HFR.
fn worth(hfr: Micros, rate: Rate) -> Result<Micros, StoreError> {
    let worth = rate.usd_per_hfr.usd_for_supplier(hfr);
    worth.map_err(|_| StoreError::Corrupt { what: "amount of HFR", value: hfr.to_string() })
}

/// What an attempt costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charge {
    /// For so long.
    pub(super) ms: u64,
    pub(super) per_hour: Amount,
    pub(super) amount: Amount,
}

/// What is paid: for work that was done or given back in order, the time the rig signed for, as far as we saw it ourselves.
/// Failed and lost work is paid to its own last accepted checkpoint; one is brought only of work that was given back.
pub(super) fn charge(case: &Case, state: AttemptState, now: TimestampMs) -> Result<Charge, StoreError> {
    let paid = match state {
        AttemptState::Succeeded | AttemptState::Yielded | AttemptState::Cancelled => true,
        AttemptState::Failed | AttemptState::Lost | AttemptState::Withdrawn => false,
        AttemptState::Offered
        | AttemptState::Accepted
        | AttemptState::Preparing
        | AttemptState::Running
        | AttemptState::Uploading => false,
    };
    let observed_ms = case.started.map_or(0, |started| u64::try_from(now.since(started).as_millis()).unwrap_or(u64::MAX));
    let ms = if paid { case.signed_ms.min(observed_ms) } else { 0 };
    let per_hour = hour(case.price_per_hour, case.dollar_fee_bps, &case.purse)?;
    Ok(Charge { ms, per_hour, amount: per_hour.per_hour_for(ms).at_most(case.held) })
}

/// What a rig will have earned by a charge, if nothing comes in between. To be told, not to be booked.
pub(super) fn expected(case: &Case, charge: &Charge) -> Result<Micros, StoreError> {
    let paid = charge.amount.paid();
    let share = Micros::new(paid.get() - paid.fee(case.fee_bps).get());
    case.purse.rate.map_or(Ok(share), |rate| worth(share, rate))
}

/// The charge of a result that was parked, for the time that was found then.
pub(super) fn charge_again(case: &Case) -> Result<Charge, StoreError> {
    let per_hour = hour(case.price_per_hour, case.dollar_fee_bps, &case.purse)?;
    Ok(Charge { ms: case.charged_ms, per_hour, amount: per_hour.per_hour_for(case.charged_ms).at_most(case.held) })
}

/// Nothing is paid.
pub(super) fn charge_nothing(case: &Case) -> Result<Charge, StoreError> {
    let per_hour = hour(case.price_per_hour, case.dollar_fee_bps, &case.purse)?;
    Ok(Charge { ms: 0, per_hour, amount: per_hour.per_hour_for(0) })
}

/// A charge, and what of it is the rig's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) charge: Charge,
    /// Of what was paid, the rig's part.
    share: Micros,
    /// What the rig gets for it, in dollars.
    pub(super) credit: Micros,
    /// On which chain.
    credited: Coin,
    /// What was used before of the tab it is charged to.
    pub(super) used_before: Option<Micros>,
    /// Whether the rig's part waits for a check; nothing where it is not looked at.
    booked: Option<Booked>,
}

impl Split {
    /// The same; what nobody has looked at yet, or was earned in a rig's first weeks, waits. `basis` is what would speak for it.
    pub(super) async fn withheld_if(
        self,
        tx: &mut Tx,
        rules: &verify::Rules,
        case: &Case,
        (basis, confirmed): (Basis, bool),
        now: TimestampMs,
    ) -> Result<Self, StoreError> {
        // What a card's bank may take back waits longer than any check takes, and is looked at then.
        if !rules.withhold || self.credit <= Micros::ZERO || case.purse.pot == Pot::Fiat {
            return Ok(self);
        }
        let waits = verify::holds::waits(tx, rules, case.device, confirmed, now).await?;
        Ok(Self { booked: Some(if waits { Booked::Waiting(basis) } else { Booked::Released }), ..self })
    }
}

/// Splits a charge into the rig's part and the fee. Of a tab the fee is counted on all that was ever used of it and rounded down, as
/// the contract counts: so the books and the chain never differ, and the remainder is the rigs'.
pub(super) async fn split(tx: &mut Tx, case: &Case, charge: Charge, now: TimestampMs) -> Result<Split, StoreError> {
    let paid = charge.amount.paid();
    let (fee, used_before) = match case.purse.tab.as_ref().filter(|_| paid > Micros::ZERO) {
        Some(tab) => {
            let before = tabs::charge(tx, tab, paid, now).await?;
            let after = Micros::new(before.get().saturating_add(paid.get()));
            (after.fee(case.fee_bps).get() - before.fee(case.fee_bps).get(), Some(before))
        }
        None => (paid.fee(case.fee_bps).get(), None),
    };
    let share = Micros::new(paid.get() - fee);
    let credit = case.purse.rate.map_or(Ok(share), |rate| worth(share, rate))?;
    let credited = credited(tx, case, credit, now).await?;
    Ok(Split { charge, share, credit, credited, used_before, booked: None })
}

/// The chain on which a rig gets its part: where its owner wants it, if there is as much in stock; else where the customer paid. Until
/// the transaction ends nobody else takes of that stock.
async fn credited(tx: &mut Tx, case: &Case, credit: Micros, now: TimestampMs) -> Result<Coin, StoreError> {
    let here = Coin::stable(case.purse.coin.chain);
    let may_leave = match case.purse.pot {
        Pot::Available | Pot::Earned => here != Coin::PRACTICE && case.purse.rate.is_none() && credit > Micros::ZERO,
        // What a card's bank may take back stays where it can.
        Pot::Fiat | Pot::Free => false,
    };
    if !may_leave {
        return Ok(here);
    }
    let terms = payouts::terms_at(tx, case.device, now).await?;
    let Some(there) = terms.map(|kept| Coin::stable(kept.signed.terms.chain_id)).filter(|there| *there != here) else {
        return Ok(here);
    };
    let stock = ledger::balance_to_use(tx, Account::Inventory, there).await?;
    Ok(if stock >= credit { there } else { here })
}

/// Moves the money: what the attempt is paid, and if the job ends with it, what is left of its hold. In one posting, so that
/// the accounts are taken in their order.
pub(super) async fn settle(
    tx: &mut Tx,
    case: &Case,
    is_last: bool,
    split: Split,
    (confirmed, delivered): (bool, bool),
    now: TimestampMs,
) -> Result<(), StoreError> {
    let rest = case.held.without(split.charge.amount);
    let released = if is_last { release(case.customer, case.job, &case.purse, rest)? } else { None };
    let transfers: Vec<Transfer> = capture(case, split)?.into_iter().chain(released).collect();
    book(tx, &transfers, now).await?;
    wait(tx, case, split, now).await?;
    if let Some(booked) = split.booked {
        let whose = (case.at.attempt, case.job, case.device);
        verify::holds::insert(tx, whose, (split.credited, split.credit), (booked, confirmed, delivered), now).await?;
    }
    crate::fail::point("capture");
    Ok(())
}

/// What was earned from a card's payment waits, for as long as the payment is easily taken back.
async fn wait(tx: &mut Tx, case: &Case, split: Split, now: TimestampMs) -> Result<(), StoreError> {
    let charged = split.charge.amount.dollars;
    if case.purse.pot != Pot::Fiat || charged == Micros::ZERO {
        return Ok(());
    }
    let earned = Maturing {
        attempt: case.at.attempt,
        job: case.job,
        customer: case.customer,
        device: case.device,
        coin: case.purse.coin,
        charged,
        amount: split.credit,
        covered: Micros::ZERO,
        reversed: Micros::ZERO,
        earned: now,
    };
    maturing::insert(tx, &earned).await
}

/// What an attempt is paid, taken of its job's hold; nothing if that is nothing.
fn capture(case: &Case, split: Split) -> Result<Option<Transfer>, StoreError> {
    let Split { charge, share, credit, credited, used_before: _, booked } = split;
    let (coin, paid) = (case.purse.coin, charge.amount.paid());
    let (earned, kept) = match case.purse.pot {
        Pot::Available => (Account::Credit(case.device), Account::Fee),
        // A card payment may be taken back for some time, and with it what was earned by it.
        Pot::Fiat => (Account::Maturing(case.device), Account::Fee),
        // Earnings lie in the Distributor, and so does the fee on spending them.
        Pot::Earned => (Account::Credit(case.device), Account::Inventory),
        // Nothing is paid from what a customer may take away at any time.
        Pot::Free => (Account::Credit(case.device), Account::Fee),
    };
    let earned = if matches!(booked, Some(Booked::Waiting(_))) { Account::Withheld(case.device) } else { earned };
    let mut legs = vec![Leg::new(Account::Held(case.customer), coin, paid.negated())];
    if credit == Micros::ZERO {
        // HFR worth less than a millionth of a dollar: nothing a rig could ever be paid.
        legs.push(Leg::new(Account::Inventory, coin, share));
    } else if credited == coin {
        legs.push(Leg::new(earned, coin, credit));
    } else {
        // What was paid becomes the operator's, and the rig gets as much of his where it is wanted.
        legs.push(Leg::new(Account::Inventory, coin, share));
        legs.push(Leg::new(
            if case.purse.rate.is_some() { Account::Promised } else { Account::Inventory },
            credited,
            credit.negated(),
        ));
        legs.push(Leg::new(earned, credited, credit));
    }
    legs.push(Leg::new(kept, coin, Micros::new(paid.get() - share.get())));
    if let Some(rate) = case.purse.rate {
        // Of what was promised for it, the rest is free again.
        let (before, after) = (promised(case.held, Some(rate))?, promised(case.held.without(charge.amount), Some(rate))?);
        legs.extend(unpromised(credited, Micros::new(before.get() - after.get() - credit.get())));
    }
    Ok((paid > Micros::ZERO).then(|| Transfer {
        id: format!("{}:{}", Kind::Capture.as_str(), case.at.attempt),
        kind: Kind::Capture,
        job: Some(case.job),
        attempt: Some(case.at.attempt),
        memo: None,
        legs,
    }))
}

/// What is left of a hold goes back to where it came from; nothing if that is nothing.
pub(super) fn release(customer: CustomerId, job: JobId, purse: &Purse, rest: Amount) -> Result<Option<Transfer>, StoreError> {
    if rest.paid() == Micros::ZERO {
        return Ok(None);
    }
    let (held, back) = (Account::Held(customer), purse.account(customer));
    let mut transfer = Transfer::between(Kind::Release, &job.to_string(), held, back, (purse.coin, rest.paid())).for_job(job);
    transfer.legs.extend(unpromised(Coin::stable(purse.coin.chain), promised(rest, purse.rate)?));
    Ok(Some(transfer))
}

/// What was promised of the operator's stock is free again.
fn unpromised(coin: Coin, amount: Micros) -> impl Iterator<Item = Leg> {
    let legs = [Leg::new(Account::Promised, coin, amount.negated()), Leg::new(Account::Inventory, coin, amount)];
    legs.into_iter().filter(move |_| amount > Micros::ZERO)
}
