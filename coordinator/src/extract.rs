//! Reads requests. Whatever cannot be read becomes a problem document that names the part.

use axum::{
    extract::{
        FromRequest, FromRequestParts, Request,
        rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection},
    },
    http::{StatusCode, request::Parts},
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

/// Reads JSON from bytes already taken, refusing it as [`Json`] does. For handlers that need the bytes too.
pub fn json_from<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| json_problem(&error.to_string()))
}

fn json_refused(rejection: &JsonRejection) -> ApiError {
    match rejection {
        JsonRejection::MissingJsonContentType(_) => {
            ApiError::unreadable(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", "send `application/json`")
        }
        other if other.status() == StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        other => json_problem(&other.body_text()),
    }
}

fn json_problem(text: &str) -> ApiError {
    // serde names the field in back quotes when one is missing, unknown or given twice; else only the place is known.
    let named = ["missing field `", "unknown field `", "duplicate field `"];
    let field = named.iter().find_map(|lead| text.split_once(lead)?.1.split('`').next());
    ApiError::unreadable(StatusCode::BAD_REQUEST, field.unwrap_or("body"), &text.chars().take(300).collect::<String>())
}

fn too_large() -> ApiError {
    ApiError::unreadable(StatusCode::PAYLOAD_TOO_LARGE, "body", "is larger than this address accepts")
}

/// The whole body as bytes, up to the route's limit.
#[derive(Debug)]
pub struct Body(pub bytes::Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match bytes::Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(Self(bytes)),
            Err(BytesRejection::FailedToBufferBody(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(too_large())
            }
            Err(_) => Err(ApiError::unreadable(StatusCode::BAD_REQUEST, "body", "broke off")),
        }
    }
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
