//! One round over everything in the PC: what is known stays known, what became another is measured, one subject after the other.

use std::path::Path;

use headframe_protocol::benchmark::{Benchmark, Card, CardClass, Cpu, Outcome, Progress, Subject};
use tokio_util::sync::CancellationToken;

use super::{
    child::{ChildError, Measurer},
    shelf::{Shelf, ShelfError},
};
use crate::tasks::apart;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// Measure also what is known.
    pub again: bool,
    /// Measure these cards although they are known, by the drivers' UUIDs.
    pub again_of: Vec<String>,
    /// Measure nothing but those.
    pub only_again: bool,
    /// Measure also adapters that are programs. They never have a score.
    pub software: bool,
    /// Leave these cards alone, by the drivers' UUIDs.
    pub without: Vec<String>,
}

impl Wish {
    fn is_again(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Card(card) => card.uuid.as_ref().is_some_and(|uuid| self.again_of.contains(uuid)),
            Subject::Cpu(_) => false,
        }
    }
}

/// Why a round was not finished.
#[derive(Debug, thiserror::Error)]
pub enum RoundError {
    /// The measuring program does not work.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// The system does not say where this program lies, and so not where the measuring one does.
    #[error("could not find the measuring program")]
    Lost(#[from] std::io::Error),
    /// What was measured cannot be kept.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
}

/// Measures what `wish` and the shelf in `data_dir` leave to be measured, keeps it there, and returns what is known now: cards in the order of
/// the bus, the processor last. What was stopped or refused is returned too, and not kept.
///
/// # Errors
/// [`RoundError`].
pub async fn round(
    measurer: &Measurer,
    data_dir: &Path,
    wish: &Wish,
    stop: &CancellationToken,
    tell: &mut (dyn FnMut(&Subject, Progress) + Send),
) -> Result<Vec<Benchmark>, RoundError> {
    let subjects = subjects(measurer.cards().await?, wish, processor().await);
    let mut shelf = Shelf::load(data_dir);
    let mut results = Vec::new();
    for subject in subjects {
        let again = wish.again || wish.is_again(&subject);
        if let Some(known) = shelf.known(&subject).filter(|_| !again) {
            results.push(known.clone());
            continue;
        }
        if wish.only_again && !again {
            continue;
        }
        let measured = measurer.measure(&subject, stop, &mut |progress| tell(&subject, progress)).await?;
        let is_over = measured.outcome == Outcome::Aborted;
        shelf.keep(measured.clone());
        shelf.save(data_dir)?;
        results.push(measured);
        if is_over {
            break;
        }
    }
    Ok(results)
}

fn subjects(cards: Vec<Card>, wish: &Wish, cpu: Option<Cpu>) -> Vec<Subject> {
    let is_kept = |card: &Card| card.uuid.as_ref().is_some_and(|uuid| wish.without.contains(uuid));
    let is_wanted = |card: &Card| (wish.software || card.class != CardClass::Software) && !is_kept(card);
    let mut cards: Vec<Card> = cards.into_iter().filter(is_wanted).collect();
    cards.sort_by(|one, other| one.id.cmp(&other.id));
    cards.into_iter().map(Subject::Card).chain(cpu.map(Subject::Cpu)).collect()
}

/// This PC's, as the system tells it.
async fn processor() -> Option<Cpu> {
    apart(this_processor).await
}

/// The processor of this PC.
#[must_use]
pub fn this_processor() -> Cpu {
    let what = sysinfo::RefreshKind::nothing().with_cpu(sysinfo::CpuRefreshKind::nothing());
    let system = sysinfo::System::new_with_specifics(what).ok();
    let model = system.as_ref().and_then(|system| system.cpus().first()).map_or("", |cpu| cpu.brand()).trim().to_owned();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    Cpu { model, cores: u16::try_from(cores).unwrap_or(u16::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(id: &str, class: CardClass) -> Card {
        Card {
            id: id.to_owned(),
            name: id.to_owned(),
            class,
            vendor: None,
            pci: None,
            uuid: None,
            driver: "a driver".to_owned(),
            power_limit_milliwatts: None,
            power_limit_default_milliwatts: None,
        }
    }

    #[test]
    fn software_is_measured_only_when_asked_and_the_processor_last() {
        let cards = || vec![card("b", CardClass::Discrete), card("c", CardClass::Software), card("a", CardClass::Integrated)];
        let order = |wish: &Wish| {
            let name = |subject| match subject {
                Subject::Card(card) => card.id,
                Subject::Cpu(cpu) => cpu.model,
            };
            subjects(cards(), wish, Some(Cpu { model: "cpu".to_owned(), cores: 1 })).into_iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(order(&Wish::default()), ["a", "b", "cpu"]);
        assert_eq!(order(&Wish { software: true, ..Wish::default() }), ["a", "b", "c", "cpu"]);
    }

    #[test]
    fn a_card_is_measured_again_by_its_own_name_and_no_other() {
        let wish = Wish { again_of: vec!["GPU-1".to_owned()], ..Wish::default() };
        let named = |uuid: Option<&str>| Card { uuid: uuid.map(str::to_owned), ..card("a", CardClass::Discrete) };
        assert!(wish.is_again(&Subject::Card(named(Some("GPU-1")))));
        assert!(!wish.is_again(&Subject::Card(named(Some("GPU-2")))) && !wish.is_again(&Subject::Card(named(None))));
        assert!(!wish.is_again(&Subject::Cpu(Cpu { model: "GPU-1".to_owned(), cores: 1 })));
    }
}
