//! How likely a rig is to be taken back by its owner, learnt from how its attempts ended.
//!
//! Interruptions of a rig are taken for a Poisson process whose rate depends on the hour of the week: people come home at the same
//! time most days. The rate of one hour is the mean of a gamma posterior (Gelman et al., *Bayesian Data Analysis*, 3rd ed., 2.6):
//! what was seen in that hour, with what was seen of the rig at all as its prior, and what is common for PCs as the prior of that.
//! What was seen counts half after four weeks, so that a new habit shows within a month.
//!
//! Hours are those of UTC. A rig's own week differs from it by a shift that is the same in every week, and hours are only ever
//! compared with the same hour of other weeks; when clocks change, what was learnt is an hour off until it has faded.
//!
//! This is all there is against giving the PC back: it makes a rig a little dearer at the hours at which it is often taken back.

use std::collections::VecDeque;

use headframe_protocol::{DeviceId, TimestampMs};

const HOUR_MS: i64 = 3_600_000;

/// Hours of a week.
pub(super) const WEEK_HOURS: u8 = 168;

/// What is common before anything is known: a PC is taken back once in ten hours of work.
const PRIOR_PER_HOUR: f64 = 0.1;

/// How many hours of work weigh as much as that: an evening or two.
const PRIOR_HOURS: f64 = 10.0;

/// How many hours of work in one hour of the week weigh as much as what is known of the rig at all: two weeks of it.
const HOUR_PRIOR_HOURS: f64 = 2.0;

/// After this long, what was seen counts half.
const HALF_LIFE_MS: f64 = 28.0 * 24.0 * HOUR_MS as f64;

/// Less of an attempt than this is cut off: an hour of the week counts once for each attempt.
const RAN_MAX_MS: i64 = WEEK_HOURS as i64 * HOUR_MS;

/// Time that a rig worked on one attempt, and how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ran {
    /// When the program began.
    pub from: TimestampMs,
    /// When the attempt was over.
    pub to: TimestampMs,
    /// Whether the rig ended it: the owner wanted his PC, or the rig went away. A job that was done, failed by its own doing or was
    /// ended on somebody's demand interrupted nobody.
    pub interrupted: bool,
}

/// What was seen of a rig in one hour of the week.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Hour {
    at: u8,
    interruptions: f64,
    worked_hours: f64,
}

/// What was seen of a rig.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Hours something was seen in, in order.
    hours: Vec<Hour>,
    /// Everything in `hours` counts as much as it did then.
    as_of: TimestampMs,
}

/// Which hour of the week it is, in UTC. The week begins on a Thursday, as 1970 did.
pub(super) fn hour_of_week(at: TimestampMs) -> u8 {
    u8::try_from(at.as_millis().div_euclid(HOUR_MS).rem_euclid(i64::from(WEEK_HOURS))).unwrap_or(0)
}

/// What is left after some time of what counted 1.
fn left_after(ms: i64) -> f64 {
    (-(ms.max(0) as f64) / HALF_LIFE_MS).exp2()
}

impl History {
    /// From what [`History::written`] gave, and when. Hours that cannot be are left out.
    #[must_use]
    pub fn read(hours: &[(u8, u32, u32)], as_of: TimestampMs) -> Self {
        let mut hours: Vec<Hour> = hours
            .iter()
            .filter(|(at, _, _)| *at < WEEK_HOURS)
            .map(|&(at, thousandths, seconds)| Hour {
                at,
                interruptions: f64::from(thousandths) / 1_000.0,
                worked_hours: f64::from(seconds) / 3_600.0,
            })
            .collect();
        hours.sort_unstable_by_key(|hour| hour.at);
        hours.dedup_by_key(|hour| hour.at);
        Self { hours, as_of }
    }

    /// For each hour of the week something is known of: which, thousandths of interruptions, seconds worked. As of the second value.
    #[must_use]
    pub fn written(&self) -> (Vec<(u8, u32, u32)>, TimestampMs) {
        // What is cut off is less than anything decides on.
        let whole = |value: f64| value.round().clamp(0.0, f64::from(u32::MAX)) as u32;
        let hours =
            self.hours.iter().map(|hour| (hour.at, whole(hour.interruptions * 1_000.0), whole(hour.worked_hours * 3_600.0)));
        (hours.filter(|(_, thousandths, seconds)| *thousandths > 0 || *seconds > 0).collect(), self.as_of)
    }

    /// The one of the two that knows later things; the database hears of them some seconds after the market.
    pub(super) fn or_newer(self, other: Self) -> Self {
        if other.as_of > self.as_of { other } else { self }
    }

    /// Nothing was seen.
    pub(super) fn is_empty(&self) -> bool {
        self.hours.is_empty()
    }

    /// One more attempt is over.
    pub fn learn(&mut self, ran: Ran) {
        let to = ran.to.as_millis();
        let from = ran.from.as_millis().clamp(to.saturating_sub(RAN_MAX_MS), to);
        self.fade(ran.to);
        // Reports may come out of order; an older one counts for less.
        let counts = left_after(self.as_of.as_millis() - to);
        let mut at = from;
        while at < to {
            let end = ((at.div_euclid(HOUR_MS) + 1) * HOUR_MS).min(to);
            self.hour(hour_of_week(TimestampMs::from_millis(at))).worked_hours += (end - at) as f64 / HOUR_MS as f64 * counts;
            at = end;
        }
        if ran.interrupted {
            self.hour(hour_of_week(ran.to)).interruptions += counts;
        }
    }

    /// Expected interruptions an hour, over the next `hours` from the hour of the week `from` on.
    pub(super) fn rate(&self, from: u8, hours: u8, now: TimestampMs) -> f64 {
        let left = left_after(now.as_millis() - self.as_of.as_millis());
        let sum = |part: fn(&Hour) -> f64| self.hours.iter().map(part).sum::<f64>() * left;
        let of_the_rig =
            (sum(|hour| hour.interruptions) + PRIOR_PER_HOUR * PRIOR_HOURS) / (sum(|hour| hour.worked_hours) + PRIOR_HOURS);
        let rate = |at: u8| {
            let seen = self.hours.binary_search_by_key(&at, |hour| hour.at).ok().map(|place| self.hours[place]);
            let (interruptions, worked) = seen.map_or((0.0, 0.0), |hour| (hour.interruptions * left, hour.worked_hours * left));
            (interruptions + of_the_rig * HOUR_PRIOR_HOURS) / (worked + HOUR_PRIOR_HOURS)
        };
        let hours = hours.clamp(1, WEEK_HOURS);
        let ahead = (0..u16::from(hours)).map(|step| ((u16::from(from) + step) % u16::from(WEEK_HOURS)) as u8);
        ahead.map(rate).sum::<f64>() / f64::from(hours)
    }

    /// Makes everything count as much as it does `now`.
    fn fade(&mut self, now: TimestampMs) {
        if now <= self.as_of {
            return;
        }
        let left = left_after(now.as_millis() - self.as_of.as_millis());
        for hour in &mut self.hours {
            hour.interruptions *= left;
            hour.worked_hours *= left;
        }
        self.as_of = now;
    }

    fn hour(&mut self, at: u8) -> &mut Hour {
        let place = self.hours.partition_point(|hour| hour.at < at);
        if self.hours.get(place).is_none_or(|hour| hour.at != at) {
            self.hours.insert(place, Hour { at, interruptions: 0.0, worked_hours: 0.0 });
        }
        &mut self.hours[place]
    }
}

/// How likely a rig is to be taken back soon, in the little room that a look at many rigs leaves for each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outlook {
    /// Expected interruptions an hour, over the next hour, four hours and day.
    per_hour: [f32; 3],
    /// The hour of the week it was made in; none if nothing is known of the rig, which is so at every hour.
    made_in: Option<u8>,
}

/// The spans an outlook tells of, in hours. Nobody can tell more than a day ahead.
const SPANS: [u8; 3] = [1, 4, 24];

impl Outlook {
    pub(super) fn of(history: &History, now: TimestampMs) -> Self {
        if history.is_empty() {
            return Self { per_hour: [PRIOR_PER_HOUR as f32; 3], made_in: None };
        }
        let hour = hour_of_week(now);
        Self { per_hour: SPANS.map(|span| history.rate(hour, span, now) as f32), made_in: Some(hour) }
    }

    pub(super) fn is_old(&self, hour: u8) -> bool {
        self.made_in.is_some_and(|made_in| made_in != hour)
    }

    /// The probability that work of this many seconds, begun now, is interrupted before its end.
    pub(super) fn interrupted_within(&self, seconds: u32) -> f64 {
        let hours = (f64::from(seconds) / 3_600.0).min(f64::from(SPANS[2]));
        let span = SPANS.iter().position(|span| hours <= f64::from(*span)).unwrap_or(SPANS.len() - 1);
        -(-f64::from(self.per_hour[span]) * hours).exp_m1()
    }
}

/// What was learnt and is not written down yet. Bounded: when nothing can be written for long, the oldest is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Learnt(VecDeque<(DeviceId, Ran)>);

impl Learnt {
    /// A busy network ends some hundreds of attempts a second; this is a minute of it.
    const KEPT_MAX: usize = 20_000;

    /// One more. True if there was no room and the oldest went.
    pub(crate) fn keep(&mut self, device: DeviceId, ran: Ran) -> bool {
        let full = self.0.len() >= Self::KEPT_MAX;
        if full {
            self.0.pop_front();
        }
        self.0.push_back((device, ran));
        full
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The oldest, at most `limit`.
    pub(crate) fn take(&mut self, limit: usize) -> Vec<(DeviceId, Ran)> {
        self.0.drain(..self.0.len().min(limit)).collect()
    }

    /// It could not be written down.
    pub(crate) fn give_back(&mut self, taken: Vec<(DeviceId, Ran)>) {
        for (device, ran) in taken.into_iter().rev() {
            if self.0.len() < Self::KEPT_MAX {
                self.0.push_front((device, ran));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WEEK_MS: i64 = WEEK_HOURS as i64 * HOUR_MS;

    fn ran(from_ms: i64, to_ms: i64, interrupted: bool) -> Ran {
        Ran { from: TimestampMs::from_millis(from_ms), to: TimestampMs::from_millis(to_ms), interrupted }
    }

    /// Works from hour 18 to 22 every day; at the hour 20 of every day the owner comes, if `owner_comes`.
    fn evenings(weeks: i64, owner_comes: bool) -> (History, TimestampMs) {
        let mut history = History::default();
        for day in 0..weeks * 7 {
            let day_ms = day * 24 * HOUR_MS;
            history.learn(ran(day_ms + 18 * HOUR_MS, day_ms + 20 * HOUR_MS + 1, owner_comes));
            history.learn(ran(day_ms + 21 * HOUR_MS, day_ms + 22 * HOUR_MS, false));
        }
        (history, TimestampMs::from_millis(weeks * WEEK_MS))
    }

    #[test]
    fn the_hour_at_which_the_owner_comes_is_told_from_the_others() {
        let (history, now) = evenings(8, true);
        let (before, then, after) = (history.rate(18, 1, now), history.rate(20, 1, now), history.rate(21, 1, now));
        assert!(then > 4.0 * before && then > 4.0 * after, "{before} {then} {after}");
        assert!(history.rate(18, 4, now) > before, "looking four hours ahead sees him coming");
        let outlook = Outlook::of(&history, TimestampMs::from_millis(8 * WEEK_MS + 20 * HOUR_MS));
        assert!(outlook.interrupted_within(3_600) > 0.5 && outlook.interrupted_within(60) < 0.05, "{outlook:?}");
    }

    #[test]
    fn one_who_never_comes_is_better_than_one_nobody_knows() {
        let (history, now) = evenings(8, false);
        let unknown = Outlook::of(&History::default(), now);
        assert!((unknown.interrupted_within(3_600) - (1.0 - (-0.1_f64).exp())).abs() < 1e-6);
        assert!(Outlook::of(&history, now).interrupted_within(3_600) < unknown.interrupted_within(3_600));
    }

    #[test]
    fn one_bad_evening_does_not_condemn_a_rig_and_fades() {
        let mut history = History::default();
        history.learn(ran(0, HOUR_MS / 2, true));
        let soon = history.rate(0, 1, TimestampMs::from_millis(HOUR_MS));
        assert!(soon < 0.7, "{soon} an hour after a single interruption");
        let later = history.rate(0, 1, TimestampMs::from_millis(40 * WEEK_MS));
        assert!((later - PRIOR_PER_HOUR).abs() < 0.01, "{later} is what is common, a year later");
    }

    proptest! {
        #[test]
        fn whatever_was_seen_rates_are_sane_and_survive_being_written(
            seen in prop::collection::vec((0..52 * WEEK_MS, 0..2 * WEEK_MS, any::<bool>()), 0..60),
            hour in 0..WEEK_HOURS,
            seconds in 0..700_000_u32,
        ) {
            let mut history = History::default();
            for (from, for_ms, interrupted) in &seen {
                history.learn(ran(*from, from + for_ms, *interrupted));
            }
            let now = TimestampMs::from_millis(54 * WEEK_MS);
            let (hours, as_of) = history.written();
            prop_assert!(hours.len() <= usize::from(WEEK_HOURS));
            let again = History::read(&hours, as_of);
            for span in [1, 4, 24, 168] {
                let rate = history.rate(hour, span, now);
                prop_assert!(rate.is_finite() && rate > 0.0 && rate <= seen.len() as f64 + 1.0, "{}", rate);
                prop_assert!((again.rate(hour, span, now) - rate).abs() < 0.02 * (1.0 + rate));
            }
            let p = Outlook::of(&history, now).interrupted_within(seconds);
            prop_assert!((0.0..=1.0).contains(&p));
        }

        #[test]
        fn an_interruption_never_makes_a_rig_look_better(
            seen in prop::collection::vec((0..8 * WEEK_MS, 1..WEEK_MS, any::<bool>()), 0..20),
            from in 0..8 * WEEK_MS, for_ms in 1..WEEK_MS, hour in 0..WEEK_HOURS,
        ) {
            let mut history = History::default();
            for (from, for_ms, interrupted) in seen {
                history.learn(ran(from, from + for_ms, interrupted));
            }
            let (mut good, mut bad) = (history.clone(), history);
            good.learn(ran(from, from + for_ms, false));
            bad.learn(ran(from, from + for_ms, true));
            let now = TimestampMs::from_millis(10 * WEEK_MS);
            prop_assert!(bad.rate(hour, 1, now) >= good.rate(hour, 1, now));
        }
    }

    #[test]
    fn what_cannot_be_written_is_kept_up_to_a_limit_and_in_order() {
        let device = |n: usize| DeviceId(alloy_primitives::Address::left_padding_from(&n.to_be_bytes()));
        let mut learnt = Learnt::default();
        for n in 0..Learnt::KEPT_MAX {
            assert!(!learnt.keep(device(n), ran(0, 1, false)));
        }
        let taken = learnt.take(100);
        assert_eq!((taken.len(), taken[0].0), (100, device(0)));
        learnt.give_back(taken);
        assert!(learnt.keep(device(Learnt::KEPT_MAX), ran(0, 1, false)), "the oldest went");
        assert_eq!(learnt.take(1)[0].0, device(1));
    }
}
