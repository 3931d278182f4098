//! Spending by day what was earned by night: one transfer in the ledger, no fee, no bonus, nothing on a chain.

use std::time::Duration;

use headframe_protocol::{Micros, payout::SignedSpendEarnings};

use crate::{
    App,
    error::{ApiError, ApiResult},
    store::{
        commit, customers,
        ledger::{self, Account, Coin, Kind, Posted, Transfer},
        links, rigs, until_uncrossed, written,
    },
};

/// What was signed longer ago is refused: the owner may have forgotten it.
const AGE_MAX: Duration = Duration::from_mins(10);

/// A rig's clock may be this far ahead of ours.
const AHEAD_MAX: Duration = Duration::from_mins(1);

/// Does it, once for each nonce.
pub(crate) async fn accept(app: &App, signed: &SignedSpendEarnings) -> ApiResult<()> {
    let spend = &signed.spend;
    if spend.network != app.config.network.name {
        return Err(ApiError::invalid_field("spend.network", &format!("`{}`", app.config.network.name)));
    }
    if spend.amount <= Micros::ZERO {
        return Err(ApiError::invalid_field("spend.amount", "more than nothing"));
    }
    signed.verify().map_err(|_| ApiError::invalid_field("signature", "made by the device that is named"))?;
    until_uncrossed(|| move_over(app, signed)).await
}

async fn move_over(app: &App, signed: &SignedSpendEarnings) -> ApiResult<()> {
    let spend = &signed.spend;
    let key = format!("{}:{}", spend.device, spend.nonce);
    let (now, mut tx) = (app.store.now(), app.store.begin().await?);
    let memo = written(signed, "signed act")?;
    // Whoever sends the same again waits here for what becomes of the first.
    if !rigs::take_row(&mut tx, spend.device).await? {
        return Err(ApiError::not_found("rig"));
    }
    match ledger::memo(&mut tx, Kind::Spend, &key).await? {
        Some(before) if before == memo => return Ok(()),
        Some(_) => return Err(ApiError::conflict("This nonce was used for something else.")),
        None => {}
    }
    if spend.issued_ms < now.before(AGE_MAX) || spend.issued_ms > now.after(AHEAD_MAX) {
        return Err(ApiError::invalid_field("spend.issued_ms", "within the last ten minutes; set this computer's clock"));
    }
    let customer = customers::find(&mut tx, spend.customer).await?;
    if customer.is_none_or(|customer| customer.suspended_ms.is_some()) {
        return Err(ApiError::invalid_field("spend.customer", "an account of this network that is not suspended"));
    }
    let credit = Account::Credit(spend.device);
    let coins = ledger::coins_of(&mut tx, credit).await?;
    // Real money first: whoever spends practice earnings has no other.
    let covering = coins.into_iter().rev().find(|(coin, balance)| coin.is_dollars() && *balance >= spend.amount);
    let Some((coin, _)) = covering else {
        return Err(ApiError::insufficient_balance("The rig has not earned that much on one chain that is not paid out yet."));
    };
    let to = if coin == Coin::PRACTICE { Account::Available(spend.customer) } else { Account::Earned(spend.customer) };
    let transfer = Transfer::between(Kind::Spend, &key, credit, to, (coin, spend.amount));
    // Whoever has this rig's earnings may be its owner.
    links::note_spending(&mut tx, spend.customer, spend.device).await?;
    match ledger::post(&mut tx, &[Transfer { memo: Some(memo), ..transfer }], now).await? {
        Posted::Yes => Ok(commit(tx, "spend earnings").await?),
        Posted::NotCovered(_) => Err(ApiError::insufficient_balance("The earnings were spent or paid out just now.")),
    }
}
