//! Runs the benchmark when the loop says so, and tells it what came of it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    pin::pin,
    time::Duration,
};

use headframe_control::AgentPaths;
use headframe_protocol::{
    benchmark::{Benchmark, CardClass, Outcome, Progress, Subject},
    control::MeasuringView,
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    benchmark::{
        child::Measurer,
        round::{RoundError, Wish, round},
        shelf::Shelf,
    },
    challenge::CardNames,
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

/// What the measuring program calls the cards that it has measured: those it can compute on. Nobody proves anything with a program.
fn known_names(shelf: &Shelf) -> CardNames {
    let name = |benchmark: &Benchmark| match &benchmark.subject {
        Subject::Card(card) if card.class != CardClass::Software => Some((card.uuid.clone()?, card.id.clone())),
        Subject::Card(_) | Subject::Cpu(_) => None,
    };
    // The newest stays: a card may have moved to another place.
    shelf.all().iter().filter_map(name).collect()
}

/// The loop's ends of the benchmark.
pub(super) struct Measuring {
    /// What is wanted of it.
    pub(super) orders: mpsc::Sender<Wanted>,
    /// What it says.
    pub(super) news: mpsc::Receiver<News>,
    /// What the cards are worth, as far as is known.
    pub(super) scores: Scores,
    /// What the measuring program calls the cards, as far as it has measured them.
    pub(super) names: watch::Receiver<CardNames>,
}

/// Begins to listen. If the settings say so the PC is measured as soon as it may be; else only when its owner asks for it.
pub(super) fn open(paths: &AgentPaths, settings: &Settings, tasks: &Tasks) -> Measuring {
    let (orders, wanted) = mpsc::channel(QUEUE_MAX);
    let (news, heard) = mpsc::channel(QUEUE_MAX);
    let data_dir = paths.data_dir().to_owned();
    let shelf = Shelf::load(&data_dir);
    let (scores, (tell_names, names)) = (known_scores(&shelf), watch::channel(known_names(&shelf)));
    let bench = Bench { data_dir, timers: settings.timers, wanted, news, names: tell_names };
    tasks.spawn("benchmark", bench.run(settings.benchmark.automatically, tasks.stopped()));
    Measuring { orders, news: heard, scores, names }
}

struct Bench {
    data_dir: PathBuf,
    timers: Timers,
    wanted: mpsc::Receiver<Wanted>,
    news: mpsc::Sender<News>,
    names: watch::Sender<CardNames>,
}

impl Bench {
    /// Says when something is to be measured, at first and then each time a rest is over, and measures whenever it is told to.
    async fn run(mut self, automatically: bool, stop: CancellationToken) {
        let mut rest = automatically.then_some(Duration::ZERO);
        loop {
            let rested = async {
                match rest {
                    Some(rest) => tokio::time::sleep(self.timers.scaled(rest)).await,
                    None => std::future::pending().await,
                }
            };
            let wanted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                wanted = self.wanted.recv() => wanted,
                () = rested => {
                    self.tell(News::Told(Measured::Wanted)).await;
                    rest = None;
                    continue;
                }
            };
            rest = match wanted {
                Some(Wanted::Begin { without }) => self.measure(without, &stop).await.filter(|_| automatically),
                // What it was to stop is over.
                Some(Wanted::Stop) => continue,
                None => return,
            };
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
                let shelf = Shelf::load(&self.data_dir);
                // First: whoever hears of the scores looks at the names.
                self.names.send_replace(known_names(&shelf));
                self.tell(News::Scores(known_scores(&shelf))).await;
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

#[cfg(test)]
mod tests {
    use headframe_protocol::{TimestampMs, benchmark::Card};

    use super::*;

    #[test]
    fn a_card_that_was_measured_can_prove_and_a_program_or_a_processor_cannot() {
        let measured = |id: &str, class, uuid: Option<&str>| {
            let subject = Subject::Card(Card {
                id: id.to_owned(),
                name: "a card".to_owned(),
                class,
                vendor: None,
                pci: None,
                uuid: uuid.map(str::to_owned),
                driver: id.to_owned(),
                power_limit_milliwatts: None,
                power_limit_default_milliwatts: None,
            });
            Benchmark::without_figures("0.1.0", subject, Outcome::Done, (TimestampMs::from_millis(0), Duration::ZERO))
        };
        let mut shelf = Shelf::default();
        shelf.keep(measured("0000:01:00.0", CardClass::Discrete, Some("GPU-1")));
        shelf.keep(measured("0000:02:00.0", CardClass::Discrete, Some("GPU-1")));
        shelf.keep(measured("10005:0000#0", CardClass::Software, Some("GPU-2")));
        shelf.keep(measured("0000:03:00.0", CardClass::Integrated, None));
        assert_eq!(known_names(&shelf), CardNames::from([("GPU-1".to_owned(), "0000:02:00.0".to_owned())]));
    }
}
