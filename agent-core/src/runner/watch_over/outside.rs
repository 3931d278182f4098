//! Tells a job that ended by itself from one that was ended from outside: by an engine that shuts down, or by a hand.
//!
//! The exit code alone does not tell. A program may end itself with the code of a signal, and one that heeds SIGTERM may end with 0
//! in the middle of its work. The engine notes every signal that it was asked to deliver, and it delivers one to each container
//! before it goes away; what a program does to itself it does not note.

use std::{collections::HashMap, time::Duration};

use bollard::{
    Docker,
    errors::Error as EngineError,
    models::{ContainerState, EventMessage},
    query_parameters::EventsOptionsBuilder,
};
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, timeout_at};

/// Exit codes of a program that somebody ended from outside: by SIGKILL, by SIGTERM, by the engine itself.
const KILLED_CODES: [i64; 3] = [137, 143, 255];
/// How long the engine is listened to. One that is shutting down goes away a moment after it ended its containers.
const LISTEN: Duration = Duration::from_millis(1_500);
/// How long once it has told of the end: a signal that is noted after the end it brought is noted at once.
const LISTEN_ON: Duration = Duration::from_millis(200);

/// Whether `code` is that of a program that was ended from outside, or one that looks like it.
pub(super) fn looks_killed(code: i64) -> bool {
    KILLED_CODES.contains(&code)
}

/// Whether a signal that we did not send ended the container, or the engine went away with it. `state` is that of the container
/// after its end.
pub(super) async fn was_ended(docker: &Docker, container: &str, state: &ContainerState) -> bool {
    let looks_killed = state.exit_code.is_none_or(looks_killed);
    let mut noted = std::pin::pin!(noted(docker, container));
    let mut until = Instant::now() + LISTEN;
    while let Ok(event) = timeout_at(until, noted.next()).await {
        match event {
            Some(Ok(event)) if event.action.as_deref() == Some("kill") => return true,
            Some(Ok(_)) if looks_killed => {}
            Some(Ok(_)) => until = until.min(Instant::now() + LISTEN_ON),
            // It is there, and its notes are of no use.
            Some(Err(
                error @ (EngineError::DockerResponseServerError { .. }
                | EngineError::JsonDataError { .. }
                | EngineError::JsonSerdeError { .. }),
            )) => {
                tracing::debug!(%error, "The engine does not tell what it has noted");
                return false;
            }
            None | Some(Err(_)) => return true,
        }
    }
    false
}

/// The signals and ends that the engine noted for the container, and those it notes from now on.
fn noted(docker: &Docker, container: &str) -> impl Stream<Item = Result<EventMessage, EngineError>> + use<> {
    let filters = HashMap::from([("container", vec![container]), ("event", vec!["kill", "die"])]);
    // From the beginning: the clock may have been set since.
    docker.events(Some(EventsOptionsBuilder::new().since("0").filters(&filters).build()))
}
