//! Results that are kept, in a small file of the data directory: a card is measured again only when it, its driver, its power limit or the
//! benchmark itself became another, or when its owner asks.

use std::{
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use headframe_protocol::benchmark::{BENCHMARK_VERSION, Benchmark, Card, Outcome, Subject};
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::owner_file;

/// Its name in the data directory.
pub const FILE_NAME: &str = "benchmark.json";

/// Results kept: sixteen cards under a few limits each. The oldest goes first.
const KEPT_MAX: usize = 64;

/// The largest file that is read; 64 results are a tenth of it.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Why a result was not kept.
#[derive(Debug, thiserror::Error)]
#[error("could not keep what was measured in {}", file.display())]
pub struct ShelfError {
    file: PathBuf,
    #[source]
    source: io::Error,
}

/// What was measured on this PC, newest last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    benchmarks: Vec<Benchmark>,
}

impl Shelf {
    /// What is kept in `data_dir`. A file that is missing or not understood is an empty shelf: everything on it can be measured again.
    #[must_use]
    pub fn load(data_dir: &Path) -> Self {
        let read = || {
            let mut text = String::new();
            std::fs::File::open(data_dir.join(FILE_NAME))?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
            serde_json::from_str(&text).map_err(io::Error::from)
        };
        match read() {
            Ok(shelf) => shelf,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => {
                warn!(%error, "What was measured before cannot be read; it is measured again");
                Self::default()
            }
        }
    }

    /// Puts the shelf into `data_dir`, whole or not at all.
    ///
    /// # Errors
    /// [`ShelfError`].
    pub fn save(&self, data_dir: &Path) -> Result<(), ShelfError> {
        let file = data_dir.join(FILE_NAME);
        let kept = || {
            std::fs::create_dir_all(data_dir)?;
            owner_file::write(&file, &serde_json::to_vec(self)?)
        };
        kept().map_err(|source| ShelfError { file: file.clone(), source })
    }

    /// Keeps a result that says something about its subject. One that was refused or cut short leaves what was known.
    pub fn keep(&mut self, benchmark: Benchmark) {
        if benchmark.outcome != Outcome::Done {
            return;
        }
        self.benchmarks.retain(|kept| !is_same(&kept.subject, &benchmark.subject) || kept.version != benchmark.version);
        self.benchmarks.push(benchmark);
        let surplus = self.benchmarks.len().saturating_sub(KEPT_MAX);
        self.benchmarks.drain(..surplus);
    }

    /// What is known of this very subject, as it is now and by this version of the benchmark.
    #[must_use]
    pub fn known(&self, subject: &Subject) -> Option<&Benchmark> {
        let by_this = |kept: &&Benchmark| kept.version == BENCHMARK_VERSION && is_same(&kept.subject, subject);
        self.benchmarks.iter().rev().find(by_this)
    }

    /// Everything, oldest first.
    #[must_use]
    pub fn all(&self) -> &[Benchmark] {
        &self.benchmarks
    }
}

/// Whether figures of one hold for the other: the same silicon in the same place, driver and power limit.
fn is_same(one: &Subject, other: &Subject) -> bool {
    match (one, other) {
        (Subject::Card(one), Subject::Card(other)) => key(one) == key(other),
        (Subject::Cpu(one), Subject::Cpu(other)) => one == other,
        (Subject::Card(_), Subject::Cpu(_)) | (Subject::Cpu(_), Subject::Card(_)) => false,
    }
}

fn key(card: &Card) -> impl PartialEq {
    let Card { id, name, uuid, driver, power_limit_milliwatts, class: _, vendor: _, pci: _, power_limit_default_milliwatts: _ } =
        card;
    (id.clone(), name.clone(), uuid.clone(), driver.clone(), *power_limit_milliwatts)
}

#[cfg(test)]
mod tests {
    use headframe_protocol::{
        TimestampMs,
        benchmark::{CardClass, Cpu},
    };

    use super::*;

    fn card(driver: &str, watts: u32) -> Subject {
        Subject::Card(Card {
            id: "0000:01:00.0".to_owned(),
            name: "a card".to_owned(),
            class: CardClass::Discrete,
            vendor: None,
            pci: Some("0000:01:00.0".to_owned()),
            uuid: None,
            driver: driver.to_owned(),
            power_limit_milliwatts: Some(watts * 1_000),
            power_limit_default_milliwatts: Some(450_000),
        })
    }

    fn result(subject: Subject, fu: u32) -> Benchmark {
        Benchmark {
            version: BENCHMARK_VERSION,
            agent: "0.1.0".to_owned(),
            subject,
            outcome: Outcome::Done,
            began_ms: TimestampMs::from_millis(0),
            took_ms: 1,
            measured: Vec::new(),
            failed: Vec::new(),
            usable_vram_bytes: None,
            conditions: None,
            fu: Some(fu),
            milli_fu_per_watt: None,
        }
    }

    #[test]
    fn a_card_is_measured_again_when_driver_limit_or_version_became_another() {
        let mut shelf = Shelf::default();
        shelf.keep(result(card("570.1", 450), 1_000));
        let known = |shelf: &Shelf, subject: &Subject| shelf.known(subject).and_then(|kept| kept.fu);
        assert_eq!(known(&shelf, &card("570.1", 450)), Some(1_000));
        assert_eq!(known(&shelf, &card("575.2", 450)), None);
        shelf.keep(result(card("570.1", 300), 850));
        assert_eq!([known(&shelf, &card("570.1", 450)), known(&shelf, &card("570.1", 300))], [Some(1_000), Some(850)]);
        shelf.keep(Benchmark {
            version: BENCHMARK_VERSION - 1,
            ..result(Subject::Cpu(Cpu { model: "one".to_owned(), cores: 8 }), 1)
        });
        assert_eq!(known(&shelf, &Subject::Cpu(Cpu { model: "one".to_owned(), cores: 8 })), None);
    }

    #[test]
    fn a_run_that_was_cut_short_leaves_what_was_known() {
        let mut shelf = Shelf::default();
        shelf.keep(result(card("570.1", 450), 1_000));
        shelf.keep(Benchmark { outcome: Outcome::Aborted, ..result(card("570.1", 450), 0) });
        shelf.keep(result(card("570.1", 450), 1_010));
        assert_eq!(shelf.all().len(), 1);
        assert_eq!(shelf.known(&card("570.1", 450)).and_then(|kept| kept.fu), Some(1_010));
    }

    #[test]
    fn a_shelf_outlives_the_agent_and_a_broken_one_is_empty() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(Shelf::load(dir.path()), Shelf::default());
        let mut shelf = Shelf::default();
        for limit in 0..100 {
            shelf.keep(result(card("570.1", limit), limit));
        }
        assert_eq!(shelf.all().len(), KEPT_MAX);
        shelf.save(dir.path()).expect("saved");
        assert_eq!(Shelf::load(dir.path()), shelf);
        std::fs::write(dir.path().join(FILE_NAME), "{").expect("written");
        assert_eq!(Shelf::load(dir.path()), Shelf::default());
    }
}
