//! What a payment processor tells. Not part of the customers' API.

use axum::{
    extract::{FromRequestParts, State},
    http::{StatusCode, request::Parts},
};

use crate::{
    App,
    error::{ApiError, ApiResult},
    extract::Body,
    fiat::{FiatError, Told, accept, stripe::SIGNATURE_HEADER},
};

/// That payments by card are taken, and what the message is said to be signed with. The body is read only then.
#[derive(Debug)]
pub struct Signature(String);

impl FromRequestParts<App> for Signature {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        if app.fiat.is_none() {
            return Err(ApiError::not_found("address"));
        }
        let signature = parts.headers.get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
        signature.map(|signature| Self(signature.to_owned())).ok_or_else(ApiError::unauthenticated)
    }
}

/// Hears from Stripe that a card was charged, or that something of it was taken back.
pub async fn stripe(State(app): State<App>, Signature(signature): Signature, Body(body): Body) -> ApiResult<StatusCode> {
    let till = app.fiat.as_ref().ok_or_else(|| ApiError::not_found("address"))?;
    let told = match till.read(&signature, &body, app.store.now()) {
        Ok(told) => told,
        Err(FiatError::Signature) => return Err(ApiError::unauthenticated()),
        Err(FiatError::Content(missing)) => {
            // Stripe would send it again for days, and it would not become another.
            metrics::counter!("headframe_fiat_unread_total").increment(1);
            tracing::error!(fiat.missing = missing, "A message of the payment processor could not be read");
            Told::Nothing
        }
    };
    accept::accept(&app, till.chain(), told).await?;
    Ok(StatusCode::OK)
}
