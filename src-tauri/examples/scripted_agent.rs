//! An agent that plays a part: the window can be looked at, and tested, with no engine and no network behind it.
//!
//! `cargo run -p headframe-desktop --example scripted_agent -- run`, with HEADFRAME_AGENT_DIR naming its directory.
//! It speaks through the real socket. Once started it takes one job after another; each prints a line twice a second.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use headframe_control::{
    AgentPaths,
    lock::AgentLock,
    server::{self, ASKS_MAX, Ask, Life, Listener, Pulse},
};
use headframe_protocol::{
    AttemptId, JobId, Micros, TimestampMs,
    control::{
        Answer, CardPage, ControlCode, ControlError, CpuView, DemandView, Earned, EngineTried, EngineView, FleetSaid, FleetView,
        JobCard, JobPage, Link, LogChunk, NetworkAnswer, NetworkRequest, NetworkView, Phase, ProbeView, Request, RigView,
        Snapshot, Stage, Yields,
    },
};
use tokio::sync::{mpsc, watch};

/// How often the play moves on.
const BEAT: Duration = Duration::from_millis(500);

/// Beats from an offer to the first line of the container.
const PREPARING_BEATS: u64 = 3;

/// Beats a job runs: 20 minutes, so that it outlives whatever a test does to it meanwhile, on the slowest machine.
const RUNNING_BEATS: u64 = 2_400;

/// What a job may print in the hope that somebody takes it for more than text.
const MARKUP: &str = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>\u{1b}]0;taken\u{7}\n";

const RATE: Micros = Micros::new(310_000);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("run") => {}
        _ => bail!("usage: scripted_agent run"),
    }
    let paths = AgentPaths::resolve(None)?;
    let lock = AgentLock::acquire(&paths)?;
    let listener = Listener::bind(&lock)?;
    let mut play = Play::open(paths.data_dir().join("scripted.started"));
    let (publish, snapshots) = watch::channel(Arc::new(play.snapshot()));
    let (asks, mut inbox) = mpsc::channel(ASKS_MAX);
    let pulse = Pulse::default();
    let life = Life { snapshots, pulse: pulse.clone() };
    let mut serving = std::pin::pin!(server::serve(listener, env!("CARGO_PKG_VERSION"), life, asks));
    let mut beat = tokio::time::interval(BEAT);
    loop {
        pulse.beat();
        tokio::select! {
            biased;
            Some(Ask { request, reply }) = inbox.recv() => {
                let last = matches!(request, Request::Quit);
                // A guest that has left meanwhile misses its answer.
                reply.send(play.answer(request)).ok();
                if last {
                    return Ok(());
                }
            }
            _ = beat.tick() => play.beat().context("the play cannot go on")?,
            () = &mut serving => return Ok(()),
        }
        publish.send_if_modified(|shown| {
            let next = play.snapshot();
            let changed = **shown != next;
            *shown = Arc::new(next);
            changed
        });
    }
}

/// Where the play is.
struct Play {
    /// Its existence remembers that the owner has pressed Start.
    started_file: PathBuf,
    phase: Phase,
    since_ms: TimestampMs,
    beats: u64,
    revision: u32,
    /// Newest first; the first may be running.
    jobs: Vec<JobCard>,
    log: String,
}

impl Play {
    fn open(started_file: PathBuf) -> Self {
        let phase = if started_file.exists() { Phase::Ready } else { Phase::Off };
        Self { started_file, phase, since_ms: now(), beats: 0, revision: 1, jobs: Vec::new(), log: String::new() }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since_ms = now();
        self.beats = 0;
        self.revision += 1;
    }

    fn beat(&mut self) -> anyhow::Result<()> {
        self.beats += 1;
        match self.phase {
            Phase::Ready if self.beats >= 2 => {
                self.jobs.insert(0, new_card(self.jobs.len()));
                self.log.clear();
                self.enter(Phase::Preparing);
            }
            Phase::Preparing if self.beats >= PREPARING_BEATS => {
                self.running()?.stage = Stage::Running;
                self.enter(Phase::Working);
            }
            Phase::Working => {
                let beats = self.beats;
                if beats == 1 {
                    self.log.push_str(MARKUP);
                }
                self.log.push_str(&format!("frame={beats:4} fps=24.0 time=00:00:{:02}\n", beats / 2 % 60));
                let log_bytes = self.log.len() as u64;
                let card = self.running()?;
                card.running_ms = beats * 500;
                card.earned = RATE.per_hour_for(card.running_ms);
                card.log_bytes = log_bytes;
                self.revision += 1;
                if beats >= RUNNING_BEATS {
                    self.end(Stage::Succeeded)?;
                    self.enter(Phase::Ready);
                }
            }
            Phase::Off
            | Phase::Checking
            | Phase::Waiting { .. }
            | Phase::Ready
            | Phase::Preparing
            | Phase::Benchmarking { .. }
            | Phase::Yielding
            | Phase::Uploading
            | Phase::Draining
            | Phase::Paused { .. } => {}
        }
        Ok(())
    }

    fn running(&mut self) -> anyhow::Result<&mut JobCard> {
        self.jobs.first_mut().filter(|card| card.ended_ms.is_none()).context("no job runs")
    }

    fn end(&mut self, stage: Stage) -> anyhow::Result<()> {
        let card = self.running()?;
        card.stage = stage;
        card.ended_ms = Some(now());
        card.confirmed = true;
        Ok(())
    }

    fn answer(&mut self, request: Request) -> Answer {
        match request {
            Request::Start => {
                if std::fs::write(&self.started_file, "").is_err() {
                    return failed(ControlCode::Unexpected, "The choice could not be written down.");
                }
                if matches!(self.phase, Phase::Off | Phase::Paused { .. }) {
                    self.enter(Phase::Ready);
                }
                Answer::Done
            }
            Request::Pause(args) => {
                // Nothing may be running; then there is nothing to end.
                self.end(Stage::Yielded).ok();
                let until_ms = args.minutes.map(|minutes| now().after(Duration::from_secs(60 * u64::from(minutes))));
                self.enter(Phase::Paused { until_ms });
                Answer::Done
            }
            Request::Finish => {
                self.end(Stage::Succeeded).ok();
                self.enter(Phase::Paused { until_ms: None });
                Answer::Done
            }
            Request::Quit => Answer::Done,
            Request::Jobs(_) => Answer::Jobs { page: JobPage { jobs: self.jobs.clone(), next: None } },
            Request::Log(args) => match self.jobs.first() {
                Some(card) if card.attempt == args.attempt => self.log_from(args.offset),
                Some(_) | None => failed(ControlCode::NotFound, "There is no log of this attempt."),
            },
            Request::Yields => Answer::Yields { yields: Yields::default() },
            Request::Earnings { .. } => failed(ControlCode::BadRequest, "This agent keeps no book."),
            Request::Wallet { .. } => failed(ControlCode::BadRequest, "This agent has no wallet."),
            Request::Doctor(_) | Request::Measure | Request::Simulate(_) => {
                failed(ControlCode::BadRequest, "This agent looks at no PC.")
            }
            Request::Network { ask: NetworkRequest::Show } => {
                Answer::Network { answer: Box::new(NetworkAnswer::Here { network: here() }) }
            }
            Request::Network { .. } => failed(ControlCode::BadRequest, "This agent belongs to no network."),
            Request::Notices | Request::SetNotices(_) | Request::Support => {
                failed(ControlCode::BadRequest, "This agent tells nobody.")
            }
            Request::Demand => Answer::Demand { demand: Box::new(DemandView { asked_ms: now(), network: None }) },
            Request::Fleet(_) => Answer::Fleet { fleet: Box::new(FleetView { asked_ms: now(), said: FleetSaid::Silent }) },
            Request::Cards | Request::MeasureAgain(_) => {
                Answer::Cards { page: Box::new(CardPage { cards: Vec::new(), processor: None }) }
            }
            Request::Rules | Request::SetRules(_) | Request::Block(_) | Request::Unblock(_) => {
                failed(ControlCode::BadRequest, "This agent has no rules.")
            }
            Request::Hello { .. } | Request::Status | Request::Watch => {
                failed(ControlCode::BadRequest, "The socket answers this itself.")
            }
        }
    }

    fn log_from(&self, offset: i64) -> Answer {
        let end = self.log.len();
        let from =
            usize::try_from(offset).unwrap_or_else(|_| end.saturating_sub(usize::try_from(offset.unsigned_abs()).unwrap_or(end)));
        let from = from.min(end);
        let complete = self.jobs.first().is_some_and(|card| card.ended_ms.is_some());
        let text = self.log.get(from..).unwrap_or_default().to_owned();
        Answer::Log { chunk: LogChunk { offset: from as u64, end: end as u64, text, complete } }
    }

    fn snapshot(&self) -> Snapshot {
        let working: Vec<JobCard> = self.jobs.iter().filter(|card| card.ended_ms.is_none()).cloned().collect();
        let sum = |cards: &[JobCard]| cards.iter().map(|card| card.earned.get()).sum::<i64>();
        let confirmed: Vec<JobCard> = self.jobs.iter().filter(|card| card.confirmed).cloned().collect();
        Snapshot {
            revision: self.revision,
            agent_version: env!("CARGO_PKG_VERSION").into(),
            phase: self.phase.clone(),
            since_ms: self.since_ms,
            rig: RigView {
                device: "0x7a3f5c1e9b2d4860a1c3e5f7092b4d6f8a1c3e5f".into(),
                name: "scripted".into(),
                cpu: CpuView {
                    model: "AMD Ryzen 7 5800X".into(),
                    cores: 8,
                    load_percent: if working.is_empty() { 3 } else { 87 },
                    memory_used_bytes: 3_400_000_000,
                    memory_bytes: 16_000_000_000,
                },
                gpus: Vec::new(),
            },
            today: Earned {
                confirmed: Micros::new(sum(&confirmed)),
                pending: Micros::new(sum(&working)),
                jobs: u32::try_from(confirmed.len()).unwrap_or(u32::MAX),
                attempts: u32::try_from(confirmed.len()).unwrap_or(u32::MAX),
                ..Earned::default()
            },
            working,
            link: Link::Connected { network: "scripted".into() },
            practice: false,
            engine: EngineView {
                found: Some("no engine at all".into()),
                tried: vec![EngineTried { place: "this script".into(), result: "in use".into() }],
            },
            asks: None,
            probes: vec![ProbeView {
                name: "this script".into(),
                says: "you are away".into(),
                works: true,
                ..ProbeView::default()
            }],
            clock: None,
            history: u32::try_from(self.jobs.len() + confirmed.len()).unwrap_or(u32::MAX),
        }
    }
}

/// The network of a rig that nobody has ever chosen one for.
fn here() -> NetworkView {
    NetworkView {
        coordinator: "http://127.0.0.1:8080/".into(),
        chosen: false,
        profile: None,
        practice: false,
        no_practice: Some("this is a play".into()),
    }
}

fn new_card(number: usize) -> JobCard {
    JobCard {
        attempt: AttemptId::generate().to_string(),
        job: JobId::generate().to_string(),
        title: format!("scripted transcode {}", number + 1),
        image: format!("localhost:5000/ffmpeg@sha256:{}", "5c".repeat(32)),
        stage: Stage::Preparing,
        reason: None,
        reason_text: None,
        started_ms: now(),
        ended_ms: None,
        running_ms: 0,
        timeout_ms: Some(RUNNING_BEATS * 500),
        permille: None,
        earns_per_hour: RATE,
        earned: Micros::ZERO,
        confirmed: false,
        result_files: None,
        result_bytes: None,
        log_bytes: 0,
        gpus: Vec::new(),
        customer: None,
    }
}

fn failed(code: ControlCode, message: &str) -> Answer {
    Answer::Failed { error: ControlError { code, message: message.into() } }
}

fn now() -> TimestampMs {
    let since_1970 = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    TimestampMs::from_millis(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}
