//! Which of what the probes say is worth keeping: spans in which nothing changed, coarse enough to be few. Pure: readings and the time in,
//! spans out.
//!
//! A span is only as long as somebody looked. When the PC slept or the agent did not run, nothing is known, and nothing is made up.

use std::{collections::BTreeSet, time::Duration};

use super::{ProbeError, Reading, Rules, Sign};
use crate::{
    clock::{Moment, Now},
    store::{Sighting, Span, Touch},
};

/// How often to look.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Two looks further apart than this are not of one span: the PC slept, or was too busy to say. Nor are two between which the clock on
/// the wall was set.
const GAP_MIN: Duration = Duration::from_secs(30);

/// An owner who touches something more often than this is taken to do so all the time.
pub(super) const QUIET_MIN: Duration = Duration::from_secs(30);

/// How often a figure may change.
const FIGURES_EVERY: Duration = Duration::from_secs(60);

/// The most programs that are named at a time.
const PROGRAMS_MAX: usize = 16;

/// A figure that changes all the time, kept once a minute.
#[derive(Debug, Clone, Copy, Default)]
struct Figure {
    sum: u64,
    looks: u64,
    most: Option<u32>,
}

/// Takes looks in.
#[derive(Debug, Clone, Default)]
pub struct Diary {
    open: Option<Span>,
    looked: Option<Now>,
    figures_due: Option<Moment>,
    cpu: Figure,
    gpu: Figure,
    gpu_held: Figure,
    gpu_load: Figure,
    load: Figure,
}

impl Diary {
    /// Takes one look in. Returns the span that has ended by it, if one has. `rules` says which programs may be named.
    pub fn look(&mut self, readings: &[Reading], rules: Option<&Rules>, now: Now) -> Option<Span> {
        let is_apart = self.looked.is_some_and(|looked| {
            let (passed, shown) = (now.moment.since(looked.moment), now.wall.as_millis().abs_diff(looked.wall.as_millis()));
            passed >= GAP_MIN || now.wall < looked.wall || Duration::from_millis(shown) >= passed + GAP_MIN
        });
        self.looked = Some(now);
        let ended = if is_apart { self.close() } else { None };
        let seen = self.sighting(readings, rules, now);
        if let Some(open) = &mut self.open {
            open.until = now.wall;
            if open.seen == seen {
                return ended;
            }
        }
        let before = self.open.replace(Span { from: now.wall, until: now.wall, seen });
        ended.or(before)
    }

    /// The span that is not over, as far as it is known.
    #[must_use]
    pub const fn open(&self) -> Option<&Span> {
        self.open.as_ref()
    }

    fn close(&mut self) -> Option<Span> {
        self.figures_due = None;
        (self.cpu, self.gpu, self.gpu_held, self.gpu_load, self.load) = Default::default();
        self.open.take()
    }

    fn sighting(&mut self, readings: &[Reading], rules: Option<&Rules>, now: Now) -> Sighting {
        let mut seen = Sighting { touch: self.touch(readings, now), ..Sighting::default() };
        for reading in readings {
            match &reading.says {
                Ok(sign) => self.take_in(&mut seen, sign, rules),
                Err(ProbeError::Absent(_)) => {}
                Err(ProbeError::Broken(_)) => seen.broken = true,
            }
        }
        let due = self.figures_due.is_none_or(|due| now.moment >= due);
        let known = self.open.as_ref().map(|open| &open.seen).filter(|_| !due);
        match known {
            Some(known) => {
                (seen.cpu_c, seen.gpu_c, seen.others_percent) = (known.cpu_c, known.gpu_c, known.others_percent);
                (seen.gpu_held_mib, seen.gpu_load_percent) = (known.gpu_held_mib, known.gpu_load_percent);
            }
            None => {
                self.figures_due = Some(now.moment + FIGURES_EVERY);
                (seen.cpu_c, seen.gpu_c, seen.others_percent) = (self.cpu.degrees(), self.gpu.degrees(), self.load.percent());
                (seen.gpu_held_mib, seen.gpu_load_percent) =
                    (self.gpu_held.mebibytes(), self.gpu_load.percent().filter(|percent| *percent > 0));
            }
        }
        seen
    }

    fn take_in(&mut self, seen: &mut Sighting, sign: &Sign, rules: Option<&Rules>) {
        match sign {
            Sign::Input(_) => {}
            Sign::Session { locked, remote } => (seen.locked, seen.remote) = (*locked, *remote),
            Sign::OnBattery(on) => seen.on_battery = *on,
            Sign::Metered(metered) => seen.metered = *metered,
            Sign::Fullscreen(full) => seen.fullscreen = *full,
            Sign::Heat(celsius) => self.cpu.take(degrees(*celsius)),
            // The hottest, the fullest and the busiest of them: which card it was is forgotten, and which program.
            Sign::Gpus(cards) => {
                if let Some(celsius) = cards.iter().filter_map(|card| card.celsius).max() {
                    self.gpu.take(degrees(celsius));
                }
                let others = || cards.iter().flat_map(|card| &card.others);
                if !cards.is_empty() {
                    self.gpu_held.take(others().map(|program| program.memory_mib).max().unwrap_or_default());
                    self.gpu_load.take(others().map(|program| u32::from(program.load_percent)).max().unwrap_or_default());
                }
            }
            Sign::OtherLoad(percent) => self.load.take(u32::from(*percent)),
            Sign::Programs(running) => seen.programs = rules.map(|rules| named(rules, running)).unwrap_or_default(),
        }
    }

    /// The moment of the last touch is kept as first measured: two clocks read one after the other never agree.
    fn touch(&self, readings: &[Reading], now: Now) -> Option<Touch> {
        let idle = readings.iter().filter_map(|reading| match reading.says {
            Ok(Sign::Input(idle)) => Some(idle),
            Ok(_) | Err(_) => None,
        });
        let idle = idle.min()?;
        if idle < QUIET_MIN {
            return Some(Touch::Now);
        }
        let known = self.open.as_ref().and_then(|open| open.seen.touch);
        match known {
            Some(Touch::Last(_)) => known,
            Some(Touch::Now) | None => Some(Touch::Last(now.wall.before(idle))),
        }
    }
}

fn named(rules: &Rules, running: &BTreeSet<String>) -> BTreeSet<String> {
    running.iter().filter(|name| rules.programs.spared([*name]).is_some()).take(PROGRAMS_MAX).cloned().collect()
}

/// Nothing that runs is colder than this, and no rule asks.
fn degrees(celsius: i16) -> u32 {
    celsius.max(0).unsigned_abs().into()
}

impl Figure {
    fn take(&mut self, figure: u32) {
        self.sum = self.sum.saturating_add(u64::from(figure));
        self.looks += 1;
        self.most = self.most.max(Some(figure));
    }

    /// The most, in steps of five: one hot moment is enough to stop work.
    fn degrees(&mut self) -> Option<i16> {
        let most = i16::try_from(std::mem::take(self).most?.min(200)).unwrap_or(200);
        Some((most + 4) / 5 * 5)
    }

    /// The most, in steps of 256; nothing if there was none.
    fn mebibytes(&mut self) -> Option<u32> {
        let most = std::mem::take(self).most?;
        (most > 0).then_some(most.min(1 << 24).div_ceil(256) * 256)
    }

    /// The mean, in steps of ten: one busy moment is not.
    fn percent(&mut self) -> Option<u8> {
        let Self { sum, looks, most: _ } = std::mem::take(self);
        let mean = sum.checked_div(looks)?.min(100);
        u8::try_from(mean.div_ceil(10) * 10).ok()
    }
}

#[cfg(test)]
mod tests;
