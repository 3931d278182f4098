//! Who wants the PC back, card by card; how long it takes; when the next work comes.

use headframe_protocol::control::YieldCause;

use super::*;
use crate::store::{Entry, Yield};

/// Two cards, a job on each.
fn two_at_work() -> Rig {
    let mut rig = Rig::ready(2);
    rig.script("cards 1 1; a offered with a card; accept written a; a runs; b offered with a card; accept written b; b runs");
    rig.script("cards 9 9");
    rig.told.clear();
    rig
}

fn check_two(script: &str, expected: Expect) {
    let mut rig = two_at_work();
    rig.script(script);
    expected.assert_eq(&rig.told);
}

/// The yield that the last line of a script writes down.
fn yielded(rig: &mut Rig, line: &str) -> Option<Yield> {
    let effects = rig.traced(line).into_iter().flat_map(|(_, effects)| effects);
    effects.into_iter().find_map(|effect| match effect {
        Effect::Write(Entry::Yielded { made, .. }) => Some(made),
        _ => None,
    })
}

#[test]
fn a_game_on_one_card_takes_that_card_and_leaves_the_other_at_work() {
    check_two(
        "rules game on 1; b is stopped; cards 9 1; end written b; settled b; c offered with a card; rules nothing; 30s pass; \
         d offered with a card",
        expect![[r#"
            rules game on 1
                write parting b
                stop b within 1s
            b is stopped
            cards 9 1
                write yielded b game
                write ended b
            end written b
                say finished b yielded (owner_returned) #1 5000 ms
                discard b
            settled b
                write settled b succeeded
            c offered with a card
                say decline c (owner_returned)
            rules nothing
            30s pass
            d offered with a card
                write accepted d
        "#]],
    );
}

#[test]
fn a_card_counts_as_given_back_when_its_memory_is_and_not_before() {
    let mut rig = two_at_work();
    rig.script("owner returns; a is stopped; 1s pass; cards 7 9; 1s pass");
    assert!(rig.duty.held().iter().all(|held| matches!(held.life, Life::Stopping { .. })), "{}", rig.told);
    let back = yielded(&mut rig, "cards 1 9").expect("a has given it back");
    assert_eq!((back.cause, back.stop_ms, back.memory_ms), (YieldCause::Input, 0, Some(2_000)));
    assert!(!back.memory_missing && !back.killed);
    rig.script("4s pass; b is stopped");
    let lost = yielded(&mut rig, "10s pass").expect("patience ends");
    assert_eq!((lost.stop_ms, lost.memory_ms, lost.memory_missing, lost.killed), (6_000, Some(16_000), true, true));
}

#[test]
fn what_the_owners_own_programs_took_meanwhile_is_not_missing() {
    let mut rig = two_at_work();
    rig.script("rules game on 0; a is stopped");
    assert!(yielded(&mut rig, "cards 7/4 9").is_none(), "two more than before are the job's");
    assert!(yielded(&mut rig, "cards 5/4 9").is_some_and(|back| !back.memory_missing), "four more are the game's");
}

#[test]
fn a_card_that_stops_telling_is_waited_for_and_then_told_as_missing() {
    let mut rig = two_at_work();
    rig.script("owner returns; cards ? ?; a is stopped");
    assert!(yielded(&mut rig, "10s pass").is_some_and(|lost| lost.memory_missing));
}

#[test]
fn each_cause_has_its_own_patience_and_the_shortest_holds() {
    check_working(
        "rules film",
        expect![[r#"
        rules film
            write parting a
            stop a within 1s
    "#]],
    );
    check_working(
        "rules battery",
        expect![[r#"
        rules battery
            write parting a
            stop a within 5s
    "#]],
    );
    check_working(
        "rules busy",
        expect![[r#"
        rules busy
            write parting a
            stop a within 5s
    "#]],
    );
    // He touches the mouse, and a second later his game fills the screen.
    check_working(
        "owner returns; 1s pass; rules film; 1s pass; 1s pass",
        expect![[r#"
        owner returns
            write parting a
            stop a within 5s
        1s pass
        rules film
            stop a within 1s
        1s pass
            kill a
        1s pass
    "#]],
    );
}

#[test]
fn work_begins_again_a_little_after_the_game_and_at_once_when_the_owner_says_so() {
    let waits = |rig: &Rig| match rig.duty.phase() {
        Phase::Waiting { reasons } => reasons,
        _ => Vec::new(),
    };
    let mut rig = Rig::ready(1);
    rig.script("rules film; rules nothing");
    assert_eq!(waits(&rig), [WaitReason::CoolingDown { until_ms: (rig.now + Duration::from_secs(30)).wall }]);
    rig.script("29s pass");
    assert!(!waits(&rig).is_empty());
    rig.script("1s pass");
    assert_eq!(rig.duty.phase(), Phase::Ready);
    rig.script("rules film; rules nothing; start");
    assert_eq!(rig.duty.phase(), Phase::Ready, "the owner knows best");
    rig.script("rules busy; rules nothing");
    assert_eq!(rig.duty.phase(), Phase::Ready, "load has been low for long enough when it is told");
}

#[test]
fn a_pause_with_an_end_ends_and_one_without_says_so() {
    let mut rig = Rig::ready(1);
    rig.script("pause 60s; rules film; 61s pass; rules nothing; 30s pass");
    assert_eq!(rig.duty.phase(), Phase::Ready);
    rig.script("pause; 9999s pass");
    assert_eq!(rig.duty.phase(), Phase::Paused { until_ms: None });
}

#[test]
fn a_kept_card_is_never_used_and_work_without_a_card_goes_on() {
    let mut rig = Rig::ready(2);
    rig.script("rules kept on 0; a offered with a card; b offered with a card; c offered with a card");
    let slots: Vec<_> = rig.duty.held().iter().map(|held| held.slots().to_vec()).collect();
    assert_eq!(slots, [vec![1]], "{}", rig.told);
    rig.script("offer d");
    assert_eq!(rig.duty.held().len(), 2, "{}", rig.told);
    assert_eq!(rig.duty.hindering_slot(0), [WaitReason::GpuKept { gpu: "a card".to_owned() }]);
}

#[test]
fn a_game_on_every_card_is_told_as_the_reason() {
    let mut rig = Rig::ready(1);
    rig.script("rules game on 0");
    let Phase::Waiting { reasons } = rig.duty.phase() else { panic!("{:?}", rig.duty.phase()) };
    assert_eq!(reasons, [hindrance("game")]);
    assert!(!rig.duty.standing().ready);
}

#[test]
fn what_never_ran_gave_nothing_back() {
    let mut rig = Rig::ready(1);
    rig.script("offer a; accept written a; a prepares; owner returns");
    assert!(yielded(&mut rig, "a is stopped").is_none());
}
