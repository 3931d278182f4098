//! Taking money out: what is the customer's alone, with his own key, whatever the network says.

use alloy_primitives::{Address, U256};
use headframe_contracts::IMarket;
use headframe_protocol::Micros;
use serde::Serialize;

use self::give_back::Reserved;
use super::{
    ask::{agree, until_interrupted},
    purse::Purse,
};
use crate::{
    Client,
    args::money::{Wanted, WithdrawArgs},
    chain::{pace::Pace, sending::Fate},
    credentials,
    deposit::shelf::Place,
    error::{Error, MoneyError},
    output::{Form, Output},
};

mod give_back;

/// What a withdrawal does, for a sentence about what a chain refuses.
const VERB: &str = "pay the tokens out";

/// One line of `--json` output.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    /// No tab is opened under the order any more.
    OrderRevoked { order: alloy_primitives::B256, transaction: alloy_primitives::B256 },
    /// The network was told to give back what is not used.
    TabClosing { tab: &'a str },
    /// A transaction was sent.
    Sent { transaction: alloy_primitives::B256 },
    /// It is out, and nothing takes that back.
    Withdrawn { transaction: alloy_primitives::B256, chain_id: u64, asset: Address, units: String, amount: Micros, to: Address },
}

/// What is to be done.
struct Plan {
    wanted: Wanted,
    to: Address,
    free: Micros,
    reserved: Vec<Reserved>,
    close_tabs: bool,
}

pub(super) async fn withdraw(client: &Client, args: WithdrawArgs, out: &Output) -> Result<(), Error> {
    let WithdrawArgs { amount: wanted, wallet, coin, to, close_tabs, yes } = args;
    let purse = Purse::open(client, &wallet, &coin, out).await?;
    let own = purse.key.address();
    let to = to.map_or(Ok(own), |to| to.on(purse.chain.profile())).map_err(MoneyError::Destination)?;
    let _alone = Place::take(&credentials::folder()?, purse.chain.id(), own).map_err(MoneyError::Shelf)?;
    let reserved = give_back::reserved(client, &purse, out).await?;
    let free = purse.micros(free(&purse).await?);
    let enough = match wanted {
        Wanted::All => false,
        Wanted::Amount(amount) => free >= amount.micros(),
    };
    let plan = Plan { wanted, to, free, reserved, close_tabs: close_tabs && !enough };
    plan.check(&purse)?;
    purse.chain.check_gas(own).await.map_err(MoneyError::Chain)?;
    agree(out, yes, &plan.summary(&purse))?;
    until_interrupted("See `headframe balance` before you run it again.", carry_out(client, &purse, &plan, out)).await
}

async fn free(purse: &Purse) -> Result<U256, MoneyError> {
    Ok(U256::from(purse.chain.holding(purse.key.address(), &purse.asset).await?.free))
}

impl Plan {
    /// What is reserved and not used.
    fn rest(&self) -> Micros {
        self.reserved.iter().map(Reserved::rest).sum()
    }

    /// Whether there is, or can be, as much as is wanted.
    fn check(&self, purse: &Purse) -> Result<(), MoneyError> {
        let rest = self.rest();
        let can_be = if self.close_tabs { Micros::new(self.free.get().saturating_add(rest.get())) } else { self.free };
        let (enough, wanted) = match self.wanted {
            Wanted::All => (can_be > Micros::ZERO, None),
            Wanted::Amount(amount) => (can_be >= amount.micros(), Some(amount.micros())),
        };
        if enough {
            return Ok(());
        }
        let hint = if rest > Micros::ZERO && !self.close_tabs {
            let rest = purse.told(rest);
            format!(".\n  {rest} are reserved for your jobs and not used; --close-tabs has them given back first")
        } else {
            String::new()
        };
        let place = format!("the wallet {} in the Market on {}", purse.key.address().to_checksum(None), purse.chain.name());
        Err(match wanted {
            Some(wanted) => MoneyError::not_enough(place, can_be, wanted, &purse.asset, &hint),
            None => MoneyError::Nothing { place, symbol: purse.asset.symbol.clone(), hint },
        })
    }

    fn summary(&self, purse: &Purse) -> String {
        let amount = match self.wanted {
            Wanted::All if self.close_tabs => {
                format!("everything, up to {}", purse.told(Micros::new(self.free.get() + self.rest().get())))
            }
            Wanted::All => format!("{}, all that is yours alone", purse.told(self.free)),
            Wanted::Amount(amount) => purse.told(amount.micros()),
        };
        let whose = if self.to == purse.key.address() { " (the wallet itself)" } else { "" };
        let mut text = format!("Take out {amount}:\n{}  to      {}{whose}\n", purse.place(), self.to.to_checksum(None));
        if self.close_tabs {
            text.push_str(&give_back::summary(&self.reserved));
        } else if self.rest() > Micros::ZERO {
            text.push_str(&format!("  {} stay reserved for your jobs.\n", purse.told(self.rest())));
        }
        text.push_str("  - pay it out (a transaction)\nThe wallet pays for transactions in the chain's own coin.");
        text
    }
}

async fn carry_out(client: &Client, purse: &Purse, plan: &Plan, out: &Output) -> Result<(), Error> {
    let pace = Pace::PERSON;
    if plan.close_tabs {
        give_back::give_back(client, purse, plan, pace, out).await?;
    }
    let units = match plan.wanted {
        Wanted::All => free(purse).await?,
        Wanted::Amount(amount) => purse.decimals.units(amount.micros()).map_err(|_| MoneyError::TooMuch)?,
    };
    let amount = u128::try_from(units).map_err(|_| MoneyError::TooMuch)?;
    let (wallet, market, to) = (purse.key.address(), purse.chain.market(), plan.to);
    let call = IMarket::withdrawCall { asset: purse.asset.address, amount, to };
    pace.until_quiet(&purse.chain, wallet).await.map_err(MoneyError::Chain)?;
    let unsigned = purse.chain.prepare(wallet, market, &call, VERB).await.map_err(MoneyError::Chain)?;
    let signed = purse.key.transaction(unsigned).map_err(MoneyError::Wallet)?;
    let first = signed.hash;
    say(out, &Line::Sent { transaction: first }, || format!("Sending the withdrawal: {first}"))?;
    let spinner = out.spinner();
    let settled = pace.see_through(&purse.chain, &purse.key, signed, VERB, |fate| spinner.set_message(waiting(fate))).await;
    spinner.finish_and_clear();
    let transaction = settled?;
    let (chain_id, asset, micros) = (purse.chain.id(), purse.asset.address, purse.micros(units));
    match out.form() {
        Form::Json => out.json(&Line::Withdrawn { transaction, chain_id, asset, units: units.to_string(), amount: micros, to }),
        Form::Text => out.print(&format!("{} are at {}.\n", purse.told(micros), to.to_checksum(None))),
    }
}

fn waiting(fate: Fate) -> String {
    match fate {
        Fate::Included { left } => format!("{left} more blocks until nothing takes it back"),
        Fate::Waiting | Fate::Final { .. } | Fate::Replaced => "the chain takes the transaction in".to_owned(),
    }
}

/// A line for programs, or a remark for people.
fn say(out: &Output, line: &Line<'_>, text: impl FnOnce() -> String) -> Result<(), Error> {
    match out.form() {
        Form::Json => out.json(line),
        Form::Text => {
            out.remark(text());
            Ok(())
        }
    }
}
