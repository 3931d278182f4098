//! What the page is told when the agent does not start. Everything else the agent and its socket already say in the
//! page's words.

use std::error::Error;

use headframe_control::spawn::SpawnError;
use headframe_protocol::control::{ControlCode, ControlError};

/// The whole chain in one text: the owner, or whoever helps him, has nothing else to go by.
pub(crate) fn not_started(error: &SpawnError) -> ControlError {
    let mut message = format!("What went wrong: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        message.push_str(&format!(": {error}"));
        cause = error.source();
    }
    message.push('.');
    ControlError { code: ControlCode::AgentNotStarted, message }
}
