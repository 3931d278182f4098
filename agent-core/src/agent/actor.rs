//! The loop: everything that can wake the rig comes in here, in one place, and nothing in it waits.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use headframe_control::server::Pulse;
use headframe_protocol::{
    DeviceId, Sha256, TimestampMs,
    control::{EngineView, Link, Phase, Snapshot},
    job::AttemptState,
    rig::RigReport,
};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot, watch,
    },
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

mod lent;

use super::{
    drawn,
    engine_room::{News, Owner, Wanted},
    measuring::{self, Measuring},
    offered::Offered,
    power::{self, Power},
    wake::{Wake, heard, measured},
};
use crate::{
    challenge::{self, Free},
    clock::{self, Moment},
    coordinator::{RightTime, Said, Say, Standing},
    duty::{
        Ask, DiskState, Duty, Effect, EngineState, Event, Held,
        giving_back::{CardMemory, Hindrances},
    },
    idle::{Belief, IdleState},
    ledger::Ledger,
    pace::Pace,
    runner::RunnerConfig,
    settings::Timers,
    store::{Entry, Written},
    telemetry::{GpuReading, Hardware, Load},
    view,
};

/// How often deadlines are looked at while something is on the rig. The shortest that matters is the grace of 1 s.
const TICK: Duration = Duration::from_millis(250);

/// The same while nothing is: pauses and rests end to the minute. Guests must hear that the loop goes round more often than they
/// lose patience.
const RESTING_TICK: Duration = Duration::from_secs(2);

/// The same while nobody is told of every change.
const UNWATCHED_TICK: Duration = Duration::from_secs(5);

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
    pub(super) pace: watch::Sender<Pace>,
    pub(super) standing: watch::Sender<Standing>,
    pub(super) rig: watch::Sender<RigReport>,
    pub(super) challenges: challenge::Ends,
    pub(super) owner: Owner,
    pub(super) entries: mpsc::Sender<Entry>,
    pub(super) written: mpsc::Receiver<Written>,
    pub(super) say: mpsc::Sender<Say>,
    pub(super) said: mpsc::Receiver<Said>,
    pub(super) time: watch::Receiver<Option<RightTime>>,
    pub(super) orders: mpsc::Sender<Wanted>,
    pub(super) news: mpsc::Receiver<News>,
    pub(super) measuring: Measuring,
    pub(super) asks: mpsc::Receiver<(Ask, oneshot::Sender<()>)>,
    pub(super) pulse: Pulse,
}

pub(super) struct Actor {
    parts: Parts,
    // What does not fit into a queue at once waits here, in order: the loop never waits for disk or engine.
    entries_waiting: VecDeque<Entry>,
    orders_waiting: VecDeque<Wanted>,
    // Who asked for each choice on its way to the disk, if somebody did.
    choices: VecDeque<Option<oneshot::Sender<()>>>,
    // What is drawn.
    link: Link,
    engine: EngineView,
    engine_found: bool,
    gives_gpus: bool,
    images: Vec<Sha256>,
    since_ms: TimestampMs,
    history: u32,
    // Taken out of the journal without an answer; counted a tick later, when it has been written.
    dropped: bool,
    power: Power,
    ticked_at: Instant,
    snapshots: watch::Sender<Arc<Snapshot>>,
    leave: bool,
}

impl Actor {
    pub(super) fn new(parts: Parts) -> (Self, watch::Receiver<Arc<Snapshot>>) {
        let (link, engine) = (Link::Connecting, EngineView { found: None, tried: Vec::new() });
        let since_ms = parts.duty.paused_since().unwrap_or_else(clock::wall);
        let first = drawn::draw(&parts, (&link, &engine), since_ms, (1, 0));
        let (snapshots, receiver) = watch::channel(Arc::new(first));
        let actor = Self {
            parts,
            entries_waiting: VecDeque::new(),
            orders_waiting: VecDeque::new(),
            choices: VecDeque::new(),
            link,
            engine,
            engine_found: false,
            gives_gpus: false,
            images: Vec::new(),
            since_ms,
            history: 0,
            dropped: false,
            power: Power::default(),
            ticked_at: Instant::now(),
            snapshots,
            leave: false,
        };
        (actor, receiver)
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        self.look_at_owner();
        self.look_at_cards();
        self.publish();
        while !self.leave {
            self.parts.pulse.beat();
            match self.wake(&stop).await {
                Wake::Stop => break,
                Wake::Asked(ask, reply) => {
                    info!("The owner asks: {ask:?}");
                    self.asked(ask, reply);
                }
                Wake::Said(said) => self.said(said),
                Wake::News(news) => self.news(news),
                Wake::Measured(news) => self.measured(news),
                // It is drawn, and looked at more closely.
                Wake::Proving => {}
                Wake::Written(written) => self.written(written),
                Wake::Idle => self.look_at_owner(),
                Wake::Load => self.look_at_load(),
                Wake::Tick => self.tick(),
            }
            self.look_at_power();
            self.flush();
            self.publish();
        }
        self.wind_down().await;
    }

    async fn wake(&mut self, stop: &CancellationToken) -> Wake {
        let tick = match (self.parts.duty.is_at_rest(), self.parts.pulse.is_watched()) {
            (false, _) => TICK,
            (true, true) => RESTING_TICK,
            (true, false) => UNWATCHED_TICK,
        };
        let tick = tokio::time::sleep(self.parts.timers.scaled(tick).max(TICK_MIN).saturating_sub(self.ticked_at.elapsed()));
        let parts = &mut self.parts;
        tokio::select! {
            biased;
            () = stop.cancelled() => Wake::Stop,
            Some((ask, reply)) = parts.asks.recv() => Wake::Asked(ask, reply),
            measured = measured(&mut parts.idle, &mut parts.load) => measured,
            Some(written) = parts.written.recv() => Wake::Written(written),
            heard = heard(&mut parts.news, &mut parts.measuring.news, &mut parts.challenges.proving) => heard,
            Some(said) = parts.said.recv() => Wake::Said(said),
            () = tick => Wake::Tick,
        }
    }

    /// It is done at once; whoever asked hears of it when the next life would know too.
    fn asked(&mut self, ask: Ask, reply: oneshot::Sender<()>) {
        let before = self.choices.len();
        self.step(Event::Asked(ask));
        self.report_rig();
        let chose = self.choices.len() > before;
        match self.choices.back_mut().filter(|_| chose) {
            Some(choice) => *choice = Some(reply),
            // Whoever asked may have hung up.
            None => drop(reply.send(())),
        }
    }

    fn look_at_owner(&mut self) {
        let IdleState { belief, terms, internet, network, refuses, probes: _ } = self.parts.idle.borrow_and_update().clone();
        let Belief { idleness, hindrances, mut gpus, giving_back } = belief;
        self.look_at_egress(internet);
        self.look_at_refusals(refuses);
        self.look_at_bandwidth(network);
        self.parts.offered.set_terms(terms);
        self.price();
        let slots = (0..).zip(&self.parts.hardware.gpus).filter_map(|(slot, gpu)| Some((slot, gpus.remove(&gpu.uuid)?)));
        let hindrances = Hindrances { rig: hindrances, slots: slots.collect(), giving_back };
        // First what is new against working: nothing is begun in between that must end at once.
        self.step(Event::Rules(hindrances));
        self.step(Event::Owner(idleness));
        self.report_rig();
    }

    fn look_at_load(&mut self) {
        let Load { disk_free_bytes: free, mut gpus, .. } = self.parts.load.borrow_and_update().clone();
        if self.parts.duty.held().iter().any(uses_gpus) {
            // Another card may prove meanwhile, which no customer pays for.
            gpus.retain(|gpu| !self.parts.challenges.proving.borrow().contains(&gpu.uuid));
            self.parts.offered.drew(&gpus);
            self.price();
        }
        self.step(Event::Disk(self.disk_state(free)));
        self.look_at_cards();
        self.report_rig();
    }

    /// What the cards draw for jobs. Here at every turn of the loop: a card that draws the same for long tells nothing new.
    fn look_at_power(&mut self) {
        let (Parts { duty, hardware, offered, .. }, load) = (&self.parts, self.parts.load.borrow());
        let (working, at) = (duty.held().iter().filter_map(power::working), clock::now().moment.since(Moment::default()));
        self.power.look(working, (hardware, &load.gpus), offered.price_per_kwh(), at);
    }

    /// What each card's memory holds. One that was there at the start and does not tell any more has nothing to compare.
    fn look_at_cards(&mut self) {
        if self.parts.hardware.gpus.is_empty() {
            return;
        }
        let load = self.parts.load.borrow();
        let card = |known: &GpuReading| load.gpus.iter().find(|gpu| gpu.uuid == known.uuid).map(memory);
        let cards = self.parts.hardware.gpus.iter().map(card).collect();
        drop(load);
        self.step(Event::Cards(cards));
    }

    /// What an hour must bring may have changed: offers are judged by it. Whoever calls this tells the coordinator.
    fn price(&mut self) {
        let gate = self.parts.offered.gate();
        if gate != self.parts.duty.gate() {
            info!(
                "An hour must bring {}",
                gate.map_or("what the settings say".to_owned(), |gate| gate.floor_per_hour.to_string())
            );
            self.step(Event::Gate(gate));
        }
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
            News::Found { view, gives_gpus } => {
                self.engine = view;
                self.gives_gpus = gives_gpus;
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

    fn measured(&mut self, news: measuring::News) {
        match news {
            measuring::News::Told(measured) => self.step(Event::Measured(measured)),
            measuring::News::Scores(scores) => {
                self.parts.measuring.scores = scores;
                self.parts.challenges.answerable.look_again();
                self.report_rig();
            }
        }
    }

    fn measure(&self, wanted: measuring::Wanted) {
        // Two orders a measurement at most: the queue has room unless the other side has ended, and then nothing is measured.
        if self.parts.measuring.orders.try_send(wanted).is_err() {
            debug!("Nobody is there to measure");
        }
    }

    /// The cards of these slots, by their UUIDs.
    fn uuids(&self, slots: &[u8]) -> Vec<String> {
        slots.iter().filter_map(|slot| self.parts.hardware.gpus.get(usize::from(*slot))).map(|gpu| gpu.uuid.clone()).collect()
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
            // Whoever asked may have hung up.
            Written::Choice => drop(self.choices.pop_front().flatten().map(|reply| reply.send(()))),
        }
        self.step(Event::Written(written));
    }

    fn tick(&mut self) {
        if std::mem::take(&mut self.dropped) {
            self.history += 1;
        }
        self.ticked_at = Instant::now();
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
        let cards = self.parts.duty.usable_slots().filter(|_| self.gives_gpus);
        let usable = cards.filter_map(|slot| self.parts.hardware.gpus.get(usize::from(slot))).collect::<Vec<_>>();
        let (disk_free_bytes, egress) = (self.parts.load.borrow().disk_free_bytes, *self.parts.owner.egress.borrow());
        let report = self.parts.offered.report(
            engine,
            (&usable, &self.parts.measuring.scores),
            &self.images,
            disk_free_bytes,
            (egress, self.parts.duty.refuses()),
        );
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
                    if matches!(entry, Entry::Choice(_)) {
                        self.choices.push_back(None);
                    }
                    self.entries_waiting.extend(self.power.with(entry, &self.link));
                }
                Effect::Say(say) => {
                    if let Err(TrySendError::Full(say)) = self.parts.say.try_send(say) {
                        debug!("The line is jammed; not said: {say}");
                    }
                }
                Effect::Run(order) if self.engine_found => self.orders_waiting.push_back(Wanted::Order(order)),
                // What is left is found and removed when an engine is.
                Effect::Run(_) => {}
                Effect::Measure { without } => self.measure(measuring::Wanted::Begin { without: self.uuids(&without) }),
                Effect::StopMeasuring => self.measure(measuring::Wanted::Stop),
                Effect::Leave => self.leave = true,
            }
        }
        let standing = self.parts.duty.standing();
        self.parts.standing.send_if_modified(|known| {
            let news = *known != standing;
            *known = standing;
            news
        });
        self.look_for_free_cards();
    }

    /// Which cards a challenge may use: those a job may, while none does.
    fn look_for_free_cards(&self) {
        let duty = &self.parts.duty;
        let ready = duty.standing().ready;
        let idle = |slot: &u8| !duty.held().iter().any(|held| held.slots().contains(slot));
        let cards = duty.usable_slots().filter(idle).filter_map(|slot| self.parts.hardware.gpus.get(usize::from(slot)));
        let free = Free { ready, cards: cards.map(|gpu| (gpu.uuid.clone(), gpu.vram_bytes)).collect() };
        self.parts.challenges.free.send_if_modified(|known| std::mem::replace(known, free.clone()) != free);
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
        let mut drawn = drawn::draw(&self.parts, (&self.link, &self.engine), self.since_ms, (known.revision, self.history));
        if !view::same_phase(&drawn.phase, &known.phase) {
            self.since_ms = self.parts.duty.paused_since().unwrap_or_else(clock::wall);
            drawn.since_ms = self.since_ms;
            info!(phase = ?drawn.phase, "The rig is now {:?}", drawn.phase);
        }
        self.keep_pace(&drawn.phase);
        if drawn != *known {
            drawn.revision = known.revision.wrapping_add(1);
            self.snapshots.send_replace(Arc::new(drawn));
        }
    }

    /// How closely the PC is looked at follows from what is at stake.
    fn keep_pace(&self, phase: &Phase) {
        let proves = !self.parts.challenges.proving.borrow().is_empty();
        let pace = drawn::pace(phase, proves, self.parts.pulse.is_watched());
        self.parts.pace.send_if_modified(|known| std::mem::replace(known, pace) != pace);
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

fn memory(gpu: &GpuReading) -> CardMemory {
    let others = gpu.programs.iter().filter(|program| !program.is_ours).filter_map(|program| program.vram_bytes);
    CardMemory { used_bytes: gpu.vram_used_bytes, others_bytes: others.sum() }
}

/// What the cards draw in other times, as while their owner plays, says nothing about jobs.
fn uses_gpus(held: &Held) -> bool {
    held.doing == AttemptState::Running && held.offer.spec.resources.gpu.is_some()
}
