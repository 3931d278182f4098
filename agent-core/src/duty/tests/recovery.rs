//! What the next life makes of what the last one left.

use headframe_protocol::{job::AttemptState, session::Outcome};

use super::*;
use crate::store::{OpenAttempt, Parting};

fn left(stage: AttemptState, parting: Option<Parting>, outcome: Option<Outcome>) -> Past {
    let at = AttemptRef { attempt: AttemptId::generate(), epoch: 1 };
    let open = OpenAttempt {
        offer: offer(at, 0),
        stage,
        parting,
        running_ms: 4_000,
        log_bytes: 10,
        sequence: 3,
        outcome,
        accepted_ms: TimestampMs::from_millis(1),
        // Ten seconds before the next life.
        renewed_ms: TimestampMs::from_millis(990_000),
    };
    Past { choice: Choice::On, paused_until: None, open: vec![open], checkpoints: Vec::new() }
}

fn check(past: Past, script: &str, expected: Expect) {
    let mut rig = Rig::new(1, past);
    rig.event(Event::Owner(Idleness::Away));
    rig.script(script);
    expected.assert_eq(&rig.told);
}

#[test]
fn a_container_that_still_runs_is_followed_on_and_bills_no_second_twice() {
    check(
        left(AttemptState::Running, None, None),
        "connected; engine ready; found a running; a runs; a ran 4000; heartbeat; a ran 4500; heartbeat",
        expect![[r#"
            connected
                write renewed a
            engine ready
            found a running
            a runs
                say progress a running
            a ran 4000
            heartbeat
                write renewed a
            a ran 4500
            heartbeat
                write receipt a #4 4500 ms
                write renewed a
        "#]],
    );
}

#[test]
fn a_container_that_ended_meanwhile_is_collected_even_if_the_owner_is_here() {
    check(
        left(AttemptState::Running, None, None),
        "engine ready; owner returns; found a exited; a runs; a ends well",
        expect![[r#"
            engine ready
            owner returns
            found a exited
            a runs
            a ends well
                write ended a
        "#]],
    );
}

#[test]
fn an_attempt_that_never_ran_is_started_again() {
    check(
        left(AttemptState::Preparing, None, None),
        "connected; engine ready; found a unstarted",
        expect![[r#"
            connected
                write renewed a
            engine ready
            found a unstarted
                start a
        "#]],
    );
    check(
        left(AttemptState::Accepted, None, None),
        "connected; engine ready; found a missing",
        expect![[r#"
            connected
                write renewed a
            engine ready
            found a missing
                start a
        "#]],
    );
}

#[test]
fn a_container_that_is_gone_is_reported() {
    check(
        left(AttemptState::Running, None, None),
        "connected; engine ready; found a missing; end written a",
        expect![[r#"
            connected
                write renewed a
            engine ready
            found a missing
                write ended a
            end written a
                say finished a failed (agent_restarted) #4 4000 ms
                discard a
        "#]],
    );
}

#[test]
fn an_outcome_that_was_not_settled_is_said_again() {
    check(
        left(AttemptState::Running, None, Some(Outcome::Yielded { reason: Reason::OwnerReturned })),
        "connected; settled a",
        expect![[r#"
            connected
                say finished a yielded (owner_returned) #3 4000 ms
            settled a
                write settled a succeeded
        "#]],
    );
}

#[test]
fn a_stop_that_was_decided_is_still_decided() {
    let parting = Parting::Report { outcome: Outcome::Cancelled { reason: Reason::CancelledByCustomer } };
    check(
        left(AttemptState::Running, Some(parting.clone()), None),
        "engine ready; found a running; a is stopped",
        expect![[r#"
        engine ready
        found a running
            write parting a
            stop a within 5s
        a is stopped
            write ended a
    "#]],
    );
    check(
        left(AttemptState::Running, Some(parting), None),
        "engine ready; found a missing",
        expect![[r#"
        engine ready
        found a missing
            write ended a
    "#]],
    );
}

#[test]
fn a_lease_that_was_lost_while_we_were_dead_is_let_go() {
    check(
        left(AttemptState::Running, None, None),
        "connected but holds nothing; engine ready; found a running; a is stopped",
        expect![[r#"
            connected but holds nothing
                write parting a
            engine ready
            found a running
                write parting a
                stop a within 5s
            a is stopped
                write dropped a lost (lease_lapsed)
                discard a
        "#]],
    );
}

#[test]
fn nothing_is_accepted_before_the_past_is_cleared_up() {
    check(
        left(AttemptState::Running, None, None),
        "connected; offer b; engine ready; offer b",
        expect![[r#"
            connected
                write renewed a
            offer b
                say decline b (engine_failed)
            engine ready
            offer b
                say decline b (declined)
        "#]],
    );
}

#[test]
fn without_an_engine_the_attempt_is_over_when_its_lease_is() {
    check(
        left(AttemptState::Running, None, None),
        "connected; engine missing; 60s pass; end written a",
        expect![[r#"
            connected
                write renewed a
            engine missing
            60s pass
                write ended a
            end written a
                say finished a failed (lease_lapsed) #4 4000 ms
                discard a
        "#]],
    );
}

#[test]
fn what_never_ran_is_started_again_only_once_it_is_known_to_be_ours() {
    check(
        left(AttemptState::Preparing, None, None),
        "engine ready; found a unstarted; connected",
        expect![[r#"
            engine ready
            found a unstarted
            connected
                start a
                write renewed a
        "#]],
    );
    check(
        left(AttemptState::Preparing, None, None),
        "engine ready; found a unstarted; connected but holds nothing",
        expect![[r#"
        engine ready
        found a unstarted
        connected but holds nothing
            write dropped a lost (lease_lapsed)
            discard a
    "#]],
    );
    check(
        left(AttemptState::Preparing, None, None),
        "engine ready; found a unstarted; owner returns",
        expect![[r#"
        engine ready
        found a unstarted
        owner returns
            write ended a
    "#]],
    );
}

#[test]
fn a_lease_counts_from_the_last_answered_heartbeat_of_the_earlier_life() {
    check(
        left(AttemptState::Running, None, None),
        "engine ready; found a running; 49s pass; 1s pass",
        expect![[r#"
        engine ready
        found a running
        49s pass
        1s pass
            write parting a
            stop a within 5s
    "#]],
    );
}

#[test]
fn an_agent_that_is_told_to_end_before_the_runner_has_looked_stops_what_still_runs() {
    check(
        left(AttemptState::Running, None, None),
        "quit; 1s pass; engine ready; found a running; a is stopped; end written a",
        expect![[r#"
            quit
            1s pass
            engine ready
            found a running
                write parting a
                stop a within 5s
            a is stopped
                write yielded a quit
                write ended a
            end written a
                say finished a yielded (rig_paused) #4 5000 ms
                discard a
                leave
        "#]],
    );
    check(
        left(AttemptState::Running, None, None),
        "quit; engine missing",
        expect![[r#"
        quit
        engine missing
            leave
    "#]],
    );
}
