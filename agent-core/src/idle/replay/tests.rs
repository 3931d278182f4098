use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::idle::diary::Diary;

const HOUR: i64 = 3_600_000;

fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().expect("a time with its offset").as_millisecond()
}

fn span(from: i64, until: i64, seen: Sighting) -> Span {
    Span { from: TimestampMs::from_millis(from), until: TimestampMs::from_millis(until), seen }
}

/// Nobody has touched anything for a day before `from`.
fn away(from: i64) -> Sighting {
    Sighting { touch: Some(Touch::Last(TimestampMs::from_millis(from - 24 * HOUR))), ..Sighting::default() }
}

fn here() -> Sighting {
    Sighting { touch: Some(Touch::Now), ..Sighting::default() }
}

/// Summer time from the last Sunday of March to that of October.
fn berlin() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone")
}

fn rules(text: &str) -> Rules {
    Rules::parse(text, Path::new("rules.toml")).expect("valid")
}

fn window(from: i64, until: i64) -> Window {
    Window { from: TimestampMs::from_millis(from), until: TimestampMs::from_millis(until) }
}

fn run(spans: &[Span], text: &str, from: i64, until: i64) -> Simulation {
    replay(spans, &rules(text), &berlin(), window(from, until))
}

fn lost(simulation: &Simulation, to: LostTo) -> u64 {
    simulation.lost.iter().filter(|loss| loss.to == to).map(|loss| loss.ms).sum()
}

fn hours(count: u64) -> u64 {
    count * 3_600_000
}

#[test]
fn an_owner_comes_and_goes() {
    let noon = at("2026-11-23T12:00:00+01:00");
    let left = Sighting { touch: Some(Touch::Last(TimestampMs::from_millis(noon + 2 * HOUR))), ..Sighting::default() };
    let spans = [
        span(noon, noon + HOUR, away(noon)),
        span(noon + HOUR, noon + 2 * HOUR, here()),
        span(noon + 2 * HOUR, noon + 4 * HOUR, left),
    ];
    let simulation = run(&spans, "", noon, noon + 4 * HOUR);
    assert_eq!(simulation.works_ms, hours(3) - 120_000, "his threshold of two minutes counts from his last touch");
    assert_eq!(lost(&simulation, LostTo::OwnerActive), hours(1) + 120_000);
    assert_eq!((simulation.interruptions, simulation.unknown_ms), (1, 0));
    let patient = run(&spans, "[away]\nthreshold_s = 3600", noon, noon + 4 * HOUR);
    assert_eq!(patient.works_ms, hours(2));
    assert_eq!(run(&spans, "[away]\nrequire = false", noon, noon + 4 * HOUR).works_ms, hours(4));
}

#[test]
fn a_gap_is_unknown_and_never_idle() {
    let noon = at("2026-11-23T12:00:00+01:00");
    let spans = [span(noon + HOUR, noon + 2 * HOUR, away(noon)), span(noon + 5 * HOUR, noon + 6 * HOUR, away(noon))];
    let simulation = run(&spans, "[away]\nrequire = false", noon, noon + 7 * HOUR);
    assert_eq!((simulation.works_ms, simulation.unknown_ms), (hours(2), hours(5)));
    assert_eq!(simulation.interruptions, 0, "what nobody saw interrupted nothing");
    let nothing = run(&[], "", noon, noon + 48 * HOUR);
    assert_eq!((nothing.works_ms, nothing.unknown_ms, nothing.days.len()), (0, hours(48), 3));
}

fn plays(seen: &mut Sighting) {
    seen.programs.insert("factorio".to_owned());
}

/// Rules, what was seen beside an owner who is away, and what the time is lost to.
type Case = (&'static str, fn(&mut Sighting), Option<LostTo>);

#[test]
fn each_sign_is_judged_as_the_rules_say() {
    let noon = at("2026-11-23T12:00:00+01:00");
    let cases: [Case; 16] = [
        ("", |_| {}, None),
        ("", |seen| seen.touch = None, Some(LostTo::NoIdleProbe)),
        ("", |seen| seen.remote = true, Some(LostTo::Remote)),
        ("", |seen| seen.on_battery = true, Some(LostTo::OnBattery)),
        ("[power]\non_battery = true", |seen| seen.on_battery = true, None),
        ("", |seen| seen.metered = true, Some(LostTo::Metered)),
        ("", |seen| seen.fullscreen = true, Some(LostTo::Fullscreen)),
        ("", |seen| seen.gpu_c = Some(90), Some(LostTo::Hot)),
        ("[heat]\ngpu_max_c = 0", |seen| seen.gpu_c = Some(90), None),
        ("", |seen| seen.gpu_held_mib = Some(2_048), Some(LostTo::Program)),
        ("[gpus]\nothers_memory_mib = 4096", |seen| seen.gpu_held_mib = Some(2_048), None),
        ("", |seen| seen.gpu_load_percent = Some(60), Some(LostTo::Program)),
        ("", |seen| seen.gpu_load_percent = Some(20), None),
        ("[load]\nfor_s = 1", |seen| seen.others_percent = Some(60), Some(LostTo::Busy)),
        ("", plays, None),
        ("[programs]\nnever_disturb = [\"factorio\"]", plays, Some(LostTo::Program)),
    ];
    for (text, change, to) in cases {
        let mut seen = away(noon);
        change(&mut seen);
        let simulation = run(&[span(noon, noon + HOUR, seen)], text, noon, noon + HOUR);
        match to {
            None => assert_eq!(simulation.works_ms, hours(1), "{text}"),
            // What must last before it counts, such as load, is seen a step or two late.
            Some(to) => assert!(lost(&simulation, to) >= hours(1) - 20_000, "{text}: {simulation:?}"),
        }
    }
    let broken = Sighting { broken: true, ..away(noon) };
    let simulation = run(&[span(noon, noon + HOUR, broken)], "", noon, noon + HOUR);
    assert!(lost(&simulation, LostTo::ProbeBroken) >= hours(1) - 20_000, "{simulation:?}");
}

#[test]
fn days_of_the_clocks_change_have_their_own_length_and_hours() {
    let night = "iiiiii|------|------|------";
    let days: String = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(|day| format!("{day} = \"{night}\"\n")).concat();
    for (begins, ends, day_h, night_h) in [
        ("2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00", 23, 5),
        ("2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00", 25, 7),
        ("2026-11-23T00:00:00+01:00", "2026-11-24T00:00:00+01:00", 24, 6),
    ] {
        let (from, until) = (at(begins), at(ends));
        let simulation = run(&[span(from, until, away(from))], &format!("[schedule]\n{days}"), from, until);
        assert_eq!(simulation.days.len(), 1, "{begins}");
        assert_eq!(simulation.works_ms, hours(night_h), "{begins}");
        assert_eq!(lost(&simulation, LostTo::Schedule), hours(day_h - night_h), "{begins}");
    }
}

#[test]
fn moments_that_were_written_twice_count_once() {
    let noon = at("2026-11-23T12:00:00+01:00");
    let spans =
        [span(noon, noon + 2 * HOUR, away(noon)), span(noon + HOUR, noon + 3 * HOUR, away(noon)), span(noon, noon, here())];
    assert_eq!(run(&spans, "", noon, noon + 3 * HOUR).works_ms, hours(3));
}

/// A week in the form in which an agent records it: a line a span, `from_ms until_ms seen`.
fn recorded() -> Vec<Span> {
    let line = |line: &str| {
        let mut parts = line.splitn(3, ' ');
        let mut ms = || parts.next().expect("a time").parse().expect("milliseconds");
        let (from, until) = (ms(), ms());
        span(from, until, serde_json::from_str(parts.next().expect("what was seen")).expect("JSON"))
    };
    include_str!("week.txt").lines().map(line).collect()
}

#[test]
fn a_recorded_week_comes_to_the_same_under_the_same_rules() {
    let spans = recorded();
    let (from, until) = (at("2026-10-19T00:00:00+02:00"), at("2026-10-26T00:00:00+01:00"));
    let told = |text| {
        let simulation = run(&spans, text, from, until);
        let lost: Vec<String> = simulation.lost.iter().map(|loss| format!("{:?} {} min", loss.to, loss.ms / 60_000)).collect();
        let (works, unknown) = (simulation.works_ms / 60_000, simulation.unknown_ms / 60_000);
        format!("works {works} min, unknown {unknown} min, interrupted {}, {}", simulation.interruptions, lost.join(", "))
    };
    expect_test::expect!["works 6364 min, unknown 1300 min, interrupted 19, OwnerActive 1182 min, Fullscreen 946 min, OnBattery 173 min, Hot 173 min"].assert_eq(&told(""));
    expect_test::expect!["works 6273 min, unknown 1300 min, interrupted 19, OwnerActive 1416 min, Fullscreen 829 min, OnBattery 160 min, Hot 160 min"].assert_eq(&told("[away]\nthreshold_s = 900"));
    expect_test::expect!["works 8130 min, unknown 1300 min, interrupted 6, Busy 360 min, OnBattery 175 min, Hot 175 min"]
        .assert_eq(&told("[away]\nrequire = false\n[programs]\nfullscreen = false"));
}

fn sightings() -> impl Strategy<Value = Sighting> {
    let flags = prop::collection::vec(any::<bool>(), 5);
    (prop::option::of(0_i64..100_000), flags, prop::option::of(0_i16..110), prop::option::of(0_u8..=100)).prop_map(
        |(touched, flags, gpu_c, others_percent)| Sighting {
            touch: touched.map(|s| if s < 30_000 { Touch::Now } else { Touch::Last(TimestampMs::from_millis(NOON - s * 1_000)) }),
            locked: flags[0],
            remote: flags[1],
            on_battery: flags[2],
            fullscreen: flags[3],
            broken: flags[4],
            gpu_c,
            others_percent,
            ..Sighting::default()
        },
    )
}

const NOON: i64 = 1_795_435_200_000;

/// An owner who touches something at `touches` (seconds), seen by the policy every second and by the diary every five. What the policy
/// let work, in milliseconds, how often it changed its mind, and what the diary kept.
fn lived(touches: &[i64], seconds: i64, rules: &Rules) -> (i64, i64, Vec<Span>) {
    let (mut policy, mut diary, mut kept) = (Policy::new(rules.clone(), berlin()), Diary::default(), Vec::new());
    let (mut worked_ms, mut edges, mut before) = (0, 0, false);
    for s in 0..seconds {
        let last = touches.iter().copied().filter(|touch| *touch <= s).max().unwrap_or(-10_000);
        let idle = Duration::from_secs((s - last).unsigned_abs());
        let readings = [Reading { name: "X11 input", says: Ok(Sign::Input(idle)) }];
        let now = now(NOON + s * 1_000, NOON);
        let works = policy.judge(&readings, now).idleness == Idleness::Away;
        worked_ms += if works { 1_000 } else { 0 };
        edges += i64::from(works != before);
        before = works;
        if s % 5 == 0 {
            kept.extend(diary.look(&readings, Some(rules), now));
        }
    }
    kept.extend(diary.open().cloned());
    (worked_ms, edges, kept)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_recorded_tells_what_the_policy_did(
        touches in prop::collection::btree_set(0_i64..7_200, 0..40),
        threshold_s in 30_u32..900,
    ) {
        let rules = rules(&format!("[away]\nthreshold_s = {threshold_s}"));
        let (worked_ms, edges, spans) = lived(&touches.into_iter().collect::<Vec<_>>(), 7_200, &rules);
        let simulation = replay(&spans, &rules, &berlin(), window(NOON, NOON + 7_200_000));
        let told_ms = i64::try_from(simulation.works_ms).expect("two hours");
        // An edge is found at the diary's next look and the replay's next step.
        prop_assert!((told_ms - worked_ms).abs() <= 15_000 * (edges + 1), "{told_ms} for {worked_ms}, {edges} edges");
        prop_assert!(simulation.unknown_ms <= 5_000);
    }

    #[test]
    fn every_moment_is_free_lost_or_unknown_and_each_only_once(
        pieces in prop::collection::vec((0_i64..7_200_000, 0_i64..7_200_000, sightings()), 0..12),
        length in 1_i64..100_000_000,
    ) {
        let mut from = NOON - 3_600_000;
        let mut seen_ms = 0;
        let end = NOON + length;
        let spans: Vec<Span> = pieces.into_iter().map(|(gap, lasts, seen)| {
            let begins = from + gap;
            from = begins + lasts;
            seen_ms += (from.min(end) - begins.max(NOON)).max(0);
            span(begins, from, seen)
        }).collect();
        let simulation = run(&spans, "", NOON, end);
        let sum = |works: u64, unknown: u64, lost: &[Loss]| works + unknown + lost.iter().map(|loss| loss.ms).sum::<u64>();
        prop_assert_eq!(sum(simulation.works_ms, simulation.unknown_ms, &simulation.lost), length.unsigned_abs());
        prop_assert_eq!(simulation.unknown_ms, (length - seen_ms).unsigned_abs(), "what nobody saw is unknown, and all of it");
        let days: u64 = simulation.days.iter().map(|day| sum(day.works_ms, day.unknown_ms, &day.lost)).sum();
        prop_assert_eq!(days, length.unsigned_abs());
        prop_assert!(simulation.days.iter().all(|day| sum(day.works_ms, day.unknown_ms, &day.lost) <= 25 * 3_600_000));
    }
}
