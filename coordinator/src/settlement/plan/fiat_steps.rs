//! Payments by card: the operator's own dollars put in for them, reserved in tabs, and taken out again when a card's bank wants them back.
//!
//! Everything that is customers' is credit on the chain: spent in our Market or taken back, never withdrawn.

use alloy_primitives::Address;
use headframe_contracts::{IERC20Metadata, IMarket};

use super::{
    App, Chain, Effect, Micros, Role, SettlementError, StepState, Tab, TabState, Tx, call, commit, ensure, keccak256, steps,
    tab_steps, tabs, until_uncrossed, wallets,
};
use crate::{
    fiat::{self as cards, KeptPayment, PaymentState},
    store::{
        card_money::{self, CardMoney},
        fiat,
        ledger::Coin,
    },
};

/// Payments looked at in one run. More only wait for the next.
const PAYMENTS_MAX: u32 = 64;

/// Tabs with room one customer has from card money. What he pays beyond that waits until one is used up.
const TABS_MAX: i64 = 4;

/// One look at the payments of a chain.
pub(super) async fn plan(app: &App, chain: &Chain) -> Result<u64, SettlementError> {
    let coin = Coin::stable(chain.id());
    let mut connection = app.store.read().await?;
    let waiting = fiat::on_their_way(&mut connection, chain.id(), PAYMENTS_MAX).await?;
    let paid = card_money::of_all(&mut connection, coin).await?;
    drop(connection);
    let mut recorded = 0;
    if !waiting.is_empty() {
        // Asked before the transaction: a chain that is slow to answer would hold up every writer.
        let allowance = allowance(chain).await?;
        recorded += until_uncrossed(|| credit(app, chain, allowance)).await?;
    }
    if !paid.is_empty() {
        recorded += until_uncrossed(|| reserve(app, chain, coin)).await?;
        recorded += until_uncrossed(|| take_out(app, chain, coin)).await?;
    }
    Ok(recorded)
}

/// What the Market may take of our dollars; nothing if another program holds the key, and sees to it.
async fn allowance(chain: &Chain) -> Result<Option<Micros>, SettlementError> {
    let (Some(key), Some(asset)) = (chain.key(Role::Fiat), chain.profile().stable()) else { return Ok(None) };
    let call = IERC20Metadata::allowanceCall { owner: key.address(), spender: chain.profile().contracts.market };
    let units = chain.call(asset.address, &call, "tell an allowance").await?;
    // More than the ledger can hold is as much as anybody could want.
    Ok(Some(chain.micros(asset.address, units).map_or(Micros::new(i64::MAX), |(_, micros)| micros)))
}

/// Asks the chain to credit what was paid. A payment the allowance covers goes at once; else one allowance at a time, for exactly its
/// payment, so that no two of them overwrite each other.
async fn credit(app: &App, chain: &Chain, allowance: Option<Micros>) -> Result<u64, SettlementError> {
    let mut tx = app.store.begin().await?;
    let (mut recorded, mut under_way) = (0, Micros::ZERO);
    let waiting = fiat::on_their_way(&mut tx, chain.id(), PAYMENTS_MAX).await?;
    for payment in waiting.iter().filter(|payment| payment.state == PaymentState::Crediting) {
        recorded += u64::from(ensure(app, &mut tx, credit_step(chain, payment)?).await? == Effect::New);
        under_way = Micros::new(under_way.get() + payment.credited.get());
    }
    for payment in waiting.iter().filter(|payment| payment.state == PaymentState::Paid) {
        let Some(payment) = fiat::to_change(&mut tx, &payment.reference).await? else { continue };
        // What has been taken back is perhaps noted and no more: it is not for the payment's own row to say.
        let reversed = fiat::reversed(&mut tx, &payment).await?;
        if payment.state != PaymentState::Paid || reversed == payment.amount {
            continue;
        }
        let net = Micros::new(payment.amount.get() - reversed.get());
        let covered = allowance.is_none_or(|allowance| allowance.get().saturating_sub(under_way.get()) >= net.get());
        if !covered {
            if under_way > Micros::ZERO {
                break;
            }
            match ensure(app, &mut tx, approve_step(chain, &payment, net)?).await? {
                Effect::New => {
                    recorded += 1;
                    break;
                }
                Effect::UnderWay => break,
                Effect::Done(_) => {}
            }
        }
        let wallet = wallet_of(&mut tx, &payment).await?;
        let asked = KeptPayment {
            state: PaymentState::Crediting,
            wallet: Some(wallet),
            credited: net,
            // What was taken back before is not credited at all.
            reversed,
            recovered: reversed,
            ..payment
        };
        fiat::update(&mut tx, &asked, app.store.now()).await?;
        recorded += u64::from(ensure(app, &mut tx, credit_step(chain, &asked)?).await? == Effect::New);
        under_way = Micros::new(under_way.get() + net.get());
    }
    crate::fail::point("fiat.crediting");
    commit(tx, "ask for credit").await?;
    Ok(recorded)
}

/// All credit of a customer lies in one place: where his first payment was put.
async fn wallet_of(tx: &mut Tx, payment: &KeptPayment) -> Result<Address, SettlementError> {
    if let Some(known) = fiat::wallet_of(tx, payment.customer, payment.chain).await? {
        return Ok(known);
    }
    let shown = wallets::of_customer(tx, payment.customer).await?;
    Ok(shown.first().map_or_else(|| cards::stand_in(payment.customer), |shown| shown.wallet))
}

fn unknown(chain: &Chain, what: String) -> SettlementError {
    SettlementError::Unknown { chain: chain.id(), what }
}

fn units(chain: &Chain, amount: Micros) -> Result<u128, SettlementError> {
    let units = chain.units(Coin::stable(chain.id()), amount).and_then(|units| u128::try_from(units).ok());
    units.ok_or_else(|| unknown(chain, format!("{amount} paid by card")))
}

fn stable(chain: &Chain) -> Result<Address, SettlementError> {
    chain.profile().stable().map(|asset| asset.address).ok_or_else(|| unknown(chain, "no dollar".to_owned()))
}

fn approve_step(chain: &Chain, payment: &KeptPayment, amount: Micros) -> Result<steps::NewStep, SettlementError> {
    let market = chain.profile().contracts.market;
    let approve = IERC20Metadata::approveCall { spender: market, value: alloy_primitives::U256::from(units(chain, amount)?) };
    let id = format!("fiat-approve:{}:{}:{}", chain.id(), payment.reference, amount.get());
    Ok(call(chain, id, Role::Fiat, stable(chain)?, &approve))
}

fn credit_step(chain: &Chain, payment: &KeptPayment) -> Result<steps::NewStep, SettlementError> {
    let customer = payment.wallet.ok_or_else(|| unknown(chain, format!("payment {} without a wallet", payment.reference)))?;
    let amount = units(chain, payment.credited)?;
    let credit = IMarket::creditFiatCall { r#ref: payment.hash(), customer, asset: stable(chain)?, amount };
    let id = format!("fiat-credit:{}:{}", chain.id(), payment.reference);
    Ok(call(chain, id, Role::Fiat, chain.profile().contracts.market, &credit))
}

/// Reserves credit in tabs, one for each time some of it has come, so that jobs can be charged to it.
async fn reserve(app: &App, chain: &Chain, coin: Coin) -> Result<u64, SettlementError> {
    let mut tx = app.store.begin().await?;
    give_up_refused(app, chain, &mut tx).await?;
    let mut recorded = 0;
    for money in card_money::of_all(&mut tx, coin).await? {
        let CardMoney { idle, leaving, unspent, room, opening, open, .. } = &money;
        // What the books do not have as unspent is not reserved, whatever the chain has: it is used, or on its way out.
        let amount = (*idle).min(Micros::new(unspent.get() - room.get()));
        if *leaving == Micros::ZERO && *opening == 0 && *open < TABS_MAX && amount > Micros::ZERO {
            recorded += u64::from(open_tab(app, chain, &mut tx, (&money, amount)).await?);
        }
    }
    commit(tx, "reserve what was paid by card").await?;
    Ok(recorded)
}

/// A tab the chain has refused is none, and what was to be in it is looked for anew. One that is used up takes no more jobs.
async fn give_up_refused(app: &App, chain: &Chain, tx: &mut Tx) -> Result<(), SettlementError> {
    let now = app.store.now();
    for tab in tabs::live(tx, chain.id()).await?.into_iter().filter(|tab| tab.order.is_none()) {
        match tab.state {
            TabState::Opening => {
                let step = steps::find(tx, &format!("reserve:{}", tab.id)).await?;
                if step.is_none_or(|step| step.state == StepState::Refused) {
                    tabs::change(tx, &tab, &Tab { state: TabState::Closed, ..tab.clone() }, now).await?;
                }
            }
            TabState::Open if tab.used == tab.reserved => tabs::wish_closed(tx, &tab.id, now).await?,
            TabState::Open | TabState::Closing | TabState::Closed => {}
        }
    }
    Ok(())
}

async fn open_tab(app: &App, chain: &Chain, tx: &mut Tx, (money, amount): (&CardMoney, Micros)) -> Result<bool, SettlementError> {
    let (now, coin) = (app.store.now(), Coin::stable(chain.id()));
    let asset = chain.profile().stable().ok_or_else(|| unknown(chain, "no dollar".to_owned()))?;
    let customer: Address = money.wallet.parse().map_err(|_| unknown(chain, format!("wallet {}", money.wallet)))?;
    let session = keccak256(format!("headframe:card:{}:{}:{}", chain.id(), money.customer, money.count));
    let tab = Tab {
        id: session.to_string(),
        customer: money.customer,
        coin,
        wallet: money.wallet.clone(),
        order: None,
        fee_bps: asset.fee_bps,
        reserved: Micros::ZERO,
        used: Micros::ZERO,
        settled: Micros::ZERO,
        settle_by: now.after(tab_steps::TAB_LIFE),
        state: TabState::Opening,
    };
    let settle_by = tab.settle_by.as_millis().unsigned_abs() / 1_000;
    let reserve = IMarket::reserveCreditCall {
        customer,
        asset: asset.address,
        session,
        amount: units(chain, amount)?,
        settleBy: settle_by,
    };
    if !tabs::insert(tx, &tab, now).await? {
        return Ok(false);
    }
    let step = call(chain, format!("reserve:{session}"), Role::Matcher, chain.profile().contracts.market, &reserve);
    Ok(ensure(app, tx, step).await? == Effect::New)
}

/// Takes credit out that the books have taken back. What tabs have of it they have to give back first; jobs under way are waited for.
async fn take_out(app: &App, chain: &Chain, coin: Coin) -> Result<u64, SettlementError> {
    let mut tx = app.store.begin().await?;
    let mut recorded = 0;
    let leaving = fiat::leaving(&mut tx, chain.id()).await?;
    for money in card_money::of_all(&mut tx, coin).await?.into_iter().filter(|money| money.leaving > Micros::ZERO) {
        if money.idle < money.leaving {
            card_money::wish_closed(&mut tx, money.customer, coin, app.store.now()).await?;
        }
        let mut idle = if money.opening == 0 { money.idle } else { Micros::ZERO };
        for payment in leaving.iter().filter(|payment| payment.customer == money.customer) {
            let amount = payment.leaving().min(idle);
            if amount > Micros::ZERO {
                idle = Micros::new(idle.get() - amount.get());
                recorded += u64::from(ensure(app, &mut tx, reverse_step(chain, payment, amount)?).await? == Effect::New);
            }
        }
    }
    commit(tx, "take credit out").await?;
    Ok(recorded)
}

fn reverse_step(chain: &Chain, payment: &KeptPayment, amount: Micros) -> Result<steps::NewStep, SettlementError> {
    let reverse = IMarket::reverseFiatCall { r#ref: payment.hash(), amount: units(chain, amount)? };
    // What was given up before is part of the name: what comes after it is another effect, and nothing else is.
    let id = format!("fiat-reverse:{}:{}:{}", chain.id(), payment.reference, payment.withdrawn.get());
    Ok(call(chain, id, Role::Fiat, chain.profile().contracts.market, &reverse))
}
