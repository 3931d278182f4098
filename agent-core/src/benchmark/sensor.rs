//! What a card does while it is measured: clocks, heat, watts, and what holds it back. Looks on from a thread of its own, sets nothing.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use headframe_protocol::benchmark::{Conditions, Throttle};

/// How often is looked. Drivers renew these figures about as often.
const EVERY: Duration = Duration::from_millis(100);

/// The most samples kept: minutes more than a measurement may take.
const SAMPLES_MAX: usize = 2_000;

/// What of the sustained part is not counted into watts: a driver's figure is the mean of the second before.
const SETTLING: Duration = Duration::from_secs(1);

/// Reads one card.
pub trait Sensor: Send {
    /// As it is now.
    fn sample(&mut self) -> Sample;
}

/// A card at one moment. Absent figures are not told by its driver.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sample {
    /// Clock of its processors, in MHz.
    pub clock_mhz: Option<u32>,
    /// Clock of its memory, in MHz.
    pub memory_clock_mhz: Option<u32>,
    /// Temperature, in °C.
    pub temperature_c: Option<u32>,
    /// What it draws, in milliwatts, as the mean of some time before.
    pub milliwatts: Option<u32>,
    /// What it has drawn since some moment, in millijoules.
    pub millijoules: Option<u64>,
    /// What holds its clocks down now.
    pub throttled: Option<Vec<Throttle>>,
    /// The generation of its PCI link now.
    pub pcie_generation: Option<u32>,
    /// The lanes of its PCI link now.
    pub pcie_lanes: Option<u32>,
}

#[derive(Debug, Default)]
struct Seen {
    samples: Vec<(Duration, Sample)>,
    sustained: Option<Duration>,
}

/// Watches one card until it is finished.
#[derive(Debug)]
pub struct Watch {
    began: Instant,
    seen: Arc<Mutex<Seen>>,
    /// Closed to end the thread.
    end: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Begins to look.
    #[must_use]
    pub fn begin(mut sensor: Box<dyn Sensor>) -> Self {
        let (end, ended) = mpsc::channel();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (began, into) = (Instant::now(), Arc::clone(&seen));
        let thread = std::thread::Builder::new().name("sensor".to_owned()).spawn(move || {
            loop {
                let sample = sensor.sample();
                let mut seen = into.lock().unwrap_or_else(PoisonError::into_inner);
                if seen.samples.len() < SAMPLES_MAX {
                    seen.samples.push((began.elapsed(), sample));
                }
                drop(seen);
                if ended.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        Self { began, seen, end: Some(end), thread: thread.ok() }
    }

    /// The part whose watts count begins now.
    pub fn mark_sustained(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.sustained.get_or_insert(self.began.elapsed());
    }

    /// What was seen.
    #[must_use]
    pub fn finish(mut self) -> Conditions {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // One that panicked has left what it saw until then.
            thread.join().ok();
        }
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        conditions(&seen.samples, seen.sustained)
    }
}

/// Samples with their times, and when the sustained part began; that part ends with the samples.
fn conditions(samples: &[(Duration, Sample)], sustained: Option<Duration>) -> Conditions {
    let all = || samples.iter().map(|(_, sample)| sample);
    let throttled = all().filter_map(|sample| sample.throttled.as_ref()).fold(None, |known: Option<Vec<Throttle>>, now| {
        let mut known = known.unwrap_or_default();
        known.extend(now);
        known.sort_unstable();
        known.dedup();
        Some(known)
    });
    Conditions {
        clock_mhz: median_under_load(samples, sustained, |sample| sample.clock_mhz),
        memory_clock_mhz: median_under_load(samples, sustained, |sample| sample.memory_clock_mhz),
        temperature_c: all().filter_map(|sample| sample.temperature_c).max(),
        milliwatts: milliwatts(samples, sustained),
        throttled,
        // A link that rests is slow; the best that was seen is what transfers had.
        pcie_generation: all().filter_map(|sample| sample.pcie_generation).max(),
        pcie_lanes: all().filter_map(|sample| sample.pcie_lanes).max(),
    }
}

/// Under load is while something is sustained; without that, the whole time.
fn median_under_load(
    samples: &[(Duration, Sample)],
    sustained: Option<Duration>,
    figure: fn(&Sample) -> Option<u32>,
) -> Option<u32> {
    let from = sustained.unwrap_or_default();
    let mut figures: Vec<u32> = samples.iter().filter(|(at, _)| *at >= from).filter_map(|(_, sample)| figure(sample)).collect();
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied()
}

/// By the energy drawn where a card counts it, else by the mean of what it says it draws.
fn milliwatts(samples: &[(Duration, Sample)], sustained: Option<Duration>) -> Option<u32> {
    let from = sustained? + SETTLING;
    let during: Vec<&(Duration, Sample)> = samples.iter().filter(|(at, _)| *at >= from).collect();
    let energy = || {
        let mut counted = during.iter().filter_map(|(at, sample)| Some((*at, sample.millijoules?)));
        let ((began, first), (ended, last)) = (counted.next()?, counted.next_back()?);
        let (ms, drawn) = (u64::try_from((ended - began).as_millis()).ok()?, last.checked_sub(first)?);
        drawn.saturating_mul(1_000).checked_div(ms).filter(|milliwatts| *milliwatts > 0)
    };
    let mean = || {
        let told: Vec<u64> = during.iter().filter_map(|(_, sample)| sample.milliwatts.map(u64::from)).collect();
        told.iter().sum::<u64>().checked_div(told.len() as u64).filter(|milliwatts| *milliwatts > 0)
    };
    energy().or_else(mean).and_then(|milliwatts| u32::try_from(milliwatts).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64, sample: Sample) -> (Duration, Sample) {
        (Duration::from_millis(ms), sample)
    }

    #[test]
    fn what_no_driver_tells_is_absent() {
        let silent: Vec<_> = (0..100).map(|n| at(n * 100, Sample::default())).collect();
        assert_eq!(conditions(&silent, Some(Duration::ZERO)), Conditions::default());
    }

    #[test]
    fn watts_are_energy_over_time_of_the_sustained_part() {
        // 100 W before, 300 W from the fifth second on.
        let energy = |s: u64| if s < 5 { s * 100_000 } else { 500_000 + (s - 5) * 300_000 };
        let counted: Vec<_> = (0..17)
            .map(|s| at(s * 1_000, Sample { millijoules: Some(energy(s)), milliwatts: Some(1), ..Sample::default() }))
            .collect();
        assert_eq!(milliwatts(&counted, Some(Duration::from_secs(5))), Some(300_000));
        assert_eq!(milliwatts(&counted, None), None, "nothing was sustained");
        let told: Vec<_> = (0..17)
            .map(|s| at(s * 1_000, Sample { milliwatts: Some(if s < 6 { 9 } else { 250_000 }), ..Sample::default() }))
            .collect();
        assert_eq!(milliwatts(&told, Some(Duration::from_secs(5))), Some(250_000));
    }

    #[test]
    fn every_brake_that_was_ever_on_is_told_once() {
        let with = |throttled: &[Throttle], clock| Sample {
            throttled: Some(throttled.to_vec()),
            clock_mhz: Some(clock),
            ..Sample::default()
        };
        let samples = [
            at(0, with(&[], 300)),
            at(100, with(&[Throttle::Heat], 2_000)),
            at(200, with(&[Throttle::Power, Throttle::Heat], 2_100)),
        ];
        let seen = conditions(&samples, Some(Duration::from_millis(100)));
        assert_eq!(seen.throttled, Some(vec![Throttle::Power, Throttle::Heat]));
        assert_eq!(seen.clock_mhz, Some(2_100));
    }

    #[test]
    fn the_thread_ends_when_it_is_not_needed() {
        struct Counting;
        impl Sensor for Counting {
            fn sample(&mut self) -> Sample {
                Sample { temperature_c: Some(50), ..Sample::default() }
            }
        }
        assert_eq!(Watch::begin(Box::new(Counting)).finish().temperature_c, Some(50));
    }
}
