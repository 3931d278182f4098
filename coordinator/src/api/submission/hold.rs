//! What is set aside when jobs are taken in: the most they can cost, all from one pot.

use headframe_accounts::epoch::Rate;
use headframe_protocol::{
    Micros, TimestampMs,
    api::{Pay, Pot, PotBalance},
    chain::AssetKind,
};

use super::{super::key_limits, Spread};
use crate::{
    App,
    auth::Customer,
    error::{ApiError, ApiResult},
    prices,
    store::{
        Tx,
        amount::Amount,
        fiat,
        jobs::NewJob,
        ledger::{self, Account, Coin, Kind, Leg, Posted, Transfer},
        lifecycle::{most, promised},
        purses::{self, Purse},
        tabs::{self, Source, Tab},
    },
};

/// Sets it aside, and says from where and how much for each.
pub(super) async fn hold(
    app: &App,
    customer: &Customer,
    tx: &mut Tx,
    (jobs, pay): (&[Spread], Pay),
    now: TimestampMs,
) -> ApiResult<(Purse, Vec<NewJob>)> {
    match pay {
        Pay::Dollars => in_dollars(app, customer, tx, jobs, now).await,
        Pay::Hfr { quoted } => in_hfr(app, customer, tx, (jobs, quoted), now).await,
    }
}

/// From the first pot of dollars that covers it.
async fn in_dollars(
    app: &App,
    customer: &Customer,
    tx: &mut Tx,
    jobs: &[Spread],
    now: TimestampMs,
) -> ApiResult<(Purse, Vec<NewJob>)> {
    let fee_bps = app.config.network.fee_bps;
    // What dollars cost is the same whatever pot they are in.
    let jobs = priced(jobs, fee_bps, &Purse::practice(fee_bps))?;
    let needed = sum(&jobs).dollars;
    key_limits::check(tx, customer.key, needed, now).await?;
    let pots = purses::filled(tx, customer.id).await?;
    for pot in pots.iter().filter(|pot| pot.pot != Pot::Free && pot.kind == AssetKind::Stable && pot.amount >= needed) {
        let Some(purse) = purse_of(app, customer, tx, pot, needed).await? else { continue };
        // What was read may have been spent since; then the next pot is tried.
        if set_aside(tx, customer, &jobs, &purse, now).await? == Posted::Yes {
            return Ok((purse, jobs));
        }
    }
    Err(not_covered(needed, &pots))
}

/// From a tab of HFR, at the price of now or of a quote whose minute is not over. Rigs are paid in dollars all the same: as much is kept for them of what the operator has in
/// stock. Where there is no price or no stock, HFR is not taken.
async fn in_hfr(
    app: &App,
    customer: &Customer,
    tx: &mut Tx,
    (jobs, quoted): (&[Spread], Option<u64>),
    now: TimestampMs,
) -> ApiResult<(Purse, Vec<NewJob>)> {
    let Some((home, asset)) = app.chains.home().and_then(|home| home.profile().hfr().map(|asset| (home, asset))) else {
        return Err(ApiError::invalid_field("pay_in", "`usd`: this network takes no HFR"));
    };
    let price = match quoted {
        None => prices::agreed(tx, now).await?,
        Some(picos) => prices::agreed_lately(tx, picos, now).await?,
    };
    let Some((usd_per_hfr, seen_ms)) = price else {
        return Err(ApiError::conflict(match quoted {
            None => "HFR has no price that can be relied on now. Pay in dollars, or try again later.",
            Some(_) => "No quote of the last minute has named this price of HFR. Ask for a new one.",
        }));
    };
    let coin = Coin { chain: home.id(), kind: AssetKind::Hfr };
    let rate = Some(Rate { usd_per_hfr, seen_ms });
    let purse = |tab: Option<Tab>| {
        let (fee_bps, tab) = tab.map_or((asset.fee_bps, None), |tab| (tab.fee_bps, Some(tab.id)));
        Purse { pot: Pot::Available, coin, fee_bps: Some(fee_bps), tab, rate }
    };
    for tab in tabs::open(tx, customer.id, coin, Source::Order).await? {
        // The contract takes the tab's own fee, and with the fee goes the price.
        let purse = purse(Some(tab.clone()));
        let jobs = priced(jobs, app.config.network.fee_bps, &purse)?;
        let needed = sum(&jobs);
        if !tabs::has_room(tx, &tab.id, needed.paid()).await? {
            continue;
        }
        key_limits::check(tx, customer.key, needed.dollars, now).await?;
        match set_aside(tx, customer, &jobs, &purse, now).await? {
            Posted::Yes => return Ok((purse, jobs)),
            Posted::NotCovered(Account::Inventory) => {
                return Err(ApiError::conflict(
                    "The network has too few dollars in stock to pay rigs for this in HFR. Pay in dollars, or try again later.",
                ));
            }
            Posted::NotCovered(_) => break,
        }
    }
    let needed = sum(&priced(jobs, app.config.network.fee_bps, &purse(None))?);
    Err(no_hfr(needed.paid(), &purses::filled(tx, customer.id).await?))
}

/// What each may cost at most.
fn priced(jobs: &[Spread], dollar_fee_bps: u16, purse: &Purse) -> ApiResult<Vec<NewJob>> {
    let of = |job: &Spread| -> ApiResult<NewJob> {
        let held = most(&job.spec, dollar_fee_bps, purse)
            .map_err(|_| ApiError::invalid_field("max_price_per_hour", "less: in HFR it is more than can be counted"))?;
        Ok(NewJob { id: job.id, spec: job.spec.clone(), array_index: job.array_index, held })
    };
    jobs.iter().map(of).collect()
}

fn sum(jobs: &[NewJob]) -> Amount {
    let add = |sum: Micros, more: Micros| Micros::new(sum.get().saturating_add(more.get()));
    jobs.iter().map(|job| job.held).reduce(|sum, held| sum.zip(held, add)).unwrap_or_default()
}

async fn set_aside(tx: &mut Tx, customer: &Customer, jobs: &[NewJob], purse: &Purse, now: TimestampMs) -> ApiResult<Posted> {
    let (from, held) = (purse.account(customer.id), Account::Held(customer.id));
    let dollars = Coin::stable(purse.coin.chain);
    let mut transfers = Vec::with_capacity(jobs.len());
    for job in jobs {
        let amount = (purse.coin, job.held.paid());
        let mut transfer = Transfer::between(Kind::Hold, &job.id.to_string(), from, held, amount).for_job(job.id);
        let kept = promised(job.held, purse.rate)?;
        if kept > Micros::ZERO {
            transfer.legs.push(Leg::new(Account::Inventory, dollars, kept.negated()));
            transfer.legs.push(Leg::new(Account::Promised, dollars, kept));
        }
        transfers.push(transfer);
    }
    Ok(ledger::post(tx, &transfers, now).await?)
}

/// How `needed` is paid from a pot; nothing if there is no tab with as much room to charge it to.
async fn purse_of(app: &App, customer: &Customer, tx: &mut Tx, filled: &PotBalance, needed: Micros) -> ApiResult<Option<Purse>> {
    let PotBalance { pot, chain_id, kind, amount: _ } = *filled;
    let coin = Coin { chain: chain_id, kind };
    let source = match pot {
        // What his bank has taken back is taken of what he has left, and not spent in the meantime.
        Pot::Fiat if fiat::owed_by(tx, customer.id).await? > Micros::ZERO => return Ok(None),
        Pot::Fiat => Source::Card,
        Pot::Available => Source::Order,
        Pot::Earned | Pot::Free => {
            return Ok(Some(Purse { pot, coin, fee_bps: Some(app.config.network.fee_bps), tab: None, rate: None }));
        }
    };
    if coin == Coin::PRACTICE {
        return Ok(Some(Purse::practice(app.config.network.fee_bps)));
    }
    for tab in tabs::open(tx, customer.id, coin, source).await? {
        if tabs::has_room(tx, &tab.id, needed).await? {
            return Ok(Some(Purse { pot, coin, fee_bps: Some(tab.fee_bps), tab: Some(tab.id), rate: None }));
        }
    }
    Ok(None)
}

fn not_covered(needed: Micros, pots: &[PotBalance]) -> ApiError {
    let dollars = |spendable: bool| {
        let of = pots.iter().filter(move |pot| (pot.pot != Pot::Free) == spendable && pot.kind == AssetKind::Stable);
        of.map(|pot| pot.amount)
    };
    let most = dollars(true).max().unwrap_or(Micros::ZERO);
    let missing = Micros::new(needed.get() - most.get());
    let mut said = format!("{needed} is needed to set aside, {most} is available: {missing} is missing.");
    let several = dollars(true).filter(|amount| *amount > Micros::ZERO).count() > 1;
    if several {
        said.push_str(" A job is paid from one pot; `pots` of the balance lists them.");
    }
    if missing <= Micros::ZERO {
        // There is enough, but no tab on a chain it could be charged to: not yet, in several, or not while a card's bank wants it back.
        said = format!(
            "{needed} is needed to set aside; as much is not reserved for jobs in one piece on a chain. `/v1/tabs` lists what is."
        );
    }
    let free: Micros = dollars(false).sum();
    if free >= missing && missing > Micros::ZERO {
        said.push_str(" You have enough on the chain: sign an order to spend it.");
    }
    ApiError::insufficient_balance(said)
}

fn no_hfr(needed: Micros, pots: &[PotBalance]) -> ApiError {
    let hfr = |pot: Pot| pots.iter().filter(move |has| has.pot == pot && has.kind == AssetKind::Hfr).map(|has| has.amount).sum();
    let (reserved, free): (Micros, Micros) = (hfr(Pot::Available), hfr(Pot::Free));
    let missing = Micros::new((needed.get() - reserved.get()).max(0));
    let words = |amount: Micros| amount.to_string().replace('$', "");
    let mut said = format!("{} HFR is needed to set aside, {} is reserved for jobs", words(needed), words(reserved));
    said.push_str(&if missing > Micros::ZERO {
        format!(": {} is missing.", words(missing))
    } else {
        ", but not in one piece.".to_owned()
    });
    if free >= missing && missing > Micros::ZERO {
        said.push_str(" You have enough on the chain: sign an order to spend it.");
    }
    ApiError::insufficient_balance(said)
}
