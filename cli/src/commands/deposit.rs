//! Paying in from the customer's own wallet, and letting the network spend it.

use alloy_primitives::U256;
use headframe_protocol::Micros;
use serde_json::json;

use super::{
    ask::{agree, until_interrupted},
    purse::Purse,
};
use crate::{
    Client,
    amount::percent,
    args::money::{DepositArgs, SpendArgs},
    chain::{pace::Pace, sending::Fate},
    clock, credentials,
    deposit::{
        Act, Deposit, Desk, ORDER_DAYS, Progress, Terms,
        ordering::{ends, expiry},
        shelf::Place,
    },
    error::{Error, MoneyError},
    output::{Form, Output},
};

pub(super) async fn deposit(client: &Client, args: DepositArgs, out: &Output) -> Result<(), Error> {
    let DepositArgs { amount, wallet, coin, no_spend, anew, yes } = args;
    let purse = Purse::open(client, &wallet, &coin, out).await?;
    let amount = amount.micros();
    let terms = Terms {
        chain_id: purse.chain.id(),
        market: purse.chain.market(),
        wallet: purse.key.address(),
        asset: purse.asset.address,
        amount,
    };
    let place = Place::take(&credentials::folder()?, terms.chain_id, terms.wallet).map_err(MoneyError::Shelf)?;
    let mut unfinished = place.unfinished().map_err(MoneyError::Shelf)?;
    if anew && let Some(given_up) = unfinished.take() {
        give_up(&purse, &given_up, &place).await?;
    }
    let deposit = match unfinished {
        Some(unfinished) if unfinished.terms == terms => {
            out.remark(format_args!("Going on with the deposit of {} that was begun before.", purse.told(amount)));
            Deposit { spend: !no_spend, ..unfinished }
        }
        Some(unfinished) => return Err(other_first(&purse, &unfinished).into()),
        None => {
            check(&purse, amount).await?;
            agree(out, yes, &summary(&purse, amount, no_spend).await?)?;
            Deposit::new(terms, !no_spend)
        }
    };
    purse.introduce(client, out).await?;
    until_interrupted("The same command goes on from there.", carry(client, &purse, deposit, &place, out)).await
}

/// Whether the wallet can pay it at all, before anything is asked or sent.
async fn check(purse: &Purse, amount: Micros) -> Result<(), MoneyError> {
    purse.chain.check_open(&purse.asset).await?;
    let wallet = purse.key.address();
    let has = purse.micros(purse.chain.tokens(wallet, &purse.asset).await?);
    if has < amount {
        let place = format!("the wallet {} on {}", wallet.to_checksum(None), purse.chain.name());
        return Err(MoneyError::not_enough(place, has, amount, &purse.asset, ""));
    }
    purse.chain.check_gas(wallet).await?;
    Ok(())
}

/// An earlier deposit is given up only if nothing of it can still happen: else money would be paid in twice.
async fn give_up(purse: &Purse, given_up: &Deposit, place: &Place) -> Result<(), MoneyError> {
    for act in [Act::Payment, Act::Approval] {
        let Some(newest) = given_up.versions(act).last() else { continue };
        if purse.chain.fate(given_up.terms.wallet, given_up.versions(act)).await? == Fate::Waiting {
            let what = format!("the earlier deposit may still be carried out: {} is in no block yet", newest.hash);
            return Err(MoneyError::NotYet { what });
        }
    }
    place.clear().map_err(MoneyError::Shelf)
}

fn other_first(purse: &Purse, unfinished: &Deposit) -> MoneyError {
    let Terms { asset, amount, .. } = unfinished.terms;
    let symbol = purse.chain.profile().asset(asset).map_or_else(|| asset.to_string(), |asset| asset.symbol.clone());
    let amount = crate::amount::plain(amount);
    let chain = purse.chain.name();
    MoneyError::Unfinished {
        again: format!("headframe deposit {amount} --asset {symbol} --chain '{chain}'"),
        unfinished: format!("{amount} {symbol}"),
    }
}

async fn summary(purse: &Purse, amount: Micros, no_spend: bool) -> Result<String, MoneyError> {
    let wallet = purse.key.address();
    let told = purse.told(amount);
    let mut text = format!("Pay in {told}:\n{}", purse.place());
    if purse.chain.allowance(wallet, &purse.asset).await? < purse.decimals.units(amount).map_err(|_| MoneyError::TooMuch)? {
        text.push_str(&format!("  - let the Market take {told} from the wallet, and no more (a transaction)\n"));
    }
    text.push_str(&format!("  - pay {told} in (a transaction)\n"));
    if !no_spend {
        text.push_str(&order_line(purse, amount, ORDER_DAYS));
    }
    let free = purse.micros(U256::from(purse.chain.holding(wallet, &purse.asset).await?.free));
    if free > Micros::ZERO {
        text.push_str(&format!("  In the Market {} are yours alone already; `headframe spend` uses them.\n", purse.told(free)));
    }
    text.push_str(
        "The wallet pays for the transactions in the chain's own coin. What is not used you take back with `headframe withdraw`.",
    );
    Ok(text)
}

fn order_line(purse: &Purse, amount: Micros, days: u32) -> String {
    format!(
        "  - let the network use up to {} for your jobs within {days} days, of which it keeps {} (a signature)\n",
        purse.told(amount),
        percent(i64::from(purse.asset.fee_bps)),
    )
}

async fn carry(client: &Client, purse: &Purse, deposit: Deposit, place: &Place, out: &Output) -> Result<(), Error> {
    let Purse { key, chain, asset, decimals, market_before: _ } = purse;
    let desk = Desk { client, chain, key, asset, decimals: *decimals, pace: Pace::PERSON };
    let (spend, told) = (deposit.spend, purse.told(deposit.terms.amount));
    let spinner = out.spinner();
    let tell = |progress: Progress| match out.form() {
        // A reader who has gone away is no reason to leave money half way.
        Form::Json if matches!(progress, Progress::Waiting { .. }) => {}
        Form::Json => drop(out.json(&progress)),
        Form::Text => match &progress {
            Progress::Waiting { .. } => spinner.set_message(sentence(&progress, chain.name())),
            Progress::Sent { .. } | Progress::PaidIn { .. } | Progress::Ordered { .. } | Progress::Spendable { .. } => {
                out.remark(sentence(&progress, chain.name()));
            }
        },
    };
    let carried = desk.carry(deposit, place, clock::now(), &tell).await;
    spinner.finish_and_clear();
    carried?;
    match (out.form(), spend) {
        (Form::Json, _) => Ok(()),
        (Form::Text, true) => out.print(&format!("{told} are paid in and can be spent.\n")),
        (Form::Text, false) => out.print(&format!("{told} are paid in. They are yours alone until you run `headframe spend`.\n")),
    }
}

fn sentence(progress: &Progress, chain: &str) -> String {
    match progress {
        Progress::Sent { act: Act::Approval, transaction } => format!("Sent the approval: {transaction}"),
        Progress::Sent { act: Act::Payment, transaction } => format!("Sent the payment: {transaction}"),
        Progress::Waiting { act: Some(_), blocks_left: None } => format!("{chain} takes the transaction in"),
        Progress::Waiting { act: Some(_), blocks_left: Some(left) } => format!("{left} more blocks until nothing takes it back"),
        Progress::Waiting { act: None, .. } => "the network reserves it for your jobs".to_owned(),
        Progress::PaidIn { .. } => "It is paid in, and nothing takes that back.".to_owned(),
        Progress::Ordered { order, .. } => format!("The network has the order {order}."),
        Progress::Spendable { tab } => format!("The network has reserved it in the tab {}.", tab.id),
    }
}

pub(super) async fn spend(client: &Client, args: SpendArgs, out: &Output) -> Result<(), Error> {
    let SpendArgs { amount, wallet, coin, days, yes } = args;
    let purse = Purse::open(client, &wallet, &coin, out).await?;
    let amount = amount.micros();
    let free = purse.chain.holding(purse.key.address(), &purse.asset).await.map_err(MoneyError::Chain)?.free;
    let free = purse.micros(U256::from(free));
    let there = format!("  In the Market {} are yours alone now.", purse.told(free));
    agree(out, yes, &format!("Let the network spend:\n{}{}{there}", purse.place(), order_line(&purse, amount, days)))?;
    purse.introduce(client, out).await?;
    let Purse { key, chain, asset, decimals, market_before: _ } = &purse;
    let desk = Desk { client, chain, key, asset, decimals: *decimals, pace: Pace::PERSON };
    let most = decimals.units(amount).map_err(|_| MoneyError::TooMuch)?;
    let order = desk.order(most, expiry(clock::now(), days))?;
    client.add_order(&order).await?;
    let answer = json!({ "order": order.order_id, "chain_id": order.chain_id, "max_spend": amount, "expires_ms": ends(&order) });
    out.answer(&answer, |_| {
        format!(
            "The network has the order {}.\nIt reserves what is in the Market; `headframe balance` shows when it can be spent.",
            order.order_id
        )
    })
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;

    #[test]
    fn a_wait_says_what_it_is_for() {
        let waiting = |act, blocks_left| sentence(&Progress::Waiting { act, blocks_left }, "Home");
        assert_eq!(waiting(Some(Act::Payment), None), "Home takes the transaction in");
        assert_eq!(waiting(Some(Act::Payment), Some(3)), "3 more blocks until nothing takes it back");
        assert_eq!(waiting(None, None), "the network reserves it for your jobs");
        let sent = Progress::Sent { act: Act::Approval, transaction: B256::ZERO };
        assert_eq!(sentence(&sent, "Home"), format!("Sent the approval: {}", B256::ZERO));
    }
}
