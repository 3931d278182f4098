//! How requests are refused: a problem document for the caller, a cause for the operator's log.
//!
//! Handlers return [`ApiError`], built by constructors named after what went wrong. What the caller may read and what the
//! operator must read are different fields: the cause given to [`ApiError::because`] is logged once, where the answer
//! is made, and never serialized.

use std::error::Error;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use headframe_protocol::error::{Code, FieldError, Problem};

use crate::store::{Crossing, StoreError};

/// What handlers return.
pub type ApiResult<T> = Result<T, ApiError>;

/// Why a request is refused.
#[derive(Debug)]
pub struct ApiError {
    problem: Box<Problem>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    fn new(code: Code, status: StatusCode, detail: impl Into<String>) -> Self {
        Self { problem: Box::new(Problem::new(code, status.as_u16(), detail)), cause: None }
    }

    /// The request is well formed and wrong: 422, naming every wrong part.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let mut refused =
            Self::new(Code::InvalidRequest, StatusCode::UNPROCESSABLE_ENTITY, "Correct the parts listed in `errors`.");
        refused.problem.errors = errors;
        refused
    }

    /// One part of the request is wrong: 422.
    #[must_use]
    pub fn invalid_field(field: &str, message: &str) -> Self {
        Self::invalid(vec![FieldError::new(field, message)])
    }

    /// The request cannot be read at all: `status` is 400, 413 or 415.
    #[must_use]
    pub fn unreadable(status: StatusCode, field: &str, message: &str) -> Self {
        let mut refused = Self::new(Code::InvalidRequest, status, "The request could not be read; `errors` says where.");
        refused.problem.errors = vec![FieldError::new(field, message)];
        refused
    }

    /// No API key, or not one of ours: 401.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(Code::Unauthenticated, StatusCode::UNAUTHORIZED, "Send a valid key as `Authorization: Bearer …`.")
    }

    /// The key is good, the act is not allowed: 403.
    #[must_use]
    pub fn forbidden(detail: &str) -> Self {
        Self::new(Code::Forbidden, StatusCode::FORBIDDEN, detail)
    }

    /// The account is suspended: 403.
    #[must_use]
    pub fn account_suspended() -> Self {
        Self::new(
            Code::AccountSuspended,
            StatusCode::FORBIDDEN,
            "The operator has suspended this account. Ask the support address.",
        )
    }

    /// There is no such `thing`, or it is somebody else's: 404.
    #[must_use]
    pub fn not_found(thing: &str) -> Self {
        Self::new(Code::NotFound, StatusCode::NOT_FOUND, format!("There is no such {thing}."))
    }

    /// The address exists for other methods: 405.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(Code::MethodNotAllowed, StatusCode::METHOD_NOT_ALLOWED, "This address does not know that method.")
    }

    /// The thing is no longer in a state that allows this: 409.
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(Code::Conflict, StatusCode::CONFLICT, detail)
    }

    /// The same Idempotency-Key came with another body: 409.
    #[must_use]
    pub fn idempotency_mismatch() -> Self {
        let mut refused =
            Self::new(Code::IdempotencyMismatch, StatusCode::CONFLICT, "Use a new Idempotency-Key for a new request.");
        refused.problem.errors = vec![FieldError::new("idempotency-key", "was used before with another body")];
        refused
    }

    /// A newer attempt has taken over: 409.
    #[must_use]
    pub fn stale_epoch() -> Self {
        Self::new(Code::StaleEpoch, StatusCode::CONFLICT, "This attempt no longer holds its job. Stop and clean up.")
    }

    /// The balance does not cover what is to be held: 402.
    #[must_use]
    pub fn insufficient_balance(detail: impl Into<String>) -> Self {
        Self::new(Code::InsufficientBalance, StatusCode::PAYMENT_REQUIRED, detail)
    }

    /// The image was not approved, or was revoked: 422.
    #[must_use]
    pub fn image_not_approved(field: &str, message: &str) -> Self {
        let mut refused = Self::new(
            Code::ImageNotApproved,
            StatusCode::UNPROCESSABLE_ENTITY,
            "Only images the operator has approved run on this network.",
        );
        refused.problem.errors = vec![FieldError::new(field, message)];
        refused
    }

    /// Too many requests or too many open jobs: 429.
    #[must_use]
    pub fn rate_limited(detail: impl Into<String>) -> Self {
        Self::new(Code::RateLimited, StatusCode::TOO_MANY_REQUESTS, detail)
    }

    /// The account's storage is used up: 507.
    #[must_use]
    pub fn quota_exceeded(detail: impl Into<String>) -> Self {
        Self::new(Code::QuotaExceeded, StatusCode::INSUFFICIENT_STORAGE, detail)
    }

    /// Not now: 503.
    #[must_use]
    pub fn unavailable(detail: &str) -> Self {
        Self::new(Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// Our fault: 500. Give the cause with [`ApiError::because`].
    #[must_use]
    pub fn internal() -> Self {
        let detail = "This is our fault. Try again; if it stays, tell the support address the request id.";
        Self::new(Code::Internal, StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    /// Names one more part of the request that is wrong.
    #[must_use]
    pub fn naming(mut self, field: &str, message: &str) -> Self {
        self.problem.errors.push(FieldError::new(field, message));
        self
    }

    /// Attaches what the operator must know. Logged once when the answer is made; the caller never sees it.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// What the caller gets.
    #[must_use]
    pub fn into_problem(self) -> Problem {
        *self.problem
    }

    /// What to branch on.
    #[must_use]
    pub fn code(&self) -> Code {
        self.problem.code
    }
}

impl Crossing for ApiError {
    fn has_crossed(&self) -> bool {
        self.cause.as_ref().and_then(|cause| cause.downcast_ref::<StoreError>()).is_some_and(StoreError::has_crossed)
    }
}

impl From<StoreError> for ApiError {
    /// A busy database is a matter of waiting; everything else is our fault.
    fn from(error: StoreError) -> Self {
        if error.is_busy() {
            Self::unavailable("The database is busy. Try again in a moment.").because(error)
        } else {
            Self::internal().because(error)
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { problem, cause } = self;
        if let Some(cause) = &cause {
            let cause: &(dyn Error + 'static) = cause.as_ref();
            tracing::error!(problem.code = problem.code.as_str(), error = %Chain(cause), "Could not answer a request");
        }
        problem_response(&problem)
    }
}

/// A problem as a response.
#[must_use]
pub fn problem_response(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(problem).unwrap_or_default();
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response.extensions_mut().insert(problem.clone());
    response
}

/// Prints an error with its sources, one after the other.
#[derive(Debug)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
