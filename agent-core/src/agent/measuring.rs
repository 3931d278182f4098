//! Runs the benchmark when the loop says so, and tells it what came of it.

use std::{
    collections::{BTreeMap, BTreeSet},
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

/// Cards that their owner wants measured again, by UUID. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Again(watch::Sender<BTreeSet<String>>);

impl Again {
    /// This one too.
    pub(crate) fn ask(&self, gpu: String) {
        self.0.send_if_modified(|wanted| wanted.insert(gpu));
    }

    /// Whether it is still to be done.
    pub(crate) fn is_wanted(&self, gpu: &str) -> bool {
        self.0.borrow().contains(gpu)
    }

    fn wanted(&self) -> Vec<String> {
        self.0.borrow().iter().cloned().collect()
    }

    fn is_done(&self, gpu: &str) {
        self.0.send_if_modified(|wanted| wanted.remove(gpu));
    }

    /// Returns once there are others.
    async fn more(&self) {
        drop(self.0.subscribe().changed().await);
    }

    /// Returns once there is any.
    async fn some(&self) {
        // The sender is ours: it outlives the wait.
        drop(self.0.subscribe().wait_for(|wanted| !wanted.is_empty()).await);
    }
}

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
    /// What is to be measured again.
    pub(super) again: Again,
}

/// Begins to listen. If the settings say so the PC is measured as soon as it may be; else only when its owner asks for it.
pub(super) fn open(paths: &AgentPaths, settings: &Settings, tasks: &Tasks) -> Measuring {
    let (orders, wanted) = mpsc::channel(QUEUE_MAX);
    let (news, heard) = mpsc::channel(QUEUE_MAX);
    let data_dir = paths.data_dir().to_owned();
    let shelf = Shelf::load(&data_dir);
    let (scores, (tell_names, names)) = (known_scores(&shelf), watch::channel(known_names(&shelf)));
    let again = Again::default();
    let automatically = settings.benchmark.automatically;
    let bench = Bench { data_dir, timers: settings.timers, automatically, again: again.clone(), wanted, news, names: tell_names };
    tasks.spawn("benchmark", bench.run(tasks.stopped()));
    Measuring { orders, news: heard, scores, names, again }
}

struct Bench {
    data_dir: PathBuf,
    timers: Timers,
    /// Whether everything is measured that is not known.
    automatically: bool,
    again: Again,
    wanted: mpsc::Receiver<Wanted>,
    news: mpsc::Sender<News>,
    names: watch::Sender<CardNames>,
}

impl Bench {
    /// Says when something is to be measured: at first, each time a rest is over, and when a card is to be measured again. Measures
    /// whenever it is told to.
    async fn run(mut self, stop: CancellationToken) {
        let (mut rest, mut told, again) = (self.automatically.then_some(Duration::ZERO), false, self.again.clone());
        loop {
            let due = async {
                match rest {
                    Some(rest) => drop(tokio::time::timeout(self.timers.scaled(rest), again.more()).await),
                    None if told => again.more().await,
                    None => again.some().await,
                }
            };
            let wanted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                wanted = self.wanted.recv() => wanted,
                () = due => {
                    self.tell(News::Told(Measured::Wanted)).await;
                    (rest, told) = (None, true);
                    continue;
                }
            };
            rest = match wanted {
                Some(Wanted::Begin { without }) => self.measure(without, &stop).await,
                // What it was to stop is over.
                Some(Wanted::Stop) => continue,
                None => return,
            };
            told = false;
            if !self.automatically && self.again.wanted().is_empty() {
                rest = None;
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
            let again_of = self.again.wanted();
            let only_again = !self.automatically && !again_of.is_empty();
            let wish = Wish { without, again_of, only_again, ..Wish::default() };
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
                self.note_done(&results);
                let shelf = Shelf::load(&self.data_dir);
                // First: whoever hears of the scores looks at the names.
                self.names.send_replace(known_names(&shelf));
                self.tell(News::Scores(known_scores(&shelf))).await;
                let postponed = results.iter().any(is_postponed);
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

    /// What was measured need not be again, whatever came of it, unless it was cut short. Nor what a whole round did not find: a card
    /// that its owner keeps, or one the measuring program cannot use.
    fn note_done(&self, results: &[Benchmark]) {
        let is_whole = results.iter().all(|result| result.outcome != Outcome::Aborted);
        let result_of = |wanted: &str| results.iter().find(|result| uuid(&result.subject) == Some(wanted));
        for wanted in self.again.wanted() {
            if result_of(&wanted).map_or(is_whole, |result| !is_postponed(result)) {
                self.again.is_done(&wanted);
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

fn uuid(subject: &Subject) -> Option<&str> {
    match subject {
        Subject::Card(card) => card.uuid.as_deref(),
        Subject::Cpu(_) => None,
    }
}

const fn is_postponed(result: &Benchmark) -> bool {
    matches!(result.outcome, Outcome::Aborted | Outcome::InUse { .. })
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
        gpu: match subject {
            Subject::Card(card) => card.uuid.clone(),
            Subject::Cpu(_) => None,
        },
        percent: u8::try_from(progress.permille / 10).unwrap_or(100).min(100),
        left_s,
    }
}

#[cfg(test)]
mod tests {
    use headframe_protocol::{TimestampMs, benchmark::Card};

    use super::*;

    #[tokio::test]
    async fn a_card_that_is_to_be_measured_again_waits_until_it_was() {
        let (again, bench) = (Again::default(), bench());
        let bench = Bench { again: again.clone(), ..bench };
        again.ask("GPU-1".to_owned());
        again.ask("GPU-2".to_owned());
        bench.again.some().await;
        let ended = |uuid: &str, outcome| {
            let subject = Subject::Card(card(uuid, CardClass::Discrete, Some(uuid)));
            Benchmark::without_figures("0.1.0", subject, outcome, (TimestampMs::from_millis(0), Duration::ZERO))
        };
        bench.note_done(&[ended("GPU-1", Outcome::Aborted), ended("GPU-2", Outcome::Done)]);
        assert!(again.is_wanted("GPU-1"), "it was cut short");
        assert!(!again.is_wanted("GPU-2"));
        bench.note_done(&[ended("GPU-1", Outcome::TimedOut { during: String::new() })]);
        assert!(!again.is_wanted("GPU-1"), "what goes wrong does so again");
        again.ask("GPU-3".to_owned());
        bench.note_done(&[ended("GPU-2", Outcome::Aborted)]);
        assert!(again.is_wanted("GPU-3"), "its turn had not come");
        bench.note_done(&[]);
        assert!(!again.is_wanted("GPU-3"), "it cannot be measured");
    }

    fn bench() -> Bench {
        Bench {
            data_dir: PathBuf::new(),
            timers: Timers { divisor: 1 },
            automatically: true,
            again: Again::default(),
            wanted: mpsc::channel(1).1,
            news: mpsc::channel(1).0,
            names: watch::channel(CardNames::default()).0,
        }
    }

    fn card(id: &str, class: CardClass, uuid: Option<&str>) -> Card {
        Card {
            id: id.to_owned(),
            name: "a card".to_owned(),
            class,
            vendor: None,
            pci: None,
            uuid: uuid.map(str::to_owned),
            driver: id.to_owned(),
            power_limit_milliwatts: None,
            power_limit_default_milliwatts: None,
        }
    }

    #[test]
    fn a_card_that_was_measured_can_prove_and_a_program_or_a_processor_cannot() {
        let measured = |id: &str, class, uuid: Option<&str>| {
            let subject = Subject::Card(card(id, class, uuid));
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
