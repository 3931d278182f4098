//! What a customer needs to check the messages his webhooks get.

use axum::{
    extract::State,
    http::{HeaderName, header},
};
use serde::Serialize;

use crate::{App, auth::Customer, extract::Json};

/// What messages are signed with.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookSecret {
    /// `whsec_…`, as libraries of the Standard Webhooks specification take it.
    secret: String,
}

/// Says what messages to this account's webhooks are signed with.
///
/// Every message carries `webhook-id`, `webhook-timestamp` and `webhook-signature`, as Standard Webhooks has them.
#[utoipa::path(
    get, path = "/v1/webhooks/secret", tag = "account", operation_id = "getWebhookSecret",
    responses(
        (status = 200, description = "The secret", body = WebhookSecret),
    ),
    security(("api_key" = [])),
)]
pub async fn secret(State(app): State<App>, customer: Customer) -> ([(HeaderName, &'static str); 1], Json<WebhookSecret>) {
    let secret = app.webhooks.secret_of(customer.id).reveal();
    ([(header::CACHE_CONTROL, "no-store")], Json(WebhookSecret { secret }))
}
