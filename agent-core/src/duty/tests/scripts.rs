//! One life of an agent.

use headframe_protocol::control::WaitReason;

use super::*;

#[test]
fn a_job_is_written_down_before_it_is_accepted_and_settled_before_it_is_forgotten() {
    check(
        "offer a; accept written a; a prepares; a runs; a ran 5000; heartbeat; receipt written a 1 5000; a exits; a ends well; \
         end written a; settled a",
        expect![[r#"
            offer a
                write accepted a
            accept written a
                say accept a
                start a
            a prepares
                write stage a preparing
                say progress a preparing 100‰
            a runs
                write stage a running
                say progress a running
            a ran 5000
            heartbeat
                write receipt a #1 5000 ms
                write renewed a
            receipt written a 1 5000
                say receipt a #1 5000 ms
            a exits
                write stage a uploading
                say progress a uploading
            a ends well
                write ended a
            end written a
                say finished a succeeded with 0 outputs #2 9000 ms
                discard a
            settled a
                write settled a succeeded
        "#]],
    );
}

#[test]
fn what_was_claimed_while_the_engine_had_not_told_of_the_end_is_taken_back() {
    check_working(
        "a ran 11000; heartbeat; receipt written a 1 11000; a exits; a ends well; end written a",
        expect![[r#"
        a ran 11000
        heartbeat
            write receipt a #1 11000 ms
            write renewed a
        receipt written a 1 11000
            say receipt a #1 11000 ms
        a exits
            write stage a uploading
            say progress a uploading
        a ends well
            write ended a
        end written a
            say finished a succeeded with 0 outputs #2 9000 ms
            discard a
    "#]],
    );
}

#[test]
fn where_nobody_knows_how_long_it_ran_in_all_the_last_claim_stands() {
    check_working(
        "a ran 11000; heartbeat; receipt written a 1 11000; a fails engine_failed; end written a",
        expect![[r#"
        a ran 11000
        heartbeat
            write receipt a #1 11000 ms
            write renewed a
        receipt written a 1 11000
            say receipt a #1 11000 ms
        a fails engine_failed
            write ended a
        end written a
            say finished a failed (engine_failed) #2 11000 ms
            discard a
    "#]],
    );
}

#[test]
fn a_returning_owner_gets_the_pc_back_within_the_grace() {
    check_working(
        "owner returns; 4s pass; 1s pass; a is stopped; end written a",
        expect![[r#"
            owner returns
                write parting a
                stop a within 5s
            4s pass
            1s pass
                kill a
            a is stopped
                write yielded a input
                write ended a
            end written a
                say finished a yielded (owner_returned) #1 5000 ms
                discard a
        "#]],
    );
}

#[test]
fn an_owner_who_returns_while_the_offer_is_written_down_is_not_kept_waiting() {
    check(
        "offer a; owner returns; accept written a",
        expect![[r#"
        offer a
            write accepted a
        owner returns
        accept written a
            write dropped a withdrawn (owner_returned)
            say decline a (owner_returned)
    "#]],
    );
}

#[test]
fn an_acceptance_that_is_written_when_nobody_waits_for_it_any_more_starts_nothing() {
    check(
        "offer a keep_for 3600; 2s pass; accept written a",
        expect![[r#"
        offer a keep_for 3600
            write accepted a
        2s pass
        accept written a
            write dropped a withdrawn (no_answer)
            say decline a (no_answer)
    "#]],
    );
}

#[test]
fn together_jobs_get_no_more_than_the_owner_gives() {
    // Each wants one core, one of sixteen GiB of memory and ten of a hundred GiB of disk.
    let mut rig = Rig::ready(11);
    let letters = ["a", "b", "c", "d", "e", "f", "g", "h"];
    letters.iter().for_each(|name| rig.run(&format!("offer {name}")));
    assert_eq!(rig.duty.held().len(), letters.len());
    rig.told.clear();
    rig.run("offer i");
    expect![[r#"
        offer i
            say decline i (declined)
    "#]]
    .assert_eq(&rig.told);
}

#[test]
fn an_unseen_owner_is_a_present_owner() {
    check_working(
        "owner unseen",
        expect![[r#"
        owner unseen
            write parting a
            stop a within 5s
    "#]],
    );
}

#[test]
fn a_result_on_its_way_is_not_thrown_away_for_an_owner_who_does_not_need_it() {
    check_working(
        "a exits; owner returns; a ends well",
        expect![[r#"
        a exits
            write stage a uploading
            say progress a uploading
        owner returns
        a ends well
            write ended a
    "#]],
    );
}

#[test]
fn an_offer_while_the_owner_is_here_is_declined_with_the_reason() {
    check(
        "owner returns; offer a; owner away; pause; offer b; start; disk full; offer c",
        expect![[r#"
            owner returns
            offer a
                say decline a (owner_returned)
            owner away
            pause
                write choice Paused { since_ms: Some(TimestampMs(1000000)), until_ms: None }
            offer b
                say decline b (rig_paused)
            start
                write choice On
            disk full
            offer c
                say decline c (rig_disk_full)
        "#]],
    );
}

#[test]
fn one_slot_takes_one_job() {
    check_working(
        "offer b; a ends well; offer c",
        expect![[r#"
        offer b
            say decline b (declined)
        a ends well
            write ended a
        offer c
            write accepted c
    "#]],
    );
}

#[test]
fn an_offer_that_comes_twice_is_accepted_once() {
    check_working(
        "offer a",
        expect![[r#"
        offer a
            say accept a
    "#]],
    );
}

#[test]
fn a_lease_nobody_renews_ends_here_before_it_ends_there() {
    check_working(
        "disconnected; 59s pass; 1s pass; 5s pass; a is stopped; end written a; connected but holds nothing; 61s pass",
        expect![[r#"
            disconnected
            59s pass
            1s pass
                write parting a
                stop a within 5s
            5s pass
                kill a
            a is stopped
                write ended a
            end written a
                say finished a failed (lease_lapsed) #1 5000 ms
                discard a
            connected but holds nothing
                say finished a failed (lease_lapsed) #1 5000 ms
            61s pass
                write dropped a lost (lease_lapsed)
        "#]],
    );
}

#[test]
fn an_answered_heartbeat_renews_the_lease() {
    check_working(
        "50s pass; heartbeat; 50s pass; unanswered heartbeat; 10s pass",
        expect![[r#"
            50s pass
            heartbeat
                write receipt a #1 1000 ms
                write renewed a
            50s pass
            unanswered heartbeat
            10s pass
                write parting a
                stop a within 5s
        "#]],
    );
}

#[test]
fn a_customer_may_let_the_container_run_on_without_a_line() {
    check(
        "offer a keep_for 100; accept written a; a runs; disconnected; 159s pass; 1s pass",
        expect![[r#"
        offer a keep_for 100
            write accepted a
        accept written a
            say accept a
            start a
        a runs
            write stage a running
            say progress a running
        disconnected
        159s pass
        1s pass
            write parting a
            stop a within 5s
    "#]],
    );
}

#[test]
fn after_a_sleep_fencing_comes_before_anything_else() {
    let mut rig = Rig::ready(1);
    rig.script(WORKING);
    rig.told.clear();
    rig.now = rig.now + Duration::from_secs(3_600);
    rig.run("a ran 2000");
    expect![[r#"
        a ran 2000
            write parting a
            stop a within 5s
    "#]]
    .assert_eq(&rig.told);
}

#[test]
fn a_cancelled_job_is_stopped_and_reported() {
    check_working(
        "cancel a; a is stopped; end written a",
        expect![[r#"
        cancel a
            write parting a
            stop a within 5s
        a is stopped
            write ended a
        end written a
            say finished a cancelled (cancelled_by_customer) #1 5000 ms
            discard a
    "#]],
    );
}

#[test]
fn a_cancelled_job_that_finishes_first_is_still_cancelled() {
    check_working(
        "cancel a; a ends well",
        expect![[r#"
        cancel a
            write parting a
            stop a within 5s
        a ends well
            write ended a
    "#]],
    );
}

#[test]
fn a_withdrawn_job_is_stopped_without_a_word() {
    check_working(
        "withdraw a; a is stopped",
        expect![[r#"
        withdraw a
            write parting a
            stop a within 5s
        a is stopped
            write dropped a withdrawn (no_answer)
            discard a
    "#]],
    );
    check(
        "offer a; withdraw a; accept written a",
        expect![[r#"
        offer a
            write accepted a
        withdraw a
            write dropped a withdrawn (no_answer)
            discard a
        accept written a
    "#]],
    );
}

#[test]
fn a_lease_the_coordinator_does_not_know_is_given_up() {
    check_working(
        "not ours a; a is stopped",
        expect![[r#"
        not ours a
            write parting a
            stop a within 5s
        a is stopped
            write dropped a lost (lease_lapsed)
            discard a
    "#]],
    );
}

#[test]
fn a_revoked_image_stops_at_once() {
    check_working(
        "revoke a; a is stopped",
        expect![[r#"
        revoke a
            write parting a
            stop a within 5s
        a is stopped
            write ended a
    "#]],
    );
}

#[test]
fn an_outcome_is_repeated_until_it_is_settled() {
    check_working(
        "disconnected; a ends well; end written a; 30s pass; connected; 10s pass; settled a; 60s pass",
        expect![[r#"
            disconnected
            a ends well
                write ended a
            end written a
                say finished a succeeded with 0 outputs #1 9000 ms
                discard a
            30s pass
            connected
                say finished a succeeded with 0 outputs #1 9000 ms
            10s pass
                say finished a succeeded with 0 outputs #1 9000 ms
            settled a
                write settled a succeeded
            60s pass
        "#]],
    );
}

#[test]
fn an_outcome_the_disk_does_not_take_is_written_again() {
    check_working(
        "a ends well; end not written a; 10s pass; end written a",
        expect![[r#"
        a ends well
            write ended a
        end not written a
        10s pass
            write ended a
        end written a
            say finished a succeeded with 0 outputs #1 9000 ms
            discard a
    "#]],
    );
}

#[test]
fn a_full_disk_takes_no_job() {
    check(
        "offer a; accept not written a; offer b",
        expect![[r#"
        offer a
            write accepted a
        accept not written a
            say decline a (rig_disk_full)
        offer b
            say decline b (rig_disk_full)
    "#]],
    );
}

#[test]
fn a_broken_rig_rests_longer_each_time() {
    check(
        "offer a; accept written a; a fails engine_failed; end written a; settled a; offer b; 30s pass; offer b; accept written b; \
         b fails pull_failed; end written b; settled b; 30s pass; offer c; 30s pass; offer c",
        expect![[r#"
            offer a
                write accepted a
            accept written a
                say accept a
                start a
            a fails engine_failed
                write ended a
            end written a
                say finished a failed (engine_failed)
                discard a
            settled a
                write settled a succeeded
            offer b
                say decline b (declined)
            30s pass
            offer b
                write accepted b
            accept written b
                say accept b
                start b
            b fails pull_failed
                write ended b
            end written b
                say finished b failed (pull_failed)
                discard b
            settled b
                write settled b succeeded
            30s pass
            offer c
                say decline c (declined)
            30s pass
            offer c
                write accepted c
        "#]],
    );
}

#[test]
fn the_jobs_own_failure_is_not_the_rigs() {
    assert_eq!(phase_after("offer a; accept written a; a fails exit_code; end written a; settled a"), Phase::Ready);
}

#[test]
fn a_pause_ends_by_itself_only_if_it_was_asked_to() {
    check_working(
        "pause 60s; a is stopped; end written a; settled a; 60s pass",
        expect![[r#"
            pause 60s
                write choice Paused { since_ms: Some(TimestampMs(1000000)), until_ms: Some(TimestampMs(1060000)) }
                write parting a
                stop a within 5s
            a is stopped
                write yielded a paused
                write ended a
            end written a
                say finished a yielded (rig_paused) #1 5000 ms
                discard a
            settled a
                write settled a succeeded
            60s pass
                write choice On
        "#]],
    );
    let mut rig = Rig::ready(1);
    rig.script("pause; 100000s pass");
    assert_eq!(rig.duty.phase(), Phase::Paused { until_ms: None });
}

#[test]
fn finishing_lets_the_job_end_and_takes_no_other() {
    check_working(
        "finish; offer b; a ends well; end written a; settled a",
        expect![[r#"
            finish
                write choice Finishing
            offer b
                say decline b (rig_paused)
            a ends well
                write ended a
            end written a
                say finished a succeeded with 0 outputs #1 9000 ms
                discard a
                write choice Paused { since_ms: Some(TimestampMs(1000000)), until_ms: None }
            settled a
                write settled a succeeded
        "#]],
    );
    assert_eq!(phase_after("finish"), Phase::Paused { until_ms: None }, "off is a rig that was never started");
}

#[test]
fn quitting_stops_reports_and_leaves() {
    check_working(
        "quit; a is stopped; end written a; settled a",
        expect![[r#"
            quit
                write parting a
                stop a within 5s
            a is stopped
                write yielded a quit
                write ended a
            end written a
                say finished a yielded (rig_paused) #1 5000 ms
                discard a
            settled a
                write settled a succeeded
                leave
        "#]],
    );
    check(
        "quit",
        expect![[r#"
        quit
            leave
    "#]],
    );
}

#[test]
fn quitting_does_not_wait_for_a_stuck_engine_for_ever() {
    check_working(
        "quit; 5s pass; 10s pass",
        expect![[r#"
        quit
            write parting a
            stop a within 5s
        5s pass
            kill a
        10s pass
            leave
    "#]],
    );
}

#[test]
fn what_the_rules_say_takes_the_pc_back_as_the_owner_does() {
    check_working(
        "rules battery; owner away; a is stopped; end written a; settled a; offer b; rules nothing; offer c",
        expect![[r#"
            rules battery
                write parting a
                stop a within 5s
            owner away
            a is stopped
                write yielded a power
                write ended a
            end written a
                say finished a yielded (owner_returned) #1 5000 ms
                discard a
            settled a
                write settled a succeeded
            offer b
                say decline b (owner_returned)
            rules nothing
            offer c
                say decline c (owner_returned)
        "#]],
    );
    let mut rig = Rig::ready(1);
    rig.script("owner unseen; rules battery");
    let Phase::Waiting { reasons } = rig.duty.phase() else { panic!("{:?}", rig.duty.phase()) };
    assert_eq!(reasons, [WaitReason::NoIdleProbe, WaitReason::OnBattery]);
}

#[test]
fn an_offer_that_does_not_pay_its_power_is_declined_and_no_fault() {
    check(
        "power 10 floor 1000000000; offer a; power 10 floor 10; offer b; accept written b; power 10 floor 900000000; b runs; 1s pass",
        expect![[r#"
            power 10 floor 1000000000
            offer a
                say decline a (owner_returned)
            power 10 floor 10
            offer b
                write accepted b
            accept written b
                say accept b
                start b
            power 10 floor 900000000
            b runs
                write stage b running
                say progress b running
            1s pass
        "#]],
    );
    assert_eq!(phase_after("power 10 floor 1000000000"), Phase::Ready, "somebody may pay it");
}

#[test]
fn an_hour_that_no_job_may_pay_is_waited_out() {
    let mut rig = Rig::ready(1);
    rig.script("power 70 floor 1000000001");
    let Phase::Waiting { reasons } = rig.duty.phase() else { panic!("{:?}", rig.duty.phase()) };
    let (power_per_hour, floor_per_hour) = (Micros::new(70), Micros::new(1_000_000_001));
    assert_eq!(reasons, [WaitReason::Unprofitable { power_per_hour, floor_per_hour }]);
    assert!(!rig.duty.standing().ready);
    rig.script("power unknown");
    assert_eq!(rig.duty.phase(), Phase::Ready);
}

#[test]
fn every_reason_to_wait_is_told_what_the_owner_can_change_first() {
    let mut rig = Rig::ready(1);
    rig.script("engine missing; disconnected; owner unseen; disk full");
    let Phase::Waiting { reasons } = rig.duty.phase() else { panic!("{:?}", rig.duty.phase()) };
    assert_eq!(reasons, [WaitReason::NoEngine, WaitReason::NoIdleProbe, WaitReason::DiskFull, WaitReason::Offline]);
}

#[test]
fn the_phase_follows_the_job() {
    assert_eq!(phase_after("offer a"), Phase::Preparing);
    assert_eq!(phase_after(WORKING), Phase::Working);
    assert_eq!(phase_after(&format!("{WORKING}; a exits")), Phase::Uploading);
    assert_eq!(phase_after(&format!("{WORKING}; finish")), Phase::Draining);
    assert_eq!(phase_after(&format!("{WORKING}; owner returns")), Phase::Yielding);
    assert_eq!(phase_after(&format!("{WORKING}; a ends well; end written a")), Phase::Ready);
}

#[test]
fn a_refusal_is_told_and_no_offer_expected() {
    let Phase::Waiting { reasons } = phase_after("refused") else { panic!("must wait") };
    assert!(matches!(reasons.as_slice(), [WaitReason::Refused { code: RefusedCode::Quarantined, .. }]), "{reasons:?}");
}

#[test]
fn a_job_that_names_hosts_is_taken_only_where_the_owner_lets_it_reach_them() {
    check(
        "offer a reaching 1000; rules let reach 999; offer a reaching 1000; rules let reach 1000; offer a reaching 1000",
        expect![[r#"
            offer a reaching 1000
                say decline a (egress_forbidden)
            rules let reach 999
            offer a reaching 1000
                say decline a (egress_forbidden)
            rules let reach 1000
            offer a reaching 1000
                write accepted a
        "#]],
    );
}

#[test]
fn a_job_that_reaches_further_than_the_rules_now_let_it_is_given_back_and_others_go_on() {
    let mut rig = Rig::ready(2);
    rig.script("rules let reach 1000; offer a reaching 1000; accept written a; a runs; offer b; accept written b; b runs");
    rig.told.clear();
    rig.script("rules let reach 0");
    expect![[r#"
        rules let reach 0
            write parting a
            stop a within 5s
    "#]]
    .assert_eq(&rig.told);
}

#[test]
fn a_job_the_owner_does_not_want_is_declined_for_that_and_others_are_taken() {
    check(
        "rules refuse ann; offer a of ann; rules refuse unsaved; offer a of bob saving nothing; offer a of bob",
        expect![[r#"
            rules refuse ann
            offer a of ann
                say decline a (unwanted)
            rules refuse unsaved
            offer a of bob saving nothing
                say decline a (unwanted)
            offer a of bob
                write accepted a
        "#]],
    );
}

#[test]
fn a_coordinator_that_names_nobody_is_told_a_reason_it_knows() {
    check(
        "rules refuse unsaved; offer a",
        expect![[r#"
            rules refuse unsaved
            offer a
                say decline a (declined)
        "#]],
    );
}

#[test]
fn declining_what_is_not_wanted_makes_no_rig_rest() {
    let mut rig = Rig::ready(1);
    rig.script("rules refuse ann; offer a of ann; offer a of ann; offer a of ann");
    assert_eq!(rig.duty.phase(), Phase::Ready);
}

#[test]
fn what_a_blocked_customer_has_here_goes_on_and_the_next_is_declined_at_once() {
    let mut rig = Rig::ready(2);
    rig.script("offer a of ann; accept written a; a runs");
    rig.told.clear();
    rig.script("block ann; offer b of ann; a ends well");
    expect![[r#"
        block ann
        offer b of ann
            say decline b (unwanted)
        a ends well
            write ended a
    "#]]
    .assert_eq(&rig.told);
}

#[test]
fn what_a_blocked_customer_has_here_is_given_back_if_the_owner_says_so_and_others_go_on() {
    let mut rig = Rig::ready(2);
    rig.script("offer a of ann; accept written a; a runs; offer b of bob; accept written b; b runs");
    rig.told.clear();
    rig.script("block ann and stop");
    expect![[r#"
        block ann and stop
            write parting a
            stop a within 5s
    "#]]
    .assert_eq(&rig.told);
}

#[test]
fn an_offer_that_is_being_written_down_while_its_customer_is_blocked_is_not_begun() {
    let mut rig = Rig::ready(1);
    rig.script("offer a of ann");
    rig.told.clear();
    rig.script("block ann; accept written a");
    expect![[r#"
        block ann
        accept written a
            write dropped a withdrawn (unwanted)
            say decline a (unwanted)
    "#]]
    .assert_eq(&rig.told);
}
