//! What becomes of what an attempt left.

use headframe_protocol::{job::AttemptState, session::Outcome};

use super::*;
use crate::store::{Entry, OpenAttempt, OpenCheckpoint};

/// A script after which the PC has been given back and `a` has left something.
const GIVEN_BACK: &str = "offer a saving; accept written a; a prepares; a runs; a ran 5000; owner returns; a is stopped";

fn check_given_back(script: &str, expected: Expect) {
    let mut rig = Rig::ready(1);
    rig.script(GIVEN_BACK);
    rig.told.clear();
    rig.script(script);
    expected.assert_eq(&rig.told);
}

#[test]
fn the_pc_is_given_back_first_and_the_checkpoint_is_brought_afterwards() {
    check_given_back(
        "end written a; settled a yielded; a saved 2; checkpoint a written; checkpoint a accepted",
        expect![[r#"
        end written a
            say finished a yielded (owner_returned) #1 5000 ms
            save a
        settled a yielded
            write settled a yielded
        a saved 2
            write checkpoint a of 2 files
        checkpoint a written
            discard a
            say checkpoint a of 2 files
        checkpoint a accepted
            write checkpoint a ended
    "#]],
    );
}

#[test]
fn a_checkpoint_is_said_only_when_the_end_of_its_attempt_was_heard() {
    check_given_back(
        "end written a; a saved 1; checkpoint a written; 1s pass; settled a yielded",
        expect![[r#"
        end written a
            say finished a yielded (owner_returned) #1 5000 ms
            save a
        a saved 1
            write checkpoint a of 1 files
        checkpoint a written
            discard a
        1s pass
        settled a yielded
            write settled a yielded
            say checkpoint a of 1 files
    "#]],
    );
}

#[test]
fn a_checkpoint_is_said_until_it_is_answered_also_in_another_session() {
    check_given_back(
        "end written a; settled a yielded; a saved 1; checkpoint a written; disconnected; 11s pass; connected; 9s pass; 1s pass; \
         checkpoint a accepted; 11s pass",
        expect![[r#"
            end written a
                say finished a yielded (owner_returned) #1 5000 ms
                save a
            settled a yielded
                write settled a yielded
            a saved 1
                write checkpoint a of 1 files
            checkpoint a written
                discard a
                say checkpoint a of 1 files
            disconnected
            11s pass
            connected
                say checkpoint a of 1 files
            9s pass
            1s pass
                say checkpoint a of 1 files
            checkpoint a accepted
                write checkpoint a ended
            11s pass
        "#]],
    );
}

#[test]
fn an_attempt_that_left_nothing_says_so_at_once() {
    check_given_back(
        "end written a; settled a yielded; a saved 0; checkpoint a written",
        expect![[r#"
        end written a
            say finished a yielded (owner_returned) #1 5000 ms
            save a
        settled a yielded
            write settled a yielded
        a saved 0
            write checkpoint a of 0 files
        checkpoint a written
            discard a
            say checkpoint a of 0 files
    "#]],
    );
}

#[test]
fn what_cannot_be_written_down_is_not_said_and_not_removed() {
    check_given_back(
        "end written a; settled a yielded; a saved 1; checkpoint a not written; 10s pass; checkpoint a written",
        expect![[r#"
            end written a
                say finished a yielded (owner_returned) #1 5000 ms
                save a
            settled a yielded
                write settled a yielded
            a saved 1
                write checkpoint a of 1 files
            checkpoint a not written
            10s pass
                write checkpoint a of 1 files
            checkpoint a written
                discard a
                say checkpoint a of 1 files
        "#]],
    );
}

#[test]
fn what_takes_too_long_is_given_up_and_removed() {
    check_given_back(
        "end written a; settled a yielded; 1799s pass; 1s pass; a saved 1",
        expect![[r#"
        end written a
            say finished a yielded (owner_returned) #1 5000 ms
            save a
        settled a yielded
            write settled a yielded
        1799s pass
        1s pass
            write checkpoint a ended
            discard a
        a saved 1
    "#]],
    );
}

#[test]
fn what_is_left_of_an_attempt_that_counts_as_lost_is_of_no_use() {
    check_given_back(
        "end written a; settled a lost",
        expect![[r#"
        end written a
            say finished a yielded (owner_returned) #1 5000 ms
            save a
        settled a lost
            write checkpoint a ended
            discard a
            write settled a lost
    "#]],
    );
    check_given_back(
        "end written a; not ours a; withdraw a",
        expect![[r#"
        end written a
            say finished a yielded (owner_returned) #1 5000 ms
            save a
        not ours a
        withdraw a
            write checkpoint a ended
            write dropped a withdrawn (no_answer)
            discard a
    "#]],
    );
    check_given_back(
        "settled a yielded; end written a",
        expect![[r#"
        settled a yielded
            write settled a yielded
            write checkpoint a ended
            discard a
        end written a
    "#]],
    );
}

#[test]
fn only_who_gives_the_pc_back_leaves_a_checkpoint() {
    let mut rig = Rig::ready(1);
    rig.script("offer a saving; accept written a; a prepares; a runs; cancel a; a is stopped");
    rig.told.clear();
    rig.script("end written a");
    expect![[r#"
        end written a
            say finished a cancelled (cancelled_by_customer) #1 5000 ms
            discard a
    "#]]
    .assert_eq(&rig.told);
}

#[test]
fn an_agent_that_is_told_to_end_gives_a_small_checkpoint_its_moment_and_no_more() {
    let mut rig = Rig::ready(1);
    rig.script("offer a saving; accept written a; a prepares; a runs; quit; a is stopped; end written a");
    rig.told.clear();
    rig.script("settled a yielded; 1s pass; a saved 1; checkpoint a written; checkpoint a accepted");
    expect![[r#"
        settled a yielded
            write settled a yielded
        1s pass
        a saved 1
            write checkpoint a of 1 files
        checkpoint a written
            discard a
            say checkpoint a of 1 files
        checkpoint a accepted
            write checkpoint a ended
            leave
    "#]]
    .assert_eq(&rig.told);

    let mut rig = Rig::ready(1);
    rig.script("offer a saving; accept written a; a prepares; a runs; quit; a is stopped; end written a");
    rig.told.clear();
    rig.script("settled a yielded; 1s pass; 1s pass");
    expect![[r#"
        settled a yielded
            write settled a yielded
        1s pass
        1s pass
            leave
    "#]]
    .assert_eq(&rig.told);
}

#[test]
fn a_new_job_does_not_get_the_disk_that_a_checkpoint_still_takes() {
    let mut rig = Rig::ready(10);
    rig.script(GIVEN_BACK);
    rig.script("end written a; settled a yielded; owner away");
    let letters = ["b", "c", "d", "e", "f", "g", "h", "i"];
    let took = |rig: &mut Rig| letters.iter().for_each(|name| rig.run(&format!("offer {name}")));
    rig.duty.capacity.disk_bytes = 2 * (2 << 30);
    took(&mut rig);
    assert_eq!(rig.duty.held().len(), 1, "of two, one is taken by what is left of the first");
    rig.script("a saved 1; checkpoint a written");
    took(&mut rig);
    assert_eq!(rig.duty.held().len(), 2);
}

fn left(saved: Option<Saved>, until: Now) -> Past {
    let at = AttemptRef { attempt: AttemptId::generate(), epoch: 1 };
    let mut offer = offer(at, 0);
    offer.spec.checkpoint = Some(headframe_protocol::job::Checkpoint { path: "state".to_owned(), every_s: 60 });
    let open = OpenAttempt {
        offer: offer.clone(),
        stage: AttemptState::Running,
        parting: None,
        running_ms: 4_000,
        log_bytes: 10,
        sequence: 3,
        outcome: Some(Outcome::Yielded { reason: Reason::OwnerReturned }),
        accepted_ms: TimestampMs::from_millis(1),
        renewed_ms: TimestampMs::from_millis(990_000),
    };
    let checkpoint = OpenCheckpoint { offer, saved, until_ms: until.wall };
    Past { choice: Choice::On, paused_until: None, open: vec![open], checkpoints: vec![(checkpoint, until)] }
}

#[test]
fn the_next_life_goes_on_with_what_the_last_one_had_not_brought() {
    let mut rig = Rig::new(1, left(None, at(2_000_000)));
    assert_eq!(rig.duty.kept(), [rig.names[0].attempt]);
    rig.script("connected; settled a yielded; engine ready; found z nothing; a saved 1; checkpoint a written");
    assert_eq!(rig.duty.kept(), []);
    expect![[r#"
        connected
            say finished a yielded (owner_returned) #3 4000 ms
        settled a yielded
            write settled a yielded
        engine ready
        found z nothing
            save a
        a saved 1
            write checkpoint a of 1 files
        checkpoint a written
            discard a
            say checkpoint a of 1 files
    "#]]
    .assert_eq(&rig.told);
}

#[test]
fn the_next_life_says_what_the_last_one_had_brought() {
    let mut rig = Rig::new(1, left(Some(Saved::default()), at(2_000_000)));
    assert_eq!(rig.duty.kept(), [], "nothing of it is needed here any more");
    rig.script("connected; settled a yielded; checkpoint a accepted");
    expect![[r#"
        connected
            say finished a yielded (owner_returned) #3 4000 ms
        settled a yielded
            write settled a yielded
            say checkpoint a of 0 files
        checkpoint a accepted
            write checkpoint a ended
    "#]]
    .assert_eq(&rig.told);
}

#[test]
fn the_next_life_gives_up_what_is_too_old() {
    let mut rig = Rig::new(1, left(None, at(1_001_000)));
    rig.script("connected; settled a yielded; 1s pass");
    expect![[r#"
        connected
            say finished a yielded (owner_returned) #3 4000 ms
        settled a yielded
            write settled a yielded
        1s pass
            write checkpoint a ended
            discard a
    "#]]
    .assert_eq(&rig.told);
    assert_eq!(rig.duty.kept(), []);
}

#[test]
fn the_end_and_that_something_is_left_are_one_entry() {
    let mut rig = Rig::ready(1);
    rig.script("offer a saving; accept written a; a prepares; a runs; owner returns");
    let kept = rig.traced("a is stopped").into_iter().flat_map(|(_, effects)| effects).find_map(|effect| match effect {
        Effect::Write(Entry::Ended { keep_for, .. }) => Some(keep_for),
        _ => None,
    });
    assert_eq!(kept, Some(Some(SAVE_WITHIN)));
}
