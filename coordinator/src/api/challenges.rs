//! Openings that a rig brings during a challenge of one of its cards. Authorised by the challenge's own token.

use axum::{
    extract::{Request, State},
    http::StatusCode,
};
use headframe_protocol::challenge::Digest;

use super::stream;
use crate::{
    App, auth,
    challenge::{Kind, NoTurn, Unchecked},
    error::{ApiError, ApiResult},
    extract::Path,
};

/// Takes openings of rows.
pub async fn rows(State(app): State<App>, Path(seed): Path<String>, request: Request) -> ApiResult<StatusCode> {
    take(app, &seed, Kind::Rows, request).await
}

/// Takes openings of reads.
pub async fn reads(State(app): State<App>, Path(seed): Path<String>, request: Request) -> ApiResult<StatusCode> {
    take(app, &seed, Kind::Reads, request).await
}

async fn take(app: App, seed: &str, kind: Kind, request: Request) -> ApiResult<StatusCode> {
    let token = auth::bearer(request.headers()).ok_or_else(ApiError::unauthenticated)?.to_owned();
    let seed: Digest = seed.parse().map_err(|_| ApiError::unauthenticated())?;
    let (opening, turn) = app.challenges.bring(&seed, &token, kind).await.map_err(|no_turn| match no_turn {
        NoTurn::Stranger => ApiError::unauthenticated(),
        NoTurn::NotNow => ApiError::conflict("This is not what the challenge waits for, or it is being brought already."),
    })?;
    stream::announced(request.headers(), opening.bytes_max())?;
    let body = stream::pieces(request.into_body());
    let checked = tokio::time::timeout(app.config.timers.challenge_opening, app.challenges.checks().run(opening, body)).await;
    match checked.unwrap_or(Err(Unchecked::BrokeOff)) {
        Ok(result) => {
            let refusal = result.as_ref().err().map(ToString::to_string);
            turn.opened(result).await;
            refusal.map_or(Ok(StatusCode::NO_CONTENT), |refusal| Err(ApiError::invalid_field("body", &refusal)))
        }
        Err(Unchecked::Crowded) => Err(ApiError::unavailable("Too many openings are being checked. Bring them again soon.")),
        Err(Unchecked::BrokeOff) => Err(ApiError::unreadable(StatusCode::BAD_REQUEST, "body", "the openings broke off")),
    }
}
