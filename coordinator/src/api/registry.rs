//! The image registry's questions: who may push and pull, and what it has to tell.

use axum::{
    extract::{FromRequestParts, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use url::form_urlencoded;

use crate::{
    App,
    auth::customer_of,
    error::{ApiError, ApiResult},
    extract::{Body, Json, json_from},
    registry::{
        ATTEMPT_USER, Registry,
        access::{self, Action, Caller, Scope},
        events::Envelope,
        settings::SECRET_HEADER,
        token::Token,
    },
    store::{self, customers},
};

/// Gives a token for the image registry.
///
/// Docker's token protocol: log in with any user name and an API key as password. A customer may push to and pull from
/// repositories below his own namespace (see `GET /v1/account`); what else is asked for is left out of the token.
#[utoipa::path(
    get, path = "/v1/registry/token", tag = "registry", operation_id = "getRegistryToken",
    params(
        ("service" = Option<String>, Query, description = "The registry's service name"),
        ("scope" = Option<String>, Query, description = "`repository:<namespace>/<name>:pull,push`; may be repeated"),
    ),
    responses(
        (status = 200, description = "The token", body = Token),
        (status = 401, description = "No valid login"),
        (status = 403, description = "Suspended, or a push with the storage used up"),
        (status = 404, description = "This network has no registry of its own"),
        (status = 422, description = "A parameter is wrong"),
    ),
    security(("registry_login" = [])),
)]
pub async fn token(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let answered = answer(&app, query.as_deref().unwrap_or_default(), &headers).await;
    let mut response = match answered {
        Ok(token) => Json(token).into_response(),
        Err(error) => error.into_response(),
    };
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"headframe\""));
    }
    response
}

async fn answer(app: &App, query: &str, headers: &HeaderMap) -> ApiResult<Token> {
    let registry = registry_of(app)?;
    let parameters = |wanted: &str| -> Vec<String> {
        form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).collect()
    };
    if parameters("service").iter().any(|service| service != registry.service()) {
        return Err(ApiError::invalid_field("service", &format!("is `{}` here", registry.service())));
    }
    let asked = access::parse(&parameters("scope")).map_err(|error| ApiError::invalid_field("scope", &error.to_string()))?;
    let (user, password) = login(headers).ok_or_else(ApiError::unauthenticated)?;
    let (subject, granted) = if user == ATTEMPT_USER {
        let repository = registry.repository_of(&password, app.store.now()).ok_or_else(ApiError::unauthenticated)?;
        (ATTEMPT_USER.to_owned(), access::granted(&Caller::Attempt { repository }, &asked))
    } else {
        let customer = customer_of(app, &password).await?;
        let granted = access::granted(&Caller::Customer { namespace: customer.namespace.clone() }, &asked);
        check_room(app, &customer, &granted).await?;
        (customer.id.to_string(), granted)
    };
    registry.token(&subject, &granted, app.store.now()).map_err(|error| ApiError::internal().because(error))
}

fn registry_of(app: &App) -> ApiResult<&Registry> {
    app.registry.as_deref().ok_or_else(|| ApiError::not_found("registry in this network"))
}

/// Pushing needs room. A 403 and not a 507, because container engines only show the messages of 4xx answers.
async fn check_room(app: &App, customer: &crate::auth::Customer, granted: &[Scope]) -> ApiResult<()> {
    if !granted.iter().any(|scope| scope.actions.contains(&Action::Push)) {
        return Ok(());
    }
    let mut connection = app.store.read().await?;
    let record = customers::find(&mut connection, customer.id).await?.ok_or_else(ApiError::unauthenticated)?;
    if record.storage_bytes_used < record.storage_bytes_max {
        return Ok(());
    }
    let (used, max) = (record.storage_bytes_used, record.storage_bytes_max);
    let message = format!("the account's storage is used up ({used} of {max} bytes); delete images, uploads or results first");
    Err(ApiError::forbidden("There is no room for another image.").naming("scope", &message))
}

fn login(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// That it is our registry who calls. A handler that takes this reads no byte of anybody else's body.
#[derive(Debug)]
pub struct OurRegistry;

impl FromRequestParts<App> for OurRegistry {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let secret = parts.headers.get(SECRET_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if registry_of(app)?.is_our_registry(secret) { Ok(Self) } else { Err(ApiError::unauthenticated()) }
    }
}

/// Hears from our registry what was pushed and removed. Not part of the customers' API.
pub async fn events(State(app): State<App>, _: OurRegistry, Body(body): Body) -> ApiResult<StatusCode> {
    let Envelope { events } = json_from(&body)?;
    let mut tx = app.store.begin().await?;
    for change in events.into_iter().filter_map(crate::registry::events::Event::change) {
        store::registry::apply(&mut tx, &change, app.store.now()).await?;
    }
    store::commit(tx, "write down what the registry did").await?;
    Ok(StatusCode::OK)
}
