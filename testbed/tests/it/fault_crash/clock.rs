//! How long each attempt's containers ran, as the engine tells it while it happens: the agent is not asked.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bollard::{
    Docker,
    models::EventMessage,
    query_parameters::{EventsOptionsBuilder, InspectContainerOptions},
};
use futures_util::StreamExt as _;
use tokio::task::JoinSet;

/// Listens to the engine for as long as it lives.
pub(super) struct EngineClock {
    attempts: Arc<Mutex<HashMap<String, Span>>>,
    /// Ends when dropped.
    _listening: JoinSet<()>,
}

/// What an attempt has run, by two clocks: the engine's stamps are of a wall clock, which may be set back meanwhile, and our own clock
/// begins when we hear of the start, which may be late. Each only ever tells too little for that, so the longer one is believed.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    started: Option<Start>,
    ran: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Start {
    /// Nanoseconds since 1970.
    stamp: i128,
    heard: Instant,
}

impl EngineClock {
    pub(super) fn of(docker: &Docker, device: &str) -> Self {
        let attempts: Arc<Mutex<HashMap<String, Span>>> = Arc::default();
        let filters = HashMap::from([("label", vec![format!("headframe.device={device}")])]);
        let mut events = docker.events(Some(EventsOptionsBuilder::new().filters(&filters).build()));
        let (docker, noted) = (docker.clone(), Arc::clone(&attempts));
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            while let Some(Ok(event)) = events.next().await {
                note(&docker, &noted, event).await;
            }
        });
        Self { attempts, _listening: listening }
    }

    /// How long its program ran, in whole milliseconds, rounded up: of what has ended.
    pub(super) fn ran_ms(&self, attempt: &str) -> u64 {
        let attempts = self.attempts.lock().expect("nobody panics with it");
        let ran = attempts.get(attempt).map_or(Duration::ZERO, |span| span.ran);
        u64::try_from(ran.as_nanos().div_ceil(1_000_000)).expect("less than an age")
    }
}

async fn note(docker: &Docker, attempts: &Mutex<HashMap<String, Span>>, event: EventMessage) {
    let EventMessage { action: Some(action), actor: Some(actor), time_nano: Some(at), .. } = event else { return };
    let (Some(container), Some(labels)) = (actor.id, actor.attributes) else { return };
    let Some(attempt) = labels.get("headframe.attempt").cloned() else { return };
    match action.as_str() {
        "start" => {
            let heard = Instant::now();
            // The engine's own stamp is a moment before its word.
            let found = docker.inspect_container(&container, None::<InspectContainerOptions>).await.ok();
            let stamp = found.and_then(|found| nanoseconds(&found.state?.started_at?)).unwrap_or(i128::from(at));
            attempts.lock().expect("nobody panics with it").entry(attempt).or_default().started = Some(Start { stamp, heard });
        }
        "die" => {
            let mut attempts = attempts.lock().expect("nobody panics with it");
            let span = attempts.entry(attempt).or_default();
            if let Some(Start { stamp, heard }) = span.started.take() {
                let stamped = u64::try_from(i128::from(at) - stamp).map_or(Duration::ZERO, Duration::from_nanos);
                span.ran += stamped.max(heard.elapsed());
            }
        }
        _ => {}
    }
}

fn nanoseconds(stamp: &str) -> Option<i128> {
    Some(stamp.parse::<jiff::Timestamp>().ok()?.as_nanosecond())
}
