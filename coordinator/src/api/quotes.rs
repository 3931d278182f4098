//! What a job would cost, before anything is set aside for it.

use axum::extract::State;
use headframe_accounts::{
    FeeBps,
    epoch::Rate,
    quote::{HfrTerms, Quote, VALID_MS},
};
use headframe_protocol::{
    Micros, TimestampMs,
    api::{HfrQuote, Pot, QuoteView},
    chain::AssetKind,
    job::JobSpec,
};

use crate::{
    App,
    auth::Customer,
    error::{ApiError, ApiResult},
    extract::Json,
    market::Want,
    prices,
    store::{
        ledger::{self, Account, Coin},
        lifecycle::{most, promised},
        purses::Purse,
    },
};

/// Says what a job would cost now, and what would be set aside for it.
#[utoipa::path(
    post, path = "/v1/quotes", tag = "jobs", operation_id = "quoteJob",
    request_body = JobSpec,
    responses(
        (status = 200, description = "The quote; it stands for a minute", body = QuoteView),
        (status = 422, description = "The specification is wrong"),
    ),
    security(("api_key" = [])),
)]
pub async fn quote(State(app): State<App>, _customer: Customer, Json(spec): Json<JobSpec>) -> ApiResult<Json<QuoteView>> {
    let problems = spec.problems();
    if !problems.is_empty() {
        return Err(ApiError::invalid(problems));
    }
    let (fleet, want) = (app.dispatch.fleet().await, Want::of(&spec));
    let (price, ready) = fleet.cheapest(&want.need);
    let now = app.store.now();
    let taken = hfr_taken(&app, &spec, now).await?;
    let fee = FeeBps::new(app.config.network.fee_bps).map_err(|error| ApiError::internal().because(error))?;
    let quote = price.map(|price| Quote::new(price, fee, taken.as_ref().map(|taken| taken.terms), now)).transpose();
    let quote = quote.map_err(|error| ApiError::internal().because(error))?;
    Ok(Json(QuoteView {
        price_per_hour: quote.map(|quote| quote.stable.price),
        fee_per_hour: quote.map(|quote| quote.stable.fee),
        owner_per_hour: quote.map(|quote| quote.stable.supplier),
        ready,
        unmet: fleet.unmet(&want),
        hold: spec.hold(),
        hfr: quote.and_then(|quote| quote.hfr).zip(taken).map(|(hfr, taken)| HfrQuote {
            price_per_hour: hfr.rate.price,
            discount_per_hour: hfr.discount,
            hold: taken.hold,
            picos_per_hfr: hfr.price.picos(),
            price_seen_ms: taken.seen,
        }),
        issued_ms: now,
        valid_until_ms: TimestampMs::from_millis(now.as_millis() + VALID_MS),
    }))
}

/// How HFR is taken now.
struct Taken {
    terms: HfrTerms,
    /// When the price was seen.
    seen: TimestampMs,
    /// What is set aside of it.
    hold: Micros,
}

/// Nothing if HFR is not taken for a job: there is no price, or too little in stock to pay its rig from.
async fn hfr_taken(app: &App, spec: &JobSpec, now: TimestampMs) -> ApiResult<Option<Taken>> {
    let mut connection = app.store.read().await?;
    let Some((price, seen)) = prices::agreed(&mut connection, now).await? else { return Ok(None) };
    let Some((home, asset)) = app.chains.home().and_then(|home| home.profile().hfr().map(|asset| (home, asset))) else {
        return Ok(None);
    };
    let coin = Coin { chain: home.id(), kind: AssetKind::Hfr };
    let rate = Some(Rate { usd_per_hfr: price, seen_ms: seen });
    let purse = Purse { pot: Pot::Available, coin, fee_bps: Some(asset.fee_bps), tab: None, rate };
    // More HFR than can be counted is not taken either.
    let Ok(hold) = most(spec, app.config.network.fee_bps, &purse) else { return Ok(None) };
    let stock = ledger::balance(&mut connection, Account::Inventory, Coin::stable(home.id())).await?;
    let fee_bps = FeeBps::new(asset.fee_bps).map_err(|error| ApiError::internal().because(error))?;
    let enough = promised(hold, rate)? <= stock;
    Ok(enough.then_some(Taken { terms: HfrTerms { price, fee_bps }, seen, hold: hold.paid() }))
}
