//! The loop: everything that can wake the rig comes in here, in one place, and nothing in it waits.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use headframe_control::server::Pulse;
use headframe_protocol::{
    DeviceId, Sha256, TimestampMs,
    control::{EngineView, Link, Snapshot},
    rig::RigReport,
};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot, watch,
    },
    time::{Interval, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::{
    engine_room::{News, Wanted},
    offered::Offered,
};
use crate::{
    clock,
    coordinator::{Said, Say, Standing},
    duty::{Ask, DiskState, Duty, Effect, EngineState, Event},
    idle::IdleState,
    ledger::Ledger,
    runner::RunnerConfig,
    settings::Timers,
    store::{Entry, Written},
    telemetry::{Hardware, Load},
    view::{self, Sources},
};

/// How often deadlines are looked at. The shortest that matters is the grace of 5 s.
const TICK: Duration = Duration::from_millis(250);

/// The shortest tick when timers are divided.
const TICK_MIN: Duration = Duration::from_millis(20);

/// A disk that was full must have this much more than the reserve before it counts as roomy: no flapping at the edge.
const DISK_SLACK_BYTES: u64 = 1 << 30;

/// The ends of all channels, and what is known at the start.
pub(super) struct Parts {
    pub(super) duty: Duty,
    pub(super) device: DeviceId,
    pub(super) offered: Offered,
    pub(super) hardware: Hardware,
    pub(super) timers: Timers,
    pub(super) ledger: Ledger,
    pub(super) idle: watch::Receiver<IdleState>,
    pub(super) load: watch::Receiver<Load>,
    pub(super) standing: watch::Sender<Standing>,
    pub(super) rig: watch::Sender<RigReport>,
    pub(super) entries: mpsc::Sender<Entry>,
    pub(super) written: mpsc::Receiver<Written>,
    pub(super) say: mpsc::Sender<Say>,
    pub(super) said: mpsc::Receiver<Said>,
    pub(super) orders: mpsc::Sender<Wanted>,
    pub(super) news: mpsc::Receiver<News>,
    pub(super) asks: mpsc::Receiver<(Ask, oneshot::Sender<()>)>,
    pub(super) pulse: Pulse,
}

pub(super) struct Actor {
    parts: Parts,
    // What does not fit into a queue at once waits here, in order: the loop never waits for disk or engine.
    entries_waiting: VecDeque<Entry>,
    orders_waiting: VecDeque<Wanted>,
    // What is drawn.
    link: Link,
    engine: EngineView,
    engine_found: bool,
    images: Vec<Sha256>,
    since_ms: TimestampMs,
    history: u32,
    // Taken out of the journal without an answer; counted a tick later, when it has been written.
    dropped: bool,
    snapshots: watch::Sender<Arc<Snapshot>>,
    leave: bool,
}

/// One turn of the loop.
enum Wake {
    Stop,
    Asked(Ask, oneshot::Sender<()>),
    Said(Said),
    News(News),
    Written(Written),
    Idle,
    Tick,
}

impl Actor {
    pub(super) fn new(parts: Parts) -> (Self, watch::Receiver<Arc<Snapshot>>) {
        let (link, engine) = (Link::Connecting, EngineView { found: None, tried: Vec::new() });
        let since_ms = clock::wall();
        let first = draw(&parts, (&link, &engine), since_ms, (1, 0));
        let (snapshots, receiver) = watch::channel(Arc::new(first));
        let actor = Self {
            parts,
            entries_waiting: VecDeque::new(),
            orders_waiting: VecDeque::new(),
            link,
            engine,
            engine_found: false,
            images: Vec::new(),
            since_ms,
            history: 0,
            dropped: false,
            snapshots,
            leave: false,
        };
        (actor, receiver)
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(self.parts.timers.scaled(TICK).max(TICK_MIN));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.look_at_owner();
        while !self.leave {
            self.parts.pulse.beat();
            match self.wake(&stop, &mut tick).await {
                Wake::Stop => break,
                Wake::Asked(ask, reply) => {
                    info!("The owner asks: {ask:?}");
                    self.step(Event::Asked(ask));
                    // Whoever asked may have hung up.
                    reply.send(()).ok();
                }
                Wake::Said(said) => self.said(said),
                Wake::News(news) => self.news(news),
                Wake::Written(written) => self.written(written),
                Wake::Idle => self.look_at_owner(),
                Wake::Tick => self.tick(),
            }
            self.flush();
            self.publish();
        }
        self.wind_down().await;
    }

    async fn wake(&mut self, stop: &CancellationToken, tick: &mut Interval) -> Wake {
        let parts = &mut self.parts;
        tokio::select! {
            biased;
            () = stop.cancelled() => Wake::Stop,
            Some((ask, reply)) = parts.asks.recv() => Wake::Asked(ask, reply),
            Ok(()) = parts.idle.changed() => Wake::Idle,
            Some(written) = parts.written.recv() => Wake::Written(written),
            Some(news) = parts.news.recv() => Wake::News(news),
            Some(said) = parts.said.recv() => Wake::Said(said),
            _ = tick.tick() => Wake::Tick,
        }
    }

    fn look_at_owner(&mut self) {
        let IdleState { idleness, hindrances, .. } = self.parts.idle.borrow_and_update().clone();
        // First what is new against working: nothing is begun in between that must end at once.
        self.step(Event::Rules(hindrances));
        self.step(Event::Owner(idleness));
    }

    fn said(&mut self, said: Said) {
        match &said {
            Said::Connecting => self.link = Link::Connecting,
            Said::Opened { network, .. } => self.link = Link::Connected { network: network.clone() },
            Said::Closed { message, retry_at } => {
                self.link = Link::Waiting { until_ms: retry_at.wall, message: message.clone() };
            }
            Said::Refused { .. } => self.link = Link::Refused,
            Said::Offer(_)
            | Said::Withdraw(_)
            | Said::Cancel(_)
            | Said::HeartbeatSent
            | Said::Beat { .. }
            | Said::Settled(_)
            | Said::CheckpointSettled(_)
            | Said::Revoke(_) => {}
        }
        self.step(Event::Coordinator(said));
    }

    fn news(&mut self, news: News) {
        match news {
            News::Missing(state, view) => {
                self.engine = view;
                self.step(Event::Engine(state));
            }
            News::Found(view) => {
                self.engine = view;
                self.engine_found = true;
                self.orders_waiting.push_back(Wanted::Adopt { known: self.parts.duty.known(), kept: self.parts.duty.kept() });
            }
            News::Back(view) => {
                self.engine = view;
                self.step(Event::Engine(EngineState::Ready));
            }
            News::Adopted(found) => {
                // First ready: what is left of an attempt that never started is started again.
                self.step(Event::Engine(EngineState::Ready));
                self.step(Event::Adopted(found));
            }
            News::Run(event) => self.step(Event::Run(event)),
            News::Images(images) => self.images = images,
        }
        self.report_rig();
    }

    fn written(&mut self, written: Written) {
        match written {
            Written::Accepted(_) | Written::Ended(_) => self.history += 1,
            Written::Settled(_) => {
                self.history += 1;
                self.parts.ledger.settled();
            }
            Written::Receipt { .. }
            | Written::NotAccepted(_)
            | Written::NotEnded(_)
            | Written::CheckpointSaved(_)
            | Written::CheckpointNotSaved(_) => {}
        }
        self.step(Event::Written(written));
    }

    fn tick(&mut self) {
        if std::mem::take(&mut self.dropped) {
            self.history += 1;
        }
        if self.parts.load.has_changed().unwrap_or(false) {
            let free = self.parts.load.borrow_and_update().disk_free_bytes;
            self.step(Event::Disk(self.disk_state(free)));
            self.report_rig();
        }
        self.step(Event::Tick);
    }

    fn disk_state(&self, free_bytes: Option<u64>) -> DiskState {
        let full_before = self.parts.duty.disk() == DiskState::Full;
        let needed = RunnerConfig::DISK_RESERVE_BYTES + if full_before { DISK_SLACK_BYTES } else { 0 };
        // A system that does not tell is not full: the runner's own limits hold.
        if free_bytes.is_some_and(|free| free < needed) { DiskState::Full } else { DiskState::Roomy }
    }

    fn report_rig(&self) {
        let engine = self.engine.found.as_deref().unwrap_or("");
        let report = self.parts.offered.report(engine, &self.images, self.parts.load.borrow().disk_free_bytes);
        self.parts.rig.send_if_modified(|known| {
            let news = *known != report;
            *known = report;
            news
        });
    }

    fn step(&mut self, event: Event) {
        for effect in self.parts.duty.step(event, clock::now()) {
            debug!("Decided: {effect}");
            match effect {
                Effect::Write(entry) => {
                    self.dropped |= matches!(entry, Entry::Dropped { .. });
                    self.entries_waiting.push_back(entry);
                }
                Effect::Say(say) => {
                    if let Err(TrySendError::Full(say)) = self.parts.say.try_send(say) {
                        debug!("The line is jammed; not said: {say}");
                    }
                }
                Effect::Run(order) if self.engine_found => self.orders_waiting.push_back(Wanted::Order(order)),
                // What is left is found and removed when an engine is.
                Effect::Run(_) => {}
                Effect::Leave => self.leave = true,
            }
        }
        let standing = self.parts.duty.standing();
        self.parts.standing.send_if_modified(|known| {
            let news = *known != standing;
            *known = standing;
            news
        });
    }

    /// Hands over what waits, as far as there is room.
    fn flush(&mut self) {
        while let Some(entry) = self.entries_waiting.pop_front() {
            if let Err(TrySendError::Full(entry)) = self.parts.entries.try_send(entry) {
                self.entries_waiting.push_front(entry);
                break;
            }
        }
        while let Some(order) = self.orders_waiting.pop_front() {
            if let Err(TrySendError::Full(order)) = self.parts.orders.try_send(order) {
                self.orders_waiting.push_front(order);
                break;
            }
        }
    }

    /// Draws the present again and publishes it if it differs.
    fn publish(&mut self) {
        let known = Arc::clone(&self.snapshots.borrow());
        let mut drawn = draw(&self.parts, (&self.link, &self.engine), self.since_ms, (known.revision, self.history));
        if !view::same_phase(&drawn.phase, &known.phase) {
            self.since_ms = clock::wall();
            drawn.since_ms = self.since_ms;
            info!(phase = ?drawn.phase, "The rig is now {:?}", drawn.phase);
        }
        if drawn != *known {
            drawn.revision = known.revision.wrapping_add(1);
            self.snapshots.send_replace(Arc::new(drawn));
        }
    }

    /// The last entries reach the journal before its queue is closed.
    async fn wind_down(mut self) {
        for entry in self.entries_waiting.drain(..) {
            if self.parts.entries.send(entry).await.is_err() {
                return;
            }
        }
    }
}

fn draw(parts: &Parts, (link, engine): (&Link, &EngineView), since_ms: TimestampMs, (revision, history): (u32, u32)) -> Snapshot {
    let Parts { duty, device, offered, hardware, ledger, .. } = parts;
    let (load, idle) = (parts.load.borrow(), parts.idle.borrow());
    let sources = Sources {
        device: *device,
        name: offered.name(),
        duty,
        since_ms,
        hardware,
        load: &load,
        idle: &idle,
        ledger,
        link,
        engine,
        history,
    };
    view::snapshot(&sources, revision)
}
