//! Tabs: opened and topped up from what a customer has deposited and lets us spend, and given back when they end.

use super::{
    Account, App, Chain, Effect, IMarket, Kind, Micros, Posted, Role, SettlementError, StepState, TRIES_MAX, Tab, TabState,
    Transfer, Tx, call, commit, ensure, keccak256, ledger, session, steps, tabs, until_uncrossed, wallets,
};
use crate::store::{jobs, wallets::KeptOrder};

/// The longest a tab may stay unsettled before anybody may close it; the contract takes no longer.
pub(super) const TAB_LIFE: std::time::Duration = std::time::Duration::from_hours(7 * 24);

/// One look at the tabs of a chain.
pub(super) async fn plan(app: &App, chain: &Chain) -> Result<u64, SettlementError> {
    Ok(until_uncrossed(|| open(app, chain)).await? + until_uncrossed(|| close(app, chain)).await?)
}

/// Every order with money behind it gets a tab for that money.
async fn open(app: &App, chain: &Chain) -> Result<u64, SettlementError> {
    let (now, mut tx) = (app.store.now(), app.store.begin().await?);
    let mut recorded = 0;
    for order in wallets::live_orders(&mut tx, chain.id(), now).await? {
        // Read anew for each: an order before this one may have taken the same money.
        let live = tabs::live(&mut tx, chain.id()).await?;
        let busy = live.iter().any(|tab| {
            let same = tab.customer == order.customer && tab.coin == order.coin && tab.order.is_some();
            // What it takes is not gone from the wallet yet. One that is open is in nobody's way: a second deposit opens a second.
            same && tab.state == TabState::Opening
        });
        if !busy {
            recorded += u64::from(open_one(app, chain, &mut tx, &order).await?);
        }
    }
    commit(tx, "open tabs").await?;
    Ok(recorded)
}

async fn open_one(app: &App, chain: &Chain, tx: &mut Tx, order: &KeptOrder) -> Result<bool, SettlementError> {
    let now = app.store.now();
    let KeptOrder { customer, coin, max_spend, expires: _, signed } = order;
    let unknown = |what: &str| SettlementError::Unknown { chain: chain.id(), what: what.to_owned() };
    let has = wallets::units(tx, signed.customer, *coin).await?;
    let asset = chain.asset(*coin).ok_or_else(|| unknown("a coin"))?;
    let has = chain.micros(asset.address, has).map_or(Micros::ZERO, |(_, micros)| micros);
    let (count, under) = tabs::under_order(tx, &signed.order_id.to_string()).await?;
    let amount = has.min(Micros::new(max_spend.get() - under.get()));
    if amount <= Micros::ZERO {
        return Ok(false);
    }
    let id = keccak256([signed.order_id.as_slice(), &count.to_be_bytes()].concat());
    // An order's last day is for opening tabs, not for what is charged to them.
    let settle_by = now.after(TAB_LIFE);
    let tab = Tab {
        id: id.to_string(),
        customer: *customer,
        coin: *coin,
        wallet: format!("{:#x}", signed.customer),
        order: Some(signed.order_id.to_string()),
        fee_bps: asset.fee_bps,
        reserved: Micros::ZERO,
        used: Micros::ZERO,
        settled: Micros::ZERO,
        settle_by,
        state: TabState::Opening,
    };
    let units = |amount: Micros| chain.units(*coin, amount).and_then(|units| u128::try_from(units).ok());
    let reserve = IMarket::reserveCall {
        order: IMarket::Order {
            orderId: signed.order_id,
            customer: signed.customer,
            asset: signed.asset,
            maxSpend: u128::try_from(signed.max_spend).map_err(|_| unknown("an order"))?,
            maxFeeBps: signed.max_fee_bps,
            expiry: signed.expiry,
        },
        signature: signed.signature.0.as_bytes().into(),
        session: id,
        amount: units(amount).ok_or_else(|| unknown("an amount"))?,
        settleBy: settle_by.as_millis().unsigned_abs() / 1_000,
    };
    let step = call(chain, format!("reserve:{id}"), Role::Matcher, chain.profile().contracts.market, &reserve);
    if !tabs::insert(tx, &tab, now).await? {
        return Ok(false);
    }
    Ok(ensure(app, tx, step).await? == Effect::New)
}

/// Ends tabs whose day comes near or whose customers want their money back, once nothing is charged to them any more.
async fn close(app: &App, chain: &Chain) -> Result<u64, SettlementError> {
    let (now, mut tx) = (app.store.now(), app.store.begin().await?);
    let mut recorded = 0;
    for tab in tabs::live(&mut tx, chain.id()).await? {
        match tab.state {
            TabState::Open if now.after(app.config.timers.tab_close_before) >= tab.settle_by => {
                tabs::wish_closed(&mut tx, &tab.id, now).await?;
            }
            TabState::Closing => recorded += u64::from(give_back(app, chain, &mut tx, &tab).await?),
            TabState::Opening if tab.order.is_some() && is_refused(app, &mut tx, &tab).await? => {
                tabs::change(&mut tx, &tab, &Tab { state: TabState::Closed, ..tab.clone() }, now).await?;
            }
            TabState::Opening | TabState::Open | TabState::Closed => {}
        }
    }
    commit(tx, "close tabs").await?;
    Ok(recorded)
}

/// Whether the chain has refused to open a tab, a while ago: then it never does, and what there is to reserve is looked for anew.
async fn is_refused(app: &App, tx: &mut Tx, tab: &Tab) -> Result<bool, SettlementError> {
    let step = steps::find(tx, &format!("reserve:{}", tab.id)).await?;
    let waited = |step: steps::Step| app.store.now().since(step.changed) >= super::pause(app, TRIES_MAX);
    Ok(step.is_some_and(|step| step.state == StepState::Refused && waited(step)))
}

/// Gives back what no job holds and none has used. What was used stays until it is settled; then the tab is over.
async fn give_back(app: &App, chain: &Chain, tx: &mut Tx, tab: &Tab) -> Result<bool, SettlementError> {
    if jobs::holding(tx, &tab.id).await? > 0 {
        return Ok(false);
    }
    let rest = Micros::new(tab.reserved.get() - tab.used.get());
    if rest == Micros::ZERO {
        if tab.settled == tab.used {
            tabs::change(tx, tab, &Tab { state: TabState::Closed, ..tab.clone() }, app.store.now()).await?;
        }
        return Ok(false);
    }
    let units = chain.units(tab.coin, rest).and_then(|units| u128::try_from(units).ok());
    let units = units.ok_or_else(|| SettlementError::Unknown { chain: chain.id(), what: format!("tab {}", tab.id) })?;
    let give = IMarket::giveBackCall { session: session(chain, tab)?, amount: units };
    let step = call(chain, format!("giveback:{}", tab.id), Role::Settler, chain.profile().contracts.market, &give);
    let effect = ensure(app, tx, step).await?;
    let key = format!("leaving:{}", tab.id);
    // A step that the chain has refused is recorded anew; what leaves has been taken out of what can be spent once.
    if effect == Effect::New && tab.order.is_some() && ledger::memo(tx, Kind::Tab, &key).await?.is_none() {
        let (from, to) = (Account::Available(tab.customer), Account::Leaving(tab.customer));
        let transfer = Transfer::between(Kind::Tab, &key, from, to, (tab.coin, rest));
        if ledger::post(tx, &[transfer], app.store.now()).await? != Posted::Yes {
            let what = format!("tab {} does not hold what the customer has", tab.id);
            return Err(SettlementError::Unknown { chain: chain.id(), what });
        }
    }
    Ok(effect == Effect::New)
}
