//! Looks after money that came by card, and deposits whose owner came to light.

use super::Run;
use crate::{
    App, fiat,
    store::{
        self, StoreError, claims, commit,
        ledger::{self, Account, Kind, Posted, Transfer},
        links,
        maturing::{self, Maturing},
        payouts::{MATURITY_MEMO, maturity},
        until_uncrossed, verify, written,
    },
};

/// Rows looked at in one run. More only wait for the next.
const BATCH_MAX: u32 = 256;

/// Payments that were taken back: until all of it is found or given up.
pub(crate) async fn recover(app: App) -> Run {
    let mut connection = app.store.read().await?;
    let references = store::fiat::to_recover(&mut connection, BATCH_MAX).await?;
    drop(connection);
    let mut closed = 0;
    for reference in references {
        closed += u64::from(fiat::recover::recover(&app, &reference).await?);
    }
    Ok(closed)
}

/// Earnings that have waited long enough: no card's bank takes them back any more.
pub(crate) async fn mature(app: App) -> Run {
    let before = app.store.now().before(app.config.timers.maturity);
    let mut connection = app.store.read().await?;
    let ripe = maturing::earned_before(&mut connection, before, BATCH_MAX).await?;
    drop(connection);
    let (rules, mut closed) = (app.config.rules().verification, 0);
    for earned in ripe {
        closed += u64::from(until_uncrossed(|| let_go(&app, &rules, &earned)).await?);
    }
    Ok(closed)
}

/// False if somebody has changed them meanwhile; the next run sees how.
async fn let_go(app: &App, rules: &verify::Rules, earned: &Maturing) -> Result<bool, StoreError> {
    let (now, mut tx) = (app.store.now(), app.store.begin().await?);
    if !maturing::end(&mut tx, earned, now).await? {
        return Ok(false);
    }
    let left = earned.left();
    if left.get() > 0 {
        let from = Account::Maturing(earned.device);
        // Earnings by card wait anyway; if a result of the rig was outvoted meanwhile, they are lost like all that wait.
        let to = if verify::holds::was_wrong_since(&mut tx, earned.device, earned.earned).await? {
            Account::Inventory
        } else {
            verify::given_back::after_maturity(&mut tx, rules, earned, now).await?
        };
        let transfer =
            Transfer::between(Kind::Mature, &earned.attempt.to_string(), from, to, (earned.coin, left)).for_job(earned.job);
        let memo = Some(written(&maturity(earned), MATURITY_MEMO)?);
        if ledger::post(&mut tx, &[Transfer { attempt: Some(earned.attempt), memo, ..transfer }], now).await? != Posted::Yes {
            let value = format!("{from} does not cover what matures of {}", earned.attempt);
            return Err(StoreError::Corrupt { what: "balance", value });
        }
    }
    crate::fail::point("mature");
    commit(tx, "let earnings go").await?;
    Ok(true)
}

/// Tells the market who is linked to which rig.
pub(super) async fn link(app: App) -> Run {
    let mut connection = app.store.read().await?;
    let links = links::of_card_payers(&mut connection, app.store.now()).await?;
    drop(connection);
    let count = links.len() as u64;
    app.dispatch.linked(links).await;
    Ok(count)
}

/// Deposits of wallets that have become somebody's.
pub(crate) async fn claim(app: App) -> Run {
    let mut connection = app.store.read().await?;
    let overlooked = claims::overlooked(&mut connection).await?;
    drop(connection);
    for (customer, wallet) in &overlooked {
        until_uncrossed(async || {
            let mut tx = app.store.begin().await?;
            claims::claim(&mut tx, *customer, *wallet, app.store.now()).await?;
            commit(tx, "claim a deposit").await
        })
        .await?;
    }
    Ok(overlooked.len() as u64)
}
