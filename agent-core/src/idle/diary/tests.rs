use headframe_protocol::TimestampMs;

use super::*;
use crate::idle::{GpuProgram, GpuUse};

/// A Monday noon.
const NOON: i64 = 1_795_435_200_000;

fn at(s: u64) -> Now {
    let wall = TimestampMs::from_millis(NOON + i64::try_from(s * 1_000).expect("small"));
    Now { moment: Moment::from_origin(Duration::from_secs(100_000 + s)), wall }
}

fn wall(s: u64) -> TimestampMs {
    at(s).wall
}

fn idle(s: u64) -> Reading {
    Reading { name: "X11 input", says: Ok(Sign::Input(Duration::from_secs(s))) }
}

fn sees(sign: Sign) -> Reading {
    Reading { name: "Test", says: Ok(sign) }
}

/// Looks every five seconds from `from` to `to` at an owner who touched something last at `touched`.
fn looks(diary: &mut Diary, from: u64, to: u64, touched: u64, more: &[Sign]) -> Vec<Span> {
    let mut ended = Vec::new();
    for now in (from..=to).step_by(5) {
        let mut readings = vec![idle(now.saturating_sub(touched))];
        readings.extend(more.iter().cloned().map(sees));
        ended.extend(diary.look(&readings, Some(&Rules::shipped()), at(now)));
    }
    ended
}

#[test]
fn an_idle_pc_is_one_span_however_long() {
    let mut diary = Diary::default();
    assert_eq!(looks(&mut diary, 0, 36_000, 0, &[]).len(), 1, "only his leaving ends one");
    let open = diary.open().expect("it goes on");
    assert_eq!((open.from, open.until), (wall(30), wall(36_000)));
    assert_eq!(open.seen.touch, Some(Touch::Last(wall(0))));
}

#[test]
fn coming_and_going_are_edges_and_every_touch_between_is_not() {
    let mut diary = Diary::default();
    looks(&mut diary, 0, 100, 0, &[]);
    for touched in 101..400 {
        let now = touched + 2;
        let ended = diary.look(&[idle(2)], None, at(now));
        assert_eq!(ended.is_some(), touched == 101, "{touched}");
    }
    assert_eq!(diary.open().expect("open").seen.touch, Some(Touch::Now));
}

#[test]
fn time_in_which_nobody_looked_belongs_to_no_span() {
    let mut diary = Diary::default();
    looks(&mut diary, 0, 100, 0, &[]);
    let ended = diary.look(&[idle(3_700)], None, at(3_700)).expect("sleep ends it");
    assert_eq!(ended.until, wall(100));
    assert_eq!(diary.open().expect("a new one").from, wall(3_700));
}

#[test]
fn a_clock_that_is_set_makes_no_time() {
    for jump_ms in [3_600_000, -3_600_000_i64] {
        let mut diary = Diary::default();
        looks(&mut diary, 0, 100, 0, &[]);
        let mut now = at(105);
        now.wall = TimestampMs::from_millis(now.wall.as_millis() + jump_ms);
        let ended = diary.look(&[idle(105)], None, now).expect("it ends");
        assert_eq!(ended.until, wall(100));
        assert_eq!(diary.open().map(|open| open.from), Some(now.wall));
    }
}

#[test]
fn figures_change_once_a_minute_and_in_steps() {
    let mut diary = Diary::default();
    let look = |diary: &mut Diary, now: u64, celsius: i16, load: u8| {
        diary.look(&[idle(10_000), sees(Sign::Heat(celsius)), sees(Sign::OtherLoad(load))], None, at(now))
    };
    assert_eq!(look(&mut diary, 0, 61, 3), None);
    let seen = |diary: &Diary| diary.open().map(|open| (open.seen.cpu_c, open.seen.others_percent)).expect("open");
    assert_eq!(seen(&diary), (Some(65), Some(10)));
    for now in (5..60).step_by(5) {
        assert_eq!(look(&mut diary, now, if now == 30 { 91 } else { 60 }, if now == 30 { 100 } else { 10 }), None);
    }
    assert!(look(&mut diary, 60, 60, 10).is_some());
    assert_eq!(seen(&diary), (Some(95), Some(20)), "the hottest moment, and the mean of the load");
}

#[test]
fn of_programs_on_a_card_it_is_kept_how_much_they_used_and_not_which_they_were() {
    let program = |memory_mib, load_percent| GpuProgram { name: "secret-game".to_owned(), memory_mib, load_percent };
    let card = |others| GpuUse { uuid: "u".to_owned(), model: "m".to_owned(), celsius: Some(61), others };
    let mut diary = Diary::default();
    looks(
        &mut diary,
        0,
        120,
        0,
        &[Sign::Gpus(vec![card(vec![program(300, 4)]), card(vec![program(5_000, 71), program(100, 0)])])],
    );
    let seen = diary.open().expect("open").seen.clone();
    assert_eq!((seen.gpu_c, seen.gpu_held_mib, seen.gpu_load_percent), (Some(65), Some(5_120), Some(80)));
    assert!(!serde_json::to_string(&seen).expect("JSON").contains("secret"));
    let mut diary = Diary::default();
    looks(&mut diary, 0, 120, 0, &[Sign::Gpus(vec![card(Vec::new())])]);
    let seen = diary.open().expect("open").seen.clone();
    assert_eq!((seen.gpu_held_mib, seen.gpu_load_percent), (None, None));
}

#[test]
fn only_programs_of_the_rules_are_named() {
    let running = Sign::Programs(["factorio", "diary-of-anna"].map(str::to_owned).into());
    let mut rules = Rules::shipped();
    rules.programs.never_disturb = vec!["Factorio".to_owned()];
    let names = |rules: Option<&Rules>| {
        let mut diary = Diary::default();
        diary.look(&[sees(running.clone())], rules, at(0));
        diary.open().expect("open").seen.programs.clone()
    };
    assert_eq!(names(Some(&rules)), BTreeSet::from(["factorio".to_owned()]));
    assert_eq!(names(Some(&Rules::shipped())), BTreeSet::new());
    assert_eq!(names(None), BTreeSet::new(), "rules nobody understands name none");
}

#[test]
fn what_no_probe_sees_is_not_there() {
    let mut diary = Diary::default();
    let broken = Reading { name: "Power", says: Err(ProbeError::Broken("gone".to_owned())) };
    let absent = Reading { name: "X11 input", says: Err(ProbeError::Absent("no display".to_owned())) };
    diary.look(&[broken, absent], None, at(0));
    assert_eq!(diary.open().expect("open").seen, Sighting { broken: true, ..Sighting::default() });
}
