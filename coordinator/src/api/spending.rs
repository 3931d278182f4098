//! A customer's own money on chains: which wallets are his, what he lets us spend, and what is reserved for it.

use std::time::Duration;

use alloy_primitives::{B256, U256};
use axum::{extract::State, http::StatusCode};
use headframe_accounts::Decimals;
use headframe_protocol::{
    Micros, TimestampMs,
    spending::{OrderView, SignedOrder, TabView, Wallet, WalletProof},
};

use crate::{
    App,
    auth::Customer,
    error::{ApiError, ApiResult},
    extract::{Json, Path},
    store::{
        claims, commit, customers,
        ledger::Coin,
        tabs::{self, Tab},
        until_uncrossed,
        wallets::{self, Added, KeptOrder},
    },
};

/// A proof that is older was made for another occasion.
const AGE_MAX: Duration = Duration::from_mins(10);

/// A customer's clock may be this far ahead of ours.
const AHEAD_MAX: Duration = Duration::from_mins(1);

/// Wallets of one customer. Nobody needs more, and each makes every event of the chain dearer to look up.
const WALLETS_MAX: usize = 16;

/// Takes a wallet in that the customer has shown to be his. What it has deposited is his from then on.
#[utoipa::path(
    post, path = "/v1/wallets", tag = "spending", operation_id = "addWallet",
    request_body = WalletProof,
    responses(
        (status = 204, description = "It is known to be yours; the same again changes nothing"),
        (status = 409, description = "It is another customer's"),
        (status = 422, description = "The signature or a field is wrong"),
    ),
    security(("api_key" = [])),
)]
pub async fn add_wallet(State(app): State<App>, customer: Customer, Json(proof): Json<WalletProof>) -> ApiResult<StatusCode> {
    let now = app.store.now();
    if proof.issued_ms < now.before(AGE_MAX) || proof.issued_ms > now.after(AHEAD_MAX) {
        return Err(ApiError::invalid_field("issued_ms", "within the last ten minutes; set this computer's clock"));
    }
    proof
        .verify(&app.config.network.name, customer.id)
        .map_err(|_| ApiError::invalid_field("signature", "made by the wallet, for this network and account"))?;
    until_uncrossed(|| take_wallet(&app, &customer, &proof, now)).await
}

async fn take_wallet(app: &App, customer: &Customer, proof: &WalletProof, now: TimestampMs) -> ApiResult<StatusCode> {
    let mut tx = app.store.begin().await?;
    customers::take_row(&mut tx, customer.id).await?;
    let known = wallets::of_customer(&mut tx, customer.id).await?;
    if known.iter().all(|known| known.wallet != proof.wallet) && known.len() >= WALLETS_MAX {
        return Err(ApiError::conflict("An account has at most 16 wallets."));
    }
    match wallets::add(&mut tx, customer.id, proof.wallet, now).await? {
        Added::Yes => claims::claim(&mut tx, customer.id, proof.wallet, now).await?,
        Added::Taken => return Err(ApiError::conflict("This wallet belongs to another account.")),
    }
    commit(tx, "write a wallet down").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the customer's wallets.
#[utoipa::path(
    get, path = "/v1/wallets", tag = "spending", operation_id = "listWallets",
    responses((status = 200, description = "Oldest first", body = [Wallet])),
    security(("api_key" = [])),
)]
pub async fn list_wallets(State(app): State<App>, customer: Customer) -> ApiResult<Json<Vec<Wallet>>> {
    let mut connection = app.store.read().await?;
    Ok(Json(wallets::of_customer(&mut connection, customer.id).await?))
}

/// Takes an order in: what the customer has deposited may be reserved for his jobs, up to its sum and until its day.
#[utoipa::path(
    post, path = "/v1/orders", tag = "spending", operation_id = "addOrder",
    request_body = SignedOrder,
    responses(
        (status = 202, description = "It is kept; the money is spendable once the chain has reserved it"),
        (status = 409, description = "There is another order of this name"),
        (status = 422, description = "The signature or a field is wrong"),
    ),
    security(("api_key" = [])),
)]
pub async fn add_order(State(app): State<App>, customer: Customer, Json(order): Json<SignedOrder>) -> ApiResult<StatusCode> {
    let kept = checked(&app, &customer, order)?;
    until_uncrossed(|| keep_order(&app, &customer, &kept)).await
}

/// Lists what the customer has allowed to be reserved for his jobs.
#[utoipa::path(
    get, path = "/v1/orders", tag = "spending", operation_id = "listOrders",
    responses((status = 200, description = "Newest first, the last hundred; those that are over or were taken back too", body = [OrderView])),
    security(("api_key" = [])),
)]
pub async fn list_orders(State(app): State<App>, customer: Customer) -> ApiResult<Json<Vec<OrderView>>> {
    let mut connection = app.store.read().await?;
    Ok(Json(wallets::orders_of(&mut connection, customer.id).await?))
}

fn checked(app: &App, customer: &Customer, order: SignedOrder) -> ApiResult<KeptOrder> {
    let chain = app.chains.get(order.chain_id).ok_or_else(|| ApiError::invalid_field("chain_id", "a chain of this network"))?;
    let asset =
        chain.profile().asset(order.asset).ok_or_else(|| ApiError::invalid_field("asset", "one of the chain's assets"))?;
    if order.max_fee_bps < asset.fee_bps {
        let least = format!("at least {}, this network's fee on it", asset.fee_bps);
        return Err(ApiError::invalid_field("max_fee_bps", &least));
    }
    let decimals = Decimals::new(asset.decimals).map_err(|error| ApiError::internal().because(error))?;
    let max_spend = decimals.micros_floor(order.max_spend).ok().filter(|most| *most > Micros::ZERO);
    let max_spend = max_spend.filter(|_| order.max_spend <= U256::from(u128::MAX));
    let max_spend =
        max_spend.ok_or_else(|| ApiError::invalid_field("max_spend", "more than nothing and what the ledger can hold"))?;
    let expires = i64::try_from(order.expiry).ok().and_then(|seconds| seconds.checked_mul(1_000)).map(TimestampMs::from_millis);
    let expires = expires.filter(|expires| *expires > app.store.now());
    let expires = expires.ok_or_else(|| ApiError::invalid_field("expiry", "seconds since 1970, not over yet"))?;
    order
        .verify(chain.profile().contracts.market)
        .map_err(|_| ApiError::invalid_field("signature", "made by the wallet, for the chain's Market"))?;
    let coin = Coin { chain: order.chain_id, kind: asset.kind };
    Ok(KeptOrder { customer: customer.id, coin, max_spend, expires, signed: order })
}

async fn keep_order(app: &App, customer: &Customer, kept: &KeptOrder) -> ApiResult<StatusCode> {
    let mut tx = app.store.begin().await?;
    if wallets::owner(&mut tx, kept.signed.customer).await? != Some(customer.id) {
        return Err(ApiError::invalid_field("customer", "a wallet of this account; show that it is yours first"));
    }
    if !wallets::keep_order(&mut tx, kept, app.store.now()).await? {
        return Err(ApiError::conflict("There is another order of this name."));
    }
    commit(tx, "keep an order").await?;
    Ok(StatusCode::ACCEPTED)
}

/// Lists what is reserved on chains for the customer's jobs.
#[utoipa::path(
    get, path = "/v1/tabs", tag = "spending", operation_id = "listTabs",
    responses((status = 200, description = "Newest first; closed ones of the last weeks too", body = [TabView])),
    security(("api_key" = [])),
)]
pub async fn list_tabs(State(app): State<App>, customer: Customer) -> ApiResult<Json<Vec<TabView>>> {
    let mut connection = app.store.read().await?;
    let tabs = tabs::of_customer(&mut connection, customer.id).await?;
    Ok(Json(tabs.into_iter().map(view).collect()))
}

/// Ends a tab and the order it was opened under: no new job is charged to it, and what is not used is given back on the chain.
#[utoipa::path(
    post, path = "/v1/tabs/{id}/close", tag = "spending", operation_id = "closeTab",
    params(("id" = String, Path, description = "The tab's id")),
    responses(
        (status = 202, description = "It closes when the jobs charged to it have ended"),
        (status = 404, description = "No such tab of yours"),
    ),
    security(("api_key" = [])),
)]
pub async fn close_tab(State(app): State<App>, customer: Customer, Path(tab): Path<String>) -> ApiResult<StatusCode> {
    until_uncrossed(|| close(&app, &customer, &tab)).await
}

async fn close(app: &App, customer: &Customer, tab: &str) -> ApiResult<StatusCode> {
    // Anything else names no tab, and a zero byte no database takes.
    tab.parse::<B256>().map_err(|_| ApiError::not_found("tab"))?;
    let mut tx = app.store.begin().await?;
    let found = tabs::find(&mut tx, tab).await?.filter(|found| found.customer == customer.id);
    let found = found.ok_or_else(|| ApiError::not_found("tab"))?;
    tabs::wish_closed(&mut tx, &found.id, app.store.now()).await?;
    if let Some(order) = &found.order {
        // Or what comes back would be reserved again under it.
        wallets::revoke_order(&mut tx, order, app.store.now()).await?;
    }
    commit(tx, "close a tab").await?;
    Ok(StatusCode::ACCEPTED)
}

fn view(tab: Tab) -> TabView {
    let Tab { id, customer: _, coin, wallet, order, fee_bps, reserved, used, settled: _, settle_by, state } = tab;
    let (chain_id, kind, state) = (coin.chain, coin.kind, state.as_str().to_owned());
    TabView { id, chain_id, kind, wallet, order, state, reserved, used, fee_bps, settle_by_ms: settle_by }
}
