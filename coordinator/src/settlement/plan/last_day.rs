//! Tabs whose day comes while nothing is paid out: what was used of them is settled by itself.
//!
//! Usually a payout settles every tab. But earnings by card wait for a month, those of a rig that has not said where they go wait for that,
//! and a tab lives for a week: after its day anybody may close it, and what was used of it and not settled would be the customer's
//! again. So near its day each tab that no payout has settled is proposed alone, and made final after its window.

use std::time::Duration;

use alloy_primitives::B256;
use headframe_contracts::IMarket;
use headframe_protocol::TimestampMs;

use super::{
    App, Chain, Effect, Role, SettlementError, StepState, Tab, Tx, call, commit, done, ensure, jobs, newest_try, session, tabs,
    until_uncrossed, used_units,
};

/// One look at the tabs of a chain.
pub(super) async fn plan(app: &App, chain: &Chain) -> Result<u64, SettlementError> {
    until_uncrossed(|| settle(app, chain)).await
}

async fn settle(app: &App, chain: &Chain) -> Result<u64, SettlementError> {
    let mut tx = app.store.begin().await?;
    let mut recorded = 0;
    for tab in tabs::live(&mut tx, chain.id()).await?.into_iter().filter(|tab| tab.used > tab.settled) {
        recorded += settle_one(app, chain, &mut tx, &tab).await?;
    }
    commit(tx, "settle tabs on their last day").await?;
    Ok(recorded)
}

async fn settle_one(app: &App, chain: &Chain, tx: &mut Tx, tab: &Tab) -> Result<u64, SettlementError> {
    let now = app.store.now();
    if !is_begun(tx, tab).await? && !is_due(app, tx, tab, now).await? {
        return Ok(0);
    }
    let market = chain.profile().contracts.market;
    // Nothing is published with it: the receipts are in the file of the payout that pays for the work.
    let settlement =
        IMarket::Settlement { session: session(chain, tab)?, used: used_units(chain, tab)?, receiptRoot: B256::ZERO };
    let propose = IMarket::proposeBatchCall { settlements: vec![settlement] };
    let effect = ensure(app, tx, call(chain, propose_id(tab), Role::Settler, market, &propose)).await?;
    let Effect::Done(proposed) = effect else { return Ok(u64::from(effect == Effect::New)) };
    if now.since(proposed) < Duration::from_secs(chain.profile().windows.dispute_seconds) {
        return Ok(0);
    }
    let finalize = IMarket::finalizeCall { sessions: vec![session(chain, tab)?] };
    Ok(u64::from(ensure(app, tx, call(chain, final_id(tab), Role::Relayer, market, &finalize)).await? == Effect::New))
}

/// What was settled before is part of the name: what is proposed after that is another effect.
fn propose_id(tab: &Tab) -> String {
    format!("settle:{}:{}", tab.id, tab.settled.get())
}

fn final_id(tab: &Tab) -> String {
    format!("settle-final:{}:{}", tab.id, tab.settled.get())
}

/// Early enough that we may be away for some hours; later if jobs are still charged to it, for only one more proposal fits before its day.
async fn is_due(app: &App, tx: &mut Tx, tab: &Tab, now: TimestampMs) -> Result<bool, SettlementError> {
    let early = app.config.timers.tab_close_before;
    let early = if jobs::holding(tx, &tab.id).await? > 0 { early / 12 } else { early / 2 };
    Ok(now < tab.settle_by && now.after(early) >= tab.settle_by)
}

/// Whether a tab is being settled by itself: a payout that proposed it too would be refused with all its other tabs.
pub(super) async fn is_begun(tx: &mut Tx, tab: &Tab) -> Result<bool, SettlementError> {
    Ok(newest_try(tx, &propose_id(tab)).await?.is_some_and(|(_, step)| match step.state {
        StepState::Recorded | StepState::Signed | StepState::Sent | StepState::Final => true,
        StepState::Refused => false,
    }))
}

/// Whether tabs are being settled by themselves whose money a payout has to wait for: it is carried to the Distributor once.
pub(super) async fn is_under_way(tx: &mut Tx, chain: &Chain) -> Result<bool, SettlementError> {
    for tab in tabs::live(tx, chain.id()).await?.into_iter().filter(|tab| tab.used > tab.settled) {
        if is_begun(tx, &tab).await? && done(tx, &final_id(&tab)).await?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}
