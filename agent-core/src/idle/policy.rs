//! The judgement about the owner and his PC. Pure: rules, readings and the time in, a belief out.

use std::{collections::BTreeMap, fmt, time::Duration};

use headframe_protocol::{
    TimestampMs,
    control::{HotPart, WaitReason},
    rig::Refusals,
};
use jiff::tz::TimeZone;

use super::{
    ProbeError, Reading, Sign,
    rules::{GivingBack, Hour, Internet, Network, Rules, Terms},
};
use crate::clock::{Moment, Now};

mod cards;

/// Input this much later than the last counts as new. Less is the jitter of two clocks read one after the other.
const JITTER: Duration = Duration::from_millis(100);

/// Probes that fail for shorter than this are forgiven: a screen that is being unlocked restarts them. A rig at work
/// takes the owner to be back after it.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(2);

/// Input up to this long after a screen was locked is the locking itself.
const LOCKING: Duration = Duration::from_secs(2);

/// What is believed about the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idleness {
    /// Nobody is using the PC, or it does not matter.
    Away,
    /// Somebody is.
    Present {
        /// When keyboard or mouse were last used.
        last_input: Now,
        /// When he counts as away if they are not used again.
        away_at: Now,
    },
    /// No probe can tell. He is taken to be here.
    Unknown,
}

impl fmt::Display for Idleness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Away => "away",
            Self::Present { .. } => "here",
            Self::Unknown => "not seen by any probe, and taken to be here",
        })
    }
}

/// What the rules come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Belief {
    /// Whether the owner needs his PC himself.
    pub idleness: Idleness,
    /// What else his rules have against working now.
    pub hindrances: Vec<WaitReason>,
    /// What they have against working on single graphics cards, by UUID; cards that have nothing are left out.
    pub gpus: BTreeMap<String, Vec<WaitReason>>,
    /// How the PC is given back.
    pub giving_back: GivingBack,
}

impl Belief {
    /// Whether something stands in the way of working that may be over any moment, and nothing that lasts.
    pub(super) fn may_pass_any_moment(&self) -> bool {
        let lasts = |reason: &&WaitReason| {
            matches!(reason, WaitReason::Schedule { .. } | WaitReason::RulesBroken { .. } | WaitReason::GpuKept { .. })
        };
        let on_a_card = || self.gpus.values().any(|reasons| !reasons.is_empty() && !reasons.iter().any(|reason| lasts(&reason)));
        self.hindrances.iter().find(lasts).is_none() && (!self.hindrances.is_empty() || on_a_card())
    }
}

/// Something that must last before it counts, in both directions.
#[derive(Debug, Clone, Copy, Default)]
struct Latch {
    /// The figure it began with, while it counts.
    on: Option<u8>,
    /// Since when it has been otherwise than `on` says.
    otherwise: Option<Moment>,
}

impl Latch {
    fn judge(&mut self, figure: u8, is_high: bool, lasts: Duration, now: Moment) -> Option<u8> {
        if is_high == self.on.is_some() {
            self.otherwise = None;
        } else if now.since(*self.otherwise.get_or_insert(now)) >= lasts {
            (self.on, self.otherwise) = (is_high.then_some(figure), None);
        }
        self.on
    }
}

/// Something that is too hot from a limit on, until it has cooled well below it.
#[derive(Debug, Clone, Copy, Default)]
struct Warmth(Option<i16>);

impl Warmth {
    /// How hot it was when it became too hot, while it is, and from when on it is not. A limit of 0 is none.
    fn judge(&mut self, limit: i16, resume_below: i16, celsius: i16) -> Option<(i16, i16)> {
        let resumes_at = limit.saturating_sub(resume_below);
        if limit == 0 || (self.0.is_some() && celsius <= resumes_at) {
            self.0 = None;
        } else if celsius >= limit {
            self.0.get_or_insert(celsius);
        }
        self.0.map(|celsius| (celsius, resumes_at))
    }
}

/// When a PC may work, and what was seen so far.
#[derive(Debug, Clone)]
pub struct Policy {
    rules: Result<Rules, String>,
    zone: TimeZone,
    belief: Idleness,
    last_input: Option<Now>,
    last_word: Option<Moment>,
    locked: Option<Moment>,
    warmth: Warmth,
    cards: cards::Cards,
    busy: Latch,
    broken: BTreeMap<&'static str, Moment>,
}

impl Default for Policy {
    /// By the rules as shipped, in the time zone of this PC.
    fn default() -> Self {
        Self::new(Rules::shipped(), TimeZone::system())
    }
}

impl Policy {
    /// Believes nothing yet. Hours are those of `zone`.
    #[must_use]
    pub fn new(rules: Rules, zone: TimeZone) -> Self {
        Self {
            rules: Ok(rules),
            zone,
            belief: Idleness::Unknown,
            last_input: None,
            last_word: None,
            locked: None,
            warmth: Warmth::default(),
            cards: cards::Cards::default(),
            busy: Latch::default(),
            broken: BTreeMap::new(),
        }
    }

    /// The owner has other rules now, or such as cannot be understood; then nothing works until they can.
    pub fn change(&mut self, rules: Result<Rules, String>) {
        self.rules = rules;
    }

    /// What the rules want of an hour, at `now`. Rules nobody understands want nothing: nothing works by them anyway.
    #[must_use]
    pub fn terms(&self, now: TimestampMs) -> Terms {
        self.rules.as_ref().map(|rules| rules.tariff.at(now, &self.zone)).unwrap_or_default()
    }

    /// Whether and how far jobs may reach the internet. Not at all while the rules cannot be understood.
    #[must_use]
    pub fn internet(&self) -> Option<Internet> {
        self.rules.as_ref().ok().map(|rules| rules.internet).filter(|internet| internet.jobs)
    }

    /// Which jobs the owner does not want. Nothing is known of it while the rules cannot be understood.
    #[must_use]
    pub fn refuses(&self) -> Option<Refusals> {
        self.rules.as_ref().ok().map(|rules| rules.jobs.refusals())
    }

    /// How much of the line may be used. Nothing is known of it while the rules cannot be understood.
    #[must_use]
    pub fn network(&self) -> Option<Network> {
        self.rules.as_ref().ok().map(|rules| rules.network)
    }

    /// Takes one round of readings in.
    pub fn judge(&mut self, readings: &[Reading], now: Now) -> Belief {
        // Taken out and put back: what is judged is ours, and the rules are only read.
        let rules = std::mem::replace(&mut self.rules, Err(String::new()));
        let belief = match &rules {
            Ok(rules) => self.by(rules, readings, now),
            Err(message) => {
                let hindrances = vec![WaitReason::RulesBroken { message: message.clone() }];
                let giving_back = Rules::shipped().giving_back;
                Belief { idleness: Idleness::Away, hindrances, gpus: BTreeMap::new(), giving_back }
            }
        };
        self.rules = rules;
        belief
    }

    fn by(&mut self, rules: &Rules, readings: &[Reading], now: Now) -> Belief {
        let hour = rules.schedule.at(now.wall, &self.zone);
        let session = readings.iter().find_map(|reading| match reading.says {
            Ok(Sign::Session { locked, remote }) => Some((locked, remote)),
            _ => None,
        });
        let (locked, remote) = session.unwrap_or_default();
        self.locked = if locked { self.locked.or(Some(now.moment)) } else { None };
        let idleness = self.idleness(rules, hour, readings, now);
        let mut hindrances = Vec::new();
        if hour == Hour::Never {
            hindrances.push(WaitReason::Schedule { opens_ms: rules.schedule.opens(now.wall, &self.zone) });
        }
        if remote && !locked && rules.away.remote_is_here && rules.away.require && hour == Hour::WhenAway {
            hindrances.push(WaitReason::Remote);
        }
        for reading in readings {
            match &reading.says {
                Ok(sign) => {
                    self.broken.remove(reading.name);
                    hindrances.extend(self.hindrance(rules, sign, locked, now.moment));
                }
                Err(ProbeError::Absent(_)) => {
                    self.broken.remove(reading.name);
                }
                Err(ProbeError::Broken(why)) => {
                    let since = *self.broken.entry(reading.name).or_insert(now.moment);
                    if now.moment.since(since) >= SILENCE_MAX {
                        hindrances.push(WaitReason::ProbeBroken { probe: reading.name.to_owned(), message: why.clone() });
                    }
                }
            }
        }
        let cards = readings.iter().find_map(|reading| match &reading.says {
            Ok(Sign::Gpus(cards)) => Some(cards.as_slice()),
            _ => None,
        });
        let gpus = self.cards.judge(rules, cards.unwrap_or_default(), now.moment);
        Belief { idleness, hindrances, gpus, giving_back: rules.giving_back }
    }

    /// The most recent sign of life of all probes counts. Going away takes the whole threshold, or the owner's locking the screen and
    /// touching nothing more; coming back one touch: that asymmetry is the hysteresis.
    fn idleness(&mut self, rules: &Rules, hour: Hour, readings: &[Reading], now: Now) -> Idleness {
        if !rules.away.require || hour == Hour::Always {
            return Idleness::Away;
        }
        let idle = readings.iter().filter_map(|reading| match reading.says {
            Ok(Sign::Input(idle)) => Some(idle),
            _ => None,
        });
        self.belief = match idle.min() {
            Some(idle) => {
                self.last_word = Some(now.moment);
                let last_input = self.newest(now - idle);
                let away_at = last_input + rules.away.threshold();
                let left = self.locked.filter(|_| rules.away.locked_is_away);
                let has_left = left.is_some_and(|locked| last_input.moment <= locked + LOCKING);
                if has_left || now.moment >= away_at.moment { Idleness::Away } else { Idleness::Present { last_input, away_at } }
            }
            None if self.last_word.is_some_and(|word| now.moment.since(word) < SILENCE_MAX) => self.belief,
            None => Idleness::Unknown,
        };
        self.belief
    }

    /// What one sign has against working. Figures are those it began with, so that nothing changes while nothing happens.
    fn hindrance(&mut self, rules: &Rules, sign: &Sign, locked: bool, now: Moment) -> Option<WaitReason> {
        match sign {
            Sign::Input(_) | Sign::Session { .. } | Sign::Gpus(_) => None,
            Sign::OnBattery(on) => (*on && !rules.power.on_battery).then_some(WaitReason::OnBattery),
            Sign::Metered(metered) => (*metered && !rules.network.on_metered).then_some(WaitReason::Metered),
            Sign::Heat(celsius) => {
                let (celsius, resumes_at) = self.warmth.judge(rules.heat.cpu_max_c, rules.heat.resume_below_c, *celsius)?;
                Some(WaitReason::Hot { part: HotPart::Cpu, celsius, resumes_at })
            }
            Sign::OtherLoad(percent) => {
                let at_most = rules.load.others_max_percent;
                let lasts = Duration::from_secs(u64::from(rules.load.for_s));
                let high = at_most != 0 && *percent > at_most;
                let percent = self.busy.judge(*percent, high, lasts, now)?;
                Some(WaitReason::Busy { percent, at_most })
            }
            Sign::Programs(running) => rules.programs.spared(running).map(|name| WaitReason::Program { name: name.clone() }),
            Sign::Fullscreen(full) => (*full && !locked && rules.programs.fullscreen).then_some(WaitReason::Fullscreen),
        }
    }

    /// The last input, kept as first measured so that the belief does not change while nothing happens.
    fn newest(&mut self, measured: Now) -> Now {
        match self.last_input {
            Some(known) if measured.moment <= known.moment + JITTER => known,
            Some(_) | None => *self.last_input.insert(measured),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// From a Monday at noon on, for people.
    const NOON: i64 = 1_795_435_200_000;

    /// Long after the PC was started.
    fn at(ms: u64) -> Now {
        let wall = TimestampMs::from_millis(NOON + i64::try_from(ms).expect("small"));
        Now { moment: Moment::from_origin(Duration::from_millis(100_000_000 + ms)), wall }
    }

    fn idle(ms: u64) -> Vec<Reading> {
        vec![Reading { name: "X11 input", says: Ok(Sign::Input(Duration::from_millis(ms))) }]
    }

    fn silent() -> Vec<Reading> {
        vec![Reading { name: "X11 input", says: Err(ProbeError::Absent("there is no display".to_owned())) }]
    }

    /// An owner who is away, and one more sign.
    fn away_and(sign: Result<Sign, ProbeError>) -> Vec<Reading> {
        let mut readings = idle(1_000_000);
        readings.push(Reading { name: "Test", says: sign });
        readings
    }

    fn by(change: impl FnOnce(&mut Rules)) -> Policy {
        let mut rules = Rules::shipped();
        change(&mut rules);
        Policy::new(rules, TimeZone::UTC)
    }

    fn nothing_against() -> Belief {
        let giving_back = Rules::shipped().giving_back;
        Belief { idleness: Idleness::Away, hindrances: vec![], gpus: BTreeMap::new(), giving_back }
    }

    fn two_minutes() -> Policy {
        by(|_| {})
    }

    fn believed(policy: &mut Policy, readings: &[Reading], now: Now) -> Idleness {
        policy.judge(readings, now).idleness
    }

    fn hindered(policy: &mut Policy, sign: Sign, ms: u64) -> Vec<WaitReason> {
        let belief = policy.judge(&away_and(Ok(sign)), at(ms));
        assert_eq!(belief.idleness, Idleness::Away);
        belief.hindrances
    }

    #[test]
    fn an_owner_is_away_after_the_threshold_and_back_at_one_touch() {
        let mut policy = two_minutes();
        let here = believed(&mut policy, &idle(1_000), at(1_000_000));
        assert_eq!(here, Idleness::Present { last_input: at(999_000), away_at: at(1_119_000) });
        assert_eq!(believed(&mut policy, &idle(120_000), at(1_119_000)), Idleness::Away);
        assert!(matches!(believed(&mut policy, &idle(10), at(1_119_500)), Idleness::Present { .. }), "one touch is enough");
    }

    #[test]
    fn a_missing_probe_is_never_an_absent_owner() {
        assert_eq!(believed(&mut two_minutes(), &silent(), at(10_000_000)), Idleness::Unknown);
        assert_eq!(believed(&mut two_minutes(), &[], at(10_000_000)), Idleness::Unknown);
        let other = [Reading { name: "Test", says: Ok(Sign::OnBattery(false)) }];
        assert_eq!(believed(&mut two_minutes(), &other, at(10_000_000)), Idleness::Unknown, "what it sees is not the owner");
    }

    #[test]
    fn a_probe_may_miss_a_beat_but_not_stay_silent() {
        let mut policy = two_minutes();
        policy.judge(&idle(200_000), at(1_000_000));
        assert_eq!(believed(&mut policy, &silent(), at(1_001_000)), Idleness::Away, "a second of silence is forgiven");
        assert_eq!(believed(&mut policy, &silent(), at(1_003_000)), Idleness::Unknown, "three are not");
    }

    #[test]
    fn the_most_recent_sign_of_life_counts() {
        let mut both = idle(500_000);
        both.extend(idle(3_000));
        assert!(matches!(believed(&mut two_minutes(), &both, at(1_000_000)), Idleness::Present { .. }));
    }

    #[test]
    fn who_works_while_the_owner_is_here_needs_no_probe() {
        assert_eq!(by(|rules| rules.away.require = false).judge(&[], at(0)), nothing_against());
    }

    #[test]
    fn who_locks_the_screen_has_left_until_he_touches_something() {
        let locked = |idle_ms| {
            let mut readings = idle(idle_ms);
            readings.push(Reading { name: "Session", says: Ok(Sign::Session { locked: true, remote: false }) });
            readings
        };
        let mut policy = two_minutes();
        assert!(matches!(believed(&mut policy, &idle(100), at(1_000_000)), Idleness::Present { .. }));
        assert_eq!(believed(&mut policy, &locked(100), at(1_001_000)), Idleness::Away, "the key that locked it was the last");
        assert_eq!(believed(&mut policy, &locked(60_000), at(1_061_000)), Idleness::Away);
        assert!(matches!(believed(&mut policy, &locked(10), at(1_070_000)), Idleness::Present { .. }), "he types his password");
        let mut strict = by(|rules| rules.away.locked_is_away = false);
        assert!(matches!(believed(&mut strict, &locked(100), at(1_000_000)), Idleness::Present { .. }));
    }

    #[test]
    fn somebody_from_afar_is_here_unless_the_rules_say_otherwise() {
        let remote = Sign::Session { locked: false, remote: true };
        assert_eq!(hindered(&mut two_minutes(), remote.clone(), 0), [WaitReason::Remote]);
        assert_eq!(hindered(&mut by(|rules| rules.away.remote_is_here = false), remote, 0), []);
        let left = Sign::Session { locked: true, remote: true };
        assert_eq!(hindered(&mut two_minutes(), left, 0), [], "and has left");
    }

    #[test]
    fn battery_and_meter_count_as_the_rules_say() {
        assert_eq!(hindered(&mut two_minutes(), Sign::OnBattery(true), 0), [WaitReason::OnBattery]);
        assert_eq!(hindered(&mut two_minutes(), Sign::OnBattery(false), 0), []);
        assert_eq!(hindered(&mut by(|rules| rules.power.on_battery = true), Sign::OnBattery(true), 0), []);
        assert_eq!(hindered(&mut two_minutes(), Sign::Metered(true), 0), [WaitReason::Metered]);
        assert_eq!(hindered(&mut by(|rules| rules.network.on_metered = true), Sign::Metered(true), 0), []);
    }

    #[test]
    fn what_is_hot_must_cool_down_well_below() {
        let mut policy = by(|rules| rules.heat.cpu_max_c = 90);
        let hot = |celsius| WaitReason::Hot { part: HotPart::Cpu, celsius, resumes_at: 75 };
        let mut feel = |celsius, ms| hindered(&mut policy, Sign::Heat(celsius), ms);
        assert_eq!(feel(89, 0), []);
        assert_eq!(feel(91, 1_000), [hot(91)]);
        assert_eq!(feel(99, 2_000), [hot(91)], "the figure it began with");
        assert_eq!(feel(76, 3_000), [hot(91)]);
        assert_eq!(feel(75, 4_000), []);
        assert_eq!(feel(89, 5_000), []);
        assert_eq!(hindered(&mut by(|rules| rules.heat.cpu_max_c = 0), Sign::Heat(105), 0), []);
    }

    #[test]
    fn load_of_others_counts_when_it_lasts_and_so_does_its_end() {
        let mut policy = two_minutes();
        let busy = [WaitReason::Busy { percent: 80, at_most: 50 }];
        let mut load = |percent, ms| hindered(&mut policy, Sign::OtherLoad(percent), ms);
        assert_eq!(load(90, 0), []);
        assert_eq!(load(10, 5_000), [], "a moment of it is nothing");
        assert_eq!(load(70, 6_000), []);
        assert_eq!(load(80, 16_000), busy);
        assert_eq!(load(20, 17_000), busy);
        assert_eq!(load(60, 20_000), busy, "nor is a moment without");
        assert_eq!(load(20, 21_000), busy);
        assert_eq!(load(20, 31_000), []);
        assert_eq!(hindered(&mut by(|rules| rules.load.others_max_percent = 0), Sign::OtherLoad(100), 60_000), []);
    }

    #[test]
    fn programs_and_full_screens_are_not_disturbed() {
        let running = Sign::Programs(BTreeSet::from(["bash".to_owned(), "Factorio".to_owned()]));
        let mut policy = by(|rules| rules.programs.never_disturb = vec!["factorio".to_owned()]);
        assert_eq!(hindered(&mut policy, running.clone(), 0), [WaitReason::Program { name: "Factorio".to_owned() }]);
        assert_eq!(hindered(&mut two_minutes(), running, 0), []);
        assert_eq!(hindered(&mut two_minutes(), Sign::Fullscreen(true), 0), [WaitReason::Fullscreen]);
        assert_eq!(hindered(&mut by(|rules| rules.programs.fullscreen = false), Sign::Fullscreen(true), 0), []);
    }

    #[test]
    fn what_should_be_measured_and_is_not_is_taken_for_the_worst_and_what_is_not_there_for_nothing() {
        let mut policy = two_minutes();
        let broken = || away_and(Err(ProbeError::Broken("the sensor is gone".to_owned())));
        let said = WaitReason::ProbeBroken { probe: "Test".to_owned(), message: "the sensor is gone".to_owned() };
        assert_eq!(policy.judge(&broken(), at(0)).hindrances, [], "it may miss a beat");
        assert_eq!(policy.judge(&broken(), at(2_000)).hindrances, [said]);
        let absent = away_and(Err(ProbeError::Absent("there is no battery".to_owned())));
        assert_eq!(policy.judge(&absent, at(3_000)).hindrances, []);
        assert_eq!(policy.judge(&broken(), at(4_000)).hindrances, [], "and counts from anew");
    }

    #[test]
    fn hours_are_the_owners() {
        let text = "[schedule]\nmon = \"------|------|-aiiii|iiiiii\"";
        let rules = Rules::parse(text, std::path::Path::new("rules.toml")).expect("valid");
        let mut policy = Policy::new(rules, TimeZone::UTC);
        let opens = at(3_600_000).wall;
        let closed = policy.judge(&idle(1_000_000), at(0));
        assert_eq!(closed.hindrances, [WaitReason::Schedule { opens_ms: Some(opens) }]);
        let always = policy.judge(&idle(0), at(3_600_000));
        assert_eq!(always, nothing_against(), "also while he is here");
        assert!(matches!(believed(&mut policy, &idle(0), at(7_200_000)), Idleness::Present { .. }));
    }

    #[test]
    fn rules_nobody_understands_let_nothing_work() {
        let mut policy = two_minutes();
        policy.change(Err("line 3".to_owned()));
        assert_eq!(policy.judge(&idle(1_000_000), at(0)).hindrances, [WaitReason::RulesBroken { message: "line 3".to_owned() }]);
        policy.change(Ok(Rules::shipped()));
        assert_eq!(policy.judge(&idle(1_000_000), at(1_000)).hindrances, []);
    }

    #[test]
    fn the_belief_does_not_change_while_nothing_happens() {
        let mut policy = two_minutes();
        let first = policy.judge(&idle(1_000), at(1_000_000));
        for step in 1..100 {
            let jitter = step % 3 * 20;
            assert_eq!(policy.judge(&idle(1_000 + step * 250 - jitter), at(1_000_000 + step * 250)), first);
        }
    }

    proptest! {
        #[test]
        fn away_always_means_a_probe_measured_the_whole_threshold(steps in prop::collection::vec((0_u64..5_000, prop::option::of(0_u64..300_000)), 1..60)) {
            let mut policy = two_minutes();
            let (mut time, mut last_seen_idle) = (1_000_000, None);
            for (passed, reading) in steps {
                time += passed;
                let belief = believed(&mut policy, &reading.map_or_else(silent, idle), at(time));
                last_seen_idle = reading.map(|idle| (time, idle)).or(last_seen_idle);
                if belief == Idleness::Away {
                    let (seen_at, idle) = last_seen_idle.expect("nobody is away before a probe has said so");
                    prop_assert!(idle + 100 >= 120_000, "idle for {idle} ms only");
                    prop_assert!(time - seen_at < 2_000, "the last word is {} ms old", time - seen_at);
                }
            }
        }
    }
}
