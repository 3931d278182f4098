//! `GET /v1/agent/session`: the way in.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{
        ConnectInfo, FromRequestParts, State,
        ws::{WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::StatusCode,
    response::Response,
};
use headframe_protocol::FRAME_BYTES_MAX;

use super::{conversation, handshake};
use crate::{
    App,
    error::ApiError,
    networks::{Origin, Party},
};

/// A request that asks for a WebSocket; anything else gets a problem document.
pub struct Upgrade {
    socket: WebSocketUpgrade,
    /// Where it comes from, where the server says so.
    from: Option<IpAddr>,
    /// The same, and what proxies have said.
    origin: Origin,
}

impl std::fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Upgrade")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Self, ApiError> {
        let from = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
        let origin = Origin::of(parts);
        let upgraded = WebSocketUpgrade::from_request_parts(parts, state).await;
        upgraded.map(|socket| Self { socket, from, origin }).map_err(|rejection: WebSocketUpgradeRejection| {
            let field = match rejection {
                WebSocketUpgradeRejection::MethodNotGet(_) => return ApiError::method_not_allowed(),
                WebSocketUpgradeRejection::InvalidUpgradeHeader(_) => "upgrade",
                WebSocketUpgradeRejection::InvalidWebSocketVersionHeader(_) => "sec-websocket-version",
                WebSocketUpgradeRejection::WebSocketKeyHeaderMissing(_) => "sec-websocket-key",
                _ => "connection",
            };
            ApiError::unreadable(StatusCode::BAD_REQUEST, field, "this address is for agents: a WebSocket")
        })
    }
}

/// Opens an agent's session.
pub async fn open(State(app): State<App>, Upgrade { socket, from, origin }: Upgrade) -> Result<Response, ApiError> {
    if app.sessions.count() >= app.config.limits.sessions_max as usize {
        return Err(ApiError::unavailable("This coordinator has as many sessions as it takes. Come back later."));
    }
    let upgrade = socket.max_message_size(FRAME_BYTES_MAX).max_frame_size(FRAME_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| converse(app, socket, from, origin)))
}

async fn converse(app: App, mut socket: WebSocket, from: Option<IpAddr>, origin: Origin) {
    let tasks = app.tasks.clone();
    // The socket's task is started by the server; tracking it lets a shutdown wait for the farewell.
    let talk = async move {
        if let Some(welcomed) = handshake::perform(&app, &mut socket, from).await {
            let address = app.networks.address(&origin);
            if !app.notes_networks() {
                return conversation::hold(app, socket, welcomed, address).await;
            }
            let (networks, store, rig) = (app.networks.clone(), app.store.clone(), Party::Rig(welcomed.hello.device));
            // Before it is given any work: whoever pays for that by card must not come from there, nor whoever else does the same.
            networks.note(&store, rig, &origin).await;
            tokio::select! {
                biased;
                () = conversation::hold(app, socket, welcomed, address) => {}
                () = networks.keep_noting(&store, rig, &origin) => {}
            }
        }
    };
    drop(tasks.spawn("session", talk).await);
}
