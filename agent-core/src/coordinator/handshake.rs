//! The greeting: the coordinator challenges, we sign who we are, it welcomes or refuses.

use headframe_protocol::{
    PROTOCOL_VERSION,
    auth::Handshake,
    session::{AgentMessage, CoordinatorMessage, Hello, Refused, Welcome},
};

use super::{
    LineConfig,
    frames::{Frames, LineError, origin},
};
use crate::clock::{self, Moment};

/// What came of the greeting.
pub(super) enum Greeting {
    Welcome { network: String, sent: Moment, welcome: Welcome },
    Refused(Refused),
}

/// Greets on a line that was just dialled.
pub(super) async fn greet(frames: &mut Frames, config: &mut LineConfig) -> Result<Greeting, LineError> {
    let challenge = match frames.soon().await? {
        CoordinatorMessage::Challenge(challenge) => challenge,
        CoordinatorMessage::Refused(refused) => return Ok(Greeting::Refused(refused)),
        CoordinatorMessage::Welcome(_)
        | CoordinatorMessage::Offer(_)
        | CoordinatorMessage::Withdraw(_)
        | CoordinatorMessage::Cancel(_)
        | CoordinatorMessage::Beat(_)
        | CoordinatorMessage::ReceiptAccepted(_)
        | CoordinatorMessage::Settled(_)
        | CoordinatorMessage::CheckpointSettled(_)
        | CoordinatorMessage::Revoke(_)
        | CoordinatorMessage::Ask(_) => return Err(LineError::Greeting),
    };
    let version = PROTOCOL_VERSION.min(challenge.version);
    let device = config.key.device();
    let handshake = Handshake {
        nonce: (*challenge.nonce.as_bytes()).into(),
        device: device.0,
        network: challenge.network.clone(),
        origin: origin(&config.url),
        protocolVersion: version,
    };
    let signature = config.key.sign_handshake(&handshake).map_err(|error| LineError::Unsaid(error.to_string()))?;
    let standing = config.standing.borrow().clone();
    let hello = Hello {
        device,
        version,
        agent: env!("CARGO_PKG_VERSION").to_owned(),
        origin: handshake.origin,
        signature,
        // What changes from here on is told in the session.
        rig: config.rig.borrow_and_update().clone(),
        leases: standing.leases,
        ready: standing.ready,
        challenges: config.challenges.borrow_and_update().clone(),
    };
    let sent = clock::now().moment;
    frames.send(&AgentMessage::Hello(Box::new(hello))).await?;
    match frames.soon().await? {
        CoordinatorMessage::Welcome(welcome) => Ok(Greeting::Welcome { network: challenge.network, sent, welcome }),
        CoordinatorMessage::Refused(refused) => Ok(Greeting::Refused(refused)),
        CoordinatorMessage::Challenge(_)
        | CoordinatorMessage::Offer(_)
        | CoordinatorMessage::Withdraw(_)
        | CoordinatorMessage::Cancel(_)
        | CoordinatorMessage::Beat(_)
        | CoordinatorMessage::ReceiptAccepted(_)
        | CoordinatorMessage::Settled(_)
        | CoordinatorMessage::CheckpointSettled(_)
        | CoordinatorMessage::Revoke(_)
        | CoordinatorMessage::Ask(_) => Err(LineError::Greeting),
    }
}
