//! What rules would have made of the past. Pure, and without a judgement of its own: what was seen is shown to [`Policy`] again, moment by
//! moment, under the rules in question.

use std::{collections::BTreeMap, time::Duration};

use headframe_protocol::{
    TimestampMs,
    control::{Loss, LostTo, SimulatedDay, Simulation, WaitReason},
};
use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};

use super::{
    Belief, GpuProgram, GpuUse, Idleness, Policy, ProbeError, Reading, Rules, Sign,
    diary::{LOOK_EVERY, QUIET_MIN},
};
use crate::{
    clock::{Moment, Now},
    store::{Sighting, Span, Touch},
};

/// From one look at the past to the next. Edges are found this late at most.
const STEP_MS: i64 = 10_000;

/// Longer ago than any threshold: the time on the clock that counts sleep does not begin with the first span.
const ORIGIN: Duration = Duration::from_secs(100 * 24 * 3_600);

/// A stretch of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub from: TimestampMs,
    /// Its end.
    pub until: TimestampMs,
}

/// Shows `spans`, oldest first, to a policy by `rules`. What lies in no span is unknown, and never idle.
#[must_use]
pub fn replay(spans: &[Span], rules: &Rules, zone: &TimeZone, window: Window) -> Simulation {
    let mut sums = Sums { zone, day: None, days: BTreeMap::new() };
    let fresh = || Policy::new(rules.clone(), zone.clone());
    let (begin, end) = (window.from.as_millis(), window.until.as_millis());
    let mut policy = fresh();
    let mut at = begin;
    let mut working = false;
    for (span, touched) in spans.iter().zip(touches(spans)) {
        // Spans of a clock that was set back may overlap; each moment counts once.
        let (from, until) = (span.from.as_millis().max(at), span.until.as_millis().min(end));
        if until <= from {
            continue;
        }
        if from > at {
            sums.unknown(at, from);
            (policy, working) = (fresh(), false);
            at = from;
        }
        while at < until {
            let next = (at / STEP_MS + 1).saturating_mul(STEP_MS).min(until);
            let belief = policy.judge(&readings(&span.seen, touched, at), now(at, begin));
            let lost = lost_to(&belief);
            sums.judged(at, next, lost);
            if working && lost.is_some() {
                sums.interrupted(at);
            }
            working = lost.is_none();
            at = next;
        }
    }
    sums.unknown(at, end);
    sums.simulation(window)
}

fn now(at: i64, begin: i64) -> Now {
    let since = Duration::from_millis(at.saturating_sub(begin).max(0).unsigned_abs());
    Now { moment: Moment::from_origin(ORIGIN + since), wall: TimestampMs::from_millis(at) }
}

/// The last touch each span and those before it lead to. A diary says "now" until half a minute has passed; what it says next tells when
/// the owner really let go.
fn touches(spans: &[Span]) -> Vec<Option<TimestampMs>> {
    let mut known = None;
    let mut touches: Vec<_> = spans
        .iter()
        .rev()
        .map(|span| {
            match span.seen.touch {
                Some(Touch::Last(touched)) => known = Some(touched),
                Some(Touch::Now) => {}
                None => known = None,
            }
            known
        })
        .collect();
    touches.reverse();
    touches
}

/// How long ago the owner touched something, who was seen to do so a moment ago and is known to have let go at `touched`.
fn since_touch(touched: Option<TimestampMs>, at: i64) -> Duration {
    let since = touched.map(|touched| TimestampMs::from_millis(at).since(touched));
    since.filter(|since| *since < QUIET_MIN + LOOK_EVERY).unwrap_or_default()
}

/// What the probes said, as they say it.
fn readings(seen: &Sighting, touched: Option<TimestampMs>, at: i64) -> Vec<Reading> {
    let Sighting { touch, locked, remote, on_battery, metered, fullscreen, broken, cpu_c, others_percent, programs, .. } = seen;
    let input = touch.map(|touch| match touch {
        Touch::Now => Sign::Input(since_touch(touched, at)),
        Touch::Last(touched) => Sign::Input(TimestampMs::from_millis(at).since(touched)),
    });
    let signs = [
        ("Input", input),
        ("Session", Some(Sign::Session { locked: *locked, remote: *remote })),
        ("Power", Some(Sign::OnBattery(*on_battery))),
        ("Connection", Some(Sign::Metered(*metered))),
        ("Processor heat", cpu_c.map(Sign::Heat)),
        ("Graphics cards", card(seen).map(|card| Sign::Gpus(vec![card]))),
        ("Load", others_percent.map(Sign::OtherLoad)),
        ("Programs", Some(Sign::Programs(programs.clone()))),
        ("Full screen", Some(Sign::Fullscreen(*fullscreen))),
    ];
    let says = |(name, sign): (&'static str, Option<Sign>)| Some(Reading { name, says: Ok(sign?) });
    let broken = broken.then(|| Reading { name: "Broken", says: Err(ProbeError::Broken("it was broken".to_owned())) });
    signs.into_iter().filter_map(says).chain(broken).collect()
}

/// One card stands for all of them, as hot as the hottest and as much in use as the most used.
fn card(seen: &Sighting) -> Option<GpuUse> {
    let Sighting { gpu_c, gpu_held_mib, gpu_load_percent, .. } = *seen;
    if (gpu_c, gpu_held_mib, gpu_load_percent) == (None, None, None) {
        return None;
    }
    let (memory_mib, load_percent) = (gpu_held_mib.unwrap_or_default(), gpu_load_percent.unwrap_or_default());
    let used = GpuProgram { name: "a program".to_owned(), memory_mib, load_percent };
    Some(GpuUse { uuid: "all".to_owned(), model: "all".to_owned(), celsius: gpu_c, others: vec![used] })
}

/// What kept it from working, the owner first; nothing if it would have worked.
fn lost_to(belief: &Belief) -> Option<LostTo> {
    match belief.idleness {
        Idleness::Present { .. } => return Some(LostTo::OwnerActive),
        Idleness::Unknown => return Some(LostTo::NoIdleProbe),
        Idleness::Away => {}
    }
    belief.hindrances.iter().chain(belief.gpus.values().flatten()).next().map(|reason| match reason {
        WaitReason::Schedule { .. } => LostTo::Schedule,
        WaitReason::Remote => LostTo::Remote,
        WaitReason::Program { .. } => LostTo::Program,
        WaitReason::Fullscreen => LostTo::Fullscreen,
        WaitReason::OnBattery => LostTo::OnBattery,
        WaitReason::Metered => LostTo::Metered,
        WaitReason::Hot { .. } => LostTo::Hot,
        WaitReason::Busy { .. } => LostTo::Busy,
        WaitReason::GpuInUse { .. } => LostTo::Program,
        WaitReason::ProbeBroken { .. } => LostTo::ProbeBroken,
        // What is not of the rules and the probes does not come out of a policy.
        WaitReason::OwnerActive { .. }
        | WaitReason::NoIdleProbe
        | WaitReason::NoEngine
        | WaitReason::EngineUnusable { .. }
        | WaitReason::Offline
        | WaitReason::Refused { .. }
        | WaitReason::BackingOff { .. }
        | WaitReason::DiskFull
        | WaitReason::GpuKept { .. }
        | WaitReason::CoolingDown { .. }
        | WaitReason::Unprofitable { .. }
        | WaitReason::RulesBroken { .. } => LostTo::Other,
    })
}

/// What one day came to.
#[derive(Debug, Clone, Default)]
struct Day {
    works_ms: i64,
    unknown_ms: i64,
    interruptions: u32,
    lost_ms: BTreeMap<LostTo, i64>,
}

/// Adds up by days of the zone, which have 23 to 25 hours.
struct Sums<'a> {
    zone: &'a TimeZone,
    /// The day last looked at, and when it ends.
    day: Option<(Date, i64, i64)>,
    days: BTreeMap<Date, Day>,
}

impl Sums<'_> {
    /// The day that holds `at`, and when it ends.
    fn day(&mut self, at: i64) -> (Date, i64) {
        if let Some((date, begins, ends)) = self.day
            && (begins..ends).contains(&at)
        {
            return (date, ends);
        }
        let (date, begins, ends) = day_of(at, self.zone);
        self.day = Some((date, begins, ends));
        (date, ends)
    }

    fn judged(&mut self, from: i64, until: i64, lost: Option<LostTo>) {
        self.add(from, until, |day, ms| match lost {
            None => day.works_ms += ms,
            Some(to) => *day.lost_ms.entry(to).or_default() += ms,
        });
    }

    fn unknown(&mut self, from: i64, until: i64) {
        self.add(from, until, |day, ms| day.unknown_ms += ms);
    }

    fn add(&mut self, from: i64, until: i64, mut to: impl FnMut(&mut Day, i64)) {
        let mut at = from;
        while at < until {
            let (date, ends) = self.day(at);
            let next = ends.min(until);
            to(self.days.entry(date).or_default(), next - at);
            at = next;
        }
    }

    fn interrupted(&mut self, at: i64) {
        let (date, _) = self.day(at);
        self.days.entry(date).or_default().interruptions += 1;
    }

    fn simulation(self, window: Window) -> Simulation {
        let mut all = Day::default();
        let mut days = Vec::with_capacity(self.days.len());
        for (date, day) in self.days {
            all.works_ms += day.works_ms;
            all.unknown_ms += day.unknown_ms;
            all.interruptions += day.interruptions;
            for (to, ms) in &day.lost_ms {
                *all.lost_ms.entry(*to).or_default() += ms;
            }
            days.push(day.told(date));
        }
        let SimulatedDay { date: _, works_ms, unknown_ms, interruptions, lost } = all.told(Date::default());
        Simulation { from_ms: window.from, until_ms: window.until, works_ms, unknown_ms, interruptions, lost, days }
    }
}

impl Day {
    /// Losses, the largest first.
    fn told(self, date: Date) -> SimulatedDay {
        let Self { works_ms, unknown_ms, interruptions, lost_ms } = self;
        let count = |ms: i64| ms.max(0).unsigned_abs();
        let mut lost: Vec<Loss> = lost_ms.into_iter().map(|(to, ms)| Loss { to, ms: count(ms) }).collect();
        lost.sort_by_key(|loss| std::cmp::Reverse(loss.ms));
        SimulatedDay { date: date.to_string(), works_ms: count(works_ms), unknown_ms: count(unknown_ms), interruptions, lost }
    }
}

/// The day that holds `at`, with its first moment and that of the next. A time beyond all calendars is a day of its own.
fn day_of(at: i64, zone: &TimeZone) -> (Date, i64, i64) {
    let found = || {
        let date = Timestamp::from_millisecond(at).ok()?.to_zoned(zone.clone()).date();
        let begins = date.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond();
        let ends = date.checked_add(1.day()).ok()?.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond();
        Some((date, begins, ends)).filter(|(_, begins, ends)| (*begins..*ends).contains(&at))
    };
    found().unwrap_or((Date::MAX, at, i64::MAX))
}

#[cfg(test)]
mod tests;
