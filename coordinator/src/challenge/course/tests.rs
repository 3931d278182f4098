use headframe_protocol::challenge::DeclineReason;
use proptest::prelude::*;

use super::*;

const OPENING: Duration = Duration::from_secs(60);

fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

/// A card that has 105 ms for 10.5 million operations and 123 ms for its reads, and a line without delay.
fn terms() -> Terms {
    Terms {
        seed: digest(1),
        parameters: Parameters::new(64, 20).expect("within bounds"),
        class: Class { ops_per_s: 117_400_000, read_bytes_per_s: 1_000_000 },
        rtt_p95: Duration::ZERO,
        band: None,
        opening: OPENING,
        sending: Duration::from_secs(10),
    }
}

fn committed(count: usize) -> Event {
    Event::Heard(Answer::Committed(Committed { seed: digest(1), roots: vec![digest(2); count] }))
}

fn remembered(count: usize) -> Event {
    Event::Heard(Answer::Remembered(Remembered { seed: digest(1), roots: vec![digest(3); count] }))
}

fn declined() -> Event {
    Event::Heard(Answer::Declined(Declined { seed: digest(1), why: DeclineReason::Yielded }))
}

/// A course with a clock that goes when it is told to.
struct Run {
    course: Course,
    now: Instant,
    drawn: u32,
}

impl Run {
    fn new(terms: Terms) -> Self {
        let now = Instant::now();
        Self { course: Course::new(terms, now), now, drawn: 0 }
    }

    fn after(&mut self, ms: u64, event: Event) -> Option<Effect> {
        self.now += Duration::from_millis(ms);
        let drawn = &mut self.drawn;
        self.course.step(event, self.now, || {
            *drawn += 1;
            digest(100 + u8::try_from(*drawn).unwrap_or(u8::MAX))
        })
    }

    /// What a rig that does everything right, taking these times, is told.
    fn right(&mut self, proving_ms: u64, reading_ms: u64) -> Option<Effect> {
        self.after(0, Event::Sent);
        self.after(proving_ms, committed(20))?;
        self.after(5, Event::Sent);
        self.after(1_000, Event::Opened(Ok(())))?;
        self.after(5, Event::Sent);
        self.after(reading_ms, remembered(20))?;
        self.after(5, Event::Sent);
        self.after(1_000, Event::Opened(Ok(())))
    }
}

fn failed(fail: Fail) -> Option<Effect> {
    Some(Effect::End(End::Failed(fail)))
}

#[test]
fn right_and_in_time_is_passed_with_its_rate() {
    let mut run = Run::new(terms());
    assert_eq!(run.right(100, 100), Some(Effect::End(End::Passed)));
    assert_eq!(run.course.ops_per_us(), Some(104));
    assert_eq!((run.course.due(), run.course.opening().is_none()), (None, true));
}

#[test]
fn nothing_is_drawn_before_the_commitment_has_come() {
    let mut run = Run::new(terms());
    run.after(0, Event::Sent);
    run.after(10, remembered(20));
    run.after(10, Event::Opened(Ok(())));
    assert_eq!(run.drawn, 0);
    let Some(Effect::Ask(Ask::Open(open))) = run.after(10, committed(20)) else { panic!("rows are asked for") };
    assert_eq!((open.rows.len(), run.drawn), (64, 2), "the rows and the secret");
    assert_eq!(run.after(10, committed(20)), None, "a second commitment is none");
}

#[test]
fn our_own_delay_is_not_the_rigs() {
    let mut run = Run::new(terms());
    assert_eq!(run.after(9_000, Event::Time), None, "the question is still with us");
    run.after(500, Event::Sent);
    assert!(matches!(run.after(105, committed(20)), Some(Effect::Ask(_))));
    // Nor is a line that takes nothing more.
    assert_eq!(run.after(10_000, Event::Time), Some(Effect::End(End::Void(Void::Gone))));
}

#[test]
fn each_answer_has_its_time() {
    assert_eq!(Run::new(terms()).right(106, 0), None, "late: the first question was the last");
    let mut late = Run::new(terms());
    late.after(0, Event::Sent);
    assert_eq!(late.after(106, committed(20)), failed(Fail::LateProof));
    let mut silent = Run::new(terms());
    silent.after(0, Event::Sent);
    assert_eq!(silent.after(105, Event::Time), None);
    assert_eq!(silent.after(1, Event::Time), failed(Fail::LateProof));
    let mut shy = Run::new(terms());
    shy.after(0, Event::Sent);
    shy.after(50, committed(20));
    shy.after(0, Event::Sent);
    assert_eq!(shy.after(60_000, Event::Time), failed(Fail::LateRows));
    let mut forgetful = Run::new(terms());
    let limit = u64::try_from(forgetful.course.reading_limit().as_millis()).expect("short");
    forgetful.after(0, Event::Sent);
    forgetful.after(50, committed(20));
    forgetful.after(0, Event::Sent);
    forgetful.after(50, Event::Opened(Ok(())));
    forgetful.after(0, Event::Sent);
    assert_eq!(forgetful.after(limit + 1, remembered(20)), failed(Fail::LateReading));
}

#[test]
fn a_rate_that_is_not_the_models_fails_although_all_is_right() {
    let band = Band { middle: 300, slowest: 225, fastest: 375 };
    assert_eq!(Run::new(Terms { band: Some(band), ..terms() }).right(100, 10), failed(Fail::OutOfBand));
    assert_eq!(Run::new(Terms { band: Some(band), ..terms() }).right(35, 10), Some(Effect::End(End::Passed)));
    assert_eq!(Run::new(Terms { band: Some(band), ..terms() }).right(10, 10), failed(Fail::OutOfBand));
}

#[test]
fn another_number_of_roots_and_a_wrong_opening_fail_with_the_reason() {
    let mut run = Run::new(terms());
    run.after(0, Event::Sent);
    assert_eq!(run.after(1, committed(21)), failed(Fail::Refused(Refusal::Roots { found: 21, expected: 20 })));
    let mut run = Run::new(terms());
    run.after(0, Event::Sent);
    assert_eq!(run.after(1, Event::Opened(Err(Refusal::Long))), None, "nothing was to be opened");
    run.after(1, committed(20));
    assert_eq!(run.after(1, Event::Opened(Err(Refusal::Long))), failed(Fail::Refused(Refusal::Long)));
}

#[derive(Debug, Clone, Copy)]
enum Move {
    Sent,
    Commit(usize),
    Remember(usize),
    Opened(bool),
    Stranger,
    Decline,
    Leave,
    Time,
}

fn moves() -> impl Strategy<Value = Vec<(u64, Move)>> {
    let one = prop_oneof![
        4 => Just(Move::Sent),
        3 => (19_usize..22).prop_map(Move::Commit),
        3 => (19_usize..22).prop_map(Move::Remember),
        3 => any::<bool>().prop_map(Move::Opened),
        1 => Just(Move::Stranger),
        1 => Just(Move::Decline),
        1 => Just(Move::Leave),
        2 => Just(Move::Time),
    ];
    prop::collection::vec((0_u64..120, one), 0..40)
}

proptest! {
    #[test]
    fn whatever_comes_a_challenge_ends_once_and_only_the_rigs_own_fault_fails_it(moves in moves()) {
        let mut run = Run::new(terms());
        let mut ended = None;
        for (ms, next) in moves {
            let event = match next {
                Move::Sent => Event::Sent,
                Move::Commit(count) => committed(count),
                Move::Remember(count) => remembered(count),
                Move::Opened(right) => Event::Opened(if right { Ok(()) } else { Err(Refusal::Header) }),
                Move::Stranger => Event::Heard(Answer::Committed(Committed { seed: digest(9), roots: Vec::new() })),
                Move::Decline => declined(),
                Move::Leave => Event::Left(Void::Gone),
                Move::Time => Event::Time,
            };
            let effect = run.after(ms, event);
            prop_assert!(ended.is_none() || effect.is_none(), "after the end nothing happens");
            if let Some(Effect::End(end)) = &effect {
                let held = match next {
                    Move::Leave | Move::Decline => matches!(end, End::Void(_)),
                    Move::Opened(true) => matches!(end, End::Passed | End::Failed(Fail::OutOfBand)),
                    Move::Time => matches!(end, End::Failed(_) | End::Void(Void::Gone)),
                    Move::Commit(_) | Move::Remember(_) | Move::Opened(false) => matches!(end, End::Failed(_)),
                    Move::Sent | Move::Stranger => false,
                };
                prop_assert!(held, "{next:?} ended it as {end:?}");
                if *end == End::Passed {
                    let took = run.course.took();
                    prop_assert!(took.proving.is_some_and(|took| took <= run.course.proving_limit()));
                    prop_assert!(took.reading.is_some_and(|took| took <= run.course.reading_limit()));
                }
                ended = Some(end.clone());
            }
            prop_assert_eq!(run.course.due().is_none(), ended.is_some(), "until it is over there is a time by which it will be");
        }
    }
}
