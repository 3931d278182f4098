//! Reads requests. Whatever cannot be read becomes a problem document that names the part.

use std::time::Duration;

use axum::{
    extract::{
        FromRequest, FromRequestParts, Request,
        rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection},
    },
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::error::ApiError;

/// A JSON body, both ways.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(json_refused(&rejection)),
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Reads JSON from bytes already taken, and refuses it by the path to what is wrong. For handlers that need the bytes too.
pub fn json_from<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        json_problem(&path, &error.into_inner().to_string())
    })?;
    reader.end().map_err(|error| json_problem(".", &error.to_string()))?;
    Ok(value)
}

fn json_refused(rejection: &JsonRejection) -> ApiError {
    match rejection {
        JsonRejection::MissingJsonContentType(_) => not_json(),
        other if other.status() == StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        other => json_problem(".", &other.body_text()),
    }
}

/// `path` leads to the value that could not be read; `.` is all of it.
fn json_problem(path: &str, text: &str) -> ApiError {
    // serde names the field in back quotes when one is missing, unknown or given twice; the path may or may not end in it.
    let named = ["missing field `", "unknown field `", "duplicate field `"];
    let named = named.iter().find_map(|lead| text.split_once(lead)?.1.split('`').next());
    // Where the JSON itself breaks off, the path ends in a question mark.
    let path = path.trim_end_matches('?').trim_end_matches('.');
    let field = match (path, named) {
        ("", None) => "body".to_owned(),
        ("", Some(name)) => name.to_owned(),
        (path, Some(name)) if path != name && !path.ends_with(&format!(".{name}")) => format!("{path}.{name}"),
        (path, _) => path.to_owned(),
    };
    let short = |text: &str| text.chars().take(300).collect::<String>();
    ApiError::unreadable(StatusCode::BAD_REQUEST, &short(&field), &short(text))
}

fn not_json() -> ApiError {
    ApiError::unreadable(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", "send `application/json`")
}

fn too_large() -> ApiError {
    ApiError::unreadable(StatusCode::PAYLOAD_TOO_LARGE, "body", "is larger than this address accepts")
}

/// How long a body may take that is kept in memory until it is whole. The largest takes this long at 2 Mbit/s.
const BODY_TIME_MAX: Duration = Duration::from_secs(60);

/// The whole body as bytes, up to the route's limit.
#[derive(Debug)]
pub struct Body(pub bytes::Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let Ok(body) = tokio::time::timeout(BODY_TIME_MAX, bytes::Bytes::from_request(request, state)).await else {
            return Err(ApiError::unreadable(StatusCode::REQUEST_TIMEOUT, "body", "did not come within a minute"));
        };
        match body {
            Ok(bytes) => Ok(Self(bytes)),
            Err(BytesRejection::FailedToBufferBody(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(too_large())
            }
            Err(_) => Err(ApiError::unreadable(StatusCode::BAD_REQUEST, "body", "broke off")),
        }
    }
}

/// A whole body that does not say it is anything but JSON, for handlers that need its bytes and read it by [`json_from`].
#[derive(Debug)]
pub struct JsonBody(pub bytes::Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if request.headers().get(header::CONTENT_TYPE).is_some_and(|value| !is_json(value)) {
            return Err(not_json());
        }
        let Body(bytes) = Body::from_request(request, state).await?;
        Ok(Self(bytes))
    }
}

/// `application/json` or any `application/…+json`, whatever parameters follow.
fn is_json(value: &HeaderValue) -> bool {
    let text = value.to_str().unwrap_or_default().to_ascii_lowercase();
    let kind = text.split(';').next().unwrap_or_default().trim().strip_prefix("application/");
    kind.is_some_and(|kind| kind == "json" || kind.ends_with("+json"))
}

/// Parts of the address. An id of the wrong shape names nothing, so it is a 404.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(rejection)) => {
                let message: String = rejection.body_text().chars().take(300).collect();
                Err(ApiError::not_found("resource").naming("path", &message))
            }
            Err(_) => Err(ApiError::not_found("resource").naming("path", "cannot be read")),
        }
    }
}

/// Query parameters.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(query_refused(&rejection)),
        }
    }
}

fn query_refused(rejection: &QueryRejection) -> ApiError {
    let text: String = rejection.body_text().chars().take(300).collect();
    let unknown = ["unknown field `", "missing field `"].iter().find_map(|lead| text.split_once(lead)?.1.split('`').next());
    // The path of the failing parameter stands before the colon: `Failed to deserialize query string: limit: invalid digit …`.
    let placed =
        text.strip_prefix("Failed to deserialize query string: ").and_then(|rest| rest.split_once(": ")).map(|(field, _)| field);
    let field = unknown.or(placed.filter(|field| !field.contains(' '))).unwrap_or("query");
    ApiError::unreadable(StatusCode::BAD_REQUEST, field, &text)
}
