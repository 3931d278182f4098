//! What a job would cost, before anything is set aside for it.

use axum::extract::State;
use headframe_accounts::{
    FeeBps,
    quote::{HfrTerms, Quote, VALID_MS},
};
use headframe_protocol::{
    TimestampMs,
    api::{HfrQuote, QuoteView},
    job::JobSpec,
};

use crate::{
    App,
    auth::Customer,
    error::{ApiError, ApiResult},
    extract::Json,
    market::Want,
    prices,
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
    let (price, ready) = app.dispatch.cheapest(Want::of(&spec)).await;
    let mut connection = app.store.read().await?;
    let now = app.store.now();
    let agreed = prices::agreed(&mut connection, now).await?;
    drop(connection);
    let fee = FeeBps::new(app.config.network.fee_bps).map_err(|error| ApiError::internal().because(error))?;
    let terms = agreed.filter(|_| app.chains.home().is_some_and(|home| home.profile().hfr().is_some()));
    let hfr = terms.map(|(price, _)| HfrTerms { price, fee_bps: FeeBps::HFR });
    let quote = price.map(|price| Quote::new(price, fee, hfr, now)).transpose();
    let quote = quote.map_err(|error| ApiError::internal().because(error))?;
    Ok(Json(QuoteView {
        price_per_hour: quote.map(|quote| quote.stable.price),
        fee_per_hour: quote.map(|quote| quote.stable.fee),
        owner_per_hour: quote.map(|quote| quote.stable.supplier),
        ready,
        hold: spec.hold(),
        hfr: quote.and_then(|quote| quote.hfr).zip(agreed).map(|(hfr, (_, seen))| HfrQuote {
            price_per_hour: hfr.rate.price,
            discount_per_hour: hfr.discount,
            picos_per_hfr: hfr.price.picos(),
            price_seen_ms: seen,
        }),
        issued_ms: now,
        valid_until_ms: TimestampMs::from_millis(now.as_millis() + VALID_MS),
    }))
}
