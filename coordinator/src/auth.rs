//! Who is calling, as a value. A handler that takes a [`Customer`] cannot be reached without a good API key, one that
//! takes an [`AttemptAuth`] not without the token of that very attempt.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use headframe_protocol::{ApiKeyId, AttemptId, CustomerId, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{
    App,
    error::ApiError,
    extract::Path,
    networks::{Origin, Party},
    store::{
        Doing as _, StoreError,
        attempts::{self, AttemptAuth, Holder},
        lifecycle, parsed,
    },
};

/// What every customer key begins with.
pub const API_KEY_PREFIX: &str = "hfk_";

/// A customer with a good key, not suspended.
#[derive(Debug, Clone)]
pub struct Customer {
    /// The account.
    pub id: CustomerId,
    /// What it is called.
    pub name: String,
    /// Its part of the registry.
    pub namespace: String,
    /// The key that was used.
    pub key: ApiKeyId,
    /// The most open jobs it may have.
    pub open_jobs_max: i64,
}

impl FromRequestParts<App> for Customer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let key = bearer(&parts.headers).ok_or_else(ApiError::unauthenticated)?;
        let customer = customer_of(app, key).await?;
        if app.notes_networks() {
            app.networks.note(&app.store, Party::Customer(customer.id), &Origin::of(parts)).await;
        }
        Ok(customer)
    }
}

/// Whose key this is. Keys are long and random, so that looking one up by its sum leaks nothing by its timing.
///
/// # Errors
/// `unauthenticated` for an unknown or revoked key, `account_suspended` for a suspended account.
pub async fn customer_of(app: &App, key: &str) -> Result<Customer, ApiError> {
    if !key.starts_with(API_KEY_PREFIX) || key.len() > 200 {
        return Err(ApiError::unauthenticated());
    }
    let found = look_up(app, &Sha256::of(key.as_bytes()).to_string()).await?;
    let (customer, suspended) = found.ok_or_else(ApiError::unauthenticated)?;
    if suspended { Err(ApiError::account_suspended()) } else { Ok(customer) }
}

/// `key`, `customer`, `name`, `namespace`, `open_jobs_max`, `suspended_ms`.
type KeyRow = (String, String, String, String, i64, Option<i64>);

async fn look_up(app: &App, sum: &str) -> Result<Option<(Customer, bool)>, StoreError> {
    let mut connection = app.store.read().await?;
    let row: Option<KeyRow> = sqlx::query_as(
        "SELECT api_key.id, customer.id, customer.name, customer.namespace, customer.open_jobs_max, customer.suspended_ms
         FROM api_key JOIN customer ON customer.id = api_key.customer_id
         WHERE api_key.secret_sha256 = $1 AND api_key.revoked_ms IS NULL",
    )
    .bind(sum)
    .fetch_optional(&mut *connection)
    .await
    .doing("look up an API key")?;
    row.map(|(key, id, name, namespace, open_jobs_max, suspended_ms)| {
        let customer =
            Customer { id: parsed(&id, "customer id")?, name, namespace, key: parsed(&key, "API key id")?, open_jobs_max };
        Ok((customer, suspended_ms.is_some()))
    })
    .transpose()
}

impl FromRequestParts<App> for AttemptAuth {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let holder = named_holder(parts, app).await?;
        if holder.holds { Ok(holder.auth) } else { Err(ApiError::stale_epoch()) }
    }
}

/// A rig that may bring files: it holds the attempt, or has given it back a moment ago and brings what it left.
#[derive(Debug, Clone)]
pub struct Bringing(pub AttemptAuth);

impl FromRequestParts<App> for Bringing {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Holder { holds, auth, .. } = named_holder(parts, app).await?;
        if holds {
            return Ok(Self(auth));
        }
        let mut connection = app.store.read().await?;
        let (within, now) = (app.config.timers.checkpoint_upload, app.store.now());
        let awaited = lifecycle::is_awaited(&mut connection, auth.attempt, within, now).await?;
        if awaited { Ok(Self(auth)) } else { Err(ApiError::stale_epoch()) }
    }
}

/// The attempt in the address, if the caller has its token.
async fn named_holder(parts: &mut Parts, app: &App) -> Result<Holder, ApiError> {
    let token = bearer(&parts.headers).ok_or_else(ApiError::unauthenticated)?;
    let sum = Sha256::of(token.as_bytes()).to_string();
    // The address may have more parts after the attempt; only this one is needed here.
    let Path(mut named) = Path::<std::collections::BTreeMap<String, String>>::from_request_parts(parts, app).await?;
    let attempt = named.remove("attempt").unwrap_or_default();
    let attempt: AttemptId =
        attempt.parse().map_err(|_| ApiError::not_found("attempt").naming("attempt", "att_<32 hex digits>"))?;
    let mut connection = app.store.read().await?;
    let holder = attempts::holder(&mut connection, attempt).await?.ok_or_else(ApiError::unauthenticated)?;
    if !bool::from(holder.token_sha256.as_bytes().ct_eq(sum.as_bytes())) {
        return Err(ApiError::unauthenticated());
    }
    Ok(holder)
}

/// The token of `Authorization: Bearer …`.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.trim())
}

/// 32 random bytes as hex: good for a secret or a nonce.
#[must_use]
pub fn random_hex() -> String {
    hex::encode(rand::random::<[u8; 32]>())
}
