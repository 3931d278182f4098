//! The suite on a card that a test invents, by a clock that only this card moves.

use std::{cell::Cell, rc::Rc};

use super::*;

/// How a made-up card behaves.
#[derive(Debug, Clone)]
struct Card {
    figures: Vec<Figure>,
    /// Operations a second.
    rate: f64,
    /// Every other slice takes so much longer.
    disturbed: f64,
    /// The figure whose kernel fails, and how.
    broken: Option<(Figure, DeviceError)>,
    /// Stops itself after so many slices, as an owner would.
    stop_after: Option<(u32, Stop)>,
    memory_bytes: u64,
    now: Rc<Cell<Duration>>,
    submitted: Rc<Cell<u32>>,
    longest: Rc<Cell<Duration>>,
}

impl Card {
    fn new(figures: &[Figure]) -> Self {
        Self {
            figures: figures.to_vec(),
            rate: 1e12,
            disturbed: 0.0,
            broken: None,
            stop_after: None,
            memory_bytes: 1 << 30,
            now: Rc::default(),
            submitted: Rc::default(),
            longest: Rc::default(),
        }
    }

    fn measure(self, length: Length) -> (Findings, Vec<Progress>) {
        let (now, mut told) = (Rc::clone(&self.now), Vec::new());
        let stop = self.stop_after.clone().map_or_else(Stop::default, |(_, stop)| stop);
        let world = World { clock: &|| now.get(), stop: &stop, tell: &mut |progress| told.push(progress), seed: 1 };
        let findings = measure(&mut [Box::new(self)], length, world);
        (findings, told)
    }
}

impl Device for Card {
    fn way(&self) -> &'static str {
        "made up"
    }

    fn figures(&self) -> Vec<Figure> {
        self.figures.clone()
    }

    fn accumulator(&self, _: Figure) -> Option<Accumulator> {
        Some(Accumulator::Fp32)
    }

    fn prepare(&mut self, figure: Figure, _: u32, stop: &Stop) -> Result<Box<dyn Kernel + '_>, DeviceError> {
        stop.check()?;
        Ok(Box::new(Computing { card: self.clone(), figure, waiting: VecDeque::new() }))
    }

    fn claim_bytes_max(&self) -> u64 {
        u64::MAX
    }

    fn claim(&mut self, bytes: u64, _: u32, _: &Stop) -> Result<Option<u64>, DeviceError> {
        let left = self.memory_bytes.checked_sub(bytes);
        self.memory_bytes = left.unwrap_or(self.memory_bytes);
        Ok(left.map(|_| 1_000))
    }

    fn recheck(&mut self, _: &Stop) -> Result<(), DeviceError> {
        Ok(())
    }

    fn release(&mut self) {}
}

struct Computing {
    card: Card,
    figure: Figure,
    waiting: VecDeque<u32>,
}

impl Kernel for Computing {
    fn step_work(&self) -> f64 {
        1e6
    }

    fn steps_max(&self) -> u32 {
        1 << 30
    }

    fn verify(&mut self, _: &Stop) -> Result<(), DeviceError> {
        match &self.card.broken {
            Some((figure, error)) if *figure == self.figure => Err(error.clone()),
            Some(_) | None => Ok(()),
        }
    }

    fn submit(&mut self, steps: u32) -> Result<(), DeviceError> {
        let Card { submitted, stop_after, .. } = &self.card;
        submitted.set(submitted.get() + 1);
        if let Some((after, stop)) = stop_after
            && submitted.get() == *after
        {
            stop.set();
        }
        self.waiting.push_back(steps);
        assert!(self.waiting.len() <= DEPTH, "an owner would wait for all of these");
        Ok(())
    }

    fn wait(&mut self) -> Result<Option<Duration>, DeviceError> {
        let steps = self.waiting.pop_front().expect("something waits");
        let Card { rate, disturbed, now, submitted, longest, .. } = &self.card;
        let slow = 1.0 + if submitted.get() % 2 == 0 { *disturbed } else { 0.0 };
        let took = Duration::from_secs_f64(f64::from(steps) * 1e6 / rate * slow);
        longest.set(longest.get().max(took));
        now.set(now.get() + took);
        Ok(Some(took))
    }
}

#[test]
fn a_quiet_card_is_measured_as_quick_as_it_is() {
    let (found, told) = Card::new(&[Figure::FmaFp32, Figure::GemmFp16, Figure::Upload]).measure(Length::Full);
    assert_eq!(found.outcome, Outcome::Done);
    assert_eq!(found.measured.len(), 3);
    for measured in &found.measured {
        assert!((measured.burst.median as f64 / 1e12 - 1.0).abs() < 1e-3 && !measured.noisy, "{measured:?}");
    }
    let sustained: Vec<Figure> =
        found.measured.iter().filter(|measured| measured.sustained.is_some()).map(|measured| measured.figure).collect();
    assert_eq!(sustained, [Figure::GemmFp16]);
    assert_eq!(found.usable_vram_bytes, Some(1 << 30));
    assert!(told.is_sorted_by_key(|progress| progress.permille) && told.is_sorted_by_key(|progress| progress.stage));
}

#[test]
fn no_slice_is_longer_than_an_owner_waits() {
    for rate in [1e9, 1e12, 1e15] {
        let card = Card { rate, ..Card::new(&[Figure::FmaFp32, Figure::GemmFp32]) };
        let longest = Rc::clone(&card.longest);
        assert_eq!(card.measure(Length::Full).0.outcome, Outcome::Done);
        assert!(longest.get() <= Duration::from_millis(16), "{rate}: {:?}", longest.get());
    }
}

#[test]
fn a_card_that_others_use_is_refused_and_one_that_is_disturbed_is_marked() {
    let with = |disturbed| Card { disturbed, ..Card::new(&[Figure::FmaFp32, Figure::GemmFp32]) };
    let (found, _) = with(3.0).measure(Length::Full);
    assert_eq!((found.outcome, found.measured.len()), (Outcome::InUse { program: None }, 0));
    let (found, _) = with(0.1).measure(Length::Full);
    assert!(found.outcome == Outcome::Done && found.measured.iter().all(|measured| measured.noisy), "{found:?}");
}

#[test]
fn a_figure_that_is_computed_wrongly_is_no_figure() {
    let wrong = DeviceError::Wrong("one element".to_owned());
    let card = Card { broken: Some((Figure::GemmFp32, wrong)), ..Card::new(&[Figure::FmaFp32, Figure::GemmFp32]) };
    let (found, _) = card.measure(Length::Full);
    assert_eq!(found.outcome, Outcome::Done);
    assert!(found.measured.iter().all(|measured| measured.figure == Figure::FmaFp32));
    assert_eq!(found.failed.len(), 1);
    assert_eq!(found.failed[0].message, "computed wrongly: one element");
}

#[test]
fn a_driver_that_resets_is_a_result_that_keeps_what_was_measured() {
    let lost = DeviceError::Lost("the card fell off the bus".to_owned());
    let card = Card { broken: Some((Figure::GemmFp32, lost)), ..Card::new(&[Figure::FmaFp32, Figure::GemmFp32]) };
    let (found, _) = card.measure(Length::Full);
    let during = "single-precision product".to_owned();
    assert_eq!(found.outcome, Outcome::DriverReset { during, message: "the card fell off the bus".to_owned() });
    assert_eq!(found.measured.len(), 1);
}

#[test]
fn whenever_it_is_stopped_nothing_more_is_submitted() {
    for after in [1, 7, 50, 300, 900] {
        let stop = Stop::default();
        let card = Card { stop_after: Some((after, stop)), ..Card::new(&[Figure::FmaFp32, Figure::GemmFp32]) };
        let submitted = Rc::clone(&card.submitted);
        let (found, _) = card.measure(Length::Full);
        assert_eq!((found.outcome, submitted.get()), (Outcome::Aborted, after));
    }
}
