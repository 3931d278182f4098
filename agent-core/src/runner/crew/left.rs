//! What attempts leave on the engine: containers and volumes of an earlier life, or of an attempt that is over.

use std::{collections::HashMap, time::Duration};

use bollard::{
    errors::Error as EngineError,
    models::{ContainerSummary, ContainerSummaryStateEnum as State},
    query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder},
};
use headframe_protocol::{AttemptId, session::AttemptRef};
use tokio::sync::oneshot;

use super::{Found, Site, sandbox};
use crate::fault;

/// An engine that cannot list is asked again after the first, which doubles up to the second: its restart takes seconds, an
/// update of it minutes.
const LIST_PAUSE: Duration = Duration::from_millis(500);
const LIST_PAUSE_MAX: Duration = Duration::from_secs(10);
/// A container that could not be removed is tried again after these, for the same reason.
const REMOVE_AGAIN: [Duration; 6] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(180),
];

/// A container with our label.
#[derive(Debug)]
pub(super) struct LeftBehind {
    pub(super) name: String,
    pub(super) attempt: Option<AttemptId>,
    pub(super) found: Found,
}

impl LeftBehind {
    /// Everything of this device, asked for until the engine tells: not to know what is left is not that nothing is left, and a
    /// running job would be given up for it.
    pub(super) async fn list(site: &Site) -> Vec<Self> {
        let mut pause = LIST_PAUSE;
        loop {
            match Self::listed(site).await {
                Ok(left) => return left,
                Err(error) => tracing::warn!(%error, "Could not list what an earlier life of the agent left; asking again"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LIST_PAUSE_MAX);
        }
    }

    async fn listed(site: &Site) -> Result<Vec<Self>, EngineError> {
        let ours = format!("{}={}", sandbox::label::DEVICE, site.config.device);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&HashMap::from([("label", vec![ours])])).build();
        let listed = site.engine.docker.list_containers(Some(options)).await?;
        Ok(listed.into_iter().filter_map(Self::of).collect())
    }

    fn of(container: ContainerSummary) -> Option<Self> {
        let attempt = container.labels.as_ref().and_then(|labels| labels.get(sandbox::label::ATTEMPT)?.parse().ok());
        let found = match container.state {
            Some(State::RUNNING | State::PAUSED | State::RESTARTING) => Found::Running,
            Some(State::EXITED | State::DEAD | State::STOPPING | State::REMOVING) => Found::Exited,
            Some(State::CREATED | State::EMPTY) | None => Found::NotStarted,
        };
        Some(Self { name: container.id?, attempt, found })
    }
}

/// Removes everything of an attempt. `done` is told after the first try.
pub(super) async fn clear(site: &Site, at: AttemptRef, done: Option<oneshot::Sender<()>>) {
    let mut gone = remove_all(site, at).await;
    if let Some(done) = done {
        done.send(()).ok();
    }
    // An engine that is being restarted answers again soon; what it keeps is a customer's data.
    for wait in REMOVE_AGAIN {
        if gone {
            return;
        }
        tokio::time::sleep(wait).await;
        gone = remove_all(site, at).await;
    }
}

async fn remove_all(site: &Site, at: AttemptRef) -> bool {
    let gone = remove_container(site, &sandbox::name(at)).await;
    if gone {
        site.works.remove(at.attempt).await;
    }
    gone
}

/// Whether nothing of the container is left.
pub(super) async fn remove_container(site: &Site, container: &str) -> bool {
    let force = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match site.engine.docker.remove_container(container, Some(force)).await {
        // 409: another call is removing it right now.
        Ok(()) | Err(EngineError::DockerResponseServerError { status_code: 404 | 409, .. }) => {
            fault::point("container.removed");
            true
        }
        Err(error) => {
            tracing::warn!(%error, container.name = container, "Could not remove {container}; trying again later and at the next start");
            false
        }
    }
}
