//! Everything that can wake the loop.

use tokio::sync::{mpsc, oneshot, watch};

use super::{engine_room::News, measuring};
use crate::{challenge::Proving, coordinator::Said, duty::Ask, idle::IdleState, store::Written, telemetry::Load};

/// What one turn of the loop is about.
pub(super) enum Wake {
    Stop,
    Asked(Ask, oneshot::Sender<()>),
    Said(Said),
    News(News),
    Measured(measuring::News),
    /// Other cards prove than before.
    Proving,
    Written(Written),
    Idle,
    Load,
    Tick,
}

/// The owner or his PC is not as before.
pub(super) async fn measured(idle: &mut watch::Receiver<IdleState>, load: &mut watch::Receiver<Load>) -> Wake {
    tokio::select! {
        biased;
        Ok(()) = idle.changed() => Wake::Idle,
        Ok(()) = load.changed() => Wake::Load,
        else => std::future::pending().await,
    }
}

/// Runner, benchmark and challenges have something to say.
pub(super) async fn heard(
    news: &mut mpsc::Receiver<News>,
    measuring: &mut mpsc::Receiver<measuring::News>,
    proving: &mut watch::Receiver<Proving>,
) -> Wake {
    tokio::select! {
        biased;
        Some(news) = news.recv() => Wake::News(news),
        Some(news) = measuring.recv() => Wake::Measured(news),
        Ok(()) = proving.changed() => Wake::Proving,
        else => std::future::pending().await,
    }
}
