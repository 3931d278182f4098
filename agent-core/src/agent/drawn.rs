//! What follows from the present for everybody who looks: the snapshot, and how closely the PC is looked at.

use headframe_protocol::{
    TimestampMs,
    control::{EngineView, Link, Phase, Snapshot},
};

use super::actor::Parts;
use crate::{
    clock,
    pace::Pace,
    view::{self, Sources},
};

/// How closely the PC is looked at in `phase`, and whether a card proves meanwhile.
pub(super) const fn pace(phase: &Phase, proves: bool, is_watched: bool) -> Pace {
    match phase {
        Phase::Yielding => Pace::Yielding,
        Phase::Benchmarking { .. } | Phase::Preparing | Phase::Working | Phase::Draining => Pace::Working,
        Phase::Ready if proves => Pace::Working,
        Phase::Ready => Pace::Ready,
        Phase::Off | Phase::Checking | Phase::Waiting { .. } | Phase::Uploading | Phase::Paused { .. } => {
            if is_watched {
                Pace::Watched
            } else {
                Pace::Resting
            }
        }
    }
}

/// Draws the present.
pub(super) fn draw(
    parts: &Parts,
    (link, engine): (&Link, &EngineView),
    since_ms: TimestampMs,
    (revision, history): (u32, u32),
) -> Snapshot {
    let Parts { duty, device, offered, hardware, measuring, ledger, .. } = parts;
    let (load, idle, proving) = (parts.load.borrow(), parts.idle.borrow(), parts.challenges.proving.borrow());
    let sources = Sources {
        device: *device,
        name: offered.name(),
        duty,
        since_ms,
        hardware,
        scores: &measuring.scores,
        proving: &proving,
        load: &load,
        idle: &idle,
        ledger,
        link,
        practice: offered.is_practice(),
        engine,
        clock: parts.time.borrow().and_then(|time| time.fault(clock::now())),
        history,
    };
    view::snapshot(&sources, revision)
}
