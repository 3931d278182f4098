//! Messages on the wire: JSON text frames with a limit, over one WebSocket.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use headframe_protocol::{
    FRAME_BYTES_MAX,
    session::{AgentMessage, CoordinatorMessage},
};
use tokio::{net::TcpStream, sync::watch, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Error, Message, protocol::WebSocketConfig},
};
use tracing::warn;
use url::Url;

use super::RightTime;
use crate::clock;

/// How long a dial or a write may take. Longer is a line nobody can keep a lease over.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open line.
pub(super) struct Frames {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// Why the line broke.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error("the coordinator could not be reached")]
    Dial(#[source] Box<Error>),
    #[error("the coordinator did not answer in time")]
    Slow,
    #[error("the line to the coordinator broke")]
    Broken(#[source] Box<Error>),
    #[error("the coordinator closed the line")]
    Closed,
    #[error("the coordinator went silent")]
    Silent,
    #[error("the coordinator did not keep to the greeting")]
    Greeting,
    #[error("a message could not be made: {0}")]
    Unsaid(String),
}

impl Frames {
    /// Dials the session endpoint of the coordinator at `url`. What its answer, or the lack of one, says of the `time` is kept.
    pub(super) async fn dial(url: &Url, time: &watch::Sender<Option<RightTime>>) -> Result<Self, LineError> {
        let address = session_address(url);
        let config = WebSocketConfig::default().max_message_size(Some(FRAME_BYTES_MAX)).max_frame_size(Some(FRAME_BYTES_MAX));
        let dialled_at = clock::now();
        let dialled = timeout(PATIENCE, connect_async_with_config(address, Some(config), true)).await;
        let (dialled, now) = (dialled.map_err(|_| LineError::Slow)?, clock::now());
        let learnt = match &dialled {
            Ok((_, answer)) => RightTime::told(answer.headers(), now, now.moment.since(dialled_at.moment)),
            Err(error) => RightTime::of_failure(error, now),
        };
        // A line that does not come about for another reason changes nothing of what is known.
        if dialled.is_ok() || learnt.is_some() {
            time.send_replace(learnt);
        }
        let (socket, _) = dialled.map_err(|error| LineError::Dial(Box::new(error)))?;
        Ok(Self { socket })
    }

    /// The next message. One this version does not know is passed over, so that a newer coordinator can say more.
    pub(super) async fn next(&mut self) -> Result<CoordinatorMessage, LineError> {
        loop {
            let text = match self.socket.next().await {
                None | Some(Ok(Message::Close(_))) => return Err(LineError::Closed),
                Some(Err(error)) => return Err(LineError::Broken(Box::new(error))),
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            };
            match serde_json::from_str(&text) {
                Ok(message) => return Ok(message),
                // The frame itself is not logged: an offer carries a token.
                Err(error) => {
                    warn!(frame.bytes = text.len(), %error, "Passed over a message of the coordinator that this version cannot read")
                }
            }
        }
    }

    /// The next message of the greeting, which comes soon or never.
    pub(super) async fn soon(&mut self) -> Result<CoordinatorMessage, LineError> {
        timeout(PATIENCE, self.next()).await.map_err(|_| LineError::Slow)?
    }

    /// Sends one message.
    pub(super) async fn send(&mut self, message: &AgentMessage) -> Result<(), LineError> {
        let text = serde_json::to_string(message).map_err(|error| LineError::Unsaid(error.to_string()))?;
        if text.len() > FRAME_BYTES_MAX {
            return Err(LineError::Unsaid(format!("{} bytes are more than a frame holds", text.len())));
        }
        let sent = timeout(PATIENCE, self.socket.send(Message::text(text))).await;
        sent.map_err(|_| LineError::Slow)?.map_err(|error| LineError::Broken(Box::new(error)))
    }

    /// Says goodbye. A coordinator that hears it need not wait for a lease to lapse.
    pub(super) async fn close(mut self) {
        timeout(PATIENCE, self.socket.close(None)).await.ok();
    }
}

fn session_address(url: &Url) -> String {
    let base = origin(url);
    // `https` becomes `wss` and `http` becomes `ws`.
    let socket = base.strip_prefix("http").map_or_else(|| base.clone(), |rest| format!("ws{rest}"));
    format!("{socket}/v1/agent/session")
}

/// The coordinator's address as it is signed: without a slash at the end.
pub(crate) fn origin(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_dialled_below_the_public_address() {
        let address = |url: &str| session_address(&url.parse().expect("a url"));
        assert_eq!(address("http://127.0.0.1:1234"), "ws://127.0.0.1:1234/v1/agent/session");
        assert_eq!(address("https://example.org/headframe/"), "wss://example.org/headframe/v1/agent/session");
    }
}
