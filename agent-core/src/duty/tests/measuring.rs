//! Measuring the PC.

use super::*;

#[test]
fn a_pc_is_measured_when_nobody_needs_it_and_takes_no_job_meanwhile() {
    check(
        "measuring wanted; measuring 40; offer a; measuring is over; offer b",
        expect![[r#"
        measuring wanted
            measure
        measuring 40
        offer a
            say decline a (declined)
        measuring is over
        offer b
            write accepted b
    "#]],
    );
    let mut rig = Rig::ready(1);
    rig.run("measuring wanted");
    rig.run("measuring 40");
    let measuring = MeasuringView { what: "a card".to_owned(), gpu: None, percent: 40, left_s: 1 };
    assert_eq!(rig.duty.phase(), Phase::Benchmarking { measuring });
    assert!(!rig.duty.standing().ready);
    rig.run("measuring is over");
    assert_eq!(rig.duty.phase(), Phase::Ready);
    assert!(rig.duty.standing().ready);
}

#[test]
fn whoever_needs_the_pc_has_it_at_once_and_it_is_measured_another_time() {
    check(
        "measuring wanted; owner returns; measuring 50; measuring is over; owner away; measuring wanted; pause; start; \
         measuring is over; measuring wanted",
        expect![[r#"
            measuring wanted
                measure
            owner returns
                stop measuring
            measuring 50
            measuring is over
            owner away
            measuring wanted
                measure
            pause
                write choice Paused { since_ms: Some(TimestampMs(1000000)), until_ms: None }
                stop measuring
            start
                write choice On
            measuring is over
            measuring wanted
                measure
        "#]],
    );
}

#[test]
fn nothing_is_measured_beside_a_job_or_against_the_rules_and_kept_cards_never() {
    check(
        "offer a; accept written a; measuring wanted; a fails engine_failed; end written a; settled a; rules battery; \
         rules nothing; 3600s pass",
        expect![[r#"
            offer a
                write accepted a
            accept written a
                say accept a
                start a
            measuring wanted
            a fails engine_failed
                write ended a
            end written a
                say finished a failed (engine_failed)
                discard a
            settled a
                write settled a succeeded
                measure
            rules battery
                stop measuring
            rules nothing
            3600s pass
        "#]],
    );
    let mut rig = Rig::ready(2);
    rig.run("rules kept on 1");
    rig.run("measuring wanted");
    assert!(rig.told.ends_with("    measure all cards but [1]\n"), "{}", rig.told);
}

#[test]
fn an_owner_who_asks_is_not_in_the_way_of_what_he_has_asked_for_until_he_says_stop() {
    check(
        "owner returns; measuring wanted; measure; measuring 40; rules battery; measure; measuring is over; measure; pause; \
         measuring is over; measure",
        expect![[r#"
            owner returns
            measuring wanted
            measure
                measure
            measuring 40
            rules battery
            measure
            measuring is over
            measure
                measure
            pause
                write choice Paused { since_ms: Some(TimestampMs(1000000)), until_ms: None }
                stop measuring
            measuring is over
            measure
                measure
        "#]],
    );
    let mut rig = Rig::ready(1);
    for line in ["offer a", "accept written a", "measure"] {
        rig.run(line);
    }
    assert!(rig.told.ends_with("measure\n") && !rig.told.ends_with("    measure\n"), "not beside a job: {}", rig.told);
    let mut rig = Rig::ready(1);
    for line in ["pause", "measure", "measuring 40"] {
        rig.run(line);
    }
    assert!(matches!(rig.duty.phase(), Phase::Benchmarking { .. }), "it is what the rig does, though it takes no work");
}
