//! Has given back what is reserved and not used: takes the orders back, so that nothing is reserved anew, and closes the tabs.

use alloy_primitives::B256;
use headframe_contracts::IMarket;
use headframe_protocol::{Micros, spending::TabView};

use super::{Line, Plan, say};
use crate::{
    Client,
    args::money::Wanted,
    chain::{pace::Pace, sending::Fate},
    commands::purse::Purse,
    error::{Error, MoneyError},
    output::Output,
};

/// What taking an order back does, for a sentence about what a chain refuses.
const VERB: &str = "take an order back";

/// A tab in which money of the wallet is reserved.
#[derive(Debug, Clone)]
pub(super) struct Reserved {
    tab: TabView,
    /// The order it was opened under, if there is one that is still in force.
    order: Option<B256>,
}

impl Reserved {
    /// What of it is not used.
    pub(super) fn rest(&self) -> Micros {
        Micros::new(self.tab.reserved.get().saturating_sub(self.tab.used.get()).max(0))
    }
}

/// The tabs in which money of the wallet is reserved, in the purse's token. A network that does not answer cannot keep a
/// customer from what is free.
pub(super) async fn reserved(client: &Client, purse: &Purse, out: &Output) -> Result<Vec<Reserved>, Error> {
    let tabs = match client.tabs().await {
        Ok(tabs) => tabs,
        Err(error) if error.may_pass() => {
            out.remark("The network does not answer; what is reserved for your jobs is not known.");
            return Ok(Vec::new());
        }
        Err(error) => return Err(error.into()),
    };
    let mut found = Vec::new();
    for tab in tabs.into_iter().filter(|tab| tab.chain_id == purse.chain.id() && tab.state != "closed") {
        let Ok(id) = tab.id.parse::<B256>() else { continue };
        let session = purse.chain.session(id).await.map_err(MoneyError::Chain)?;
        if session.customer != purse.key.address() || session.asset != purse.asset.address || session.fromCredit {
            continue;
        }
        let revoked = purse.chain.is_revoked(session.customer, session.orderId).await.map_err(MoneyError::Chain)?;
        found.push(Reserved { tab, order: (!revoked).then_some(session.orderId) });
    }
    Ok(found)
}

fn orders(reserved: &[Reserved]) -> Vec<B256> {
    let mut orders: Vec<B256> = reserved.iter().filter_map(|reserved| reserved.order).collect();
    orders.sort_unstable();
    orders.dedup();
    orders
}

/// What it takes, for the summary.
pub(super) fn summary(reserved: &[Reserved]) -> String {
    let orders = orders(reserved).len();
    let mut text = String::new();
    if orders > 0 {
        let each = if orders == 1 { "a transaction" } else { "a transaction each" };
        text.push_str(&format!("  - take {orders} of your orders back: nothing more is reserved under them ({each})\n"));
    }
    let tabs = reserved.len();
    text.push_str(&format!(
        "  - have the network close {tabs} of your tabs: jobs that run are finished and paid, the rest comes back\n"
    ));
    text
}

/// Takes the orders back, closes the tabs, and waits until what is wanted is free.
pub(super) async fn give_back(client: &Client, purse: &Purse, plan: &Plan, pace: Pace, out: &Output) -> Result<(), Error> {
    for order in orders(&plan.reserved) {
        revoke(purse, order, pace, out).await?;
    }
    for Reserved { tab, .. } in &plan.reserved {
        client.close_tab(&tab.id).await?;
        say(out, &Line::TabClosing { tab: &tab.id }, || format!("The network closes the tab {}.", tab.id))?;
    }
    let spinner = out.spinner();
    spinner.set_message("the network gives back what is not used");
    let back = await_free(client, purse, plan, pace).await;
    spinner.finish_and_clear();
    back
}

async fn revoke(purse: &Purse, order: B256, pace: Pace, out: &Output) -> Result<(), Error> {
    let (wallet, market) = (purse.key.address(), purse.chain.market());
    pace.until_quiet(&purse.chain, wallet).await.map_err(MoneyError::Chain)?;
    let call = IMarket::revokeOrderCall { orderId: order };
    let unsigned = purse.chain.prepare(wallet, market, &call, VERB).await.map_err(MoneyError::Chain)?;
    let signed = purse.key.transaction(unsigned).map_err(MoneyError::Wallet)?;
    let transaction = pace.see_through(&purse.chain, &purse.key, signed, VERB, |_: Fate| {}).await?;
    let line = Line::OrderRevoked { order, transaction };
    say(out, &line, || format!("Took the order {order} back."))
}

async fn await_free(client: &Client, purse: &Purse, plan: &Plan, pace: Pace) -> Result<(), Error> {
    let mut wait = pace.wait();
    loop {
        match is_back(client, purse, plan).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) if error.may_pass() => {}
            Err(error) => return Err(error),
        }
        if wait.is_too_long() {
            let what = "the network has not given back everything yet; jobs that run on a tab are finished first".to_owned();
            return Err(MoneyError::NotYet { what }.into());
        }
        wait.pause().await;
    }
}

/// Whether what is wanted is free.
async fn is_back(client: &Client, purse: &Purse, plan: &Plan) -> Result<bool, Error> {
    match plan.wanted {
        Wanted::Amount(amount) => Ok(purse.micros(super::free(purse).await?) >= amount.micros()),
        Wanted::All => {
            let tabs = client.tabs().await?;
            let ours = |tab: &&TabView| plan.reserved.iter().any(|reserved| reserved.tab.id == tab.id);
            Ok(tabs.iter().filter(ours).all(|tab| tab.state == "closed" || tab.reserved == tab.used))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserved(order: Option<u8>, reserved: i64, used: i64) -> Reserved {
        let tab = TabView {
            id: B256::ZERO.to_string(),
            chain_id: 1,
            kind: headframe_protocol::chain::AssetKind::Stable,
            wallet: String::new(),
            order: None,
            state: "open".to_owned(),
            reserved: Micros::new(reserved),
            used: Micros::new(used),
            fee_bps: 1_000,
            settle_by_ms: headframe_protocol::TimestampMs::from_millis(0),
        };
        Reserved { tab, order: order.map(B256::repeat_byte) }
    }

    #[test]
    fn an_order_with_several_tabs_is_taken_back_once() {
        let all = [reserved(Some(2), 5, 1), reserved(Some(1), 5, 5), reserved(Some(2), 5, 7), reserved(None, 1, 0)];
        assert_eq!(orders(&all), [1, 2].map(B256::repeat_byte));
        assert_eq!(all.iter().map(Reserved::rest).sum::<Micros>(), Micros::new(5), "more used than reserved is nothing left");
        assert!(summary(&all).contains("take 2 of your orders back"));
        assert!(!summary(&all[3..]).contains("orders"));
    }
}
