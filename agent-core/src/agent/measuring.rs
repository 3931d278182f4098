//! Runs the benchmark when the loop says so, and tells it what came of it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    pin::pin,
    time::Duration,
};

use headframe_control::AgentPaths;
use headframe_protocol::{
    benchmark::{Benchmark, Outcome, Progress, Subject},
    control::MeasuringView,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    benchmark::{
        child::Measurer,
        round::{RoundError, Wish, round},
        shelf::Shelf,
    },
    duty::Measured,
    settings::{Settings, Timers},
    tasks::Tasks,
};

/// How long after it was stopped or refused a measurement is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(5 * 60);

/// How long after it went wrong. What is wrong with a driver or an installation does not mend itself in minutes.
const AFTER_FAILURE: Duration = Duration::from_secs(6 * 60 * 60);

/// Orders and news that wait. There are a few in a minute.
const QUEUE_MAX: usize = 64;

/// What the loop wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Measure what is not known, but for the cards of these UUIDs.
    Begin {
        /// Cards the owner keeps.
        without: Vec<String>,
    },
    /// The cards are needed.
    Stop,
}

/// What the loop hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// What duty is to know.
    Told(Measured),
    /// What cards are worth, by UUID.
    Scores(Scores),
}

/// Frame Units by the UUIDs of cards, as this PC has measured them.
pub(super) type Scores = BTreeMap<String, u32>;

/// What was measured in earlier lives.
fn known_scores(shelf: &Shelf) -> Scores {
    let score = |benchmark: &Benchmark| match &benchmark.subject {
        Subject::Card(card) => Some((card.uuid.clone()?, benchmark.fu?)),
        Subject::Cpu(_) => None,
    };
    // Oldest first: the newest stays.
    shelf.all().iter().filter_map(score).collect()
}

/// The loop's ends of the benchmark.
pub(super) struct Measuring {
    /// What is wanted of it.
    pub(super) orders: mpsc::Sender<Wanted>,
    /// What it says.
    pub(super) news: mpsc::Receiver<News>,
    /// What the cards are worth, as far as is known.
    pub(super) scores: Scores,
}

/// Begins to listen. If the settings say so the PC is measured as soon as it may be; else never.
pub(super) fn open(paths: &AgentPaths, settings: &Settings, tasks: &Tasks) -> Measuring {
    let (orders, wanted) = mpsc::channel(QUEUE_MAX);
    let (news, heard) = mpsc::channel(QUEUE_MAX);
    let data_dir = paths.data_dir().to_owned();
    let scores = known_scores(&Shelf::load(&data_dir));
    let bench = Bench { data_dir, timers: settings.timers, wanted, news };
    if settings.benchmark.automatically {
        tasks.spawn("benchmark", bench.run(tasks.stopped()));
    }
    Measuring { orders, news: heard, scores }
}

struct Bench {
    data_dir: PathBuf,
    timers: Timers,
    wanted: mpsc::Receiver<Wanted>,
    news: mpsc::Sender<News>,
}

impl Bench {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            self.tell(News::Told(Measured::Wanted)).await;
            let wanted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                wanted = self.wanted.recv() => wanted,
            };
            let rest = match wanted {
                Some(Wanted::Begin { without }) => self.measure(without, &stop).await,
                Some(Wanted::Stop) => continue,
                None => return,
            };
            let Some(rest) = rest else { return };
            if tokio::time::timeout(self.timers.scaled(rest), stop.cancelled()).await.is_ok() {
                return;
            }
        }
    }

    /// One round, and how long until the next; nothing if all is known.
    async fn measure(&mut self, without: Vec<String>, stop: &CancellationToken) -> Option<Duration> {
        let here = stop.child_token();
        let result = {
            let news = self.news.clone();
            let mut tell = move |subject: &Subject, progress: Progress| {
                // Whoever does not keep up hears of the next one.
                news.try_send(News::Told(Measured::Progress(view(subject, &progress)))).ok();
            };
            let wish = Wish { without, ..Wish::default() };
            let mut measuring = pin!(measured(&self.data_dir, &wish, &here, &mut tell));
            loop {
                tokio::select! {
                    biased;
                    result = &mut measuring => break result,
                    Some(Wanted::Stop) = self.wanted.recv() => here.cancel(),
                }
            }
        };
        let rest = self.judge(result).await;
        self.tell(News::Told(Measured::Over)).await;
        rest
    }

    async fn judge(&self, result: Result<Vec<Benchmark>, RoundError>) -> Option<Duration> {
        match result {
            Ok(results) => {
                self.tell(News::Scores(known_scores(&Shelf::load(&self.data_dir)))).await;
                let postponed = results.iter().any(|one| matches!(one.outcome, Outcome::Aborted | Outcome::InUse { .. }));
                let failed = results.iter().find(|one| one.outcome != Outcome::Done);
                if let Some(failed) = failed.filter(|_| !postponed) {
                    warn!(outcome = ?failed.outcome, "{} could not be measured", name(&failed.subject));
                    return Some(AFTER_FAILURE);
                }
                info!(postponed, "This PC has been measured, as far as it was free");
                postponed.then_some(AGAIN_AFTER)
            }
            Err(error) => {
                warn!(%error, "This PC could not be measured");
                Some(AFTER_FAILURE)
            }
        }
    }

    async fn tell(&self, news: News) {
        // Nobody listens any more only while the agent ends.
        self.news.send(news).await.ok();
    }
}

async fn measured(
    data_dir: &Path,
    wish: &Wish,
    stop: &CancellationToken,
    tell: &mut (dyn FnMut(&Subject, Progress) + Send),
) -> Result<Vec<Benchmark>, RoundError> {
    round(&Measurer::beside_us()?, data_dir, wish, stop, tell).await
}

fn name(subject: &Subject) -> &str {
    match subject {
        Subject::Card(card) => &card.name,
        Subject::Cpu(cpu) => &cpu.model,
    }
}

fn view(subject: &Subject, progress: &Progress) -> MeasuringView {
    // Whole seconds: nobody reads finer, and each change is drawn.
    let left_s = progress.left_ms.div_ceil(1_000);
    MeasuringView {
        what: name(subject).to_owned(),
        percent: u8::try_from(progress.permille / 10).unwrap_or(100).min(100),
        left_s,
    }
}
