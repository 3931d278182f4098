//! Who is there? Challenge, answer, and what the operator thinks of the rig.

use std::{net::IpAddr, time::Duration};

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use headframe_protocol::{
    PROTOCOL_VERSION, PROTOCOL_VERSION_MIN, SessionId, Sha256,
    auth::{self, Handshake},
    session::{AgentMessage, Challenge, CoordinatorMessage, Hello, Refused, RefusedCode},
};

use super::LEASES_MAX;
use crate::{
    App,
    error::Chain,
    market::History,
    store::{StoreError, commit, rig_histories, rigs, verify},
};

/// A frame that is not taken within this is for a rig that is gone.
pub(crate) const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// Kinds of challenges a rig may name. There is one.
const CHALLENGES_MAX: usize = 16;

/// A rig that has shown who it is.
pub(super) struct Welcomed {
    pub(super) session: SessionId,
    pub(super) hello: Box<Hello>,
    pub(super) standing: rigs::Standing,
    /// How its attempts have ended.
    pub(super) history: History,
}

/// Nothing if the rig was refused or went away; it has been told.
pub(super) async fn perform(app: &App, socket: &mut WebSocket, from: Option<IpAddr>) -> Option<Welcomed> {
    // Kept by this task alone and used once: a signature over it is good for this socket only.
    let nonce = Sha256::from_bytes(rand::random());
    let challenge = Challenge {
        nonce,
        network: app.config.network.name.clone(),
        version: PROTOCOL_VERSION,
        version_min: PROTOCOL_VERSION_MIN,
    };
    if !send(socket, &CoordinatorMessage::Challenge(challenge)).await {
        return None;
    }
    let hello = tokio::time::timeout(app.config.timers.handshake, socket.recv()).await.ok()??.ok()?;
    let hello = match parse(&hello) {
        Some(AgentMessage::Hello(hello)) => hello,
        Some(_) | None => {
            refuse(socket, RefusedCode::BadMessage, "The first message of a session is `hello`.").await;
            return None;
        }
    };
    if let Err((code, message)) = check(app, &nonce, &hello) {
        refuse(socket, code, &message).await;
        return None;
    }
    match note(app, &hello, from).await {
        Ok(Noted::Quarantined) => {
            let message = "The operator has taken this rig out of work. Ask the network's support address for the reason.";
            refuse(socket, RefusedCode::Quarantined, message).await;
            None
        }
        Ok(Noted::TooMany) => {
            let message = "Too many new rigs have come from this address. Come back later.";
            refuse(socket, RefusedCode::Unavailable, message).await;
            None
        }
        Ok(Noted::Welcome(standing, history)) => {
            Some(Welcomed { session: SessionId::generate(), hello, standing, history: *history })
        }
        Err(error) => {
            tracing::error!(error = %Chain(&error), rig.device = %hello.device, "Could not welcome a rig");
            refuse(socket, RefusedCode::Unavailable, "The coordinator has trouble with its database. Come back later.").await;
            None
        }
    }
}

fn check(app: &App, nonce: &Sha256, hello: &Hello) -> Result<(), (RefusedCode, String)> {
    if hello.version < PROTOCOL_VERSION_MIN {
        let message = format!("This agent ({}) is too old for the network. Update it: its work goes on afterwards.", hello.agent);
        return Err((RefusedCode::TooOld, message));
    }
    if hello.origin != app.origin() {
        let message = format!("This coordinator is {}, the agent dialled {}.", app.origin(), hello.origin);
        return Err((RefusedCode::BadHandshake, message));
    }
    let signed = Handshake {
        nonce: (*nonce.as_bytes()).into(),
        device: hello.device.0,
        network: app.config.network.name.clone(),
        origin: hello.origin.clone(),
        protocolVersion: hello.version,
    };
    if auth::verify(&signed, &hello.signature, hello.device).is_err() {
        return Err((RefusedCode::BadHandshake, "The signature is not by the device it names.".to_owned()));
    }
    if hello.leases.len() > LEASES_MAX {
        return Err((RefusedCode::BadMessage, format!("`leases` must be at most {LEASES_MAX}.")));
    }
    if hello.challenges.len() > CHALLENGES_MAX {
        return Err((RefusedCode::BadMessage, format!("`challenges` must be at most {CHALLENGES_MAX}.")));
    }
    match hello.rig.problems().first() {
        Some(problem) => Err((RefusedCode::BadMessage, format!("`{}` must be {}.", problem.field, problem.message))),
        None => Ok(()),
    }
}

/// What a rig that has shown who it is is to us.
enum Noted {
    Welcome(rigs::Standing, Box<History>),
    Quarantined,
    /// Of devices never seen before, from where this one is.
    TooMany,
}

async fn note(app: &App, hello: &Hello, from: Option<IpAddr>) -> Result<Noted, StoreError> {
    let mut connection = app.store.read().await?;
    let known = rigs::is_known(&mut connection, hello.device).await?;
    drop(connection);
    let burst = app.config.limits.newcomers_max;
    if !known && from.is_some_and(|from| !app.sessions.newcomers.may_enter(from, burst, tokio::time::Instant::now())) {
        return Ok(Noted::TooMany);
    }
    let mut tx = app.store.begin().await?;
    let (now, device) = (app.store.now(), hello.device);
    let mut standing = rigs::seen(&mut tx, device, (&hello.rig, &hello.agent), now).await?;
    standing.trust = verify::trusted_as(&mut tx, device, standing.trust, now).await?;
    let history = rig_histories::of(&mut tx, hello.device).await?;
    commit(tx, "note a rig").await?;
    Ok(if standing.quarantined { Noted::Quarantined } else { Noted::Welcome(standing, Box::new(history)) })
}

/// Nothing if it is not one of our messages.
pub(super) fn parse(message: &Message) -> Option<AgentMessage> {
    match message {
        Message::Text(text) => serde_json::from_str(text).ok(),
        Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Close(_) => None,
    }
}

/// False if the rig is gone.
pub(super) async fn send(socket: &mut WebSocket, message: &CoordinatorMessage) -> bool {
    let Ok(text) = serde_json::to_string(message) else { return false };
    send_text(socket, text).await
}

/// False if the rig is gone.
pub(super) async fn send_text(socket: &mut WebSocket, text: String) -> bool {
    let sent = tokio::time::timeout(SEND_TIMEOUT, socket.send(Message::Text(Utf8Bytes::from(text)))).await;
    matches!(sent, Ok(Ok(())))
}

/// Says why there is no session, and closes.
pub(super) async fn refuse(socket: &mut WebSocket, code: RefusedCode, message: &str) {
    tracing::info!(session.refused = ?code, "Refused a session");
    let refused = Refused { code, message: message.to_owned() };
    if send(socket, &CoordinatorMessage::Refused(refused)).await {
        drop(tokio::time::timeout(SEND_TIMEOUT, socket.send(Message::Close(None))).await);
    }
}
