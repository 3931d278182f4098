//! How the parties say no: a code for the program, a sentence for the person, a field where there is one.

use serde::{Deserialize, Serialize};

/// A problem document after RFC 9457, `application/problem+json`: what every 4xx and 5xx of the coordinator carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `urn:headframe:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for every problem of this code.
    pub title: String,
    /// The HTTP status, repeated.
    pub status: u16,
    /// What to branch on.
    pub code: Code,
    /// What happened this time and what to do about it.
    pub detail: String,
    /// Which parts of the request are wrong, if it was the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Names this answer in the coordinator's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// One wrong part of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// Where, as in `inputs[2].path`; `body`, or the name of a header or query parameter.
    pub field: String,
    /// What would be right.
    pub message: String,
}

impl FieldError {
    /// `field` must be `message`.
    #[must_use]
    pub fn new(field: &str, message: &str) -> Self {
        Self { field: field.to_owned(), message: message.to_owned() }
    }
}

/// Where what is wrong is noted down, part by part.
pub(crate) struct Noting<'a>(pub(crate) &'a mut Vec<FieldError>);

impl Noting<'_> {
    /// Notes that `field` must be `message`, if it is `wrong`.
    pub(crate) fn say(&mut self, wrong: bool, field: &str, message: &str) {
        if wrong {
            self.0.push(FieldError::new(field, message));
        }
    }
}

/// Why the coordinator refuses. Add a code only when somebody acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Code {
    /// 400, 413, 415, 422: the request cannot be understood or accepted; `errors` says which part.
    InvalidRequest,
    /// 401: no API key, or not one of ours.
    Unauthenticated,
    /// 403: the key is good, the act is not allowed.
    Forbidden,
    /// 403: the account is suspended.
    AccountSuspended,
    /// 404: there is no such thing, or it is somebody else's.
    NotFound,
    /// 405: this address exists, but not for this method.
    MethodNotAllowed,
    /// 402: the balance does not cover the hold.
    InsufficientBalance,
    /// 409: the thing is no longer in a state that allows this.
    Conflict,
    /// 409: the same Idempotency-Key came with a different body.
    IdempotencyMismatch,
    /// 409: a newer attempt has taken over; stop.
    StaleEpoch,
    /// 422: the image was not approved, or was revoked.
    ImageNotApproved,
    /// 429: too many requests or too many open jobs.
    RateLimited,
    /// 507: the account's storage is used up.
    QuotaExceeded,
    /// 503: stopped by the operator, or starting.
    Unavailable,
    /// 500: our fault; the request id finds it in the log.
    Internal,
}

impl Code {
    /// What people see as the heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request is not valid",
            Self::Unauthenticated => "Sign in first",
            Self::Forbidden => "Not allowed",
            Self::AccountSuspended => "This account is suspended",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "Method not allowed",
            Self::InsufficientBalance => "The balance is too low",
            Self::Conflict => "Too late for that",
            Self::IdempotencyMismatch => "This idempotency key was used for something else",
            Self::StaleEpoch => "Another attempt has taken over",
            Self::ImageNotApproved => "The image is not approved",
            Self::RateLimited => "Too many requests",
            Self::QuotaExceeded => "The storage is used up",
            Self::Unavailable => "Not available right now",
            Self::Internal => "Something went wrong here",
        }
    }

    /// Its text on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::AccountSuspended => "account_suspended",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::InsufficientBalance => "insufficient_balance",
            Self::Conflict => "conflict",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::StaleEpoch => "stale_epoch",
            Self::ImageNotApproved => "image_not_approved",
            Self::RateLimited => "rate_limited",
            Self::QuotaExceeded => "quota_exceeded",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}

impl Problem {
    /// A problem with this code's title and no fields named.
    #[must_use]
    pub fn new(code: Code, status: u16, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:headframe:problem:{}", code.as_str()),
            title: code.title().to_owned(),
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            request_id: None,
        }
    }
}
